/*
 * Room for a second pmm, and its map.
 */
#include "support/other.h"

#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"

struct pmm other;
struct hw_boot boot;
struct memmap_entry map[700];
uint64_t first;

void other_setup(void) {
    machine_start_pages(&m);
    first = 0;
    for (size_t i = 0; i < m.pmm.run_count; i++) {
        uint64_t at = 0;

        ck_assert(align_up(m.pmm.runs[i].first.v, 512, &at));
        if (range_holds(m.pmm.runs[i].first.v, m.pmm.runs[i].count,
                        at + ROOM)) {
            first = at;
        }
    }
    ck_assert_msg(first != 0, "no run of %d frames on this machine", ROOM);
    boot = *m.boot;
    boot.map = map;
    boot.map_count = 0;
    boot.reserved_count = 0;
    boot.module.len = 0;
}

void other_teardown(void) {
    machine_stop_pages(&m);
}

void other_expect_frames(uint64_t count) {
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
