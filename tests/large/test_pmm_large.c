/*
 * Frames of a simulated machine with 16 TiB: the RAM is sparse, so what the pmm
 * touches of it can be counted, in chunks of 128 KiB.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pmm/pmm.h"
#include "sim/sim.h"

static struct sim *sim;
static struct pmm pmm;

static void setup(void) {
    static const struct memmap_entry map[] = {
        { { { 0 }, 0x9f000 }, MEMMAP_USABLE },
        { { { MIB }, 3 * GIB - MIB }, MEMMAP_USABLE },
        { { { 4 * GIB }, 16 * TIB - 4 * GIB }, MEMMAP_USABLE },
    };
    struct sim_config config = sim_default_config;
    char why[256] = "";

    config.map = map;
    config.map_count = sizeof(map) / sizeof(map[0]);
    ck_assert_msg(sim_create(&sim, &config, why, sizeof(why)) == SIM_OK, "%s",
                  why);
}

static void teardown(void) {
    sim_destroy(sim);
}

static uint64_t chunks_touched(void) {
    const uint64_t chunks = sim->ram.size / RAM_CHUNK;
    uint64_t touched = 0;

    for (uint64_t i = 0; i < chunks; i++) {
        touched += sim->ram.ready[i];
    }
    return touched;
}

/** Those that say nothing of a frame before it is handed out. */
static const struct pmm_class *const late[] = { &pmm_areas, &pmm_bump,
                                                &pmm_stack };

START_TEST(sixteen_tib_start_without_touching_ram)
{
    const uint64_t at_boot = chunks_touched();

    ck_assert_int_eq(pmm_init(&pmm, &sim->boot, late[_i]), MM_OK);
    ck_assert_uint_eq(chunks_touched(), at_boot);
    ck_assert_uint_gt(pmm_free_count(&pmm), (16 * TIB - 2 * GIB) >> PAGE_SHIFT);
    ck_assert_uint_ge(pmm.metadata.base.v, 4 * GIB);
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

/** The first words of @count frames from @f are ours. */
static void use(pfn_t f, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        const paddr_t pa = paddr_of(pfn_add(f, n));
        uint64_t *word = pointer_of(vaddr_add(pmm.direct_base, pa.v));

        *word = f.v + n;
        ck_assert_uint_eq(*word, f.v + n);
    }
}

START_TEST(sixteen_tib_hand_out_frames_and_blocks_and_low_memory)
{
    static pfn_t frames[2000];
    struct pmm_want low = pmm_block(9);
    pfn_t block, dma;
    uint64_t at_boot;

    ck_assert_int_eq(pmm_init(&pmm, &sim->boot, &pmm_areas), MM_OK);
    at_boot = chunks_touched();
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(pmm_alloc(&pmm, &frames[i]), MM_OK);
        ck_assert_uint_ge(frames[i].v, PMM_BELOW_4G.v);
    }
    /* A chunk each of bits, of counts, of the index on three levels. */
    ck_assert_uint_le(chunks_touched() - at_boot, 6);
    use(frames[1999], 1);

    low.below = PMM_BELOW_4G;
    ck_assert_int_eq(pmm_alloc_run(&pmm, low, &block), MM_OK);
    ck_assert_uint_le(block.v + 512, PMM_BELOW_4G.v);
    use(block, 3);
    ck_assert_int_eq(
        pmm_alloc_run(&pmm, (struct pmm_want){ 4, 4, PMM_BELOW_16M, "dma" },
                      &dma),
        MM_OK);
    ck_assert_uint_le(dma.v + 4, PMM_BELOW_16M.v);

    ck_assert_int_eq(pmm_free_run(&pmm, dma, 4), MM_OK);
    ck_assert_int_eq(pmm_free_run(&pmm, block, 512), MM_OK);
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(pmm_free(&pmm, frames[i]), MM_OK);
    }
    ck_assert_int_eq(pmm_free(&pmm, pfn(pmm.frames - 1)), MM_NOT_ALLOCATED);
    ck_assert_int_eq(pmm_free(&pmm, pfn(pmm.frames)), MM_NOT_MANAGED);
    ck_assert_uint_eq(pmm.stats.allocated, 0);
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

/* All of it as blocks of 1 GiB would walk; 64 GiB in blocks of 2 MiB don't. */
/*
 * No quick way leads to a run of three: it is looked for.
 *
 *   1 MiB     3 GiB   4 GiB             8 TiB      9 TiB          16 TiB
 *   [ second )        [ first           )          [ all below it opens )
 */
START_TEST(a_run_that_is_looked_for_is_the_first_above_4_gib)
{
    struct memmap_entry map[8];
    struct hw_boot boot = sim->boot;
    struct pmm_want want = { .count = 3 };
    pfn_t f;

    ck_assert_uint_lt(boot.map_count, 8);
    memcpy(map, boot.map, boot.map_count * sizeof map[0]);
    map[boot.map_count++] =
        (struct memmap_entry){ { { 8 * TIB }, TIB }, MEMMAP_RESERVED };
    boot.map = map;
    ck_assert_int_eq(pmm_init(&pmm, &boot, &pmm_areas), MM_OK);
    ck_assert_int_eq(pmm_alloc_run(&pmm, want, &f), MM_OK);
    ck_assert_uint_ge(paddr_of(f).v, 4 * GIB);
    ck_assert_uint_lt(paddr_of(f).v, 8 * GIB);
    want.below = PMM_BELOW_4G;
    ck_assert_int_eq(pmm_alloc_run(&pmm, want, &f), MM_OK);
    ck_assert_uint_lt(paddr_of(f).v, 4 * GIB);
    want.below = pfn(200);
    ck_assert_int_eq(pmm_alloc_run(&pmm, want, &f), MM_NO_MEMORY);
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

START_TEST(sixteen_tib_hand_out_64_gib_in_blocks)
{
    const uint64_t blocks = 64 * GIB / (2 * MIB);
    pfn_t f;

    ck_assert_int_eq(pmm_init(&pmm, &sim->boot, &pmm_areas), MM_OK);
    for (uint64_t i = 0; i < blocks; i++) {
        ck_assert_int_eq(pmm_alloc_run(&pmm, pmm_block(9), &f), MM_OK);
    }
    use(f, 1);
    ck_assert_uint_eq(pmm.stats.allocated, blocks * 512);
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

/* More areas of a class than are tried, and no two free frames together. */
START_TEST(a_block_is_not_made_of_frames_that_lie_apart_in_many_areas)
{
    static pfn_t frames[20 * 512];
    const uint64_t count = sizeof(frames) / sizeof(frames[0]);
    pfn_t block;

    ck_assert_int_eq(pmm_init(&pmm, &sim->boot, &pmm_areas), MM_OK);
    for (uint64_t i = 0; i < count; i++) {
        ck_assert_int_eq(pmm_alloc(&pmm, &frames[i]), MM_OK);
    }
    for (uint64_t i = 0; i < count; i++) {
        if (frames[i].v % 2 == 0) {
            ck_assert_int_eq(pmm_free(&pmm, frames[i]), MM_OK);
        }
    }
    ck_assert_int_eq(pmm_alloc_run(&pmm, pmm_block(1), &block), MM_OK);
    ck_assert_uint_ge(block.v, frames[count - 1].v); /* never used */
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

START_TEST(damage_to_an_upper_level_of_the_index_is_noticed)
{
    struct pmm_zone *zone = &pmm.areas.zones[PMM_ZONES - 1];
    pfn_t f;

    ck_assert_int_eq(pmm_init(&pmm, &sim->boot, &pmm_areas), MM_OK);
    ck_assert_int_eq(pmm_alloc(&pmm, &f), MM_OK);
    ck_assert_uint_gt(zone->levels, 2);
    zone->level[1]->in[0] ^= 1;
    ck_assert(!pmm_is_sound(&pmm));
    zone->level[1]->in[0] ^= 1;
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pmm_large");
    TCase *tc = tcase_create("16 TiB");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, sixteen_tib_start_without_touching_ram, 0, 3);
    tcase_add_test(tc, sixteen_tib_hand_out_frames_and_blocks_and_low_memory);
    tcase_add_test(tc, a_run_that_is_looked_for_is_the_first_above_4_gib);
    tcase_add_test(tc, sixteen_tib_hand_out_64_gib_in_blocks);
    tcase_add_test(tc,
                   a_block_is_not_made_of_frames_that_lie_apart_in_many_areas);
    tcase_add_test(tc, damage_to_an_upper_level_of_the_index_is_noticed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
