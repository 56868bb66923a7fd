/*
 * conform: what the guest has written down, beside what the functional machine
 * does with the same cases.
 *
 *     conform SAID RAM [MAX [ROWS]]
 *
 *   SAID  what the guest said, its lines "records ..."
 *   RAM   the file that was its memory
 *   MAX   cases of each family to print that nobody can explain (5)
 *   ROWS  the mask of the rows that may explain a case (all)
 *
 * Prints TAP, a test for each line "records ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conformance/rows.h"
#include "conformance/say.h"

/** One "records" line. */
struct batch {
    enum conf_family family;
    struct conf_features features;
    bool sample;
    uint64_t seed, first, count, at, bytes;
};

struct tally {
    uint64_t cases, equal, unexplained, by_row[ROW_COUNT];
};

static struct sim_machine sim;
static unsigned rows_allowed = (1u << ROW_COUNT) - 1;

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* --- one case --------------------------------------------------------------
 */

static void say_unexplained(const struct batch *b, uint64_t n,
                            const struct conf_case *c,
                            const struct conf_record *seen) {
    struct conf_record record;
    unsigned t = 0;
    char text[512];

    printf("#   %s case %" PRIu64 " of seed 0x%" PRIx64 "%s:\n",
           conf_family_names[b->family], n, b->seed,
           b->sample ? ", sampled" : "");
    say_case(c);
    say_record("guest    ", c, seen);
    sim_machine_run(&sim, c, 0, &record);
    say_record("simulator", c, &record);
    for (unsigned i = 0; i < c->count; i++) {
        const struct conf_step *s = &c->steps[i];
        static const enum sim_access kinds[] = {
            SIM_READ, SIM_WRITE, SIM_FETCH, SIM_RMW, SIM_READ, SIM_WRITE
        };

        if (s->op == CONF_TOUCH) {
            walk_explain(&sim.first[t], vaddr(s->value), kinds[s->access], text,
                         sizeof(text));
            printf("#   by the tables, touch %u: %s\n", ++t, text);
        }
    }
}

/* --- one batch -------------------------------------------------------------
 */

static void count_rows(struct tally *tally, unsigned rows) {
    tally->equal += rows == 0;
    for (unsigned r = 0; rows != ROWS_UNEXPLAINED && r < ROW_COUNT; r++) {
        tally->by_row[r] += rows >> r & 1;
    }
    tally->unexplained += rows == ROWS_UNEXPLAINED;
}

static void compare(const struct batch *b, const uint64_t *words, unsigned max,
                    struct tally *tally) {
    struct conf_case c;
    struct conf_record seen;

    for (uint64_t n = b->first; n < b->first + b->count; n++) {
        unsigned rows;

        conf_generate(&b->features, b->family, b->sample, b->seed, n, &c);
        seen.touches = conf_touches(&c);
        memcpy(seen.words, words, (seen.touches + 1) * sizeof(*words));
        words += seen.touches + 1;
        rows = rows_explain(&sim, &c, &seen, rows_allowed);
        count_rows(tally, rows);
        if (rows == ROWS_UNEXPLAINED && tally->unexplained <= max) {
            say_unexplained(b, n, &c, &seen);
        }
        tally->cases++;
    }
}

static void report(const struct batch *b, unsigned number,
                   const struct tally *tally) {
    printf("%sok %u - %s: both agree, or a row says why not (%" PRIu64
           " cases, %" PRIu64 " the same, %" PRIu64 " unexplained)\n",
           tally->unexplained != 0 ? "not " : "", number,
           conf_family_names[b->family], tally->cases, tally->equal,
           tally->unexplained);
    for (unsigned r = 0; r < ROW_COUNT; r++) {
        if (tally->by_row[r] != 0) {
            printf("#   %10" PRIu64 " %s\n", tally->by_row[r], row_names[r]);
        }
    }
}

/* --- files -----------------------------------------------------------------
 */

static bool parse(const char *line, struct batch *b) {
    char name[32];
    unsigned sample, huge;
    const char *at = strstr(line, "records ");

    if (at == NULL ||
        sscanf(at,
               "records %31s %u 0x%" SCNx64 " %" SCNu64 " %" SCNu64
               " 0x%" SCNx64 " %" SCNu64 " %u %u 0x%" SCNx64,
               name, &sample, &b->seed, &b->first, &b->count, &b->at, &b->bytes,
               &b->features.phys_bits, &huge, &b->features.controls) != 10) {
        return false;
    }
    b->sample = sample != 0;
    b->features.huge_1gib = huge != 0;
    for (unsigned f = 0; f < CONF_FAMILY_COUNT; f++) {
        if (strcmp(conf_family_names[f], name) == 0) {
            b->family = (enum conf_family)f;
            return true;
        }
    }
    return false;
}

static const uint64_t *map_ram(const char *name) {
    int fd = open(name, O_RDONLY);
    void *p = MAP_FAILED;

    if (fd >= 0) {
        p = mmap(NULL, CONF_RAM, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (p == MAP_FAILED) {
        fprintf(stderr, "conform: %s: %s\n", name, strerror(errno));
        return NULL;
    }
    return p;
}

static bool compare_all(FILE *said, const uint64_t *ram, unsigned max) {
    char line[512], why[256];
    unsigned number = 0;
    bool good = true, started = false;
    struct batch b;

    while (fgets(line, sizeof(line), said) != NULL) {
        struct tally tally = { 0 };

        if (!parse(line, &b)) {
            continue;
        }
        if (!started &&
            !sim_machine_start(&sim, &b.features, why, sizeof(why))) {
            printf("Bail out! %s\n", why);
            return false;
        }
        started = true;
        compare(&b, ram + b.at / 8, max, &tally);
        report(&b, ++number, &tally);
        good = good && tally.unexplained == 0;
    }
    if (!started) {
        printf("Bail out! the guest has written nothing down\n");
        return false;
    }
    sim_machine_stop(&sim);
    printf("1..%u\n", number);
    return good;
}

int main(int argc, char **argv) {
    FILE *said;
    const uint64_t *ram;
    bool good;

    if (argc < 3) {
        fprintf(stderr, "usage: conform SAID RAM [MAX [ROWS]]\n");
        return 2;
    }
    if (argc > 4) {
        rows_allowed &= (unsigned)strtoul(argv[4], NULL, 0);
    }
    said = fopen(argv[1], "r");
    ram = map_ram(argv[2]);
    if (said == NULL || ram == NULL) {
        return 2;
    }
    good = compare_all(said, ram,
                       argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 5);
    fclose(said);
    return good ? 0 : 1;
}
