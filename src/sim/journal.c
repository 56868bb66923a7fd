#include "sim/journal.h"

#include <stdlib.h>
#include <string.h>

/* --- one operation ------------------------------------------------------ */

static uint64_t add(void *ctx, uint64_t old) {
    return old + *(const uint64_t *)ctx;
}

static void set_mode(struct sim_cpu *cpu, uint64_t value) {
    cpu->cpl = (unsigned)(value & 3);
    cpu->ac = (value >> 2 & 1) != 0;
    cpu->interrupts = (value >> 3 & 1) != 0;
    cpu->pkru = (uint32_t)(value >> 32);
}

static bool access(struct sim_cpu *cpu, const struct sim_op *op,
                   struct sim_op_result *r) {
    vaddr_t va = vaddr(op->at);
    uint64_t value = op->value;
    uint8_t byte = 0;
    bool done;

    switch (op->kind) {
    case SIM_OP_LOAD:
        return cpu_load(cpu, va, op->bytes, &r->value, &r->fault);
    case SIM_OP_STORE:
        return cpu_store(cpu, va, op->bytes, value, &r->fault);
    case SIM_OP_ADD:
        return cpu_rmw(cpu, va, op->bytes, add, &value, &r->value, &r->fault);
    default:
        done = cpu_fetch(cpu, va, &byte, &r->fault);
        r->value = byte;
        return done;
    }
}

static bool control(struct sim_cpu *cpu, const struct sim_op *op) {
    switch (op->kind) {
    case SIM_OP_INVPCID:
        return cpu_invpcid(cpu, op->value >> 32, op->value & UINT32_MAX,
                           vaddr(op->at));
    case SIM_OP_CR0:
        return cpu_write_cr0(cpu, op->value);
    case SIM_OP_CR3:
        return cpu_write_cr3(cpu, paddr(op->value));
    case SIM_OP_CR4:
        return cpu_write_cr4(cpu, op->value);
    default:
        return cpu_write_efer(cpu, op->value);
    }
}

void sim_op_do(struct sim_cpu *cpu, const struct sim_op *op,
               struct sim_op_result *r) {
    r->done = true;
    r->value = 0;
    cpu->events->cpu = cpu->number;
    switch (op->kind) {
    case SIM_OP_INVLPG:
        cpu_invlpg(cpu, vaddr(op->at));
        break;
    case SIM_OP_MODE:
        set_mode(cpu, op->value);
        break;
    case SIM_OP_POKE:
        ram_store64(cpu->ram, paddr(op->at), op->value);
        break;
    case SIM_OP_FREED:
        cpu_frames_freed(cpu, (struct prange){ paddr(op->at), op->value },
                         (struct vrange){ vaddr(0), 0 });
        break;
    case SIM_OP_LOAD:
    case SIM_OP_STORE:
    case SIM_OP_ADD:
    case SIM_OP_FETCH:
        r->done = access(cpu, op, r);
        break;
    default:
        r->done = control(cpu, op);
        break;
    }
}

/* --- snapshots ---------------------------------------------------------- */

/** All are in use: let every second one go. */
static void thin_out(struct journal *j) {
    unsigned kept = 0;

    for (unsigned i = 0; i < j->snapshot_count; i++) {
        if (i % 2 == 0) {
            j->taken_at[kept] = j->taken_at[i];
            j->snapshots[kept++] = j->snapshots[i];
        } else {
            snapshot_drop(j->snapshots[i]);
        }
    }
    j->snapshot_count = kept;
    j->every *= 2;
}

/** Where it is time: keep the machine as it is before the next operation. */
static bool keep(struct journal *j) {
    struct snapshot *newest =
        j->snapshot_count != 0 ? j->snapshots[j->snapshot_count - 1] : NULL;
    struct snapshot *s;

    if (newest != NULL &&
        j->now - j->taken_at[j->snapshot_count - 1] < j->every) {
        return true;
    }
    s = snapshot_take(j->cpus, j->cpu_count, newest);
    if (s == NULL) {
        return false;
    }
    if (j->snapshot_count == JOURNAL_SNAPSHOTS) {
        thin_out(j);
    }
    j->taken_at[j->snapshot_count] = j->now;
    j->snapshots[j->snapshot_count++] = s;
    return true;
}

/* --- the journal -------------------------------------------------------- */

static bool is_untouched(const struct sim_ram *ram) {
    for (uint64_t n = 0; n < (ram->size + RAM_CHUNK - 1) / RAM_CHUNK; n++) {
        if (ram_is_ready(ram, n)) {
            return false;
        }
    }
    return true;
}

bool journal_init(struct journal *j, struct sim_cpu *const *cpus,
                  unsigned count, size_t every) {
    memset(j, 0, sizeof(*j));
    memcpy(j->cpus, cpus, count * sizeof(*cpus));
    j->cpu_count = count;
    j->every = every;
    j->is_fresh = cpus[0]->events->total == 0 && is_untouched(cpus[0]->ram);
    return keep(j);
}

void journal_destroy(struct journal *j) {
    for (unsigned i = 0; i < j->snapshot_count; i++) {
        snapshot_drop(j->snapshots[i]);
    }
    free(j->ops);
    free(j->events_before);
    if (j->out != NULL) {
        sim_unwatch(j->log.events, &j->log.watch);
    }
    memset(j, 0, sizeof(*j));
}

static bool make_room(struct journal *j) {
    size_t room = j->room != 0 ? 2 * j->room : 256;
    struct sim_op *ops;
    uint64_t *before;

    if (j->now < j->room) {
        return true;
    }
    ops = realloc(j->ops, room * sizeof(*ops));
    if (ops == NULL) {
        return false;
    }
    j->ops = ops;
    before = realloc(j->events_before, room * sizeof(*before));
    if (before == NULL) {
        return false;
    }
    j->events_before = before;
    j->room = room;
    return true;
}

/** What came after the moment that was gone back to never happens. */
static void forget_future(struct journal *j) {
    if (j->now < j->count) {
        j->events_after = j->cpus[0]->events->total;
    }
    j->count = j->now;
    while (j->snapshot_count > 1 &&
           j->taken_at[j->snapshot_count - 1] > j->now) {
        snapshot_drop(j->snapshots[--j->snapshot_count]);
    }
}

bool journal_do(struct journal *j, struct sim_op op,
                struct sim_op_result *result) {
    forget_future(j);
    if (!keep(j) || !make_room(j)) {
        return false;
    }
    j->ops[j->now] = op;
    j->events_before[j->now] = j->cpus[0]->events->total;
    j->count = ++j->now;
    if (j->out != NULL) {
        char line[SIM_LOG_LINE_MAX];

        sim_op_json(&op, line, sizeof(line));
        fprintf(j->out, "%s\n", line);
    }
    sim_op_do(j->cpus[op.cpu], &op, result);
    j->events_after = j->cpus[0]->events->total;
    return true;
}

void journal_back(struct journal *j, size_t number) {
    struct sim_events *events = j->cpus[0]->events;
    struct sim_watch *watches = events->watches;
    unsigned i = j->snapshot_count - 1;
    struct sim_op_result ignored;

    events->watches = NULL; /* they were told the first time */
    while (j->taken_at[i] > number) {
        i--; /* the first was taken before operation 0 */
    }
    snapshot_restore(j->snapshots[i]);
    for (j->now = j->taken_at[i]; j->now < number; j->now++) {
        const struct sim_op *op = &j->ops[j->now];

        sim_op_do(j->cpus[op->cpu], op, &ignored);
    }
    events->watches = watches;
}

size_t journal_op_of_event(const struct journal *j, uint64_t number) {
    size_t low = 0, high = j->count;

    if (j->count == 0 || number < j->events_before[0] ||
        number >= j->events_after) {
        return j->count;
    }
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (j->events_before[middle] <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
