/*
 * Pages of 2 MiB and 1 GiB: what one leaf shows, and that splitting and merging
 * change its size and nothing else.
 *
 *   RAM of the test machine   [ 32 MiB ]
 *   a 1 GiB leaf at frame 0   [ RAM    | no RAM: not touched ................ ]
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t gib = { UINT64_C(0x444440000000) };
static uint64_t before; /* machine_tables_hash() */

static void setup(void) {
    machine_start_pages(&m);
    before = m.tables_at_start;
}
static void setup_temporary(void) {
    machine_tables = TABLES_TEMPORARY;
    setup();
}
static void setup_recursive(void) {
    machine_tables = TABLES_RECURSIVE;
    setup();
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static uint64_t pages_of(unsigned level) {
    return level_size(level) / PAGE_SIZE;
}

static volatile uint8_t *at(vaddr_t va) {
    return pointer_of(va);
}

static uint8_t *bytes_of(pfn_t f) {
    return pointer_of(vaddr_add(m.space.direct_base, paddr_of(f).v));
}

/** Frames for a leaf of @level: 512 of our own, or 1 GiB of whatever. */
static pfn_t frames_for(unsigned level) {
    pfn_t first = pfn(0);

    if (level == 2) {
        ck_assert_status(pmm_alloc_run(&m.pmm, pmm_block(PMM_ORDER_2M), &first),
                         MM_OK);
    }
    return first;
}

static void give_back(pfn_t first, unsigned level) {
    if (level == 2) {
        ck_assert_status(pmm_free_run(&m.pmm, first, pages_of(2)), MM_OK);
    }
}

static pfn_t unmap(vaddr_t va, unsigned level) {
    struct vmm_unmapped gone = vmm_unmap_leaf(&m.space, va, level);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    return gone.frame;
}

static void unmap_all(void) {
    struct vmm_changed gone =
        vmm_unmap_range(&m.space, vaddr(gib.v - GIB), 4 * pages_of(3));

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
}

/** After a refusal: not one entry changed, not one frame is gone. */
static void expect_untouched(void) {
    ck_assert_msg(machine_tables_hash(&m.space) == before,
                  "a refused call changed the page tables");
    ck_assert_uint_eq(m.space.tokens - m.space.tokens_used, 0);
    ck_assert(vmm_is_sound(&m.space, NULL));
}

START_TEST(a_large_leaf_shows_all_its_frames_to_loads_and_stores)
{ /* A3 V1 */
    const unsigned level = (unsigned)_i;
    const pfn_t first = frames_for(level);
    struct trap_fault fault;
    pfn_t f;
    vaddr_t va;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    va = level == 2 ? vaddr_add(gib, 511 * PAGE_SIZE + 7)
                    : vaddr_add(gib, paddr_of(f).v + 7);
    ck_assert_status(vmm_map_leaf(&m.space, gib, first, level, VMM_WRITE),
                     MM_OK);
    ck_assert_uint_eq(m.space.stats.maps, 1);
    *at(va) = 0x2a;
    ck_assert_uint_eq(bytes_of(level == 2 ? pfn_add(first, 511) : f)[7], 0x2a);
    ck_assert_uint_eq(vmm_translate(&m.space, va).page_size, level_size(level));
    ck_assert_uint_eq(unmap(gib, level).v, first.v);
    ck_assert_uint_eq(m.space.stats.invlpgs, 1);
    ck_assert(!trap_try_write(va, 1, &fault));
    ck_assert_hex_eq(fault.error, PF_WRITE);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    give_back(first, level);
}
END_TEST

START_TEST(a_large_leaf_that_cannot_be_is_refused)
{ /* V1 */
    const vaddr_t odd = vaddr_add(gib, PAGE_SIZE);
    const vaddr_t wild = vaddr(UINT64_C(0x0000800000000000));
    const pfn_t beyond = pfn(UINT64_C(1) << (m.space.phys_bits - PAGE_SHIFT));
    struct vmm_space *space = &m.space;

    for (unsigned level = 2; level <= 3; level++) {
        const pfn_t last = pfn(beyond.v - pages_of(level) / 2);

        ck_assert_status(vmm_map_leaf(space, wild, pfn(0), level, 0),
                         MM_NOT_CANONICAL);
        ck_assert_status(vmm_map_leaf(space, odd, pfn(0), level, 0),
                         MM_NOT_ALIGNED);
        ck_assert_status(vmm_map_leaf(space, gib, pfn(1), level, 0),
                         MM_NOT_ALIGNED);
        ck_assert_status(vmm_map_leaf(space, gib, beyond, level, 0),
                         MM_BAD_ARGUMENT);
        ck_assert_status(vmm_map_leaf(space, gib, last, level, 0),
                         MM_BAD_ARGUMENT);
        ck_assert_status(vmm_map_leaf(space, gib, pfn(0), level, 0x80),
                         MM_BAD_ARGUMENT);
        ck_assert_status(vmm_unmap_leaf(space, gib, level).status,
                         MM_NOT_MAPPED);
        ck_assert_status(vmm_protect_leaf(space, gib, level, 0).status,
                         MM_NOT_MAPPED);
        ck_assert_status(vmm_update_leaf(space, gib, pfn(0), level, 0).status,
                         MM_NOT_MAPPED);
        ck_assert_status(vmm_unmap_leaf(space, odd, level).status,
                         MM_NOT_ALIGNED);
    }
    ck_assert_status(vmm_map_leaf(space, gib, pfn(0), 0, 0), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_map_leaf(space, gib, pfn(0), 4, 0), MM_BAD_ARGUMENT);
    expect_untouched();
}
END_TEST

START_TEST(a_processor_without_1_gib_pages_is_given_none)
{ /* V1: the bit would be a reserved one */
    struct vmm_changed gone;

    m.space.largest = 2;
    ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(0), 3, 0),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_merge(&m.space, gib, 3), MM_BAD_ARGUMENT);
    expect_untouched();
    ck_assert_status(
        vmm_map_large(&m.space, gib, pfn(0), pages_of(3), VMM_READ), MM_OK);
    ck_assert_uint_eq(m.space.stats.maps, 512);
    ck_assert_uint_eq(vmm_translate(&m.space, gib).page_size, 2 * MIB);
    gone = vmm_unmap_range(&m.space, gib, pages_of(3));
    ck_assert_status(gone.status, MM_OK);
    ck_assert_uint_eq(vmm_token_pages(gone.token), 512);
    ck_assert_uint_eq(vmm_token_level(gone.token), 2);
    vmm_flush(gone.token);
}
END_TEST

START_TEST(a_leaf_of_another_size_is_told_from_none)
{ /* V1 */
    struct vmm_space *space = &m.space;

    ck_assert_status(vmm_map_leaf(space, gib, pfn(512), 2, 0), MM_OK);
    before = machine_tables_hash(space);
    ck_assert_status(vmm_unmap(space, gib).status, MM_HUGE_PAGE);
    ck_assert_status(vmm_protect(space, gib, 0).status, MM_HUGE_PAGE);
    ck_assert_status(vmm_update(space, gib, pfn(1), 0).status, MM_HUGE_PAGE);
    ck_assert_status(vmm_map(space, gib, pfn(1), 0), MM_HUGE_PAGE);
    ck_assert_status(vmm_unmap_leaf(space, gib, 3).status, MM_SMALL_PAGES);
    ck_assert_status(vmm_protect_leaf(space, gib, 3, 0).status, MM_SMALL_PAGES);
    ck_assert_status(vmm_update_leaf(space, gib, pfn(0), 3, 0).status,
                     MM_SMALL_PAGES);
    ck_assert_status(vmm_map_leaf(space, gib, pfn(512), 2, 0),
                     MM_ALREADY_MAPPED);
    ck_assert_status(vmm_map_leaf(space, gib, pfn(0), 3, 0), MM_ALREADY_MAPPED);
    expect_untouched();
    unmap(gib, 2);
}
END_TEST

/*
 *   PDPT entry --> PD --> PT --> nothing     three tables left by unmaps;
 *                     --> PT --> nothing     a large leaf takes their place
 */
START_TEST(a_large_leaf_takes_the_place_of_tables_that_show_nothing)
{ /* V4 */
    const unsigned level = (unsigned)_i;
    const vaddr_t other = vaddr_add(gib, 2 * MIB - PAGE_SIZE);
    const uint64_t tables = m.space.stats.tables;
    const uint64_t free_frames = pmm_free_count(&m.pmm);

    ck_assert_status(vmm_map(&m.space, gib, pfn(300), 0), MM_OK);
    ck_assert_status(vmm_map(&m.space, other, pfn(301), 0), MM_OK);
    unmap(gib, 1);
    before = machine_tables_hash(&m.space);
    ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(0), level, 0),
                     MM_ALREADY_MAPPED); /* other is in the way */
    expect_untouched();
    unmap(other, 1);
    ck_assert_uint_eq(m.space.stats.tables, tables + 3);
    ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(0), level, 0), MM_OK);
    ck_assert_uint_eq(m.space.stats.tables, tables + 4 - level);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), free_frames - 4 + level);
    ck_assert(vmm_is_sound(&m.space, NULL));
    unmap(gib, level);
}
END_TEST

/*
 *   pages   4K   2M   1G              2M   4K      both start and end off
 *           [.][....][..............][....][.]     their larger sizes
 */
START_TEST(a_large_map_takes_the_largest_leaves_that_fit)
{ /* A3 V7 */
    static const uint64_t sizes[] = { 4 * KIB, 2 * MIB, GIB, 2 * MIB, 4 * KIB };
    const uint64_t start = GIB - 2 * MIB - 4 * KIB; /* also the frames' */
    const vaddr_t va = vaddr(gib.v - GIB + start);
    uint64_t seen = 0;

    ck_assert_status(vmm_map_large(&m.space, va, pfn(start / PAGE_SIZE),
                                   (GIB + 4 * MIB + 8 * KIB) / PAGE_SIZE, 0),
                     MM_OK);
    ck_assert_uint_eq(m.space.stats.maps, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct vmm_translation t =
            vmm_translate(&m.space, vaddr_add(va, seen));

        ck_assert_status(t.status, MM_OK);
        ck_assert_uint_eq(t.page_size, sizes[i]);
        ck_assert_hex_eq(t.pa.v, start + seen);
        seen += sizes[i];
    }
    ck_assert_unmapped(&m.space, vaddr_add(va, seen));
    ck_assert_unmapped(&m.space, vaddr(va.v - 1));
    unmap_all();
    ck_assert_uint_eq(m.space.stats.unmaps, 5);
}
END_TEST

START_TEST(frames_that_are_not_aligned_like_their_pages_get_small_leaves)
{ /* A3 */
    ck_assert_status(vmm_map_large(&m.space, gib, pfn(1), 1024, 0), MM_OK);
    ck_assert_uint_eq(m.space.stats.maps, 1024);
    unmap_all();
}
END_TEST

START_TEST(an_updated_page_shows_the_new_frame_after_the_flush)
{ /* V1 */
    struct vmm_unmapped old;
    pfn_t a, b;

    ck_assert_status(pmm_alloc(&m.pmm, &a), MM_OK);
    ck_assert_status(pmm_alloc(&m.pmm, &b), MM_OK);
    bytes_of(a)[1] = 1;
    bytes_of(b)[1] = 2;
    ck_assert_status(vmm_map(&m.space, gib, a, VMM_READ), MM_OK);
    ck_assert_uint_eq(at(gib)[1], 1);
    old = vmm_update(&m.space, gib, b, VMM_WRITE);
    ck_assert_status(old.status, MM_OK);
    ck_assert_uint_eq(old.frame.v, a.v);
    ck_assert_ptr_eq(vmm_token_space(old.token), &m.space);
    vmm_flush(old.token);
    ck_assert_uint_eq(at(gib)[1], 2);
    at(gib)[1] = 3;
    ck_assert_uint_eq(bytes_of(a)[1], 1);
    before = machine_tables_hash(&m.space);
    ck_assert_status(
        vmm_update(&m.space, gib,
                   pfn(UINT64_C(1) << (m.space.phys_bits - PAGE_SHIFT)), 0)
            .status,
        MM_BAD_ARGUMENT);
    expect_untouched();
    unmap(gib, 1);
    ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(512), 2, 0), MM_OK);
    ck_assert_status(vmm_update_leaf(&m.space, gib, pfn(513), 2, 0).status,
                     MM_NOT_ALIGNED);
    unmap(gib, 2);
    ck_assert_status(pmm_free(&m.pmm, a), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, b), MM_OK);
}
END_TEST

START_TEST(a_large_page_that_loses_a_right_refuses_after_the_flush)
{ /* V5 */
    const pfn_t first = frames_for(2);
    struct vmm_changed changed;
    struct trap_fault fault;

    ck_assert_status(vmm_map_leaf(&m.space, gib, first, 2, VMM_WRITE), MM_OK);
    *at(gib) = 1;
    changed = vmm_protect_leaf(&m.space, gib, 2, VMM_READ);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert(!trap_try_write(gib, 2, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_uint_eq(vmm_translate(&m.space, gib).page_size, 2 * MIB);
    changed = vmm_protect_leaf(&m.space, gib, 2, VMM_WRITE);
    ck_assert_ptr_null(vmm_token_space(changed.token));
    ck_assert(trap_try_write(vaddr_add(gib, MIB), 2, &fault));
    unmap(gib, 2);
    give_back(first, 2);
}
END_TEST

/* --- split and merge -------------------------------------------------------
 */

/** Every bit of a leaf that is neither address, P nor PS; PAT by itself. */
static const uint64_t attributes[] = {
    0,
    PTE_WRITABLE,
    PTE_USER,
    PTE_WRITE_THROUGH,
    PTE_CACHE_DISABLE,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_GLOBAL,
    PTE_NO_EXECUTE,
    PTE_PAT_HUGE,
    UINT64_C(7) << 9,             /* ours to use */
    UINT64_C(5) << PTE_KEY_SHIFT, /* protection key */
    PTE_WRITABLE | PTE_USER | PTE_WRITE_THROUGH | PTE_CACHE_DISABLE |
        PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_NO_EXECUTE | PTE_PAT_HUGE |
        UINT64_C(7) << 9 | UINT64_C(5) << PTE_KEY_SHIFT,
};
#define ATTRIBUTES (int)(sizeof(attributes) / sizeof(attributes[0]))

/** What a leaf of @level with @bits of a large one looks like. */
static uint64_t small_bits(uint64_t bits, unsigned level) {
    bits |= PTE_PRESENT;
    if (level > 1) {
        return bits | PTE_HUGE;
    }
    return (bits & PTE_PAT_HUGE) ? (bits & ~PTE_PAT_HUGE) | PTE_PAT_4K : bits;
}

START_TEST(splitting_and_merging_keep_every_bit_of_a_leaf)
{ /* V24: PAT lies elsewhere in a small leaf */
    const uint64_t bits = attributes[_i];

    for (unsigned level = 2; level <= 3; level++) {
        const uint64_t step = level_size(level - 1);
        pte_t *entry, large;

        ck_assert_status(
            vmm_map_leaf(&m.space, gib, pfn(pages_of(level)), level, 0), MM_OK);
        entry = machine_entry(&m.space, gib, level);
        *entry = pte(level_size(level) | PTE_HUGE | PTE_PRESENT | bits);
        large = *entry;
        ck_assert_status(vmm_split(&m.space, gib, level - 1), MM_OK);
        ck_assert(pte_has(*entry, PTE_PRESENT | PTE_WRITABLE | PTE_USER));
        ck_assert(!pte_has(*entry, PTE_NO_EXECUTE) &&
                  !pte_has(*entry, PTE_HUGE));
        for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
            const vaddr_t va = vaddr_add(gib, n * step);

            ck_assert_hex_eq(machine_entry(&m.space, va, level - 1)->v,
                             (level_size(level) + n * step) |
                                 small_bits(bits, level - 1));
        }
        ck_assert_status(vmm_merge(&m.space, gib, level), MM_OK);
        ck_assert_hex_eq(entry->v, large.v);
        ck_assert(vmm_is_sound(&m.space, NULL));
        unmap(gib, level);
    }
}
END_TEST

START_TEST(one_gib_becomes_small_pages_around_one_address_only)
{ /* V24 */
    const vaddr_t va = vaddr_add(gib, 5 * MIB + 0x123);
    const uint64_t tables = m.space.stats.tables;

    ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(0), 3, VMM_WRITE), MM_OK);
    ck_assert_status(vmm_split(&m.space, va, 1), MM_OK);
    ck_assert_uint_eq(m.space.stats.tables, tables + 3); /* PDPT, PD, PT */
    ck_assert_uint_eq(vmm_translate(&m.space, va).page_size, 4 * KIB);
    ck_assert_hex_eq(vmm_translate(&m.space, va).pa.v, 5 * MIB + 0x123);
    ck_assert_uint_eq(vmm_translate(&m.space, gib).page_size, 2 * MIB);
    ck_assert_uint_eq(m.space.stats.invlpgs, 1);
    before = machine_tables_hash(&m.space);
    ck_assert_status(vmm_split(&m.space, va, 1), MM_OK); /* small already */
    ck_assert_status(vmm_split(&m.space, gib, 2), MM_OK);
    expect_untouched();
    ck_assert_uint_eq(m.space.stats.invlpgs, 1);
    ck_assert_status(vmm_merge(&m.space, gib, 3), MM_SMALL_PAGES);
    ck_assert_status(vmm_merge(&m.space, vaddr_add(gib, 4 * MIB), 2), MM_OK);
    ck_assert_status(vmm_merge(&m.space, gib, 3), MM_OK);
    ck_assert_uint_eq(vmm_translate(&m.space, va).page_size, GIB);
    ck_assert_uint_eq(m.space.stats.tables, tables + 1);
    unmap(gib, 3);
}
END_TEST

START_TEST(a_split_that_cannot_be_changes_nothing)
{ /* V24 V8 */
    struct vmm_space *space = &m.space;

    ck_assert_status(vmm_split(space, gib, 1), MM_NOT_MAPPED);
    ck_assert_status(vmm_map_leaf(space, gib, pfn(0), 3, 0), MM_OK);
    before = machine_tables_hash(space);
    for (uint64_t left = 0; left < 2; left++) {
        machine_leave_free(&m.pmm, left);
        ck_assert_status(vmm_split(space, gib, 1), MM_NO_MEMORY);
        ck_assert_uint_eq(pmm_free_count(&m.pmm), left);
        expect_untouched();
    }
    ck_assert_status(vmm_split(space, gib, 0), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_split(space, gib, 3), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_split(space, vaddr(UINT64_C(1) << 47), 1),
                     MM_NOT_CANONICAL);
    expect_untouched();
    machine_leave_free(&m.pmm, 2);
    ck_assert_status(vmm_split(space, gib, 1), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
    unmap_all();
}
END_TEST

static void merge_is(enum mm_status status) {
    before = machine_tables_hash(&m.space);
    ck_assert_status(vmm_merge(&m.space, gib, 2), status);
    expect_untouched();
}

START_TEST(pages_that_are_not_one_large_page_are_not_merged)
{ /* V24 */
    static const uint64_t flips[] = {
        PTE_WRITABLE,      PTE_USER,
        PTE_WRITE_THROUGH, PTE_CACHE_DISABLE,
        PTE_GLOBAL,        PTE_PAT_4K,
        PTE_NO_EXECUTE,    PAGE_SIZE, /* its frame */
        UINT64_C(1) << 9,  UINT64_C(1) << PTE_KEY_SHIFT,
    };
    pte_t *one;

    merge_is(MM_NOT_MAPPED);
    ck_assert_status(vmm_map_range(&m.space, gib, pfn(512), 511, 0), MM_OK);
    merge_is(MM_NOT_MAPPED); /* the last one is missing */
    unmap_all();
    ck_assert_status(vmm_map_range(&m.space, gib, pfn(513), 512, 0), MM_OK);
    merge_is(MM_REFUSED); /* frames not aligned */
    unmap_all();
    ck_assert_status(vmm_map_range(&m.space, gib, pfn(512), 512, 0), MM_OK);
    one = machine_entry(&m.space, vaddr_add(gib, 77 * PAGE_SIZE), 1);
    for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        one->v ^= flips[i];
        merge_is(MM_REFUSED);
        one->v ^= flips[i];
    }
    ck_assert_status(vmm_merge(&m.space, vaddr_add(gib, PAGE_SIZE), 2),
                     MM_NOT_ALIGNED);
    ck_assert_status(vmm_merge(&m.space, vaddr_add(gib, 1), 2), MM_NOT_ALIGNED);
    ck_assert_status(vmm_merge(&m.space, gib, 1), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_merge(&m.space, gib, 2), MM_OK);
    merge_is(MM_HUGE_PAGE);
    unmap(gib, 2);
}
END_TEST

START_TEST(a_table_that_is_not_ours_is_not_merged_away)
{                                    /* V24 */
    const pfn_t foreign = pfn(0x10); /* RAM in the first MiB: withheld */
    pte_t *entry,
        *leaves =
            pointer_of(vaddr_add(m.space.direct_base, paddr_of(foreign).v));
    pte_t kept;

    ck_assert_status(vmm_map_range(&m.space, gib, pfn(512), 512, 0), MM_OK);
    entry = machine_entry(&m.space, gib, 2);
    kept = *entry;
    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        leaves[n] = *machine_entry(&m.space, vaddr_add(gib, n * PAGE_SIZE), 1);
    }
    *entry = pte_make(foreign, PTE_PRESENT);
    ck_assert_status(vmm_merge(&m.space, gib, 2), MM_REFUSED);
    *entry = kept;
    hw_invlpg(gib);
    unmap_all();
}
END_TEST

START_TEST(a_merged_page_is_accessed_and_dirty_if_one_of_its_pages_was)
{ /* V24 */
    pte_t *one;

    ck_assert_status(vmm_map_range(&m.space, gib, pfn(512), 512, 0), MM_OK);
    one = machine_entry(&m.space, vaddr_add(gib, 77 * PAGE_SIZE), 1);
    one->v |= PTE_DIRTY | PTE_ACCESSED;
    ck_assert_status(vmm_merge(&m.space, gib, 2), MM_OK);
    ck_assert(
        pte_has(*machine_entry(&m.space, gib, 2), PTE_DIRTY | PTE_ACCESSED));
    unmap(gib, 2);
}
END_TEST

START_TEST(what_the_table_forbade_the_merged_page_forbids)
{ /* V3 V24 */
    const unsigned all = VMM_WRITE | VMM_EXECUTE | VMM_USER;
    const unsigned left = all & ~(1u << _i);
    struct vmm_changed changed;

    ck_assert_status(vmm_map_range(&m.space, gib, pfn(512), 512, all), MM_OK);
    changed = vmm_protect_table(&m.space, gib, 2, left);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert_uint_eq(vmm_translate(&m.space, gib).access, left);
    ck_assert_status(vmm_merge(&m.space, gib, 2), MM_OK);
    ck_assert_uint_eq(vmm_translate(&m.space, gib).access, left);
    unmap(gib, 2);
}
END_TEST

/*
 *   TLB   512 small translations   merge: all must go, or the one INVLPG of the
 *                                  large page later leaves 511 of them
 */
START_TEST(nothing_small_is_remembered_of_a_merged_page)
{ /* V24 */
    const unsigned access = VMM_WRITE | (_i ? VMM_GLOBAL : 0u);
    const pfn_t first = frames_for(2);
    struct trap_fault fault;
    uint8_t value;

    ck_assert_status(vmm_map_range(&m.space, gib, first, 512, access), MM_OK);
    for (uint64_t n = 0; n < 512; n++) {
        *at(vaddr_add(gib, n * PAGE_SIZE)) = (uint8_t)n;
    }
    ck_assert_status(vmm_merge(&m.space, gib, 2), MM_OK);
    ck_assert_uint_eq(m.space.stats.flushed_all, 1);
    ck_assert_uint_eq(m.space.stats.invlpgs, 0);
    ck_assert_uint_eq(*at(vaddr_add(gib, 511 * PAGE_SIZE)), 511 & 0xff);
    unmap(gib, 2);
    for (uint64_t n = 0; n < 512; n++) {
        ck_assert_msg(
            !trap_try_read(vaddr_add(gib, n * PAGE_SIZE), &value, &fault),
            "page %lu was still readable", (unsigned long)n);
    }
    give_back(first, 2);
}
END_TEST

START_TEST(one_page_of_a_split_page_goes_and_the_others_stay)
{ /* V24 */
    const pfn_t first = frames_for(2);
    const vaddr_t page = vaddr_add(gib, 300 * PAGE_SIZE);
    struct trap_fault fault;

    ck_assert_status(vmm_map_leaf(&m.space, gib, first, 2, VMM_WRITE), MM_OK);
    *at(page) = 1;
    ck_assert_status(vmm_split(&m.space, gib, 1), MM_OK);
    ck_assert_uint_eq(unmap(page, 1).v, first.v + 300);
    ck_assert(!trap_try_write(page, 2, &fault));
    ck_assert(trap_try_write(vaddr(page.v - 1), 2, &fault));
    ck_assert(trap_try_write(vaddr_add(page, PAGE_SIZE), 2, &fault));
    ck_assert_uint_eq(bytes_of(pfn_add(first, 300))[0], 1);
    unmap_all();
    give_back(first, 2);
}
END_TEST

static void add_cases(Suite *suite, SFun start) {
    TCase *tc = tcase_create("leaves");

    tcase_add_checked_fixture(tc, start, teardown);
    tcase_add_loop_test(
        tc, a_large_leaf_shows_all_its_frames_to_loads_and_stores, 2, 4);
    tcase_add_test(tc, a_large_leaf_that_cannot_be_is_refused);
    tcase_add_test(tc, a_processor_without_1_gib_pages_is_given_none);
    tcase_add_test(tc, a_leaf_of_another_size_is_told_from_none);
    tcase_add_loop_test(
        tc, a_large_leaf_takes_the_place_of_tables_that_show_nothing, 2, 4);
    tcase_add_test(tc, a_large_map_takes_the_largest_leaves_that_fit);
    tcase_add_test(
        tc, frames_that_are_not_aligned_like_their_pages_get_small_leaves);
    tcase_add_test(tc, an_updated_page_shows_the_new_frame_after_the_flush);
    tcase_add_test(tc, a_large_page_that_loses_a_right_refuses_after_the_flush);
    suite_add_tcase(suite, tc);

    tc = tcase_create("split and merge");
    tcase_add_checked_fixture(tc, start, teardown);
    tcase_add_loop_test(tc, splitting_and_merging_keep_every_bit_of_a_leaf, 0,
                        ATTRIBUTES);
    tcase_add_test(tc, one_gib_becomes_small_pages_around_one_address_only);
    tcase_add_test(tc, a_split_that_cannot_be_changes_nothing);
    tcase_add_test(tc, pages_that_are_not_one_large_page_are_not_merged);
    tcase_add_test(tc, a_table_that_is_not_ours_is_not_merged_away);
    tcase_add_test(tc,
                   a_merged_page_is_accessed_and_dirty_if_one_of_its_pages_was);
    tcase_add_loop_test(tc, what_the_table_forbade_the_merged_page_forbids, 0,
                        3);
    tcase_add_loop_test(tc, nothing_small_is_remembered_of_a_merged_page, 0, 2);
    tcase_add_test(tc, one_page_of_a_split_page_goes_and_the_others_stay);
    suite_add_tcase(suite, tc);
}

/* A4: the same by the direct map, by a window, by a recursive slot. */
Suite *vmm_large_suite(void) {
    Suite *suite = suite_create("vmm_large");

    add_cases(suite, setup);
    add_cases(suite, setup_temporary);
    add_cases(suite, setup_recursive);
    return suite;
}
