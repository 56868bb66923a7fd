/*
 * Loads, stores, fetches and read-modify-writes of 1 to 8 bytes.
 *
 *        va                  page boundary
 *        [ piece 0 . . . . . ][ piece 1 ]
 *
 * Both pieces are found before either arrives, so an access that faults has
 * changed nothing.  A and D are set before the bytes move: an access to a table
 * that translates it sees its own flags, and a store onto its own entry stands.
 */
#include "sim/cpu_inside.h"

/** The bytes of one access in one page. */
struct piece {
    vaddr_t va;
    unsigned bytes;
    struct cpu_found found;
};

/** Cut an access at the page boundary.  @return how many pieces */
static unsigned cut(vaddr_t va, unsigned bytes, struct piece piece[2]) {
    unsigned left = (unsigned)(PAGE_SIZE - (va.v & (PAGE_SIZE - 1)));

    piece[0].va = va;
    piece[0].bytes = bytes < left ? bytes : left;
    if (bytes <= left) {
        return 1;
    }
    piece[1].va = vaddr_add(va, left);
    piece[1].bytes = bytes - left;
    return 2;
}

/** Find both pieces, then let both arrive.  Canonical is asked of the whole
 *  access before any page of it. */
static bool reach(struct sim_cpu *cpu, struct piece *piece, unsigned count,
                  enum sim_access access, struct sim_fault *fault) {
    if (count == 2) {
        struct walk_control control = cpu_control(cpu);

        if (walk_is_canonical(&control, piece[0].va) &&
            !walk_is_canonical(&control, piece[1].va)) {
            return cpu_refuse_address(cpu, piece[1].va, access, fault);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!cpu_look(cpu, piece[i].va, access, &piece[i].found, fault)) {
            return false;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        (void)cpu_arrive(cpu, piece[i].va, &piece[i].found);
    }
    return true;
}

static void note_hole(struct sim_cpu *cpu, const struct piece *piece) {
    if (!ram_holds(cpu->ram, piece->found.pa, piece->bytes)) {
        sim_events_add(cpu->events, SIM_EVENT_HOLE, piece->found.pa.v, 0);
    }
}

static uint64_t read_pieces(struct sim_cpu *cpu, const struct piece *piece,
                            unsigned count) {
    uint64_t value = 0;
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++) {
        note_hole(cpu, &piece[i]);
        value |= ram_load(cpu->ram, piece[i].found.pa, piece[i].bytes)
                 << (8 * done);
        done += piece[i].bytes;
    }
    return value;
}

static void write_pieces(struct sim_cpu *cpu, const struct piece *piece,
                         unsigned count, uint64_t value) {
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++) {
        note_hole(cpu, &piece[i]);
        ram_store(cpu->ram, piece[i].found.pa, piece[i].bytes,
                  value >> (8 * done));
        done += piece[i].bytes;
    }
}

bool cpu_load(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t *value,
              struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);

    if (!reach(cpu, piece, count, SIM_READ, fault)) {
        return false;
    }
    *value = read_pieces(cpu, piece, count);
    return true;
}

bool cpu_store(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t value,
               struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);

    if (!reach(cpu, piece, count, SIM_WRITE, fault)) {
        return false;
    }
    write_pieces(cpu, piece, count, value);
    return true;
}

bool cpu_rmw(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
             uint64_t (*change)(void *ctx, uint64_t old), void *ctx,
             uint64_t *old, struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);

    if (!reach(cpu, piece, count, SIM_RMW, fault)) {
        return false;
    }
    *old = read_pieces(cpu, piece, count);
    write_pieces(cpu, piece, count, change(ctx, *old));
    return true;
}

bool cpu_fetch(struct sim_cpu *cpu, vaddr_t va, uint8_t *value,
               struct sim_fault *fault) {
    struct piece piece[2];

    if (!reach(cpu, piece, cut(va, 1, piece), SIM_FETCH, fault)) {
        return false;
    }
    *value = (uint8_t)read_pieces(cpu, piece, 1);
    return true;
}
