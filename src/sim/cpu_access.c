/*
 * Loads, stores, fetches and read-modify-writes of 1 to 8 bytes.
 *
 *        va                  page boundary
 *        [ piece 0 . . . . . ][ piece 1 ]
 *
 * Both pieces are found before either arrives, so an access that faults has
 * changed nothing.  A and D are set before the bytes move: an access to a table
 * that translates it sees its own flags, and a store onto its own entry stands.
 *
 * In front of all that, in cpu.h, are lines: a page that was loaded from
 * (stored to), and the host address of its bytes.  They count while the TLB's
 * generation and the mode are those they were noted under: nothing was dropped,
 * no control register written since.  A hit by a line is a use of its entry, as
 * any other.
 */
#include "sim/cpu_inside.h"

/* --- lines -------------------------------------------------------------- */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_HAS_OUR_BYTE_ORDER true
#else
#define HOST_HAS_OUR_BYTE_ORDER false
#endif

/** Note a line for @va, which @entry translates to @pa, after its access. */
static void note_line(struct sim_cpu *cpu, vaddr_t va, paddr_t pa,
                      struct tlb_entry *entry, bool store) {
    struct cpu_front *f = &cpu->front;
    enum tlb_policy policy = cpu->tlb.policy;
    paddr_t frame = paddr(align_down(pa.v, PAGE_SIZE));

    if (!HOST_HAS_OUR_BYTE_ORDER || cpu->report_stale || cpu->writes != NULL ||
        (policy != TLB_LRU && policy != TLB_HOSTILE) ||
        !ram_view_shows(ram_view(cpu->ram), frame)) {
        return;
    }
    if (f->cpl != cpu->cpl || f->ac != cpu->ac || f->pkru != cpu->pkru) {
        cpu->tlb.generation++; /* the end of all lines */
        f->cpl = cpu->cpl;
        f->ac = cpu->ac;
        f->pkru = cpu->pkru;
    }
    f->lines[store][(va.v >> PAGE_SHIFT) & (CPU_FRONT_LINES - 1)] =
        (struct cpu_line){ .last = va.v | (PAGE_SIZE - 1),
                           .generation = cpu->tlb.generation,
                           .bytes = cpu->ram->alias + frame.v,
                           .entry = entry };
}

/* --- pieces ------------------------------------------------------------- */

/** The bytes of one access in one page. */
struct piece {
    vaddr_t va;
    unsigned bytes;
    struct cpu_found found;
    struct tlb_entry *entry; /* once it has arrived */
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
        piece[i].entry = cpu_arrive(cpu, piece[i].va, &piece[i].found);
    }
    return true;
}

static void note_no_ram(struct sim_cpu *cpu, paddr_t pa, bool stores) {
    if (ram_device_at(cpu->ram, pa) != NULL) {
        sim_events_add(cpu->events, SIM_EVENT_DEVICE, pa.v, stores);
    } else {
        sim_events_add(cpu->events, SIM_EVENT_HOLE, pa.v, 0);
    }
}

/** ram_holds(), and nearly always without a search. */
static bool is_ram(const struct sim_cpu *cpu, paddr_t pa, unsigned bytes) {
    return ram_view_shows(ram_view(cpu->ram), pa) ||
           ram_holds(cpu->ram, pa, bytes);
}

uint64_t cpu_get(struct sim_cpu *cpu, paddr_t pa, unsigned bytes) {
    const struct ram_view view = ram_view(cpu->ram);

    if (HOST_HAS_OUR_BYTE_ORDER && bytes == 8 && ram_view_shows(view, pa)) {
        uint64_t value;

        memcpy(&value, view.alias + pa.v, sizeof(value));
        return value;
    }
    if (!is_ram(cpu, pa, bytes)) {
        note_no_ram(cpu, pa, false);
    }
    return ram_load(cpu->ram, pa, bytes);
}

static inline uint64_t read_pieces(struct sim_cpu *cpu,
                                   const struct piece *piece, unsigned count) {
    uint64_t value = 0;
    unsigned done = 0;

    if (count == 1) {
        return cpu_get(cpu, piece->found.pa, piece->bytes);
    }
    for (unsigned i = 0; i < count; i++) {
        value |= cpu_get(cpu, piece[i].found.pa, piece[i].bytes) << (8 * done);
        done += piece[i].bytes;
    }
    return value;
}

/** Who calls stands for the instruction, unless cpu->rip tells. */
#define THIS_CALL ((uint64_t)(uintptr_t)__builtin_return_address(0))

/** ram_store(), and a record of each 8-byte word that it touches. */
static void store_recorded(struct sim_cpu *cpu, paddr_t pa, unsigned bytes,
                           uint64_t value, uint64_t call) {
    const uint64_t first = align_down(pa.v, 8);
    const uint64_t last = align_down(pa.v + bytes - 1, 8);
    uint64_t before[2] = { ram_load64(cpu->ram, paddr(first)),
                           ram_load64(cpu->ram, paddr(last)) };

    ram_store(cpu->ram, pa, bytes, value);
    for (uint64_t word = first; word <= last; word += 8) {
        table_writes_add(cpu->writes,
                         (struct table_write){
                             .at = paddr(word),
                             .before = pte(before[word != first]),
                             .after = pte(ram_load64(cpu->ram, paddr(word))),
                             .cpu = cpu->number,
                             .rip = cpu->rip != 0 ? cpu->rip : call,
                         });
    }
}

void cpu_put(struct sim_cpu *cpu, paddr_t pa, unsigned bytes, uint64_t value,
             uint64_t call) {
    bool holds = is_ram(cpu, pa, bytes);

    if (!holds) {
        note_no_ram(cpu, pa, true);
    }
    if (holds && cpu->writes != NULL) {
        store_recorded(cpu, pa, bytes, value, call);
    } else {
        ram_store(cpu->ram, pa, bytes, value);
    }
}

static void write_pieces(struct sim_cpu *cpu, const struct piece *piece,
                         unsigned count, uint64_t value, uint64_t call) {
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++) {
        cpu_put(cpu, piece[i].found.pa, piece[i].bytes, value >> (8 * done),
                call);
        done += piece[i].bytes;
    }
}

bool cpu_load_slowly(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
                     uint64_t *value, struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);

    if (!reach(cpu, piece, count, SIM_READ, fault)) {
        return false;
    }
    *value = read_pieces(cpu, piece, count);
    if (count == 1) {
        note_line(cpu, va, piece[0].found.pa, piece[0].entry, false);
    }
    return true;
}

bool cpu_store_slowly(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
                      uint64_t value, struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);

    if (!reach(cpu, piece, count, SIM_WRITE, fault)) {
        return false;
    }
    write_pieces(cpu, piece, count, value, THIS_CALL);
    if (count == 1) {
        note_line(cpu, va, piece[0].found.pa, piece[0].entry, true);
    }
    return true;
}

bool(cpu_load)(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t *value,
               struct sim_fault *fault) {
    return cpu_load_inline(cpu, va, bytes, value, fault);
}

bool(cpu_store)(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t value,
                struct sim_fault *fault) {
    return cpu_store_inline(cpu, va, bytes, value, fault);
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
    write_pieces(cpu, piece, count, change(ctx, *old), THIS_CALL);
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
