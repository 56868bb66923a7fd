/*
 * A journal as JSON lines, and the machine that is built from them.
 *
 *   {"machine":1,"seed":"0x1","tlb":1,...,"runs":["0x0+0xa0000",...]}
 *   {"op":"store","cpu":0,"bytes":8,"at":"0x5000","value":"0x2a"}
 *   {"event":"walk",...}           what the operation above made happen
 *   {"event":"fill",...}
 *   {"op":"invlpg",...}
 *
 * Read are only lines as they are written here: keys in any order, no space, no
 * escape.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "sim/journal.h"

static const char *const op_names[SIM_OP_KINDS] = {
    [SIM_OP_LOAD] = "load",     [SIM_OP_STORE] = "store",
    [SIM_OP_ADD] = "add",       [SIM_OP_FETCH] = "fetch",
    [SIM_OP_INVLPG] = "invlpg", [SIM_OP_INVPCID] = "invpcid",
    [SIM_OP_CR0] = "cr0",       [SIM_OP_CR3] = "cr3",
    [SIM_OP_CR4] = "cr4",       [SIM_OP_EFER] = "efer",
    [SIM_OP_MODE] = "mode",     [SIM_OP_POKE] = "poke",
    [SIM_OP_FREED] = "freed",
};

/* --- one field ---------------------------------------------------------- */

/** Where the value of @key starts, behind its quote if it has one; or NULL. */
static const char *value_of(const char *line, const char *key) {
    char quoted[40];
    const char *at;

    fmt_format(quoted, sizeof(quoted), "\"%s\":", key);
    at = strstr(line, quoted);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(quoted);
    return *at == '"' ? at + 1 : at;
}

static bool number(const char *line, const char *key, uint64_t *value) {
    const char *at = value_of(line, key);
    char *end;

    if (at == NULL || *at < '0' || *at > '9') {
        return false;
    }
    *value = strtoull(at, &end, 0);
    return *end == '"' || *end == ',' || *end == '}';
}

static bool word_is(const char *line, const char *key, const char *word) {
    const char *at = value_of(line, key);

    return at != NULL && strncmp(at, word, strlen(word)) == 0 &&
           at[strlen(word)] == '"';
}

/* --- operations --------------------------------------------------------- */

void sim_op_json(const struct sim_op *op, char *text, size_t size) {
    fmt_format(text, size,
               "{\"op\":\"%s\",\"cpu\":%u,\"bytes\":%u,\"at\":\"0x%jx\","
               "\"value\":\"0x%jx\"}",
               op_names[op->kind], op->cpu, op->bytes, (uintmax_t)op->at,
               (uintmax_t)op->value);
}

bool sim_op_parse(const char *text, struct sim_op *op) {
    uint64_t cpu, bytes;

    for (unsigned kind = 0; kind < SIM_OP_KINDS; kind++) {
        if (word_is(text, "op", op_names[kind])) {
            op->kind = (enum sim_op_kind)kind;
            if (!number(text, "cpu", &cpu) || !number(text, "bytes", &bytes) ||
                !number(text, "at", &op->at) ||
                !number(text, "value", &op->value) ||
                cpu >= SNAPSHOT_CPUS_MAX || bytes < 1 || bytes > 8 ||
                (op->kind == SIM_OP_POKE && op->at % 8 != 0)) {
                return false;
            }
            op->cpu = (unsigned)cpu;
            op->bytes = (unsigned)bytes;
            return true;
        }
    }
    return false;
}

/* --- the machine -------------------------------------------------------- */

static uint64_t features_of(const struct sim_cpu *cpu) {
    const bool has[] = { cpu->huge_1gib, cpu->has_nx,   cpu->has_smep,
                         cpu->has_smap,  cpu->has_keys, cpu->has_pcid,
                         cpu->has_la57,  cpu->amd,      cpu->report_stale };
    uint64_t bits = 0;

    for (unsigned i = 0; i < sizeof(has) / sizeof(has[0]); i++) {
        bits |= (uint64_t)has[i] << i;
    }
    return bits;
}

static bool set_features(struct sim_cpu *cpu, uint64_t bits) {
    bool *const has[] = { &cpu->huge_1gib, &cpu->has_nx,   &cpu->has_smep,
                          &cpu->has_smap,  &cpu->has_keys, &cpu->has_pcid,
                          &cpu->has_la57,  &cpu->amd };
    unsigned count = sizeof(has) / sizeof(has[0]);

    for (unsigned i = 0; i < count; i++) {
        *has[i] = (bits >> i & 1) != 0;
    }
    return (bits >> count & 1) == 0 || cpu_report_stale(cpu);
}

void journal_log(struct journal *j, FILE *out) {
    const struct sim_cpu *cpu = j->cpus[0];

    fprintf(out,
            "{\"machine\":1,\"fresh\":%d,\"cpus\":%u,\"seed\":\"0x%" PRIx64
            "\",\"tlb\":%d,\"capacity\":%u,\"phys_bits\":%u,"
            "\"features\":\"0x%" PRIx64 "\",\"runs\":[",
            j->is_fresh, j->cpu_count, cpu->ram->seed, (int)cpu->tlb.policy,
            cpu->tlb.capacity, cpu->phys_bits, features_of(cpu));
    for (size_t i = 0; i < cpu->ram->run_count; i++) {
        fprintf(out, "%s\"0x%" PRIx64 "+0x%" PRIx64 "\"", i != 0 ? "," : "",
                cpu->ram->runs[i].base.v, cpu->ram->runs[i].len);
    }
    fprintf(out, "]}\n");
    j->out = out;
    sim_log_start(&j->log, cpu->events, out);
}

/** What is built from a log. */
struct again {
    struct sim_ram ram;
    struct sim_events events;
    struct sim_cpu *cpus;
    unsigned cpu_count;
    struct sim_watch watch;
    char
        *said; /* lines of events that the log has still to tell, a '\0' each */
    size_t len, at, room;
    bool no_memory;
};

static struct again *again_of(struct sim_watch *watch) {
    return (struct again *)(void *)((char *)watch -
                                    offsetof(struct again, watch));
}

static void seen(struct sim_watch *watch, const struct sim_event *event) {
    struct again *a = again_of(watch);

    if (a->room - a->len < SIM_LOG_LINE_MAX) {
        char *more = realloc(a->said, a->room + 64 * SIM_LOG_LINE_MAX);

        if (more == NULL) {
            a->no_memory = true;
            return;
        }
        a->said = more;
        a->room += 64 * SIM_LOG_LINE_MAX;
    }
    sim_event_json(&a->events, event, a->said + a->len, SIM_LOG_LINE_MAX);
    a->len += strlen(a->said + a->len) + 1;
}

/** "0x0+0xa0000","0x100000+0x1f00000" */
static size_t read_runs(const char *line, struct memmap_entry *map) {
    const char *at = strstr(line, "\"runs\":[");
    size_t count = 0;

    for (at = at != NULL ? at + 7 : NULL;
         at != NULL && (*at == '[' || *at == ',') && count < RAM_RUNS_MAX;) {
        char *end;

        if (at[1] != '"') {
            return 0;
        }
        map[count].type = MEMMAP_USABLE;
        map[count].range.base = paddr(strtoull(at + 2, &end, 16));
        if (*end != '+') {
            return 0;
        }
        map[count].range.len = strtoull(end + 1, &end, 16);
        if (*end != '"') {
            return 0;
        }
        count++;
        at = end + 1;
    }
    return count;
}

static bool build_cpus(struct again *a, const char *line, uint64_t count) {
    uint64_t policy, capacity, bits, features;

    if (!number(line, "tlb", &policy) || policy >= TLB_POLICIES ||
        !number(line, "capacity", &capacity) || capacity > TLB_CAPACITY_MAX ||
        !number(line, "phys_bits", &bits) || bits < 36 || bits > 52 ||
        !number(line, "features", &features)) {
        return false;
    }
    a->cpus = calloc(count, sizeof(*a->cpus));
    while (a->cpus != NULL && a->cpu_count < count) {
        struct sim_cpu *cpu = &a->cpus[a->cpu_count];

        if (!cpu_init(cpu, &a->ram, &a->events, (enum tlb_policy)policy,
                      (unsigned)capacity)) {
            return false;
        }
        cpu->number = a->cpu_count++;
        cpu->phys_bits = (unsigned)bits;
        if (!set_features(cpu, features)) {
            return false;
        }
    }
    return a->cpus != NULL;
}

static bool build(struct again *a, const char *line, char *why, size_t size) {
    struct memmap_entry *map = calloc(RAM_RUNS_MAX, sizeof(*map));
    uint64_t version, fresh, count, seed;
    size_t runs = map != NULL ? read_runs(line, map) : 0;
    bool good = number(line, "machine", &version) && version == 1 &&
                number(line, "fresh", &fresh) && number(line, "cpus", &count) &&
                count >= 1 && count <= SNAPSHOT_CPUS_MAX &&
                number(line, "seed", &seed) && runs > 0;

    fmt_format(why, size, "line 1: no machine that this program can build");
    if (good && fresh != 1) {
        fmt_format(why, size,
                   "line 1: the log begins with a machine that had run before, "
                   "so it can be read but not done again");
        good = false;
    }
    good = good && ram_init(&a->ram, map, runs, seed, vaddr(0), why, size) &&
           build_cpus(a, line, count);
    free(map);
    return good;
}

static void drop_machine(struct again *a) {
    for (unsigned i = 0; i < a->cpu_count; i++) {
        cpu_destroy(&a->cpus[i]);
    }
    free(a->cpus);
    free(a->said);
    ram_destroy(&a->ram);
    free(a);
}

/* --- again -------------------------------------------------------------- */

/** The next event that the machine did, and the log has not told. */
static const char *still_to_tell(const struct again *a) {
    return a->at < a->len ? a->said + a->at : NULL;
}

static bool operation(struct again *a, const char *line, uint64_t n, char *why,
                      size_t size) {
    struct sim_op_result ignored;
    struct sim_op op;

    if (still_to_tell(a) != NULL) {
        fmt_format(why, size, "line %ju: the machine did this first: %s",
                   (uintmax_t)n, still_to_tell(a));
        return false;
    }
    if (!sim_op_parse(line, &op) || op.cpu >= a->cpu_count) {
        fmt_format(why, size, "line %ju: no operation: %s", (uintmax_t)n, line);
        return false;
    }
    a->len = a->at = 0;
    sim_op_do(&a->cpus[op.cpu], &op, &ignored);
    return true;
}

static bool event(struct again *a, const char *line, uint64_t n, char *why,
                  size_t size) {
    const char *did = still_to_tell(a);

    if (did == NULL || strcmp(did, line) != 0) {
        fmt_format(why, size, "line %ju: the log says %s; the machine did %s",
                   (uintmax_t)n, line, did != NULL ? did : "nothing more");
        return false;
    }
    a->at += strlen(did) + 1;
    return true;
}

static bool do_lines(struct again *a, FILE *in, char *why, size_t size) {
    char line[SIM_LOG_LINE_MAX];

    for (uint64_t n = 1; fgets(line, sizeof(line), in) != NULL; n++) {
        bool good;

        line[strcspn(line, "\n")] = '\0';
        if (n == 1) {
            good = build(a, line, why, size);
            a->watch.seen = seen;
            sim_watch(&a->events, &a->watch);
        } else if (strncmp(line, "{\"event\":", 9) == 0) {
            good = event(a, line, n, why, size);
        } else {
            good = operation(a, line, n, why, size);
        }
        if (!good) {
            return false;
        }
        if (a->no_memory) {
            fmt_format(why, size, "no memory for the events of line %ju",
                       (uintmax_t)n);
            return false;
        }
    }
    if (a->cpu_count == 0 || still_to_tell(a) != NULL) {
        fmt_format(why, size, "the log ends early: %s",
                   a->cpu_count == 0 ? "it is empty" : still_to_tell(a));
        return false;
    }
    return true;
}

bool journal_replay(FILE *in, char *why, size_t why_size) {
    struct again *a = calloc(1, sizeof(*a));
    bool good;

    if (a == NULL) {
        fmt_format(why, why_size, "no memory for a machine");
        return false;
    }
    a->ram.memfd = -1;
    good = do_lines(a, in, why, why_size);
    drop_machine(a);
    return good;
}
