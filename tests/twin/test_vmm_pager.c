/*
 * What a pager is told of its region: fork, save, the end.
 *
 *   parent   [ page ]--> disk 0          child   [ page ]--> disk 1
 *                 \___________ one frame ___________/      until one writes
 *
 * Each disk is a run of frames, a block per page, and each space has its own
 * oracle: the byte that each page should hold.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define PAGES 16u
#define SIDES 2u

static const vaddr_t base = { UINT64_C(0x8000000) };
static struct vmm_space spaces[SIDES];
static uint8_t oracle[SIDES][PAGES];

/* --- two disks --------------------------------------------------------------
 */

static struct disk {
    struct vmm_pager pager; /* first */
    pfn_t first;
    unsigned saves, forks, ends;
    bool dead;
} disks[SIDES];

static uint8_t *block(const struct disk *disk, vaddr_t page) {
    const pfn_t f = pfn_add(disk->first, page.v >> PAGE_SHIFT & (PAGES - 1));

    return pointer_of(vaddr_add(m.space.direct_base, paddr_of(f).v));
}

static enum mm_status load(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           void *bytes) {
    (void)region;
    memcpy(bytes, block((struct disk *)pager, page), PAGE_SIZE);
    return MM_OK;
}

static enum mm_status save(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           const void *bytes) {
    struct disk *disk = (struct disk *)pager;

    (void)region;
    if (disk->dead) {
        return MM_NOT_MAPPED; /* a status of its own */
    }
    disk->saves++;
    memcpy(block(disk, page), bytes, PAGE_SIZE);
    return MM_OK;
}

static enum mm_status copy_disk(struct vmm_pager *pager,
                                const struct vmm_region *region,
                                struct vmm_pager **child) {
    struct disk *disk = (struct disk *)pager;

    if (disk->dead) {
        return MM_NOT_MAPPED;
    }
    for (uint64_t n = 0; n < PAGES; n++) {
        const vaddr_t page = vaddr_add(region->range.base, n * PAGE_SIZE);

        memcpy(block(&disks[1], page), block(disk, page), PAGE_SIZE);
    }
    disks[1].forks++;
    *child = &disks[1].pager;
    return MM_OK;
}

static void count_end(struct vmm_pager *pager,
                      const struct vmm_region *region) {
    ck_assert_str_eq(region->name, "paged");
    ((struct disk *)pager)->ends++;
}

/* --- the machine with them --------------------------------------------------
 */

static struct vmm_region region_at(vaddr_t va) {
    return (struct vmm_region){ .name = "paged",
                                .range = { va, PAGES * PAGE_SIZE },
                                .access = VMM_WRITE | VMM_USER,
                                .backing = VMM_PAGED,
                                .pager = &disks[0].pager };
}

static void setup(void) {
    const struct pmm_want want = { .count = PAGES };

    machine_start_pages(&m);
    ck_assert_status(pmm_keep_books(&m.pmm), MM_OK);
    m.free_at_start = pmm_free_count(&m.pmm);
    for (unsigned n = 0; n < SIDES; n++) {
        disks[n] =
            (struct disk){ .pager = { load, save, copy_disk, count_end } };
        ck_assert_status(pmm_alloc_run(&m.pmm, want, &disks[n].first), MM_OK);
    }
    for (uint64_t n = 0; n < PAGES; n++) {
        memset(block(&disks[0], vaddr(n * PAGE_SIZE)), (int)n, PAGE_SIZE);
        oracle[0][n] = (uint8_t)n;
    }
    ck_assert_status(vmm_space_create(&spaces[0], &m.space), MM_OK);
    ck_assert_status(vmm_region_add(&spaces[0], region_at(base)), MM_OK);
}

static void teardown(void) {
    for (unsigned n = 0; n < SIDES; n++) {
        ck_assert_status(pmm_free_run(&m.pmm, disks[n].first, PAGES), MM_OK);
    }
    machine_stop_pages(&m);
}

static vaddr_t byte_of(uint64_t n) {
    return vaddr_add(base, n * PAGE_SIZE + 5);
}

static void read_page(unsigned side, uint64_t n) {
    uint8_t seen = 0;

    ck_must(vmm_copy_in(&seen, &spaces[side], byte_of(n), 1).status == MM_OK,
            "page %lu can not be read", (unsigned long)n);
    ck_must(seen == oracle[side][n], "page %lu of side %u is %u, expected %u",
            (unsigned long)n, side, seen, oracle[side][n]);
}

static void write_page(unsigned side, uint64_t n, uint8_t value) {
    ck_must(vmm_copy_out(&spaces[side], byte_of(n), &value, 1).status == MM_OK,
            "page %lu can not be written", (unsigned long)n);
    oracle[side][n] = value;
}

static void expect_all(unsigned side) {
    const char *why = "";

    for (uint64_t n = 0; n < PAGES; n++) {
        read_page(side, n);
    }
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
}

static void fork_side(void) {
    ck_assert_status(vmm_space_fork(&spaces[1], &spaces[0]), MM_OK);
    memcpy(oracle[1], oracle[0], sizeof oracle[0]);
}

static void destroy(unsigned side) {
    ck_assert_status(vmm_space_destroy(&spaces[side]), MM_OK);
}

/* --- fork ------------------------------------------------------------------
 */

/* Pages never touched, read, written, written and taken away. */
START_TEST(a_forked_paged_region_keeps_what_each_side_writes_apart)
{ /* V22 V23 */
    uint64_t dice = (uint64_t)_i + 1;

    for (uint64_t n = 0; n < PAGES / 2; n++) {
        write_page(0, n, (uint8_t)(100 + n));
    }
    for (unsigned n = 0; n < 3; n++) {
        ck_assert_status(vmm_evict(&spaces[0]), MM_OK);
    }
    read_page(0, PAGES - 1);
    fork_side();
    for (unsigned step = 0; step < 400; step++) {
        const unsigned side = dice >> 60 & 1;

        dice = hash_mix(dice);
        switch (dice >> 40 & 3) {
        case 0:
            (void)!vmm_evict(&spaces[side]); /* there may be nothing */
            break;
        case 1:
            write_page(side, dice % PAGES, (uint8_t)(dice >> 50));
            break;
        default:
            read_page(side, dice % PAGES);
        }
    }
    expect_all(0);
    expect_all(1);
    destroy((unsigned)_i % SIDES);
    expect_all(1 - (unsigned)_i % SIDES);
    destroy(1 - (unsigned)_i % SIDES);
    ck_assert_uint_eq(disks[0].ends, 1);
    ck_assert_uint_eq(disks[1].ends, 1);
}
END_TEST

START_TEST(a_pager_that_can_not_fork_refuses_the_fork)
{ /* V22 V23: two spaces would save one page */
    const uint64_t left = pmm_free_count(&m.pmm);

    disks[0].pager.fork = NULL;
    ck_assert_status(vmm_space_fork(&spaces[1], &spaces[0]), MM_REFUSED);
    disks[0].pager.fork = copy_disk;
    disks[0].dead = true;
    ck_assert_status(vmm_space_fork(&spaces[1], &spaces[0]), MM_NOT_MAPPED);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), left);
    ck_assert_uint_eq(disks[0].ends + disks[1].ends, 0);
    expect_all(0);
    destroy(0);
}
END_TEST

/* So many regions that the records of the last need a frame as well. */
START_TEST(a_fork_that_runs_out_of_frames_ends_every_pager_it_made)
{ /* V8 V22 V23 */
    const unsigned more = VMM_RECORDS_INSIDE;
    enum mm_status status = MM_NO_MEMORY;

    for (uint64_t n = 1; n <= more; n++) {
        const vaddr_t va = vaddr_add(base, 2 * n * PAGES * PAGE_SIZE);

        ck_assert_status(vmm_region_add(&spaces[0], region_at(va)), MM_OK);
    }
    write_page(0, 3, 33);
    for (uint64_t left = 0; status == MM_NO_MEMORY; left++) {
        const uint64_t evicted = spaces[0].stats.evictions;

        machine_leave_free(&m.pmm, left);
        disks[1].forks = disks[1].ends = 0;
        status = vmm_space_fork(&spaces[1], &spaces[0]);
        if (status != MM_OK) {
            ck_assert_status(status, MM_NO_MEMORY);
            ck_assert_uint_eq(disks[1].ends, disks[1].forks);
            ck_assert_uint_eq(pmm_free_count(&m.pmm),
                              left + spaces[0].stats.evictions - evicted);
        }
    }
    machine_give_back(&m.pmm);
    ck_assert_status(status, MM_OK);
    ck_assert_uint_eq(spaces[0].stats.evictions, 1); /* all there was */
    ck_assert_uint_eq(disks[1].forks, more + 1);
    memcpy(oracle[1], oracle[0], sizeof oracle[0]);
    expect_all(1);
    destroy(0);
    destroy(1);
}
END_TEST

/* --- save and end -----------------------------------------------------------
 */

START_TEST(a_region_that_goes_saves_nothing_and_tells_its_pager)
{ /* V13 V23 */
    write_page(0, 2, 22);
    ck_assert_status(vmm_region_split(&spaces[0], byte_of(8)), MM_NOT_ALIGNED);
    ck_assert_status(
        vmm_region_split(&spaces[0], vaddr_add(base, 8 * PAGE_SIZE)), MM_OK);
    ck_assert_status(vmm_region_remove(&spaces[0], base), MM_OK);
    ck_assert_uint_eq(disks[0].ends, 1); /* the other half is still there */
    ck_assert_uint_eq(disks[0].saves, 0);
    ck_assert_uint_eq(*block(&disks[0], byte_of(2)), 2);
    read_page(0, 9);
    disks[0].pager.end = NULL; /* need not know */
    destroy(0);
    ck_assert_uint_eq(disks[0].ends, 1);
}
END_TEST

START_TEST(a_region_is_saved_when_somebody_asks_and_its_pages_stay)
{ /* V23 */
    read_page(0, 1);
    write_page(0, 2, 22);
    write_page(0, 5, 55);
    ck_assert_status(vmm_region_save(&spaces[0], base), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 2);
    ck_assert_uint_eq(block(&disks[0], byte_of(5))[5], 55);
    ck_assert_uint_eq(spaces[0].stats.evictions, 0);
    ck_assert_status(vmm_region_save(&spaces[0], base), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 2); /* clean by now */
    write_page(0, 5, 56);
    disks[0].dead = true;
    ck_assert_status(vmm_region_save(&spaces[0], base), MM_NOT_MAPPED);
    disks[0].dead = false;
    ck_assert_status(vmm_region_save(&spaces[0], base), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 3);
    ck_assert_uint_eq(block(&disks[0], byte_of(5))[5], 56);
    expect_all(0);
    destroy(0);
}
END_TEST

START_TEST(only_a_paged_region_can_be_saved)
{ /* V23 */
    struct vmm_region demand = region_at(vaddr(TIB));

    demand.backing = VMM_DEMAND;
    ck_assert_status(vmm_region_add(&spaces[0], demand), MM_OK);
    ck_assert_status(vmm_region_save(&spaces[0], vaddr(TIB)), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_region_save(&spaces[0], byte_of(1)), MM_NO_REGION);
    destroy(0);
}
END_TEST

START_TEST(a_write_after_a_save_is_saved_the_next_time)
{ /* V54 of the seeded mistakes: D is cleared, and what is remembered too */
    const vaddr_t own = vaddr(UINT64_C(0x444444440000));
    volatile uint8_t *byte = pointer_of(own);
    struct vmm_region region = region_at(own);

    region.access = VMM_WRITE;
    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    *byte = 1;
    ck_assert_status(vmm_region_save(&m.space, own), MM_OK);
    *byte = 2; /* by the processor, which must set D again */
    ck_assert_status(vmm_region_save(&m.space, own), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 2);
    ck_assert_uint_eq(*block(&disks[0], own), 2);
    ck_assert_status(vmm_region_remove(&m.space, own), MM_OK);
    destroy(0);
}
END_TEST

/* INVLPG when A is cleared; none of a page that lacks A since. */
START_TEST(a_page_that_is_taken_away_costs_one_flush)
{ /* V2 V23 */
    const vaddr_t own = vaddr(UINT64_C(0x444444440000));
    struct vmm_region region = region_at(own);
    uint64_t invlpgs;

    region.access = VMM_WRITE;
    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    *(volatile uint8_t *)pointer_of(own) = 1;
    invlpgs = m.space.stats.invlpgs;
    ck_assert_status(vmm_evict(&m.space), MM_OK);
    ck_assert_uint_eq(m.space.stats.invlpgs, invlpgs + 1);
    *(volatile uint8_t *)pointer_of(own) = 2; /* nothing is remembered of it */
    ck_assert_uint_eq(m.space.stats.loads, 2);
    ck_assert_status(vmm_region_remove(&m.space, own), MM_OK);
    destroy(0);
}
END_TEST

/* The hand of the clock, and the loop over a region, stop at 2^64. */
START_TEST(the_last_page_there_is_can_be_kept_and_taken_away)
{ /* V7 V23 */
    const vaddr_t last = vaddr(-(uint64_t)PAGE_SIZE);
    struct vmm_region region = region_at(last);

    region.range.len = PAGE_SIZE;
    region.access = VMM_WRITE;
    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert_status(vmm_fault(&m.space, last, PF_WRITE).status, MM_OK);
    machine_entry(&m.space, last, 1)->v |= PTE_DIRTY;
    disks[0].dead = true;
    ck_assert_status(vmm_evict(&m.space), MM_NOT_MAPPED);
    ck_assert_status(vmm_region_save(&m.space, last), MM_NOT_MAPPED);
    disks[0].dead = false;
    ck_assert_status(vmm_region_save(&m.space, last), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 1);
    ck_assert_status(vmm_evict(&m.space), MM_OK);
    ck_assert_uint_eq(disks[0].saves, 1);
    ck_assert_status(vmm_region_remove(&m.space, last), MM_OK);
    destroy(0);
}
END_TEST

Suite *vmm_pager_suite(void) {
    Suite *suite = suite_create("vmm_pager");
    TCase *tc = tcase_create("pager");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, a_forked_paged_region_keeps_what_each_side_writes_apart, 0, 4);
    tcase_add_test(tc, a_pager_that_can_not_fork_refuses_the_fork);
    tcase_add_test(tc, a_fork_that_runs_out_of_frames_ends_every_pager_it_made);
    tcase_add_test(tc, a_region_that_goes_saves_nothing_and_tells_its_pager);
    tcase_add_test(tc, a_region_is_saved_when_somebody_asks_and_its_pages_stay);
    tcase_add_test(tc, only_a_paged_region_can_be_saved);
    tcase_add_test(tc, a_write_after_a_save_is_saved_the_next_time);
    tcase_add_test(tc, a_page_that_is_taken_away_costs_one_flush);
    tcase_add_test(tc, the_last_page_there_is_can_be_kept_and_taken_away);
    suite_add_tcase(suite, tc);
    return suite;
}
