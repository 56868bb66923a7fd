/*
 * What each option allows alone may not fit together.
 */
#include "memtwin/options_inside.h"

#include "program/say.h"
#include "replay/replay.h"

#include <inttypes.h>

/** Bytes from @base to the end of the window that holds it; 0: none does.
 *  Pages outside the windows cannot be touched on the simulator, and what runs
 *  on one machine should run on the other. */
static uint64_t room_at(uint64_t base) {
    uint64_t room = 0;
    size_t i;

    for (i = 0; i < sim_default_config.window_count; i++) {
        struct vrange w = sim_default_config.windows[i].range;

        if (range_holds(w.base.v, w.len, base)) {
            room = w.base.v + w.len - base;
        }
    }
    if (base < REPLAY_TABLE_BASE && room > REPLAY_TABLE_BASE - base) {
        room = REPLAY_TABLE_BASE - base; /* the replay's own books */
    }
    return base < REPLAY_TABLE_BASE ? room : 0;
}

uint64_t options_heap_limit(const struct run_options *o) {
    uint64_t limit = o->heap_size > GIB ? o->heap_size : GIB;
    uint64_t room = room_at(o->heap_base);

    return room != 0 && room < limit ? room : limit;
}

static bool heap_fits(const struct run_options *o) {
    const struct sim_window *w = sim_default_config.windows;

    if (o->heap_size > o->heap_limit) {
        complain("--heap-size is larger than --heap-limit");
        return false;
    }
    if (o->heap_limit <= room_at(o->heap_base)) {
        return true;
    }
    complain("there is no room for a heap of up to %" PRIu64
             " bytes at 0x%" PRIx64 "; it can be in 0x%" PRIx64 " .. 0x%" PRIx64
             " or 0x%" PRIx64 " .. 0x%" PRIx64,
             o->heap_limit, o->heap_base, w[0].range.base.v,
             w[0].range.base.v + room_at(w[0].range.base.v), w[1].range.base.v,
             w[1].range.base.v + room_at(w[1].range.base.v));
    return false;
}

bool options_fit(const struct run_options *o) {
    if (o->trace_path == NULL) {
        complain("run: no trace given; see 'memtwin run --help'");
        return false;
    }
    if (!heap_fits(o)) {
        return false;
    }
    if (o->heap_debug >= MM_DEBUG_PAGES &&
        (o->immediate || heap_class_by_name(o->heap_class)->peeks)) {
        complain("--heap-debug with guard pages needs demand backing and a "
                 "heap class other than buddy");
        return false;
    }
    if (o->map_path != NULL && (o->on & ON_QEMU) != 0) {
        complain("--map is for the simulator alone; QEMU makes its own map "
                 "from --ram");
        return false;
    }
    if ((o->report_stale || o->watch_tables || o->walk_count > 0) &&
        (o->on & ON_SIM) == 0) {
        complain("--walk, --watch-tables and --report-stale are for the "
                 "simulator; QEMU keeps its TLB to itself");
        return false;
    }
    if (watch_is_wanted(&o->watch) && (o->on & ON_SIM) == 0) {
        complain("--events, --budget and --inject are for the simulator; QEMU "
                 "cannot be watched");
        return false;
    }
    if (o->iso != NULL && (o->kernel != NULL || (o->on & ON_QEMU) == 0)) {
        complain("--iso is for --on qemu or both, and has a kernel of its own");
        return false;
    }
    return true;
}
