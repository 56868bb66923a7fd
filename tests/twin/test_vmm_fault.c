/*
 * The fault policy, cell by cell: every kind of region, every combination of
 * its rights, every error code, with the page absent, present, or present with
 * fewer rights than its region.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };
#define RIGHTS ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))
#define ERRORS 32u

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

/* BELOW: no region holds the page, but a stack begins right above it. */
enum kind {
    NONE,
    BELOW,
    GUARD,
    DEMAND,
    STACK,
    PAGED,
    IMMEDIATE,
    DEVICE,
    KINDS
};
/* MARKED: to be copied before a write, so without that right. */
enum state { ABSENT, FULL, REDUCED, MARKED, STATES };
#define MARK (UINT64_C(1) << 11)

/** What the policy looks at. */
struct facts {
    enum kind kind;
    bool reserved;  /* RSVD in the error code */
    bool by_tables; /* a present page permits the access */
    bool by_region;
    bool present;
    bool marked; /* and nothing but W is missing */
};

#define ANY (-1)

/** One row of the table. */
static const struct row {
    int reserved, by_tables, kind, present, by_region, marked;
    enum mm_status status;
    const char *reason; /* NULL: says which right */
} table[] = {
    { 1, ANY, ANY, ANY, ANY, ANY, MM_REFUSED,
      "a reserved bit is set in a page-table entry" },
    { 0, 1, ANY, ANY, ANY, ANY, MM_OK, "a stale translation was dropped" },
    { 0, 0, NONE, ANY, ANY, ANY, MM_NO_REGION, "no region holds the address" },
    { 0, 0, BELOW, 1, ANY, ANY, MM_NO_REGION, "no region holds the address" },
    { 0, 0, GUARD, ANY, ANY, ANY, MM_REFUSED,
      "a guard region was touched: nothing is ever mapped there" },
    { 0, 0, ANY, ANY, 0, ANY, MM_REFUSED, NULL },
    { 0, 0, ANY, 1, 1, 1, MM_OK, "first write to a shared page" },
    { 0, 0, ANY, 1, 1, 0, MM_REFUSED,
      "the page has fewer rights than its region" },
    { 0, 0, IMMEDIATE, 0, 1, ANY, MM_REFUSED,
      "the page of an immediate region was unmapped" },
    { 0, 0, DEVICE, 0, 1, ANY, MM_REFUSED,
      "the page of an immediate region was unmapped" },
    { 0, 0, BELOW, 0, 1, ANY, MM_OK, "the stack grew" },
    { 0, 0, PAGED, 0, 1, ANY, MM_OK, "the pager brought the page" },
    { 0, 0, DEMAND, 0, 1, ANY, MM_OK,
      "first touch: a zeroed frame was mapped" },
    { 0, 0, STACK, 0, 1, ANY, MM_OK, "first touch: a zeroed frame was mapped" },
};
#define ROWS (sizeof(table) / sizeof(table[0]))

static bool fits(int wanted, int is) {
    return wanted == ANY || wanted == is;
}

/** The first row that fits decides. */
static const struct row *row_for(struct facts facts) {
    for (size_t i = 0; i < ROWS; i++) {
        if (fits(table[i].reserved, facts.reserved) &&
            fits(table[i].by_tables, facts.by_tables) &&
            fits(table[i].kind, (int)facts.kind) &&
            fits(table[i].present, facts.present) &&
            fits(table[i].by_region, facts.by_region) &&
            fits(table[i].marked, facts.marked)) {
            return &table[i];
        }
    }
    ck_abort_msg("the table has a hole");
    return NULL;
}

static bool permits(unsigned rights, unsigned error) {
    return (!(error & PF_WRITE) || (rights & VMM_WRITE)) &&
           (!(error & PF_FETCH) || (rights & VMM_EXECUTE)) &&
           (!(error & PF_USER) || (rights & VMM_USER));
}

static const char *missing_right(unsigned rights, unsigned error) {
    if ((error & PF_USER) && !(rights & VMM_USER)) {
        return "user mode touched a region of the kernel";
    }
    if ((error & PF_WRITE) && !(rights & VMM_WRITE)) {
        return "write to a read-only region";
    }
    return "instruction fetch from a region that is not executable";
}

/** Zeroes, as the page came. */
static enum mm_status load_nothing(struct vmm_pager *pager,
                                   const struct vmm_region *region, vaddr_t va,
                                   void *bytes) {
    (void)pager;
    (void)region;
    (void)va;
    (void)bytes;
    return MM_OK;
}
static struct vmm_pager zeroes = { .load = load_nothing };

static struct vmm_region region_of(enum kind kind, unsigned rights) {
    static const enum vmm_backing backings[KINDS] = {
        0,         VMM_STACK, VMM_GUARD,     VMM_DEMAND,
        VMM_STACK, VMM_PAGED, VMM_IMMEDIATE, VMM_DEVICE,
    };

    return (struct vmm_region){
        .name = "test",
        .range = { kind == BELOW ? vaddr_add(page, PAGE_SIZE) : page,
                   PAGE_SIZE },
        .access = rights,
        .backing = backings[kind],
        .device = pfn(0xfee00),
        .limit = 4 * PAGE_SIZE,
        .pager = &zeroes,
    };
}

static bool shows_from_the_start(enum kind kind) {
    return kind == IMMEDIATE || kind == DEVICE;
}

static void unmap_page(bool give_back) {
    struct vmm_unmapped gone = vmm_unmap(&m.space, page);

    vmm_flush(gone.token);
    if (gone.status == MM_OK && give_back) {
        ck_must(pmm_free(&m.pmm, gone.frame) == MM_OK, "not the pmm's");
    }
}

static void map_page(unsigned rights) {
    pfn_t f;

    ck_must(pmm_alloc(&m.pmm, &f) == MM_OK, "no frame");
    ck_must(vmm_map(&m.space, page, f, rights) == MM_OK, "not mapped");
}

/* The page is in @state, its region of @kind with @rights. */
static void put_up(enum kind kind, unsigned rights, enum state state) {
    struct vmm_changed changed;

    if (kind == BELOW && state != ABSENT) {
        map_page(rights); /* first: a region would not have it in its way */
    }
    if (kind != NONE) {
        ck_must(vmm_region_add(&m.space, region_of(kind, rights)) == MM_OK,
                "no region");
    }
    if (shows_from_the_start(kind) && state == ABSENT) {
        unmap_page(kind == IMMEDIATE);
    } else if (!shows_from_the_start(kind) && kind != BELOW &&
               state != ABSENT) {
        map_page(rights);
    }
    if (state == REDUCED) {
        changed = vmm_protect(&m.space, page, VMM_READ);
        ck_must(changed.status == MM_OK, "not protected");
        vmm_flush(changed.token);
    } else if (state == MARKED) {
        pte_t *leaf = machine_entry(&m.space, page, 1);

        leaf->v = (leaf->v & ~PTE_WRITABLE) | MARK;
        hw_invlpg(page);
    }
}

static void take_down(enum kind kind) {
    const struct vmm_region *region = vmm_region_next(&m.space, NULL);

    if (region != NULL) {
        ck_must(vmm_region_remove(&m.space, region->range.base) == MM_OK,
                "no region");
    }
    if (kind == NONE || kind == BELOW) {
        unmap_page(true);
    }
}

static void expect_filled(unsigned rights) {
    const struct vmm_translation t = vmm_translate(&m.space, page);
    const uint64_t *words = pointer_of(vaddr_add(m.space.direct_base, t.pa.v));

    ck_assert_status(t.status, MM_OK);
    ck_assert_uint_eq(t.access, rights);
    for (unsigned i = 0; i < 512; i++) {
        ck_must(words[i] == 0, "word %u of the page is not 0", i);
    }
}

static void try_cell(enum kind kind, unsigned rights, enum state state,
                     unsigned error) {
    const unsigned by_page = state == FULL     ? rights
                             : state == MARKED ? rights & ~(unsigned)VMM_WRITE
                                               : 0u;
    const struct facts facts = {
        .kind = kind,
        .reserved = (error & PF_RESERVED) != 0,
        .by_tables = state != ABSENT && permits(by_page, error),
        .by_region = permits(rights, error),
        .present = state != ABSENT,
        .marked = state == MARKED && (error & PF_WRITE) != 0 &&
                  permits(by_page | VMM_WRITE, error),
    };
    const struct row *row = row_for(facts);
    const char *reason =
        row->reason != NULL ? row->reason : missing_right(rights, error);
    const uint64_t hash = machine_tables_hash(&m.space);
    const struct vmm_stats before = m.space.stats;
    const struct vmm_verdict seen =
        vmm_fault(&m.space, vaddr_add(page, 0xabc), error);
    bool named;

    ck_must(seen.status == row->status && strcmp(seen.reason, reason) == 0,
            "kind %d rights 0x%x state %d error 0x%x: %s, %s; expected %s, %s",
            (int)kind, rights, (int)state, error, mm_status_name(seen.status),
            seen.reason, mm_status_name(row->status), reason);
    named = kind == BELOW ? !facts.reserved && !facts.present : kind != NONE;
    ck_must((seen.region != NULL) == named,
            "kind %d error 0x%x: the verdict names a region: %d", (int)kind,
            error, !named);
    ck_must(m.space.stats.faults == before.faults + 1 &&
                m.space.stats.faults_refused ==
                    before.faults_refused + (row->status != MM_OK),
            "the fault is not counted once");
    if (row->status == MM_OK && state == ABSENT) {
        expect_filled(rights);
    } else if (facts.marked && row->status == MM_OK && !facts.by_tables) {
        ck_must(vmm_translate(&m.space, page).access ==
                    (rights | (kind == DEVICE ? VMM_UNCACHED : 0u)),
                "the page was not made writable");
    } else {
        ck_must(machine_tables_hash(&m.space) == hash,
                "a fault that maps nothing changed the page tables");
    }
}

START_TEST(every_fault_is_decided_as_the_table_says)
{ /* V18 */
    const enum kind kind = (enum kind)(_i / STATES);
    const enum state state = (enum state)(_i % STATES);

    if (kind == GUARD && state != ABSENT) {
        return; /* a guard shows nothing, or the space is not sound */
    }
    for (unsigned rights = 0; rights <= RIGHTS; rights++) {
        if ((rights & ~RIGHTS) != 0) {
            continue;
        }
        for (unsigned error = 0; error < ERRORS; error++) {
            if (state == MARKED && (rights & VMM_WRITE) == 0) {
                continue; /* marked are pages that may be written */
            }
            put_up(kind, rights, state);
            try_cell(kind, rights, state, error);
            take_down(kind);
        }
    }
}
END_TEST

START_TEST(a_refused_write_leaves_the_page_and_its_frame)
{ /* V18 */
    const struct vmm_region region = { .name = "test",
                                       .range = { page, PAGE_SIZE },
                                       .access = VMM_READ,
                                       .backing = VMM_DEMAND };
    struct trap_fault fault;
    uint8_t value;
    pfn_t f;

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert(trap_try_read(page, &value, &fault));
    f = pfn_of(vmm_translate(&m.space, page).pa);
    ck_assert(!trap_try_write(page, 1, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_shows(&m.space, page, f);
    ck_assert(!trap_try_call(page, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
    ck_assert_shows(&m.space, page, f);
    ck_assert_uint_eq(m.space.stats.faults, 3);
    ck_assert_uint_eq(m.space.stats.faults_refused, 2);
}
END_TEST

START_TEST(code_in_an_executable_region_runs)
{ /* V18 */
    const struct vmm_region region = { .name = "test",
                                       .range = { page, PAGE_SIZE },
                                       .access = VMM_WRITE | VMM_EXECUTE,
                                       .backing = VMM_DEMAND };
    struct trap_fault fault;

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert(trap_try_write(vaddr_add(page, 16), 0xc3, &fault)); /* ret */
    ck_assert(trap_try_call(vaddr_add(page, 16), &fault));
    ck_assert_uint_eq(m.space.stats.faults_refused, 0);
}
END_TEST

/*
 *   TLB      page -> old frame, read-only      (never flushed: a mistake)
 *   tables   page -> nothing
 *   write    faults with P=1; the tables are believed, a new frame is mapped
 */
START_TEST(a_fault_by_a_stale_translation_leaves_none_behind)
{ /* V18 */
    const struct vmm_region region = { .name = "test",
                                       .range = { page, PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_DEMAND };
    volatile uint8_t *bytes = pointer_of(page);
    struct trap_fault fault;
    struct vmm_unmapped gone;
    pfn_t f;

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_READ), MM_OK);
    (void)bytes[0];
    *(uint8_t *)pointer_of(vaddr_add(m.space.direct_base, paddr_of(f).v)) = 9;
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush_skip(gone.token);
    ck_assert(trap_try_write(vaddr_add(page, 1), 1, &fault));
    ck_assert_uint_eq(bytes[0], 0); /* 9: the old frame */
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_stale_translation_is_dropped_by_the_fault_that_it_causes)
{
    struct vmm_changed changed; /* V5 V18 */
    struct trap_fault fault;
    uint64_t faults;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_READ), MM_OK);
    (void)*(volatile uint8_t *)pointer_of(page);
    changed = vmm_protect(&m.space, page, VMM_WRITE);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_status(vmm_fault(&m.space, page, PF_PRESENT | PF_WRITE).status,
                     MM_OK);
    faults = m.space.stats.faults;
    ck_assert(trap_try_write(page, 1, &fault));
    ck_assert_uint_eq(m.space.stats.faults, faults); /* none any more */
    take_down(NONE);
}
END_TEST

START_TEST(a_fault_that_tables_can_not_repair_is_refused_with_its_reason)
{ /* V18: a retry would go on for ever */
    static const struct {
        unsigned bits;
        const char *reason;
    } rows[] = {
        { PF_PRESENT | PF_KEY,
          "the protection key of the page forbids the access" },
        { PF_PRESENT | PF_KEY | PF_WRITE | PF_USER,
          "the protection key of the page forbids the access" },
        { PF_PRESENT | PF_SHADOW,
          "a shadow-stack access: there are no shadow stacks here" },
        { PF_PRESENT | PF_HLAT,
          "the error code has a bit that nothing here handles" },
        { PF_PRESENT | PF_SGX,
          "the error code has a bit that nothing here handles" },
        { 1u << 31, "the error code has a bit that nothing here handles" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmm_verdict seen;

        put_up(_i == 0 ? NONE : DEMAND, VMM_WRITE | VMM_USER, FULL);
        seen = vmm_fault(&m.space, page, rows[i].bits);
        ck_assert_status(seen.status, MM_REFUSED);
        ck_assert_str_eq(seen.reason, rows[i].reason);
        take_down(_i == 0 ? NONE : DEMAND);
    }
}
END_TEST

START_TEST(a_page_whose_entry_lost_its_p_bit_is_not_filled_anew)
{
    const char *lost = "an entry lost its P bit: it shows nothing, but is not "
                       "empty, and the page's content is lost";

    put_up(DEMAND, VMM_WRITE, FULL);
    for (unsigned level = 1; level <= 3; level++) {
        pte_t *entry = machine_entry(&m.space, page, level);
        const pte_t kept = *entry;
        const uint64_t frames = m.pmm.stats.allocated;
        struct vmm_verdict seen;

        *entry = pte(kept.v & ~PTE_PRESENT);
        hw_invlpg(page);
        seen = vmm_fault(&m.space, page, PF_WRITE);
        *entry = kept;
        ck_assert_status(seen.status, MM_REFUSED);
        ck_assert_str_eq(seen.reason, lost);
        ck_assert_uint_eq(m.pmm.stats.allocated, frames);
    }
    take_down(DEMAND);
}
END_TEST

/*
 *   fault -> retry -> the same fault -> refused
 *   fault -> retry -> any change of an entry -> the same fault -> retry
 */
START_TEST(the_kernel_and_a_page_of_the_user_are_retried_once)
{ /* V18: SMEP, SMAP; but a stale translation looks the same */
    static const unsigned errors[] = { 0, PF_WRITE, PF_FETCH };
    const unsigned rights = VMM_WRITE | VMM_EXECUTE | VMM_USER;
    const unsigned error = PF_PRESENT | errors[_i];
    struct vmm_changed changed;
    struct vmm_verdict seen;

    put_up(NONE, rights, FULL);
    ck_assert_status(vmm_fault(&m.space, page, error).status, MM_OK);
    seen = vmm_fault(&m.space, page, error);
    ck_assert_status(seen.status, MM_REFUSED);
    ck_assert_str_eq(seen.reason, "SMEP or SMAP: the page is the user's");
    ck_assert_status(vmm_fault(&m.space, page, error | PF_USER).status, MM_OK);
    ck_assert_status(vmm_fault(&m.space, page, error | PF_USER).status, MM_OK);

    changed = vmm_protect(&m.space, page, VMM_READ);
    vmm_flush(changed.token);
    changed = vmm_protect(&m.space, page, rights);
    ck_assert_ptr_null(vmm_token_space(changed.token));
    ck_assert_status(vmm_fault(&m.space, page, error).status, MM_OK);
    take_down(NONE);
}
END_TEST

START_TEST(the_kernel_and_a_page_of_its_own_are_retried_each_time)
{ /* V18: a processor may fault without a cause in the tables */
    put_up(NONE, VMM_WRITE, FULL);
    for (int k = 0; k < 3; k++) {
        ck_assert_status(
            vmm_fault(&m.space, page, PF_PRESENT | PF_WRITE).status, MM_OK);
    }
    take_down(NONE);
}
END_TEST

/* --- at the edges ------------------------------------------------------------
 */

static void add_pages(uint64_t pages) {
    const struct vmm_region region = { .name = "test",
                                       .range = { page, pages * PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_DEMAND };

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
}

/* Misaligned on purpose. */
__attribute__((no_sanitize("undefined"))) static void write_word(void *arg) {
    *(volatile uint64_t *)arg = UINT64_C(0x1122334455667788);
}

START_TEST(the_last_byte_of_a_region_is_filled_and_the_next_is_not)
{ /* V18 */
    struct trap_fault fault;

    add_pages(2);
    ck_assert(trap_try_write(vaddr_add(page, 2 * PAGE_SIZE - 1), 7, &fault));
    ck_assert_uint_eq(m.space.stats.maps, 1);
    ck_assert(!trap_try_write(vaddr_add(page, 2 * PAGE_SIZE), 7, &fault));
    ck_assert_hex_eq(fault.address.v, page.v + 2 * PAGE_SIZE);
}
END_TEST

/*
 *   page    [ 0 ........ | 1 ........ | nothing
 *   word            [ 4  |  4 ]
 */
START_TEST(an_access_across_two_pages_fills_both)
{ /* V18: it faults twice, and runs a third time as a whole */
    uint8_t *word = pointer_of(vaddr_add(page, PAGE_SIZE - 4));
    struct trap_fault fault;

    add_pages(2);
    ck_assert(trap_try(write_word, word, vaddr(0), &fault));
    ck_assert_uint_eq(m.space.stats.faults, 2);
    ck_assert_uint_eq(word[3], 0x55);
    ck_assert_uint_eq(word[4], 0x44);
}
END_TEST

START_TEST(an_access_across_the_end_of_a_region_writes_nothing)
{ /* V18 */
    uint8_t *word = pointer_of(vaddr_add(page, 2 * PAGE_SIZE - 4));
    struct trap_fault fault;

    add_pages(2);
    ck_assert(!trap_try(write_word, word, vaddr(0), &fault));
    ck_assert_hex_eq(fault.address.v, page.v + 2 * PAGE_SIZE);
    ck_assert_hex_eq(*(volatile uint32_t *)(void *)word, 0);
}
END_TEST

/* A handler that touches a demand page of the space it decides about. */
static enum mm_status load_by_a_fault(struct vmm_pager *pager,
                                      const struct vmm_region *region,
                                      vaddr_t va, void *bytes) {
    (void)pager;
    (void)va;
    *(uint8_t *)bytes = *(volatile uint8_t *)pointer_of(
        vaddr_add(region->range.base, PAGE_SIZE));
    return MM_OK;
}

START_TEST(a_fault_inside_the_handler_of_a_fault_is_a_panic)
{ /* V18: it would change the tables under the first one's hands */
    struct vmm_pager pager = { .load = load_by_a_fault };
    struct vmm_region region = region_of(PAGED, VMM_WRITE);

    region.range.len = 2 * PAGE_SIZE;
    region.pager = &pager;
    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    *(volatile uint8_t *)pointer_of(page) = 1;
}
END_TEST

Suite *vmm_fault_suite(void) {
    Suite *suite = suite_create("vmm_fault");
    TCase *tc = tcase_create("policy");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_fault_is_decided_as_the_table_says, 0,
                        KINDS * STATES);
    tcase_add_test(tc, a_refused_write_leaves_the_page_and_its_frame);
    tcase_add_test(tc, code_in_an_executable_region_runs);
    tcase_add_test(tc, a_fault_by_a_stale_translation_leaves_none_behind);
    tcase_add_test(tc,
                   a_stale_translation_is_dropped_by_the_fault_that_it_causes);
    tcase_add_loop_test(
        tc, a_fault_that_tables_can_not_repair_is_refused_with_its_reason, 0,
        2);
    tcase_add_test(tc, a_page_whose_entry_lost_its_p_bit_is_not_filled_anew);
    tcase_add_loop_test(tc, the_kernel_and_a_page_of_the_user_are_retried_once,
                        0, 3);
    tcase_add_test(tc, the_kernel_and_a_page_of_its_own_are_retried_each_time);
    suite_add_tcase(suite, tc);

    tc = tcase_create("edges");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_last_byte_of_a_region_is_filled_and_the_next_is_not);
    tcase_add_test(tc, an_access_across_two_pages_fills_both);
    tcase_add_test(tc, an_access_across_the_end_of_a_region_writes_nothing);
    machine_add_exit_test(tc, a_fault_inside_the_handler_of_a_fault_is_a_panic,
                          HW_EXIT_PANIC);
    suite_add_tcase(suite, tc);
    return suite;
}
