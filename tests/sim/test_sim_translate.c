/*
 * The kernel's translation and the simulator's walk, written apart, asked the
 * same of random page tables.
 *
 *   32 frames, each a table of 512 random entries that lead to one another, so
 *   that every level is met with tables and leaves of every size; the root of
 *   the walk is one of them.
 */
#include "base/hash.h"
#include "sim/live_machine.h"
#include "vmm/vmm.h"

#define TABLES 32
#define FIRST_TABLE (8 * MIB)
#define TREES 40
#define ASKED 5000

static uint64_t state;

static uint64_t draw(void) {
    return hash_mix(++state);
}

/** Three in four entries are present; a large leaf is aligned, as no reserved
 *  bit may be set: what vmm_translate() does then is nobody's promise. */
static uint64_t random_entry(unsigned which) {
    uint64_t bits = draw() & (PTE_WRITABLE | PTE_USER | PTE_WRITE_THROUGH |
                              PTE_CACHE_DISABLE | PTE_ACCESSED | PTE_DIRTY |
                              PTE_GLOBAL | PTE_NO_EXECUTE);
    uint64_t table = FIRST_TABLE + (draw() % TABLES) * PAGE_SIZE;

    if (draw() % 4 == 0) {
        return draw() & ~PTE_PRESENT;
    }
    if (which % 3 == 0) { /* a leaf wherever it stands at level 2 or 3 */
        return (draw() % 32) * GIB | bits | PTE_PRESENT | PTE_HUGE;
    }
    return table | bits | PTE_PRESENT;
}

/** The root's entries have no PS bit: reserved there. */
static void plant(void) {
    for (unsigned t = 0; t < TABLES; t++) {
        uint64_t *table = direct(paddr(FIRST_TABLE + t * PAGE_SIZE));

        for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
            table[i] = t == 0 ? random_entry(1) & ~PTE_HUGE : random_entry(i);
        }
    }
}

static vaddr_t random_address(void) {
    return vaddr_sign_extend(vaddr(draw()));
}

static void ask(const struct vmm_space *space,
                const struct walk_control *control, vaddr_t va) {
    struct vmm_translation ours = vmm_translate(space, va);
    struct walk_result walked = walk(&sim->ram, control, va, SIM_READ, false);

    if (walked.reason == WALK_RESERVED) {
        return; /* an entry of the root's table met again further down */
    }
    ck_assert_msg((ours.status == MM_OK) == (walked.reason == WALK_OK),
                  "0x%lx: vmm_translate() says %s, the walk %d", va.v,
                  mm_status_name(ours.status), walked.reason);
    if (ours.status != MM_OK) {
        ck_assert_int_eq(ours.status, MM_NOT_MAPPED);
        return;
    }
    ck_assert_msg(ours.pa.v == walked.pa.v,
                  "0x%lx leads to 0x%lx by vmm_translate(), to 0x%lx by the "
                  "walk",
                  va.v, ours.pa.v, walked.pa.v);
    ck_assert_uint_eq(ours.page_size, UINT64_C(1) << walked.page_shift);
    ck_assert_int_eq((ours.access & VMM_WRITE) != 0, walked.rights.writable);
    ck_assert_int_eq((ours.access & VMM_USER) != 0, walked.rights.user);
    ck_assert_int_eq((ours.access & VMM_EXECUTE) == 0,
                     walked.rights.no_execute);
}

START_TEST(vmm_translate_agrees_with_the_walk_on_random_tables)
{ /* V6 */
    struct walk_control control = cpu_control(&sim->cpu);
    struct vmm_space space = { .direct_base = sim->boot.direct_base,
                               .root = paddr(FIRST_TABLE),
                               .phys_bits = sim->boot.phys_bits };

    control.root = space.root;
    for (unsigned tree = 0; tree < TREES; tree++) {
        state = (uint64_t)tree << 32;
        plant();
        for (unsigned i = 0; i < ASKED; i++) {
            ask(&space, &control, random_address());
        }
    }
}
END_TEST

START_TEST(vmm_translate_refuses_what_is_not_canonical)
{ /* V6 */
    struct vmm_space space = { .direct_base = sim->boot.direct_base,
                               .root = sim->boot.root };

    ck_assert_int_eq(
        vmm_translate(&space, vaddr(UINT64_C(0x800000000000))).status,
        MM_NOT_CANONICAL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_translate");
    TCase *tc = tcase_create("translate");

    tcase_add_checked_fixture(tc, power_on, power_off);
    tcase_add_test(tc, vmm_translate_agrees_with_the_walk_on_random_tables);
    tcase_add_test(tc, vmm_translate_refuses_what_is_not_canonical);
    suite_add_tcase(suite, tc);
    return run(suite);
}
