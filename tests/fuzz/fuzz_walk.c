/*
 * The walk: any entries, any controls, every access, against the oracle.
 *
 *   input  [controls 2][phys_bits 1][pkru 4][address 8]
 *          [how 1][entry 8] for each level from the root: its address bits are
 *                           a table of the pool, or as they come
 *          [place 2][entry 8] ... anywhere in the pool
 *
 * Beside equality: the walk changes nothing, its sentence fits the buffer, what
 * it commits is A and D alone and does not change the answer, and a walk from
 * any entry on its way comes to the same end.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "sim/oracle.h"
#include "sim/tables.h"

#define POOL UINT64_C(0x200000)
#define POOL_FRAMES 8u
#define STORES_MAX 512u

const char fuzz_name[] = "walk";
const unsigned fuzz_inputs = 20000;

static struct sim_ram ram;

/** What was there before an input stored to it. */
static struct store {
    paddr_t at;
    uint64_t old;
} stores[STORES_MAX];
static unsigned store_count;

static void power_on_once(void) {
    if (ram.run_count == 0) {
        tables_ram(&ram);
        for (uint64_t i = 0; i < POOL_FRAMES * TABLE_ENTRIES; i++) {
            ram_store64(&ram, paddr(POOL + 8 * i), 0);
        }
    }
}

/** @return false: no more, the input is long enough */
static bool put(paddr_t at, uint64_t value) {
    if (store_count == STORES_MAX) {
        return false;
    }
    stores[store_count++] = (struct store){ at, ram_load64(&ram, at) };
    ram_store64(&ram, at, value);
    return true;
}

static void undo_to(unsigned count) {
    while (store_count > count) {
        store_count--;
        ram_store64(&ram, stores[store_count].at, stores[store_count].old);
    }
}

static struct walk_control take_control(struct fuzz_input *in) {
    uint64_t bits = fuzz_take(in, 2);

    return (struct walk_control){
        .root = paddr(POOL),
        .write_protect = bits & 1,
        .no_execute = bits & 2,
        .huge_1gib = bits & 4,
        .five_levels = bits & 8,
        .smep = bits & 16,
        .smap = bits & 32,
        .ac = bits & 64,
        .keys = bits & 128,
        .amd = bits & 256,
        .stack = bits & 512,
        .phys_bits = 36 + (unsigned)fuzz_take(in, 1) % 17,
        .pkru = (uint32_t)fuzz_take(in, 4),
    };
}

/** Mostly a pool table; else as it comes. */
static uint64_t take_entry(struct fuzz_input *in) {
    uint64_t how = fuzz_take(in, 1);
    uint64_t e = fuzz_take(in, 8);

    if ((how & 8) == 0) {
        e = (e & ~PTE_ADDRESS_MASK) | (POOL + how % POOL_FRAMES * PAGE_SIZE);
    }
    return e ^ ((how & 16) == 0 ? PTE_PRESENT : 0); /* zeros are present */
}

static void build(struct fuzz_input *in, const struct walk_control *control,
                  vaddr_t va) {
    paddr_t table = control->root;

    for (unsigned level = walk_levels(control); level > 0; level--) {
        uint64_t e = take_entry(in);

        put(paddr_add(table, 8ull * table_index(va, level)), e);
        table = pte_address(pte(e));
        if (table.v - POOL >= POOL_FRAMES * PAGE_SIZE) {
            break;
        }
    }
    while (in->left > 0) {
        uint64_t place = fuzz_take(in, 2) % (POOL_FRAMES * TABLE_ENTRIES);

        if (!put(paddr(POOL + 8 * place), fuzz_take(in, 8))) {
            break;
        }
    }
}

/* --- what must hold ----------------------------------------------------- */

static void check_sentence(const struct walk_result *r, vaddr_t va,
                           enum sim_access access) {
    static const size_t sizes[] = { 1, 40, 400 };
    char text[401];

    for (unsigned i = 0; i < 3; i++) {
        memset(text, '#', sizeof(text));
        walk_explain(r, va, access, text, sizes[i]);
        if (text[sizes[i]] != '#' || memchr(text, 0, sizes[i]) == NULL ||
            (sizes[i] == 400 && strlen(text) < 20)) {
            fuzz_fail("the sentence does not fit %zu bytes, or says nothing",
                      sizes[i]);
        }
    }
}

static bool same_end(const struct walk_result *a, const struct walk_result *b) {
    return a->reason == b->reason && a->error == b->error &&
           (a->reason != WALK_OK ||
            (a->pa.v == b->pa.v && a->page_shift == b->page_shift &&
             a->rights.writable == b->rights.writable &&
             a->rights.user == b->rights.user &&
             a->rights.no_execute == b->rights.no_execute &&
             a->rights.key == b->rights.key));
}

static void check_starts(const struct walk_control *control,
                         const struct walk_result *r, vaddr_t va,
                         enum sim_access access, bool user) {
    struct walk_start start = { .rights = { .writable = true, .user = true } };

    for (unsigned i = 0; i + 1 < r->step_count; i++) {
        pte_t e = r->steps[i].seen;
        struct walk_result from;

        start.table = pte_address(e);
        start.level = r->top - i - 1;
        start.rights.writable &= pte_has(e, PTE_WRITABLE);
        start.rights.user &= pte_has(e, PTE_USER);
        start.rights.no_execute |= pte_has(e, PTE_NO_EXECUTE);
        from = walk_from(&ram, control, start, va, access, user);
        if (!same_end(r, &from)) {
            fuzz_fail("from level %u on the walk of 0x%llx ends otherwise",
                      start.level, (unsigned long long)va.v);
        }
    }
}

static void check_commit(const struct walk_control *control,
                         const struct walk_result *r, vaddr_t va,
                         enum sim_access access, bool user) {
    unsigned before = store_count;
    struct walk_result again;

    for (unsigned i = 0; i < r->step_count; i++) {
        const struct walk_step *s = &r->steps[i];
        uint64_t may = PTE_ACCESSED | (i + 1 == r->step_count ? PTE_DIRTY : 0);

        if (ram_load64(&ram, s->at) != s->seen.v ||
            ((s->seen.v ^ s->after.v) & ~may) != 0) {
            fuzz_fail("the entry at 0x%llx is not as the walk tells",
                      (unsigned long long)s->at.v);
        }
    }
    if (r->reason != WALK_OK || store_count + r->step_count > STORES_MAX) {
        return;
    }
    for (unsigned i = 0; i < r->step_count; i++) { /* for undo_to() */
        put(r->steps[i].at, ram_load64(&ram, r->steps[i].at));
    }
    walk_commit(&ram, r);
    again = walk(&ram, control, va, access, user);
    if (!same_end(r, &again)) {
        fuzz_fail("after A and D were set 0x%llx goes elsewhere",
                  (unsigned long long)va.v);
    }
    undo_to(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input in = { bytes, size };
    struct walk_control control;
    vaddr_t va;

    power_on_once();
    control = take_control(&in);
    va = vaddr(fuzz_take(&in, 8));
    build(&in, &control, va);
    for (unsigned i = 0; i < 8; i++) {
        enum sim_access access = (enum sim_access)(i / 2);
        bool user = i % 2 != 0;
        struct walk_result r =
            walk_as_oracle(&ram, &control, va.v, access, user);

        check_sentence(&r, va, access);
        check_starts(&control, &r, va, access, user);
        check_commit(&control, &r, va, access, user);
    }
    undo_to(0);
    return 0;
}
