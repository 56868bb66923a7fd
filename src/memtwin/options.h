/**
 * @file options.h
 * What the person at the keyboard asked of "memtwin run".
 */
#ifndef MEMTWIN_OPTIONS_H
#define MEMTWIN_OPTIONS_H

#include "memtwin/watch.h"
#include "sim/sim.h"

#define ON_SIM 1u
#define ON_QEMU 2u
#define RUN_WALKS_MAX 16

struct run_options {
    const char *trace_path;
    unsigned on; /* OR of ON_ */
    const char *heap_class, *pmm_class;
    uint64_t heap_base, heap_size, heap_limit; /* bytes; parsed: a limit that
                                                  was not given is chosen */
    bool immediate;
    unsigned heap_debug;  /* enum mm_heap_debug */
    uint64_t ram;         /* bytes */
    const char *map_path; /* NULL: the map of QEMU's PC with that much RAM */
    enum tlb_policy tlb_policy;
    unsigned tlb_capacity;
    uint64_t fill_ahead; /* pages */
    uint64_t ops;        /* 0: all of the trace */
    uint64_t sound_every;
    uint64_t seed;
    struct watch_options watch;
    bool json;
    bool report_stale, watch_tables;
    vaddr_t walk[RUN_WALKS_MAX]; /* to be walked after the run */
    unsigned walk_count;
    const char *kernel, *qemu;
    const char *iso;       /* NULL: QEMU boots the kernel by itself */
    const char *save_path; /* where the module goes; NULL: run it */
    uint64_t patience;     /* seconds */
};

/** Parse the words after "run"; argv[0] is the name for --help.
 *  @return false after one message; --help and --version end the program */
bool run_options_parse(struct run_options *options, int argc, char **argv);

#endif
