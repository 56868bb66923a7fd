/*
 * What was in use at boot: never handed out, until it is reclaimed.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "pmm/memmap.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "support/other.h"
#include "twin/suites.h"

/* --- never handed out ------------------------------------------------------
 */

struct random {
    uint64_t state;
};

static uint64_t below(struct random *random, uint64_t limit) {
    return hash_mix(random->state++) % limit;
}

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

/* --- reclaimed -------------------------------------------------------------
 */

/*
 *   frame    first      +100 +103      +700   +900        +1500
 *   map      [ usable ..................................]
 *   in use              [ tables ]     [ module )
 */
static void start_with_module(const struct pmm_class *class) {
    boot.map_count = boot.reserved_count = 0;
    add(F(first), F(first + 1500), MEMMAP_USABLE);
    reserve(bytes(F(first + 100), F(first + 103)));
    boot.module = bytes(F(first + 700), F(first + 900) - 77);
    ck_assert_status(pmm_init(&other, &boot, class), MM_OK);
}

/** The strategy's choice is the pmm's: every frame once, all given back. */
static void expect_frames(uint64_t count) {
    static bool seen[ROOM];
    pfn_t f = pfn(0);

    memset(seen, 0, sizeof(seen));
    ck_assert_uint_eq(pmm_free_count(&other), count);
    for (uint64_t n = 0; n < count; n++) {
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
        ck_assert(range_holds(first, ROOM, f.v) && !seen[f.v - first]);
        seen[f.v - first] = true;
    }
    ck_assert_status(pmm_alloc(&other, &f), MM_NO_MEMORY);
    ck_assert(pmm_is_sound(&other));
    for (uint64_t n = 0; n < ROOM; n++) {
        if (seen[n]) {
            ck_assert_status(pmm_free(&other, pfn(first + n)), MM_OK);
        }
    }
    ck_assert(pmm_is_sound(&other));
}

/** What a refusal must leave alone. */
static void expect_refusal(struct prange range, enum mm_status status) {
    const struct pmm before = other;

    ck_assert_status(pmm_reclaim(&other, range), status);
    ck_assert_msg(memcmp(&before, &other, sizeof(other)) == 0,
                  "a refused reclaim changed the pmm");
}

START_TEST(what_is_reclaimed_is_free_and_counted)
{ /* P4, P8, P14 */
    uint64_t free;

    start_with_module(pmm_classes[_i]);
    free = pmm_free_count(&other);
    ck_assert(!pmm_is_managed(&other, pfn(first + 800)));
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert(pmm_is_managed(&other, pfn(first + 700)));
    ck_assert(pmm_is_managed(&other, pfn(first + 899)));
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(other.stats.total, 1500);
    ck_assert_uint_eq(other.stats.allocs, 0);
    expect_frames(free + 200);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    ck_assert_uint_eq(other.stats.reserved, pages_for(other.metadata.len));
    expect_frames(free + 203);
}
END_TEST

/*
 *   frame    first      +512                   +1536
 *   map      [ usable .........................]
 *   in use              [ module: two areas    ]
 *
 * Nothing is managed behind the last run, and the module comes back whole.
 */
START_TEST(memory_that_ends_with_a_module_is_handed_out_up_to_it)
{ /* P4 */
    uint64_t free;

    add(F(first), F(first + 1536), MEMMAP_USABLE);
    boot.module = bytes(F(first + 512), F(first + 1536));
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    free = pmm_free_count(&other);
    ck_assert_uint_eq(free, 512 - pages_for(other.metadata.len));
    expect_frames(free);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    expect_frames(free + 1024);
}
END_TEST

START_TEST(a_second_reclaim_is_refused)
{ /* P4 */
    start_with_module(pmm_classes[_i]);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    expect_refusal(boot.module, MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 899), F(first + 900)), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    expect_refusal(boot.reserved[0], MM_NOT_ALLOCATED);
}
END_TEST

START_TEST(what_was_never_withheld_cannot_be_reclaimed)
{ /* P4 */
    start_with_module(&pmm_areas);
    expect_refusal(bytes(F(first + 800), F(first + 800)), MM_BAD_ARGUMENT);
    expect_refusal(bytes(F(1), F(2)), MM_NOT_MANAGED);
    expect_refusal(other.metadata, MM_NOT_MANAGED);
    expect_refusal(bytes(F(first + 1500), F(first + 1501)), MM_NOT_MANAGED);
    expect_refusal(bytes(F(first + 1499), F(first + 1501)), MM_NOT_MANAGED);
    expect_refusal(bytes(UINT64_MAX - 5, UINT64_MAX), MM_NOT_MANAGED);
    expect_refusal((struct prange){ paddr(F(first + 700)), UINT64_MAX },
                   MM_NOT_MANAGED);
    /* One frame of either side is in use. */
    expect_refusal(bytes(F(first + 699), F(first + 800)), MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 800), F(first + 901)), MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 10), F(first + 11)), MM_NOT_ALLOCATED);
}
END_TEST

/** Frames are out, of what is there and then of what is reclaimed in parts. */
START_TEST(memory_can_be_reclaimed_while_frames_are_out)
{ /* P4, P14 */
    uint64_t free, out = 0;
    pfn_t f, held[300];

    start_with_module(pmm_classes[_i]);
    free = pmm_free_count(&other);
    while (out < 200) {
        ck_assert_status(pmm_alloc(&other, &held[out++]), MM_OK);
    }
    /* Above, below, then what joins both. */
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 850), F(first + 900))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 700), F(first + 702))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 710), F(first + 711))),
                     MM_OK);
    ck_assert(pmm_is_sound(&other));
    while (out < 300) {
        ck_assert_status(pmm_alloc(&other, &held[out++]), MM_OK);
    }
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 702), F(first + 710))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 711), F(first + 850))),
                     MM_OK);
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(other.run_count, 2); /* the tables are still out */
    ck_assert_uint_eq(pmm_free_count(&other), free + 200 - 300);
    while (out > 0) {
        ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
    }
    ck_assert_status(pmm_free(&other, pfn(first + 101)), MM_NOT_MANAGED);
    expect_frames(free + 200);
    ck_assert_status(pmm_alloc(&other, &f), MM_OK);
}
END_TEST

/** A random piece of the module that is still withheld, up to @frames. */
static struct prange random_piece(struct random *random, uint64_t frames) {
    uint64_t at = first + 700 + below(random, 200), count = 1;

    while (pmm_is_managed(&other, pfn(at))) {
        at = at + 1 < first + 900 ? at + 1 : first + 700;
    }
    while (count < frames && at + count < first + 900 &&
           !pmm_is_managed(&other, pfn(at + count))) {
        count++;
    }
    return bytes(F(at), F(at + count));
}

/** All that was withheld comes back in random pieces, between frames that go
 *  out and come back. */
START_TEST(pieces_reclaimed_in_any_order_are_each_counted_once)
{ /* P4, P14 */
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct random random = { seed << 20 };
        uint64_t free, out = 0, gained = 0;
        static pfn_t held[ROOM];

        start_with_module(pmm_classes[_i]);
        free = pmm_free_count(&other);
        while (gained < 200) {
            const struct prange piece =
                random_piece(&random, 1 + below(&random, 20));

            ck_assert_status(pmm_reclaim(&other, piece), MM_OK);
            ck_assert_status(pmm_reclaim(&other, piece), MM_NOT_ALLOCATED);
            gained += piece.len / PAGE_SIZE;
            if (below(&random, 3) == 0 && out > 0) {
                ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
            } else if (pmm_alloc(&other, &held[out]) == MM_OK) {
                out++;
            }
            ck_assert_uint_eq(pmm_free_count(&other), free + gained - out);
        }
        ck_assert(pmm_is_sound(&other));
        while (out > 0) {
            ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
        }
        expect_frames(free + 200);
    }
}
END_TEST

/*
 *   frame    first            +512               +1024
 *   map      [ usable ....................................
 *   in use   [M]                   [module)
 */
START_TEST(a_2_mib_block_is_whole_again_when_its_module_is_reclaimed)
{ /* P6 */
    pfn_t f = pfn(0);

    add(F(first), F(first + 1024), MEMMAP_USABLE);
    boot.module = bytes(F(first + 600), F(first + 700));
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    ck_assert_status(pmm_alloc_run(&other, pmm_block(PMM_ORDER_2M), &f),
                     MM_NO_MEMORY);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert_status(pmm_alloc_run(&other, pmm_block(PMM_ORDER_2M), &f), MM_OK);
    ck_assert_uint_eq(f.v, first + 512);
}
END_TEST

/** As long as there is room for another run, or a neighbour. */
START_TEST(a_piece_without_room_among_the_runs_is_refused)
{
    boot.map_count = 0;
    add(F(first), F(first + 1500), MEMMAP_USABLE);
    boot.module = bytes(F(first + 20), F(first + 1500));
    ck_assert_status(pmm_init(&other, &boot, &pmm_areas), MM_OK);
    for (uint64_t i = 1; i < PMM_RUNS_MAX; i++) {
        ck_assert_status(pmm_reclaim(&other, bytes(F(first + 20 + 2 * i),
                                                   F(first + 21 + 2 * i))),
                         MM_OK);
    }
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX);
    expect_refusal(bytes(F(first + 1400), F(first + 1401)), MM_NO_MEMORY);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 23), F(first + 24))),
                     MM_OK);
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX - 1);
    ck_assert_status(
        pmm_reclaim(&other, bytes(F(first + 1400), F(first + 1401))), MM_OK);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

START_TEST(what_is_reclaimed_is_poisoned_where_that_is_on)
{ /* P13 */
    uint64_t *words = boot_direct(m.boot, paddr(F(first + 800)));
    pfn_t f = pfn(0);

    start_with_module(pmm_classes[_i]);
    pmm_poison(&other, 7);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 800), F(first + 801))),
                     MM_OK);
    words[100] ^= 1;
    while (f.v != first + 800) {
        ck_assert_uint_eq(other.damage.cases, 0);
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    }
    ck_assert_uint_eq(other.damage.cases, 1);
}
END_TEST

START_TEST(books_know_what_is_reclaimed_as_free)
{ /* P12, P15 */
    pfn_t f = pfn(0);

    start_with_module(pmm_classes[_i]);
    ck_assert_status(pmm_keep_books(&other), MM_OK);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(pmm_owners(&other, pfn(first + 800)), 0);
    while (other.class->reuses && f.v != first + 800) {
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    }
    if (other.class->reuses) { /* the books made a bump pass it by */
        ck_assert_uint_eq(pmm_owners(&other, f), 1);
        ck_assert_status(pmm_free(&other, f), MM_OK);
    }
    ck_assert_status(pmm_free(&other, pfn(first + 800)), MM_NOT_ALLOCATED);
}
END_TEST

/** @word is wrong for a moment. */
static void expect_noticed(uint64_t *word, uint64_t wrong, const char *what) {
    const uint64_t kept = *word;

    *word = wrong;
    ck_assert_msg(!pmm_is_sound(&other), "%s: not noticed", what);
    *word = kept;
    ck_assert(pmm_is_sound(&other));
}

START_TEST(runs_that_leave_their_spans_are_noticed)
{ /* P14 */
    struct pmm_run *span = other.spans, *run = other.runs;

    add(F(first), F(first + 20), MEMMAP_USABLE);
    add(F(first + 40), F(first + 60), MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_areas), MM_OK);
    ck_assert_uint_eq(other.span_count, 2);
    expect_noticed(&span[0].first.v, run[0].first.v + 1, "a span that is late");
    expect_noticed(&span[0].count, run[0].count - 1, "a span too short");
    expect_noticed(&span[1].first.v, run[1].first.v + 1, "a late second span");
    expect_noticed(&span[1].count, 0, "an empty span");
    expect_noticed(&span[1].count, run[1].count + 1, "a span beyond the end");
    expect_noticed(&run[0].count, 0, "an empty run");
    expect_noticed(&other.frames, other.frames + 1, "an end behind all spans");
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
    expect_frames(free);

    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_OK);
    ck_assert(pmm_is_managed(&other, pfn(first + 600)));
    ck_assert(pmm_is_managed(&other, pfn(first + 619)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 605)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 606)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 620)));
    expect_frames(free + 20 - 2);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    expect_frames(free + 20);
    ck_assert_uint_eq(other.stats.total, 620 + 60);
}
END_TEST

START_TEST(without_acpi_tables_there_is_nothing_to_reclaim)
{ /* P4 */
    start_with_module(&pmm_areas);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_init(&other, &boot, &pmm_empty), MM_OK);
    expect_refusal(boot.module, MM_NOT_MANAGED);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
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

Suite *pmm_reclaim_suite(void) {
    Suite *suite = suite_create("pmm_reclaim");
    TCase *tc = tcase_create("withheld");
    const int classes = strategies();

    tcase_add_checked_fixture(tc, other_setup, other_teardown);
    tcase_add_loop_test(tc, no_frame_handed_out_touches_what_is_reserved, 0,
                        classes);
    tcase_add_loop_test(tc, what_is_reclaimed_is_free_and_counted, 0, classes);
    tcase_add_loop_test(
        tc, memory_that_ends_with_a_module_is_handed_out_up_to_it, 0, classes);
    tcase_add_loop_test(tc, a_second_reclaim_is_refused, 0, classes);
    tcase_add_test(tc, what_was_never_withheld_cannot_be_reclaimed);
    tcase_add_loop_test(tc, memory_can_be_reclaimed_while_frames_are_out, 0,
                        classes);
    tcase_add_loop_test(tc, pieces_reclaimed_in_any_order_are_each_counted_once,
                        0, classes);
    tcase_add_loop_test(
        tc, a_2_mib_block_is_whole_again_when_its_module_is_reclaimed, 0,
        classes);
    tcase_add_test(tc, a_piece_without_room_among_the_runs_is_refused);
    tcase_add_loop_test(tc, what_is_reclaimed_is_poisoned_where_that_is_on, 0,
                        classes);
    tcase_add_loop_test(tc, books_know_what_is_reclaimed_as_free, 0, classes);
    tcase_add_test(tc, runs_that_leave_their_spans_are_noticed);
    tcase_add_loop_test(
        tc, acpi_tables_are_reclaimed_once_but_for_what_is_in_use, 0, classes);
    tcase_add_test(tc, without_acpi_tables_there_is_nothing_to_reclaim);
    suite_add_tcase(suite, tc);

    tc = tcase_create("boot");
    tcase_add_loop_test(tc, boot_memory_is_reclaimed_and_the_machine_goes_on, 0,
                        classes);
    suite_add_tcase(suite, tc);
    return suite;
}
