/*
 * The tables as text; a "-" is a figure that was not measured.
 *
 *   cc1: 509018 operations; at most 9039 blocks and 3357708 bytes live
 *                  ns/op   time  instr  p99.99  worst  live/res  live/arena ...
 *   mimalloc        14.6   1.00   35.8     ...
 */
#include "memtwin/compare.h"

#include <string.h>

#define COLUMN 11

static void heading(const char *first, const char *const *names) {
    printf("%-14s", first);
    for (; *names != NULL; names++) {
        printf("%*s", COLUMN, *names);
    }
    printf("\n");
}

static void number(double value, int digits, bool known) {
    if (known) {
        printf("%*.*f", COLUMN, digits, value);
    } else {
        printf("%*s", COLUMN, "-");
    }
}

static void row(const struct compare_table *t, const struct compare_row *r) {
    const double waste = compare_mean_waste(r);
    const bool cycles = r->cycles.worst > 0;

    if (r->missing) {
        printf("%-14s  not installed\n", r->name);
        return;
    }
    printf("%-14s", r->name);
    if (r->ns == 0) {
        printf("  %s\n", r->why);
        return;
    }
    number(r->ns, 1, true);
    number(r->ratio, 2, r->ratio > 0);
    number(r->instructions, 1, r->instructions > 0);
    number(r->cycles.p9999, 0, cycles);
    number(r->cycles.worst, 0, cycles);
    number(compare_of_resident(t, r), 3, compare_of_resident(t, r) > 0);
    number(compare_of_arena(t, r), 3, compare_of_arena(t, r) > 0);
    number(100 * waste, 0, waste >= 0);
    printf("%s%s\n", r->why[0] != '\0' ? "  " : "", r->why);
}

static void table(const struct compare_table *t) {
    static const char *const names[] = { "ns/op",      "time",    "instr.",
                                         "p99.99",     "worst",   "live/res.",
                                         "live/arena", "waste %", NULL };
    const struct workload *w = t->workload;

    printf("%s: %zu operations; at most %zu blocks, %llu bytes live\n",
           w->name[0] != '\0' ? w->name : "trace", w->count, w->peak_blocks,
           (unsigned long long)w->peak);
    heading("", names);
    for (size_t i = 0; i < t->row_count; i++) {
        row(t, &t->rows[i]);
    }
    printf("\n");
}

static double ratio(const struct compare_table *t,
                    const struct compare_row *r) {
    (void)t;
    return r->ratio;
}
static double instructions(const struct compare_table *t,
                           const struct compare_row *r) {
    (void)t;
    return r->instructions;
}

/** Over how many tables the means are. */
static size_t tables_with(const struct compare_table *tables, size_t count,
                          size_t row_number) {
    size_t found = 0;

    for (size_t n = 0; n < count; n++) {
        found += tables[n].rows[row_number].ns > 0;
    }
    return found;
}

static void means(const struct compare_table *tables, size_t count) {
    static const char *const names[] = { "time",       "instr.", "live/res.",
                                         "live/arena", "traces", NULL };

    heading("geom. mean", names);
    for (size_t i = 0; i < tables[0].row_count; i++) {
        const char *name = tables[0].rows[i].name;
        const size_t found = tables_with(tables, count, i);
        double (*const figures[])(const struct compare_table *,
                                  const struct compare_row *) = {
            ratio, instructions, compare_of_resident, compare_of_arena
        };

        if (found == 0) {
            continue;
        }
        printf("%-14s", name);
        for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++) {
            const double mean =
                compare_geometric(tables, count, name, figures[k]);

            number(mean, k == 1 ? 1 : 3, mean > 0);
        }
        printf("%*zu\n", COLUMN, found);
    }
    printf("\n");
}

/** What the figures are, in a few lines. */
static void legend(const struct compare_table *t) {
    printf("time: to %s's; instr.: per operation, without the loop's (%s); "
           "p99.99, worst: cycles of\none operation; res.: what is resident at "
           "most; arena: the smallest heap that does;\nwaste: what is resident "
           "and not live, on average\n",
           t->reference != NULL ? t->reference : "nobody",
           compare_counter_name(t->counter));
}

void compare_text(const struct compare_table *tables, size_t count) {
    for (size_t i = 0; i < count; i++) {
        table(&tables[i]);
    }
    if (count > 1) {
        means(tables, count);
    }
    if (count > 0) {
        legend(&tables[0]);
    }
}
