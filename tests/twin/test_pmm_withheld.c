/*
 * What was in use at boot: never handed out; and what a kernel reclaims of it.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "support/other.h"
#include "twin/suites.h"

/* --- never handed out ------------------------------------------------------
 */

/** Some bytes of the test's room, with edges inside frames. */
static struct prange random_range(struct random *random, uint64_t frames_max) {
    const uint64_t from = F(first) + below(random, F(ROOM));
    const uint64_t len = 1 + below(random, F(frames_max));
    const uint64_t rest = F(first + ROOM) - from;

    return (struct prange){ paddr(from), len < rest ? len : rest };
}

static void random_machine(struct random *random) {
    static const uint32_t types[] = { 1, 2, 3, 4, 5, 7, 20, 0xefffffff };

    boot.map_count = boot.reserved_count = 0;
    add(0, MIB, MEMMAP_USABLE); /* the first MiB is never ours */
    add(F(first), F(first + ROOM), MEMMAP_USABLE);
    for (uint64_t n = below(random, 12); n > 0; n--) {
        const struct prange range = random_range(random, 80);

        add(range.base.v, range.base.v + range.len, types[below(random, 8)]);
    }
    for (uint64_t n = below(random, BOOT_RESERVED_MAX + 1); n > 0; n--) {
        reserve(random_range(random, 40));
    }
    boot.module = random_range(random, 100);
}

static bool touches(uint64_t f, struct prange range) {
    return ranges_overlap(range.base.v, range.len, F(f), PAGE_SIZE);
}

/** By a look at every claim: RAM, and in use by nobody. */
static bool may_be_handed_out(uint64_t f) {
    bool usable = f >= first && f < first + ROOM && !touches(f, boot.module) &&
                  !touches(f, other.metadata);

    for (size_t i = 0; i < boot.map_count; i++) {
        usable &= map[i].type == MEMMAP_USABLE || !touches(f, map[i].range);
    }
    for (size_t i = 0; i < boot.reserved_count; i++) {
        usable &= !touches(f, boot.reserved[i]);
    }
    return usable;
}

static uint64_t frames_of_the_oracle(void) {
    uint64_t count = 0;

    for (uint64_t f = first; f < first + ROOM; f++) {
        count += may_be_handed_out(f);
    }
    return count;
}

/** A frame or a run, until there is none.  @return frames */
static uint64_t take_everything(struct random *random, uint64_t seed) {
    uint64_t taken = 0;

    for (;;) {
        struct pmm_want want = { .count = 1 };
        pfn_t f = pfn(0);

        /* A bump leaves behind what lies below a run. */
        if (other.class->reuses && below(random, 4) == 0) {
            want = pmm_block((unsigned)below(random, 5));
        }
        if (pmm_alloc_run(&other, want, &f) != MM_OK) {
            want.count = 1;
            if (pmm_alloc(&other, &f) != MM_OK) {
                return taken;
            }
        }
        for (uint64_t n = 0; n < want.count; n++) {
            ck_assert_msg(may_be_handed_out(f.v + n),
                          "%s, seed %lu: frame 0x%lx was handed out",
                          other.class->name, (unsigned long)seed,
                          (unsigned long)(f.v + n));
        }
        taken += want.count;
    }
}

/** Loops over the strategies. */
START_TEST(no_frame_handed_out_touches_what_is_reserved)
{ /* P3, P4 */
    for (uint64_t seed = 0; seed < 25; seed++) {
        struct random random = { seed << 20 };

        random_machine(&random);
        if (pmm_init(&other, &boot, pmm_classes[_i]) == MM_OK) {
            ck_assert(pmm_is_sound(&other));
            ck_assert_uint_eq(pmm_free_count(&other), frames_of_the_oracle());
            ck_assert_uint_eq(take_everything(&random, seed),
                              frames_of_the_oracle());
            ck_assert(pmm_is_sound(&other));
        }
    }
}
END_TEST

/* --- ACPI ------------------------------------------------------------------
 */

/*
 *   frame    first       +600      +610        +620      +630      +700
 *   map      [ usable     x[ ACPI     ][ ACPI     x[ NVS  ]  [ usable ]
 *   in use                   [5..6 ]
 *
 * Edges at x lie inside frames: usable and ACPI meet in one, which becomes
 * usable; ACPI and NVS in another, which never does.
 */
START_TEST(acpi_tables_are_reclaimed_once_but_for_what_is_in_use)
{ /* P4, P14 */
    uint64_t free;

    add(F(first + 640), F(first + 700), MEMMAP_USABLE);
    add(F(first + 620) + 9, F(first + 630), MEMMAP_ACPI_NVS);
    add(F(first + 600) + 9, F(first + 610) + 40, MEMMAP_ACPI_RECLAIMABLE);
    add(F(first + 610) + 40, F(first + 620) + 9, MEMMAP_ACPI_RECLAIMABLE);
    add(F(first + 612), F(first + 614), MEMMAP_ACPI_RECLAIMABLE); /* again */
    add(F(first + 5), F(first + 5), MEMMAP_ACPI_RECLAIMABLE);     /* empty */
    add(F(first), F(first + 600) + 9, MEMMAP_USABLE);
    reserve(bytes(F(first + 605), F(first + 607) - 1));
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    ck_assert_uint_eq(other.stats.total, 620 + 60);
    free = pmm_free_count(&other);
    ck_assert_uint_eq(free, 600 + 60 - pages_for(other.metadata.len));
    ck_assert(!pmm_is_managed(&other, pfn(first + 600)));
    other_expect_frames(free);

    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_OK);
    ck_assert(pmm_is_managed(&other, pfn(first + 600)));
    ck_assert(pmm_is_managed(&other, pfn(first + 619)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 605)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 606)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 620)));
    other_expect_frames(free + 20 - 2);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    other_expect_frames(free + 20);
    ck_assert_uint_eq(other.stats.total, 620 + 60);
}
END_TEST

/* --- this machine's own boot -----------------------------------------------
 */

/** As @table, in frames of @other, with all tables below. */
static paddr_t copy_tables(const struct hw_boot *real, paddr_t table,
                           unsigned level) {
    const pte_t *from = boot_direct(real, table);
    pte_t *to;
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    to = boot_direct(real, paddr_of(f));
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        to[i] = from[i];
        if (level > 1 && pte_is_present(from[i]) &&
            !pte_is_leaf(from[i], level)) {
            const paddr_t below =
                copy_tables(real, pte_address(from[i]), level - 1);

            to[i] = pte_make(pfn_of(below), from[i].v & ~PTE_ADDRESS_MASK);
        }
    }
    return paddr_of(f);
}

static uint64_t frames_in(struct prange range) {
    return range.len / PAGE_SIZE;
}

/** Take every frame there is, and fill it: nobody may miss what was in it. */
static void fill_everything(const struct hw_boot *real) {
    pfn_t f = pfn(0);

    while (pmm_alloc(&other, &f) == MM_OK) {
        memset(boot_direct(real, paddr_of(f)), 0xa5, PAGE_SIZE);
    }
}

/** The machine goes on without what started it: its tables are copied, CR3
 *  moves, and all of the old ones is handed out and written over. */
START_TEST(boot_memory_is_reclaimed_and_the_machine_goes_on)
{ /* P4, P8 */
    const struct hw_boot *real = machine_power_on();
    uint64_t free, gained = frames_in(real->tables);
    vaddr_t page = vaddr_add(real->direct_base, 16 * MIB);

    ck_assert_status(pmm_init(&other, real, pmm_classes[_i]), MM_OK);
    free = pmm_free_count(&other);
    for (size_t i = 0; i < BOOT_LEFTOVER_MAX; i++) {
        const struct prange range = real->leftover[i];

        ck_assert_uint_eq(range.len % PAGE_SIZE, 0);
        if (range.len != 0) {
            ck_assert(prange_holds(real->reserved[0], range.base));
            ck_assert_status(pmm_reclaim(&other, range), MM_OK);
            gained += frames_in(range);
        }
    }
    ck_assert_uint_gt(gained, frames_in(real->tables));
    hw_write_cr3(copy_tables(real, real->root, PAGING_LEVELS));
    hw_flush_all();
    ck_assert_status(pmm_reclaim(&other, real->tables), MM_OK);
    ck_assert_status(pmm_reclaim(&other, real->tables), MM_NOT_ALLOCATED);
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(pmm_free_count(&other) + other.stats.allocated,
                      free + gained);
    fill_everything(real);
    hw_flush_all();
    *(volatile uint8_t *)pointer_of(page) = 1;
    if (other.class->reuses) { /* a bump has passed what lies at the bottom */
        ck_assert_uint_eq(other.stats.allocated, free + gained);
    }
    machine_power_off();
}
END_TEST

Suite *pmm_withheld_suite(void) {
    Suite *suite = suite_create("pmm_withheld");
    TCase *tc = tcase_create("withheld");
    const int classes = strategies();

    tcase_add_checked_fixture(tc, other_setup, other_teardown);
    tcase_add_loop_test(tc, no_frame_handed_out_touches_what_is_reserved, 0,
                        classes);
    tcase_add_loop_test(
        tc, acpi_tables_are_reclaimed_once_but_for_what_is_in_use, 0, classes);
    suite_add_tcase(suite, tc);

    tc = tcase_create("boot");
    tcase_add_loop_test(tc, boot_memory_is_reclaimed_and_the_machine_goes_on, 0,
                        classes);
    suite_add_tcase(suite, tc);
    return suite;
}
