/*
 * memtwin compare: heaps and malloc() beside each other.
 *
 *   traces -> workloads -> [cells] -> tables -> text or JSON, and a drawing
 *
 * All traces are read and checked before anything is measured.
 */
#include "memtwin/compare.h"

#include "memtwin/kernel_path.h"
#include "memtwin/run.h"

#include <signal.h>
#include <stdlib.h>

/** What is worked on. */
struct comparison {
    struct compare_options options;
    struct workload *workloads;
    struct compare_table *tables;
    size_t count;
};

static bool read_one(struct comparison *c, const char *path) {
    struct workload *w = &c->workloads[c->count];
    struct trace trace;
    const bool good =
        trace_read(&trace, path) &&
        (c->options.ops == 0 || trace_cut(&trace, c->options.ops)) &&
        workload_of_trace(w, &trace);

    trace_destroy(&trace);
    c->count += good;
    return good;
}

#define BUILT_IN_MAX 8

static enum outcome_code read_all(struct comparison *c) {
    const struct compare_options *o = &c->options;
    const size_t most = o->trace_count + BUILT_IN_MAX;

    c->workloads = calloc(most, sizeof(*c->workloads));
    c->tables = calloc(most, sizeof(*c->tables));
    if (c->workloads == NULL || c->tables == NULL) {
        complain("no memory for the tables");
        return EXIT_CANNOT;
    }
    for (size_t i = 0; i < o->trace_count; i++) {
        if (!read_one(c, o->traces[i])) {
            return EXIT_USAGE;
        }
    }
    for (unsigned i = 0; o->built_in && i < BUILT_IN_MAX &&
                         workload_built_in(&c->workloads[c->count], i, o->ops);
         i++) {
        c->count++;
    }
    return EXIT_GOOD;
}

static enum outcome_code measure_all(struct comparison *c,
                                     const char *program) {
    void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN); /* cells may end */
    bool good = true;

    for (size_t i = 0; good && i < c->count; i++) {
        c->tables[i].workload = &c->workloads[i];
        good = compare_measure(&c->tables[i], &c->options, program);
    }
    signal(SIGPIPE, on_pipe);
    return good ? EXIT_GOOD : EXIT_CANNOT;
}

static enum outcome_code print(const struct comparison *c) {
    const struct compare_options *o = &c->options;

    if (o->svg != NULL && !compare_svg(c->tables, c->count, o->svg)) {
        return EXIT_WRONG;
    }
    if (!o->json) {
        compare_text(c->tables, c->count);
    } else if (!compare_json(c->tables, c->count)) {
        return EXIT_CANNOT;
    }
    return EXIT_GOOD;
}

enum outcome_code compare_verb(int argc, char **argv) {
    struct comparison c = { .count = 0 };
    char program[KERNEL_PATH_MAX];
    enum outcome_code code = EXIT_USAGE;

    if (!compare_options_parse(&c.options, argc, argv)) {
        return code;
    }
    code = helper_path(program, "memtwin-cell");
    if (code == EXIT_GOOD) {
        code = read_all(&c);
    }
    if (code == EXIT_GOOD) {
        code = measure_all(&c, program);
    }
    if (code == EXIT_GOOD) {
        code = print(&c);
    }
    for (size_t i = 0; i < c.count; i++) {
        workload_destroy(&c.workloads[i]);
    }
    free(c.workloads);
    free(c.tables);
    return code;
}
