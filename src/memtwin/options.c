/*
 * The options of "memtwin run".
 *
 * argp makes --help and --version out of the table.  Every error takes one
 * line: getopt's, or one of ours for a value; argp's advice after it is
 * switched off.
 */
#include "memtwin/options_inside.h"

#include "program/say.h"
#include "replay/replay.h"

#include <argp.h>
#include <errno.h>

enum key {
    KEY_ON = 0x100,
    KEY_HEAP,
    KEY_HEAP_BASE,
    KEY_HEAP_DEBUG,
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
    { "heap-debug", KEY_HEAP_DEBUG, "zones|pages|fenced", OPTION_ARG_OPTIONAL,
      "Debug mode of the heap: zones around each block (default), a guard page "
      "behind it as well, or one on either side",
      1 },
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
      "it absent (flip), or the Nth old denial stand (spurious); simulator "
      "only",
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
        return option_heap(o, value);
    case KEY_HEAP_BASE:
        return option_base(o, value);
    case KEY_HEAP_DEBUG:
        return option_heap_debug(o, value);
    case KEY_HEAP_SIZE:
        return option_pages(&o->heap_size, "heap-size", value);
    case KEY_HEAP_LIMIT:
        return option_pages(&o->heap_limit, "heap-limit", value);
    case KEY_BACKING:
        return option_backing(o, value);
    case KEY_PMM:
        return option_pmm(o, value);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_run(struct run_options *o, int key, const char *value) {
    switch (key) {
    case KEY_ON:
        return option_on(o, value);
    case KEY_RAM:
        return option_ram(o, value);
    case KEY_TLB:
        return option_tlb(o, value);
    case KEY_FILL_AHEAD:
        return option_count(&o->fill_ahead, "fill-ahead", value, 0,
                            TLB_CAPACITY_MAX);
    case KEY_OPS:
        return option_count(&o->ops, "ops", value, 1, REPLAY_OPS_MAX);
    case KEY_SOUND_EVERY:
        return option_count(&o->sound_every, "sound-every", value, 1,
                            UINT32_MAX);
    case KEY_SEED:
        return option_count(&o->seed, "seed", value, 0, UINT64_MAX - 1);
    case KEY_PATIENCE:
        return option_count(&o->patience, "patience", value, 1, 86400);
    case KEY_BUDGET:
        return watch_parse_budget(&o->watch, value)
                   ? 0
                   : option_is_bad(
                         "budget", value,
                         "reads, fills, faults, flushes, frames, events or "
                         "total, with a number, as faults:1000");
    case KEY_INJECT:
        return watch_parse_inject(&o->watch, value)
                   ? 0
                   : option_is_bad(
                         "inject", value,
                         "frame, block, flip or spurious, with a number, as "
                         "frame:17");
    case KEY_WATCH_TABLES:
        o->watch_tables = true;
        return 0;
    case KEY_WALK:
        return option_walk(o, value);
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
        options->heap_limit = options_heap_limit(options);
    }
    return options_fit(options);
}
