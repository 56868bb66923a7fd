/*
 * Room for a second pmm, and its map.
 */
#include "support/other.h"

#include <check.h>

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
