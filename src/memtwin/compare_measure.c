/*
 * How a table is filled: the cells of a workload live side by side and are
 * asked in turn, so that what else the machine does meets all of them alike.
 *
 *   memory    each once, before anything else has touched memory there
 *   time      ROUNDS times: each once, and again
 *   cycles    each once
 *   arena     each once
 *   instructions, where the processor does not count: each in a new process,
 *             under callgrind
 */
#include "memtwin/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/** What is at work on one table. */
struct work {
    struct compare_table *t;
    const struct compare_options *o;
    const char *program;
    int file; /* cell_share() */
    struct cell cells[COMPARE_ROWS_MAX];
    double ns[COMPARE_ROWS_MAX][COMPARE_ROUNDS_MAX];
    size_t rounds[COMPARE_ROWS_MAX];
    uint64_t instructions[COMPARE_ROWS_MAX], loop;
};

static void take_sample(struct compare_row *r, const char *line) {
    struct measured_memory *m = &r->memory;
    struct measured_sample s;

    if (m->count < sizeof(m->samples) / sizeof(m->samples[0]) &&
        sscanf(line, "sample %" SCNu64 " %" SCNu64 " %" SCNu64, &s.done,
               &s.live, &s.resident) == 3) {
        m->samples[m->count++] = s;
    }
}

/** One line of an answer of cell number @i. */
static void take(struct work *work, size_t i, const char *line) {
    struct compare_row *r = &work->t->rows[i];
    struct measured_cycles *c = &r->cycles;
    double ns;
    uint64_t n;

    if (strcmp(line, "missing") == 0) {
        r->missing = true;
    } else if (sscanf(line, "failed %" SCNu64, &n) == 1) {
        snprintf(r->why, sizeof(r->why),
                 "no memory for operation %" PRIu64 " of %zu", n,
                 work->t->workload->count);
    } else if (sscanf(line, "time %lf", &ns) == 1) {
        work->ns[i][work->rounds[i]++] = ns;
    } else if (strncmp(line, "sample ", 7) == 0) {
        take_sample(r, line);
    } else if (sscanf(line, "arena %" SCNu64, &n) == 1) {
        r->arena = n;
    } else if (sscanf(line, "instructions %" SCNu64, &n) == 1) {
        work->instructions[i] = n;
    } else if (sscanf(line,
                      "cycles %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32,
                      &c->p50, &c->p99, &c->p9999, &c->worst) != 4 &&
               strcmp(line, "here") != 0 && strcmp(line, "uncounted") != 0) {
        cell_is_saying(&work->cells[i], line);
    }
}

/** Ask cell number @i, if it is still there, and take the answer. */
static void ask(struct work *work, size_t i, enum cell_question question) {
    struct compare_row *r = &work->t->rows[i];
    struct cell *cell = &work->cells[i];
    const char *line;

    if (r->missing || r->why[0] != '\0' || !cell_ask(cell, question)) {
        return;
    }
    while ((line = cell_line(cell)) != NULL) {
        take(work, i, line);
    }
    if (cell->process == 0 && r->why[0] == '\0') {
        snprintf(r->why, sizeof(r->why), "%s", cell->why);
    }
}

static void ask_all(struct work *work, enum cell_question question) {
    for (size_t i = 0; i < work->t->row_count; i++) {
        ask(work, i, question);
    }
}

static void start_all(struct work *work) {
    for (size_t i = 0; i < work->t->row_count; i++) {
        struct compare_row *r = &work->t->rows[i];

        cell_start(&work->cells[i], work->program, -1, r->name, work->file,
                   (double)work->o->patience);
        snprintf(r->why, sizeof(r->why), "%s", work->cells[i].why);
    }
}

/* --- time ----------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void take_medians(struct work *work) {
    struct compare_table *t = work->t;
    double reference = 0;

    for (size_t i = 0; i < t->row_count; i++) {
        const size_t rounds = work->rounds[i];

        if (rounds > 0) {
            qsort(work->ns[i], rounds, sizeof(double), ascending);
            t->rows[i].ns = work->ns[i][rounds / 2];
        }
        if (reference == 0 && t->rows[i].ns > 0) {
            reference = t->rows[i].ns; /* rows are in that order */
            t->reference = t->rows[i].name;
        }
    }
    for (size_t i = 0; i < t->row_count && reference > 0; i++) {
        t->rows[i].ratio = t->rows[i].ns / reference;
    }
}

/* --- instructions --------------------------------------------------------- */

/** What callgrind wrote: "==PID== Collected : N". */
static uint64_t read_collected(int log) {
    char text[8192];
    const ssize_t len = pread(log, text, sizeof(text) - 1, 0);
    const char *at;

    text[len > 0 ? len : 0] = '\0';
    at = strstr(text, "Collected : ");
    return at == NULL ? 0 : strtoull(at + strlen("Collected : "), NULL, 10);
}

/** Count a replay in a process of its own.  @return 0: it did not come to an
 *  end, or there is no callgrind */
static uint64_t count_outside(struct work *work, const char *name) {
    const int log = memfd_create("counted", 0);
    struct cell cell;
    uint64_t count = 0;
    bool good = false;

    if (log < 0) {
        return 0;
    }
    cell_start(&cell, work->program, log, name, work->file,
               (double)work->o->patience);
    if (cell_ask(&cell, CELL_REPLAY)) {
        good = cell_line(&cell) == NULL && cell_end(&cell);
    }
    if (good) {
        count = read_collected(log);
    }
    close(log);
    return count;
}

static void count_all_outside(struct work *work) {
    struct compare_table *t = work->t;

    work->loop = count_outside(work, CELL_NOTHING);
    t->counter = work->loop > 0 ? COMPARE_CALLGRIND : COMPARE_UNCOUNTED;
    for (size_t i = 0; i < t->row_count && work->loop > 0; i++) {
        if (t->rows[i].ns > 0) { /* it comes to an end */
            work->instructions[i] = count_outside(work, t->rows[i].name);
        }
    }
}

/** The loop's own, by the processor; 0: it does not count. */
static uint64_t count_loop(struct work *work) {
    struct cell cell;
    uint64_t count = 0;
    const char *line;

    cell_start(&cell, work->program, -1, CELL_NOTHING, work->file,
               (double)work->o->patience);
    if (cell_ask(&cell, CELL_INSTRUCTIONS)) {
        while ((line = cell_line(&cell)) != NULL) {
            if (sscanf(line, "instructions %" SCNu64, &count) != 1) {
                count = 0;
            }
        }
    }
    cell_end(&cell);
    return count;
}

static void count_all(struct work *work) {
    struct compare_table *t = work->t;

    work->loop = count_loop(work);
    if (work->loop > 0) {
        t->counter = COMPARE_PROCESSOR;
        ask_all(work, CELL_INSTRUCTIONS);
    } else {
        count_all_outside(work);
    }
    for (size_t i = 0; i < t->row_count; i++) {
        if (work->instructions[i] > work->loop) {
            t->rows[i].instructions =
                (double)(work->instructions[i] - work->loop) /
                (double)t->workload->count;
        }
    }
}

/* --- all ------------------------------------------------------------------ */

static void fill(struct work *work) {
    start_all(work);
    ask_all(work, CELL_HERE);
    ask_all(work, CELL_MEMORY);
    for (unsigned round = 0; round < work->o->rounds; round++) {
        ask_all(work, CELL_TIME);
    }
    take_medians(work);
    ask_all(work, CELL_CYCLES);
    if (work->o->count) {
        count_all(work);
    }
    ask_all(work, CELL_ARENA);
    for (size_t i = 0; i < work->t->row_count; i++) {
        cell_end(&work->cells[i]);
    }
}

bool compare_measure(struct compare_table *t, const struct compare_options *o,
                     const char *program) {
    struct work *work = calloc(1, sizeof(*work));
    bool good;

    if (work == NULL) {
        complain("no memory for a table");
        return false;
    }
    *work = (struct work){ .t = t, .o = o, .program = program };
    work->file = cell_share(t->workload);
    t->row_count = o->row_count;
    for (size_t i = 0; i < t->row_count; i++) {
        t->rows[i].name = o->rows[i];
    }
    good = work->file >= 0;
    if (good) {
        fill(work);
        close(work->file);
    }
    free(work);
    return good;
}

/* --- figures -------------------------------------------------------------- */

double compare_of_resident(const struct compare_table *t,
                           const struct compare_row *r) {
    const uint64_t peak = measured_resident_peak(&r->memory);

    return peak == 0 || r->ns == 0 ? 0
                                   : (double)t->workload->peak / (double)peak;
}

double compare_of_arena(const struct compare_table *t,
                        const struct compare_row *r) {
    return r->arena == 0 ? 0 : (double)t->workload->peak / (double)r->arena;
}

double compare_mean_waste(const struct compare_row *r) {
    double sum = 0;

    for (size_t i = 0; i < r->memory.count; i++) {
        sum += measured_waste(&r->memory.samples[i]);
    }
    return r->memory.count == 0 ? -1 : sum / (double)r->memory.count;
}

double compare_geometric(const struct compare_table *tables, size_t count,
                         const char *name,
                         double (*figure)(const struct compare_table *,
                                          const struct compare_row *)) {
    double logs = 0;
    size_t found = 0;

    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < tables[n].row_count; i++) {
            const struct compare_row *r = &tables[n].rows[i];
            const double value =
                strcmp(r->name, name) == 0 ? figure(&tables[n], r) : 0;

            if (value > 0) {
                logs += log(value);
                found++;
            }
        }
    }
    return found == 0 ? 0 : exp(logs / (double)found);
}

const char *compare_counter_name(enum compare_counter counter) {
    static const char *const names[] = { "not counted", "the processor",
                                         "callgrind" };

    return names[counter];
}
