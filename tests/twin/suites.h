/**
 * @file suites.h
 * The shared suites: Check tests whose objects run on both machines.  A new
 * suite is one line here and one source in tests/local.mk.
 */
#ifndef TWIN_SUITES_H
#define TWIN_SUITES_H

#include <check.h>

/* clang-format off */
#define TWIN_SUITES(suite)                                                     \
    suite(base_suite)                                                          \
    suite(trap_suite)                                                          \
    suite(image_suite)                                                         \
    suite(memmap_suite)                                                        \
    suite(pmm_suite)                                                           \
    suite(pmm_init_suite)                                                      \
    suite(pmm_class_suite)                                                     \
    suite(pmm_model_suite)                                                     \
    suite(pmm_watch_suite)                                                     \
    suite(pmm_areas_suite)                                                     \
    suite(pmm_split_suite)                                                     \
    suite(pmm_sweep_suite)                                                     \
    suite(mm_story_suite)                                                      \
    suite(pmm_withheld_suite)                                                  \
    suite(pmm_reclaim_suite)                                                   \
    suite(vmm_map_suite)                                                       \
    suite(vmm_large_suite)                                                     \
    suite(vmm_range_suite)                                                     \
    suite(vmm_flush_suite)                                                     \
    suite(vmm_translate_suite)                                                 \
    suite(vmm_lessons_suite)                                                   \
    suite(vmm_space_suite)                                                     \
    suite(vmm_region_suite)                                                    \
    suite(vmm_tree_suite)                                                      \
    suite(vmm_kinds_suite)                                                     \
    suite(vmm_share_suite)                                                     \
    suite(vmm_fault_suite)                                                     \
    suite(vmm_parts_suite)                                                     \
    suite(vmm_paged_suite)                                                     \
    suite(vmm_pager_suite)                                                     \
    suite(vmm_room_suite)                                                      \
    suite(vmm_joined_suite)                                                    \
    suite(vmm_whole_suite)                                                     \
    suite(vmm_rare_suite)                                                      \
    suite(vmm_stale_suite)                                                     \
    suite(vmm_edges_suite)                                                     \
    suite(vmm_sweep_suite)                                                     \
    suite(vmm_random_suite)                                                    \
    suite(vmm_reach_suite)                                                    \
    suite(vmm_sound_suite)                                                     \
    suite(heap_suite)                                                          \
    suite(heap_list_suite)                                                     \
    suite(heap_grow_suite)                                                     \
    suite(heap_random_suite)                                                   \
    suite(heap_damage_suite)                                                   \
    suite(heap_boundary_suite)                                                 \
    suite(heap_buddy_suite)                                                    \
    suite(heap_tlsf_suite)                                                     \
    suite(heap_fixed_suite)                                                    \
    suite(heap_slab_suite)                                                     \
    suite(heap_debug_suite)                                                    \
    suite(heap_pages_suite)                                                    \
    suite(heap_trim_suite)                                                     \
    suite(heap_records_suite)                                                  \
    suite(heap_misuse_suite)                                                   \
    suite(heap_owners_suite)                                                   \
    suite(heap_headers_suite)                                                  \
    suite(heap_slabs_suite)                                                    \
    suite(heap_front_suite)                                                    \
    suite(heap_lessons_suite)                                                  \
    suite(kmalloc_wrong_suite)                                                 \
    suite(kmalloc_suite)                                                       \
    suite(kcache_suite)                                                        \
    suite(examples_suite)                                                      \
    suite(blog_suite)                                                          \
    suite(mm_suite)                                                            \
    suite(mm_place_suite)                                                      \
    suite(mm_flow_suite)                                                       \
    suite(mm_sweep_suite)                                                      \
    suite(mm_digest_suite)                                                     \
    suite(replay_suite)                                                        \
    suite(replay_faults_suite)
/* clang-format on */

#define TWIN_DECLARE(name) Suite *name(void);
TWIN_SUITES(TWIN_DECLARE)
#undef TWIN_DECLARE

#endif
