/*
 * The report as a table: a line per fact, a column per machine.
 *
 *   trace          cc1, 509018 operations, 9039 ids
 *   subsystem      list heap, areas frames, demand backing
 *
 *                              simulator           QEMU
 *   page faults                      821            821
 *   ...
 */
#include "memtwin/report.h"

#include <inttypes.h>
#include <string.h>

static const struct row {
    const char *label, *key;
} rows[] = {
    { "operations", "ops" },
    { "  allocations", "allocs" },
    { "  zeroed", "zeroed" },
    { "  aligned", "aligned" },
    { "  reallocations", "reallocs" },
    { "  frees", "frees" },
    { "largest number of live blocks", "blocks_peak" },
    { "largest sum of live bytes", "bytes_peak" },
    { "heap bytes at the end", "heap_size" },
    { "heap pages with a frame", "heap_pages" },
    { "page faults", "faults" },
    { "page tables", "tables" },
    { "frames in use at the end", "frames_now" },
    { "largest number of frames", "frames_peak" },
    { "times everything was checked", "sound_checks" },
    { "everything sound", "sound" },
};

static const struct machines { const struct outcome *one[2]; } none;

static struct machines machines_of(const struct run *run) {
    struct machines m = none;

    m.one[0] = run->sim != NULL ? run->sim : run->qemu;
    m.one[1] = run->sim != NULL ? run->qemu : NULL;
    return m;
}

static void line(const struct machines *m, const char *label,
                 void (*cell)(const struct outcome *, const char *key),
                 const char *key) {
    size_t i;

    printf("%-30s", label);
    for (i = 0; i < 2 && m->one[i] != NULL; i++) {
        cell(m->one[i], key);
    }
    putchar('\n');
}

static void name_cell(const struct outcome *o, const char *key) {
    (void)key;
    printf(" %18s", o->machine);
}

static void fact_cell(const struct outcome *o, const char *key) {
    const char *value = outcome_fact(o, key);

    printf(" %18s", value != NULL ? value : "-");
}

static void use_cell(const struct outcome *o, const char *key) {
    uint64_t size = outcome_number(o, "heap_size");

    (void)key;
    if (size == 0) {
        printf(" %18s", "-");
    } else {
        printf(" %16.1f %%",
               100.0 * (double)outcome_number(o, "bytes_peak") / (double)size);
    }
}

static void time_cell(const struct outcome *o, const char *key) {
    (void)key;
    printf(" %15.2f us", outcome_us_per_op(o));
}

static void counters(const struct outcome *o) {
    const struct machine_counters *c = &o->counters;

    printf("%-30s %18" PRIu64 "\n", "TLB fills", c->fills);
    printf("%-30s %18" PRIu64 "\n", "  entries evicted", c->evictions);
    printf("%-30s %18" PRIu64 "\n", "  single pages invalidated", c->invlpgs);
    printf("%-30s %18" PRIu64 "\n", "accesses stopped by a signal", c->signals);
    printf("%-30s %18" PRIu64 "\n", "table entries read by walks",
           c->walk_reads);
    if (o->has_stales) {
        printf("%-30s %18" PRIu64 "\n", "flushes missing", o->stale_count);
    }
}

static void heading(const struct run *run) {
    const struct run_options *o = run->options;
    const struct trace *t = run->trace;

    printf("trace      %s (%s), %" PRIu64 " operations, %" PRIu64 " ids\n",
           t->path, t->name[0] != '\0' ? t->name : "no name", t->op_count,
           t->id_count);
    printf("subsystem  %s heap at 0x%" PRIx64 ", %s frames, %s backing%s\n",
           o->heap_class, o->heap_base, o->pmm_class,
           o->immediate ? "immediate" : "demand",
           o->heap_debug != MM_DEBUG_OFF ? ", debug mode" : "");
    if (o->map_path != NULL) {
        printf("machine    memory map %s\n\n", o->map_path);
    } else {
        printf("machine    %" PRIu64 " MiB RAM\n\n", o->ram >> 20);
    }
}

static void put(void *ctx, char c) {
    fputc(c, ctx);
}

static void walks(const struct outcome *o) {
    for (unsigned i = 0; i < o->walk_count; i++) {
        const struct walked *w = &o->walks[i];

        putchar('\n');
        walk_tell(&w->result, &w->control, w->asked,
                  o->writes.ring != NULL ? &o->writes : NULL, put, stdout);
    }
}

/** The last lines: what is wrong, after so many numbers that look well. */
static void verdicts(const struct run *run, const struct machines *m) {
    size_t i;

    if (run->compared) {
        printf("\n%s\n", run->equal ? "The two machines came to the same state."
                                    : "THE TWO MACHINES DIFFER.");
    }
    for (i = 0; i < 2 && m->one[i] != NULL; i++) {
        if (!m->one[i]->good) {
            printf("\nFAILED on %s: %s\n", m->one[i]->machine,
                   m->one[i]->error_place != ERROR_NONE ? m->one[i]->error
                                                        : "no reason given");
        }
    }
}

void report_text(const struct run *run) {
    struct machines m = machines_of(run);
    size_t i;

    heading(run);
    line(&m, "", name_cell, NULL);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        line(&m, rows[i].label, fact_cell, rows[i].key);
    }
    line(&m, "heap use (live / heap bytes)", use_cell, NULL);
    if (run->sim != NULL && run->sim->has_counters) {
        counters(run->sim);
    }
    line(&m, "time per operation", time_cell, NULL);
    line(&m, "digest", fact_cell, "digest");
    if (run->sim != NULL) {
        walks(run->sim);
    }
    verdicts(run, &m);
}
