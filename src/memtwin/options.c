/*
 * The options of "memtwin run".
 *
 * argp makes --help and --version out of the table.  Every error takes one
 * line: getopt's, or one of ours for a value; argp's advice after it is
 * switched off.
 */
#include "memtwin/options.h"

#include "memtwin/number.h"
#include "memtwin/say.h"
#include "replay/replay.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/** Of a PC; mapfile.h.  A map file can describe larger machines. */
#define RAM_MIN (8 * MIB)
#define RAM_MAX (1009 * GIB)

enum key {
    KEY_ON = 0x100,
    KEY_HEAP,
    KEY_HEAP_BASE,
    KEY_HEAP_SIZE,
    KEY_HEAP_LIMIT,
    KEY_BACKING,
    KEY_PMM,
    KEY_RAM,
    KEY_MAP,
    KEY_TLB,
    KEY_FILL_AHEAD,
    KEY_OPS,
    KEY_SOUND_EVERY,
    KEY_SEED,
    KEY_EVENTS,
    KEY_BUDGET,
    KEY_INJECT,
    KEY_JSON,
    KEY_WALK,
    KEY_REPORT_STALE,
    KEY_WATCH_TABLES,
    KEY_KERNEL,
    KEY_QEMU,
    KEY_PATIENCE,
    KEY_ISO,
    KEY_SAVE,
};

static const struct argp_option option_table[] = {
    { 0, 0, 0, 0, "What to run:", 1 },
    { "ops", KEY_OPS, "N", 0,
      "Only the first N operations; what is live then is freed, oldest first",
      1 },
    { "heap", KEY_HEAP, "CLASS", 0, "Heap class (default slab)", 1 },
    { "heap-size", KEY_HEAP_SIZE, "SIZE", 0,
      "Bytes of heap at the start (default 100K)", 1 },
    { "heap-limit", KEY_HEAP_LIMIT, "SIZE", 0,
      "Bytes the heap may grow to (default 1G, or as much as there is room "
      "for at its address)",
      1 },
    { "heap-base", KEY_HEAP_BASE, "ADDRESS", 0,
      "Where the heap starts (default 0x444444440000)", 1 },
    { "backing", KEY_BACKING, "demand|immediate", 0,
      "When heap pages get frames: at the first touch (default) or at once",
      1 },
    { "pmm", KEY_PMM, "STRATEGY", 0, "Frame allocator (default areas)", 1 },
    { "sound-every", KEY_SOUND_EVERY, "N", 0,
      "Check all of the subsystem every N operations (default: at the end)",
      1 },
    { 0, 0, 0, 0, "The machine:", 2 },
    { "on", KEY_ON, "sim|qemu|both", 0,
      "Run on the simulator (default), in QEMU, or on both; on both, the state "
      "at the end must be the same",
      2 },
    { "ram", KEY_RAM, "SIZE", 0, "RAM (default 256M)", 2 },
    { "map", KEY_MAP, "FILE", 0,
      "Memory map of the simulated machine, instead of --ram", 2 },
    { "tlb", KEY_TLB, "lru|lru:N|random|random:N|hostile", 0,
      "Simulated TLB: N entries (8 to 16384), least recently used go first "
      "(default lru:4096) or any, or one that keeps whatever it may",
      2 },
    { "fill-ahead", KEY_FILL_AHEAD, "N", 0,
      "At a TLB miss fill up to N pages more, where they were accessed before "
      "(default 0)",
      2 },
    { "seed", KEY_SEED, "N", 0, "Seed of the junk in simulated RAM (default 1)",
      2 },
    { "kernel", KEY_KERNEL, "FILE", 0, "Kernel for QEMU to boot", 2 },
    { "iso", KEY_ISO, "FILE", 0,
      "Boot QEMU from an ISO image (tools/make-iso) that has the module of "
      "this "
      "trace and these options, instead of a kernel",
      2 },
    { "qemu", KEY_QEMU, "PROGRAM", 0,
      "QEMU to use (default qemu-system-x86_64)", 2 },
    { "patience", KEY_PATIENCE, "SECONDS", 0,
      "Give QEMU up when it was silent that long (default 120)", 2 },
    { "budget", KEY_BUDGET, "KIND:N", 0,
      "Stop the simulator when a cost passes N: reads, fills, faults, flushes, "
      "frames, events or total (doc/watching.md has the prices)",
      2 },
    { "inject", KEY_INJECT, "KIND:N", 0,
      "Let the Nth frame or block be refused, the Nth walk of a 4K page find "
      "it "
      "absent (flip), or the Nth old denial stand (spurious); simulator only",
      2 },
    { 0, 0, 0, 0, "The report:", 3 },
    { "events", KEY_EVENTS, "FILE", 0,
      "Write what the simulator and the kernel on it do, as JSON lines", 3 },
    { "json", KEY_JSON, 0, 0, "Print the report as JSON", 3 },
    { "report-stale", KEY_REPORT_STALE, 0, 0,
      "Report uses of translations that should have been flushed, as far as "
      "the simulated machine sees them, and frames freed while it remembers "
      "them; one is a failure",
      3 },
    { "watch-tables", KEY_WATCH_TABLES, 0, 0,
      "Record every store to a page table, so that the stories of walks and "
      "faults and --report-stale name its function and line; slow",
      3 },
    { "walk", KEY_WALK, "ADDRESS", 0,
      "Tell how the simulated machine translates it after the last operation; "
      "may be given 16 times",
      3 },
    { 0, 0, 0, 0, "Instead of a run:", 4 },
    { "save-module", KEY_SAVE, "FILE", 0,
      "Write what the kernel gets beside itself, the trace in its own form, to "
      "FILE",
      4 },
    { 0, 0, 0, 0, "Other:", -1 },
    { 0 }
};

static const char doc[] =
    "Replay the allocations of a real program through heap, page tables and "
    "frame allocator, checking every block.\v"
    "TRACE is text or xz-compressed text; its format is in doc/traces.md. "
    "Sizes take the suffixes K, M, G, T.\n\n"
    "Exit status: 0 all went well, 1 the run found something wrong, 2 bad "
    "input or usage, 77 this host cannot.";

/** A wrong value: says so, and is what the parser returns. */
static error_t bad(const char *option, const char *value, const char *right) {
    complain("--%s: '%s' is not right; right would be %s", option, value,
             right);
    return EINVAL;
}

static error_t parse_on(struct run_options *o, const char *value) {
    if (strcmp(value, "sim") == 0) {
        o->on = ON_SIM;
    } else if (strcmp(value, "qemu") == 0) {
        o->on = ON_QEMU;
    } else if (strcmp(value, "both") == 0) {
        o->on = ON_SIM | ON_QEMU;
    } else {
        return bad("on", value, "sim, qemu or both");
    }
    return 0;
}

/** "NAME" or "NAME:N", N the number of entries. */
static bool parse_tlb_size(const char *value, const char *name,
                           uint64_t *entries) {
    size_t len = strlen(name);

    if (strncmp(value, name, len) != 0) {
        return false;
    }
    value += len;
    return value[0] == '\0' ||
           (value[0] == ':' &&
            number_parse(value + 1, strlen(value + 1), entries) &&
            *entries >= SIM_TLB_MIN && *entries <= TLB_CAPACITY_MAX);
}

static error_t parse_tlb(struct run_options *o, const char *value) {
    uint64_t entries = TLB_CAPACITY_DEFAULT;
    char right[120];

    if (strcmp(value, "none") == 0) {
        complain("--tlb: without a TLB ('none') no compiled code can run; "
                 "lru:%d is the least",
                 SIM_TLB_MIN);
        return EINVAL;
    }
    if (strcmp(value, "hostile") == 0) {
        o->tlb_policy = TLB_HOSTILE;
    } else if (parse_tlb_size(value, "lru", &entries)) {
        o->tlb_policy = TLB_LRU;
    } else if (parse_tlb_size(value, "random", &entries)) {
        o->tlb_policy = TLB_RANDOM;
    } else {
        snprintf(right, sizeof(right),
                 "lru, lru:N, random or random:N with N from %d to %d, or "
                 "hostile",
                 SIM_TLB_MIN, TLB_CAPACITY_MAX);
        return bad("tlb", value, right);
    }
    o->tlb_capacity = (unsigned)entries;
    return 0;
}

static error_t parse_backing(struct run_options *o, const char *value) {
    o->immediate = strcmp(value, "immediate") == 0;
    return o->immediate || strcmp(value, "demand") == 0
               ? 0
               : bad("backing", value, "demand or immediate");
}

static error_t parse_heap_class(struct run_options *o, const char *value) {
    char names[160] = "one of:";
    size_t used = strlen(names);

    if (heap_class_by_name(value) != NULL && strlen(value) < REPLAY_NAME_MAX) {
        o->heap_class = value;
        return 0;
    }
    for (size_t i = 0; heap_classes[i] != NULL && used < sizeof(names); i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
                                 heap_classes[i]->name);
    }
    return bad("heap", value, names);
}

static error_t parse_pmm_class(struct run_options *o, const char *value) {
    char names[160] = "one of:";
    size_t used = strlen(names);

    if (pmm_class_by_name(value) != NULL && strlen(value) < REPLAY_NAME_MAX) {
        o->pmm_class = value;
        return 0;
    }
    for (size_t i = 0; pmm_classes[i] != NULL && used < sizeof(names); i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
                                 pmm_classes[i]->name);
    }
    return bad("pmm", value, names);
}

static error_t parse_pages(uint64_t *bytes, const char *option,
                           const char *value) {
    return number_parse_size(value, bytes) && *bytes % PAGE_SIZE == 0 &&
                   *bytes != 0
               ? 0
               : bad(option, value, "a size in whole pages, as 100K, 64M, 1G");
}

static error_t parse_ram(struct run_options *o, const char *value) {
    return number_parse_size(value, &o->ram) && o->ram % MIB == 0 &&
                   o->ram >= RAM_MIN && o->ram <= RAM_MAX
               ? 0
               : bad("ram", value, "whole MiB from 8M to 1009G, as 64M or 2G");
}

/** A count from @min to @max. */
static error_t parse_count(uint64_t *count, const char *option,
                           const char *value, uint64_t min, uint64_t max) {
    char right[80];

    if (number_parse(value, strlen(value), count) && *count >= min &&
        *count <= max) {
        return 0;
    }
    snprintf(right, sizeof(right), "a number from %" PRIu64 " to %" PRIu64, min,
             max);
    return bad(option, value, right);
}

static error_t parse_base(struct run_options *o, const char *value) {
    return number_parse_address(value, &o->heap_base) &&
                   o->heap_base % PAGE_SIZE == 0 && o->heap_base != 0
               ? 0
               : bad("heap-base", value,
                     "a page-aligned address, as "
                     "0x8000000");
}

static error_t parse_walk(struct run_options *o, const char *value) {
    uint64_t va;

    if (o->walk_count == RUN_WALKS_MAX || !number_parse_address(value, &va)) {
        return bad("walk", value, "at most 16 addresses, as 0x444444440000");
    }
    o->walk[o->walk_count++] = vaddr(va);
    return 0;
}

static error_t parse_word(struct run_options *o, const char *word) {
    if (o->trace_path != NULL) {
        complain("one trace at a time: '%s' is a second one", word);
        return EINVAL;
    }
    o->trace_path = word;
    return 0;
}

/** Where the text of that option goes, as it is; NULL: it is another one. */
static const char **text_of(struct run_options *o, int key) {
    switch (key) {
    case KEY_MAP:
        return &o->map_path;
    case KEY_EVENTS:
        return &o->watch.events_path;
    case KEY_KERNEL:
        return &o->kernel;
    case KEY_QEMU:
        return &o->qemu;
    case KEY_ISO:
        return &o->iso;
    case KEY_SAVE:
        return &o->save_path;
    default:
        return NULL;
    }
}

static error_t parse_subsystem(struct run_options *o, int key,
                               const char *value) {
    switch (key) {
    case KEY_HEAP:
        return parse_heap_class(o, value);
    case KEY_HEAP_BASE:
        return parse_base(o, value);
    case KEY_HEAP_SIZE:
        return parse_pages(&o->heap_size, "heap-size", value);
    case KEY_HEAP_LIMIT:
        return parse_pages(&o->heap_limit, "heap-limit", value);
    case KEY_BACKING:
        return parse_backing(o, value);
    case KEY_PMM:
        return parse_pmm_class(o, value);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_run(struct run_options *o, int key, const char *value) {
    switch (key) {
    case KEY_ON:
        return parse_on(o, value);
    case KEY_RAM:
        return parse_ram(o, value);
    case KEY_TLB:
        return parse_tlb(o, value);
    case KEY_FILL_AHEAD:
        return parse_count(&o->fill_ahead, "fill-ahead", value, 0,
                           TLB_CAPACITY_MAX);
    case KEY_OPS:
        return parse_count(&o->ops, "ops", value, 1, REPLAY_OPS_MAX);
    case KEY_SOUND_EVERY:
        return parse_count(&o->sound_every, "sound-every", value, 1,
                           UINT32_MAX);
    case KEY_SEED:
        return parse_count(&o->seed, "seed", value, 0, UINT64_MAX - 1);
    case KEY_PATIENCE:
        return parse_count(&o->patience, "patience", value, 1, 86400);
    case KEY_BUDGET:
        return watch_parse_budget(&o->watch, value)
                   ? 0
                   : bad("budget", value,
                         "reads, fills, faults, flushes, frames, events or "
                         "total, with a number, as faults:1000");
    case KEY_INJECT:
        return watch_parse_inject(&o->watch, value)
                   ? 0
                   : bad("inject", value,
                         "frame, block, flip or spurious, with a number, as "
                         "frame:17");
    case KEY_WATCH_TABLES:
        o->watch_tables = true;
        return 0;
    case KEY_WALK:
        return parse_walk(o, value);
    default:
        return parse_subsystem(o, key, value);
    }
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct run_options *o = state->input;
    const char **text = text_of(o, key);

    if (text != NULL) {
        *text = value;
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case ARGP_KEY_ARG:
        return parse_word(o, value);
    case KEY_JSON:
        o->json = true;
        return 0;
    case KEY_REPORT_STALE:
        o->report_stale = true;
        return 0;
    default:
        return parse_run(o, key, value);
    }
}

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

/** As much as most traces need, more for a larger start, but no more than
 *  there is room for. */
static uint64_t default_limit(const struct run_options *o) {
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

/** What each option allows alone may not fit together. */
static bool fits(const struct run_options *o) {
    if (o->trace_path == NULL) {
        complain("run: no trace given; see 'memtwin run --help'");
        return false;
    }
    if (!heap_fits(o)) {
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

bool run_options_parse(struct run_options *options, int argc, char **argv) {
    static const struct argp argp = { option_table, parse, "TRACE", doc,
                                      NULL,         NULL,  NULL };

    *options = (struct run_options){
        .on = ON_SIM,
        .heap_class = "slab",
        .pmm_class = "areas",
        .heap_base = MM_HEAP_BASE,
        .heap_size = MM_HEAP_SIZE,
        .ram = 256 * MIB,
        .tlb_policy = TLB_LRU,
        .tlb_capacity = TLB_CAPACITY_DEFAULT,
        .seed = 1,
        .qemu = "qemu-system-x86_64",
        .patience = 120,
    };
    if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0) {
        return false;
    }
    if (options->heap_limit == 0) {
        options->heap_limit = default_limit(options);
    }
    return fits(options);
}
