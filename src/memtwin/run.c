/*
 * memtwin run: trace in, machines on, report out.
 *
 *   options -> trace -> [cut] -> module -> QEMU -> simulator -> compare ->
 * report
 *
 * Everything that comes from outside is checked before a machine is switched
 * on, and a report is printed only for machines that ran to their end: there
 * is no partial claim.  With both machines QEMU goes first, since the simulator
 * can be given any memory map and QEMU cannot.
 */
#include "memtwin/run.h"

#include "memtwin/machines.h"
#include "memtwin/progress.h"
#include "memtwin/report.h"

#include <inttypes.h>
#include <stdlib.h>

#define DIFFERENCE_MAX 1400

/** What is worked on; large, and there for the whole run. */
struct job {
    struct run_options options;
    struct trace trace;
    struct module module;
    struct outcome sim, qemu;
    char difference[DIFFERENCE_MAX];
};

/** Say what the kernel side found wrong, with the line of the trace. */
static enum outcome_code judge(const struct outcome *o,
                               const struct trace *trace) {
    struct place at = { trace->path, 0 };

    if (o->good) {
        return EXIT_GOOD;
    }
    if (o->error_place == ERROR_AT_OP && o->error_op < trace->lines) {
        at.line = trace->first_line + (unsigned long)o->error_op;
        complain_at(at, "%s: %s", o->machine, o->error);
    } else if (o->error_place == ERROR_AT_OP) {
        complain_at(at, "%s, in the frees after the cut: %s", o->machine,
                    o->error);
    } else {
        complain_at(
            at, "%s, %s: %s", o->machine,
            o->error_place == ERROR_AT_START ? "at the start" : "at the end",
            o->error_place == ERROR_NONE ? "bad, without a reason" : o->error);
    }
    return EXIT_WRONG;
}

static enum outcome_code on_qemu(struct job *job, struct outcome *outcome,
                                 bool bar) {
    enum outcome_code code;

    outcome_init(outcome, "QEMU", &job->trace, bar);
    code = run_on_qemu(outcome, &job->options, &job->module);
    if (bar) {
        progress_clear();
    }
    return code;
}

static enum outcome_code on_sim(struct job *job, struct outcome *outcome,
                                bool bar) {
    const struct outcome *twin =
        (job->options.on & ON_QEMU) != 0 ? &job->qemu : NULL;
    enum outcome_code code;

    outcome_init(outcome, "simulator", &job->trace, bar);
    code = run_on_sim(outcome, &job->options, &job->module, twin);
    if (bar) {
        progress_clear();
    }
    return code;
}

/** Switch on what was asked for; stops at the first that does not end well. */
static enum outcome_code run_machines(struct job *job) {
    bool bar = progress_wanted();
    enum outcome_code code = EXIT_GOOD;

    if ((job->options.on & ON_QEMU) != 0) {
        code = on_qemu(job, &job->qemu, bar);
    }
    if (code == EXIT_GOOD && (job->options.on & ON_SIM) != 0) {
        if ((job->options.on & ON_QEMU) != 0 && job->qemu.map_count == 0) {
            complain("the kernel in QEMU did not say its memory map; the "
                     "simulator can't be made its twin");
            return EXIT_WRONG;
        }
        code = on_sim(job, &job->sim, bar);
    }
    return code;
}

/** The machines differ: run both again with the listing of their states, and
 *  put its first difference after the one that is known. */
static void find_difference(struct job *job) {
    struct outcome *lists = calloc(2, sizeof(*lists));
    char *text = job->difference;
    size_t len = 0;

    while (text[len] != '\0') {
        len++;
    }
    job->module.header->list_state = 1;
    if (lists != NULL && on_qemu(job, &lists[1], false) == EXIT_GOOD &&
        on_sim(job, &lists[0], false) == EXIT_GOOD) {
        char first[1200] = "a second run lists the same state on both";

        outcome_state_equal(&lists[0], &lists[1], first, sizeof(first));
        snprintf(text + len, sizeof(job->difference) - len, "; %s", first);
    }
    if (lists != NULL) {
        outcome_destroy(&lists[0]);
        outcome_destroy(&lists[1]);
    }
    free(lists);
}

static enum outcome_code compare(struct job *job, struct run *run) {
    run->compared = true;
    run->equal = outcome_equal(&job->sim, &job->qemu, job->difference,
                               sizeof(job->difference));
    if (run->equal) {
        return EXIT_GOOD;
    }
    find_difference(job);
    run->difference = job->difference;
    complain_at((struct place){ job->trace.path, 0 },
                "the two machines differ: %s", job->difference);
    return EXIT_WRONG;
}

static enum outcome_code conclude(struct job *job) {
    struct run run = { .options = &job->options, .trace = &job->trace };
    enum outcome_code code = EXIT_GOOD;

    if ((job->options.on & ON_SIM) != 0) {
        run.sim = &job->sim;
        code = judge(run.sim, &job->trace);
    }
    if ((job->options.on & ON_QEMU) != 0) {
        enum outcome_code other;

        run.qemu = &job->qemu;
        other = judge(run.qemu, &job->trace);
        code = code == EXIT_GOOD ? other : code;
    }
    if (run.sim != NULL && run.qemu != NULL &&
        !outcome_failed_alike(run.sim, run.qemu)) {
        enum outcome_code other = compare(job, &run);

        code = code == EXIT_GOOD ? other : code;
    }
    if (job->options.json) {
        return report_json(&run) ? code : EXIT_WRONG;
    }
    report_text(&run);
    return code;
}

static enum outcome_code run_job(struct job *job) {
    const struct run_options *o = &job->options;
    enum outcome_code code;

    if (!trace_read(&job->trace, o->trace_path)) {
        return EXIT_USAGE;
    }
    if ((o->ops != 0 && !trace_cut(&job->trace, o->ops)) ||
        !module_make(&job->module, &job->trace, o)) {
        return EXIT_CANNOT;
    }
    if (o->save_path != NULL) {
        return module_save(&job->module, o->save_path);
    }
    code = run_machines(job);
    return code == EXIT_GOOD ? conclude(job) : code;
}

enum outcome_code run_verb(int argc, char **argv) {
    struct job *job = calloc(1, sizeof(*job));
    enum outcome_code code = EXIT_USAGE;

    if (job == NULL) {
        complain("no memory");
        return EXIT_CANNOT;
    }
    if (run_options_parse(&job->options, argc, argv)) {
        code = run_job(job);
    }
    outcome_destroy(&job->sim);
    outcome_destroy(&job->qemu);
    module_destroy(&job->module);
    trace_destroy(&job->trace);
    free(job);
    return code;
}
