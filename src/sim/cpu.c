/*
 * One access: look, and only when all of it succeeds, act.
 *
 *   va --> TLB --hit, allowed---------------------------> found
 *           |     write through a clean entry --+
 *           |     denied: hostile faults, ------|-------> fault
 *           |             LRU looks again ------+
 *          miss --------------------------------+-> walk -> found or fault
 *
 * look() changes nothing but the order of use; arrive() sets A and D and
 * remembers the translation.  An access that straddles two pages looks twice
 * before it arrives once, so when the second page faults, no D is set and
 * nothing is stored.
 *
 * Intel SDM vol. 3A, "Caching Translation Information" and "Accessed and Dirty
 * Flags".
 */
#include "sim/cpu.h"

#include <string.h>

/** Where the first byte was found, before anything was changed. */
struct found {
    paddr_t pa;
    struct tlb_entry *hit;   /* NULL: the walk found it */
    struct walk_result walk; /* only when hit is NULL */
};

struct walk_control cpu_control(const struct sim_cpu *cpu) {
    return (struct walk_control){
        .root = paddr(cpu->cr3.v & PTE_ADDRESS_MASK),
        .write_protect = (cpu->cr0 & CR0_WP) != 0,
        .no_execute = (cpu->efer & EFER_NXE) != 0,
        .huge_1gib = cpu->huge_1gib,
        .phys_bits = cpu->phys_bits,
    };
}

static bool is_user(const struct sim_cpu *cpu) {
    return cpu->cpl == 3;
}

/* --- faults ------------------------------------------------------------- */

/** Report @walk as an exception.  A page fault drops what is remembered of its
 *  page.  @return false, for the caller to return */
static bool refuse(struct sim_cpu *cpu, vaddr_t va, struct walk_result walk,
                   bool stale, struct sim_fault *fault) {
    *fault = (struct sim_fault){
        .vector = walk.vector,
        .error = walk.error,
        .address = va,
        .walk = walk,
        .stale = stale,
    };
    if (walk.vector == 14) {
        cpu->cr2 = va;
        tlb_drop_page(&cpu->tlb, va);
    }
    sim_events_add(cpu->events, SIM_EVENT_FAULT, va.v,
                   (uint64_t)walk.vector << 32 | walk.error);
    return false;
}

/** The remembered translation @entry denies, and that is the end of it. */
static bool refuse_remembered(struct sim_cpu *cpu, vaddr_t va,
                              const struct tlb_entry *entry,
                              enum sim_access access, enum walk_reason reason,
                              struct sim_fault *fault) {
    struct walk_control control = cpu_control(cpu);
    struct walk_result walk = {
        .reason = reason,
        .level = (entry->page_shift - PAGE_SHIFT) / 9 + 1,
        .rights = entry->rights,
        .vector = 14,
        .error =
            walk_error(&control, reason, entry->rights, access, is_user(cpu)),
    };

    return refuse(cpu, va, walk, true, fault);
}

/* --- translation -------------------------------------------------------- */

static void note_holes(struct sim_cpu *cpu, const struct walk_result *walk) {
    for (unsigned i = 0; i < walk->step_count; i++) {
        if (!ram_holds(cpu->ram, walk->steps[i].at, 8)) {
            sim_events_add(cpu->events, SIM_EVENT_HOLE, walk->steps[i].at.v, 0);
        }
    }
}

static struct walk_result walk_now(struct sim_cpu *cpu, vaddr_t va,
                                   enum sim_access access) {
    struct walk_control control = cpu_control(cpu);
    uint64_t holes = cpu->ram->hole_accesses;
    struct walk_result result =
        walk(cpu->ram, &control, va, access, is_user(cpu));

    cpu->events->walk_reads += result.step_count;
    sim_events_add(cpu->events, SIM_EVENT_WALK, va.v, result.step_count);
    if (cpu->ram->hole_accesses != holes) {
        note_holes(cpu, &result);
    }
    return result;
}

/** Find @va for @access without setting A or D. */
static bool look(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                 struct found *found, struct sim_fault *fault) {
    struct walk_control control = cpu_control(cpu);
    struct tlb_entry *entry = tlb_lookup(&cpu->tlb, va);

    if (entry != NULL) {
        enum walk_reason reason =
            walk_permits(&control, entry->rights, access, is_user(cpu));

        if (reason == WALK_OK && (!access_writes(access) || entry->dirty)) {
            found->hit = entry;
            found->pa = paddr_add(entry->frame, va.v - entry->page.v);
            return true;
        }
        if (reason != WALK_OK && cpu->tlb.policy == TLB_HOSTILE) {
            return refuse_remembered(cpu, va, entry, access, reason, fault);
        }
    }
    found->hit = NULL;
    found->walk = walk_now(cpu, va, access);
    found->pa = found->walk.pa;
    if (found->walk.reason != WALK_OK) {
        return refuse(cpu, va, found->walk, false, fault);
    }
    return true;
}

static struct tlb_entry entry_of(const struct sim_cpu *cpu, vaddr_t va,
                                 const struct walk_result *walk) {
    uint64_t offset = (UINT64_C(1) << walk->page_shift) - 1;

    return (struct tlb_entry){
        .page = vaddr(va.v & ~offset),
        .page_shift = walk->page_shift,
        .frame = paddr(walk->pa.v & ~offset),
        .rights = walk->rights,
        .global = walk->global && (cpu->cr4 & CR4_PGE) != 0,
        .dirty = walk->dirty,
    };
}

static bool differ_in_dirty_alone(const struct tlb_entry *a,
                                  const struct tlb_entry *b) {
    return a->page.v == b->page.v && a->page_shift == b->page_shift &&
           a->frame.v == b->frame.v && a->global == b->global &&
           a->rights.writable == b->rights.writable &&
           a->rights.user == b->rights.user &&
           a->rights.no_execute == b->rights.no_execute &&
           a->rights.key == b->rights.key;
}

/** Remember what @walk found.  An entry that only turns dirty is the same entry
 *  still, so nobody is told that it went. */
static struct tlb_entry *remember(struct sim_cpu *cpu, vaddr_t va,
                                  const struct walk_result *walk) {
    struct tlb_entry entry = entry_of(cpu, va, walk);
    struct tlb_entry *old = tlb_lookup(&cpu->tlb, va);
    uint64_t evictions = cpu->tlb.evictions;

    sim_events_add(cpu->events, SIM_EVENT_FILL, entry.page.v, entry.frame.v);
    if (old != NULL && differ_in_dirty_alone(old, &entry)) {
        old->dirty = entry.dirty;
        return old;
    }
    old = tlb_insert(&cpu->tlb, entry);
    if (cpu->tlb.evictions != evictions) {
        sim_events_add(cpu->events, SIM_EVENT_EVICT, cpu->tlb.evicted.v, 0);
    }
    return old;
}

/** The access happens: A and D into memory, the translation into the TLB. */
static struct tlb_entry *arrive(struct sim_cpu *cpu, vaddr_t va,
                                const struct found *found) {
    if (found->hit != NULL) {
        return found->hit;
    }
    walk_commit(cpu->ram, &found->walk);
    return remember(cpu, va, &found->walk);
}

bool cpu_translate(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                   paddr_t *pa, struct tlb_entry **entry,
                   struct sim_fault *fault) {
    struct found found;
    struct tlb_entry *remembered;

    if (!look(cpu, va, access, &found, fault)) {
        return false;
    }
    remembered = arrive(cpu, va, &found);
    *pa = found.pa;
    if (entry != NULL) {
        *entry = remembered;
    }
    return true;
}

/* --- loads, stores, fetches --------------------------------------------- */

/** The bytes of one access in one page. */
struct piece {
    vaddr_t va;
    unsigned bytes;
    struct found found;
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
    if (count == 2 && vaddr_is_canonical(piece[0].va) &&
        !vaddr_is_canonical(piece[1].va)) {
        return refuse(cpu, piece[1].va, walk_now(cpu, piece[1].va, access),
                      false, fault);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!look(cpu, piece[i].va, access, &piece[i].found, fault)) {
            return false;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        (void)arrive(cpu, piece[i].va, &piece[i].found);
    }
    return true;
}

static void note_hole(struct sim_cpu *cpu, const struct piece *piece) {
    if (!ram_holds(cpu->ram, piece->found.pa, piece->bytes)) {
        sim_events_add(cpu->events, SIM_EVENT_HOLE, piece->found.pa.v, 0);
    }
}

bool cpu_load(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t *value,
              struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);
    unsigned done = 0;

    if (!reach(cpu, piece, count, SIM_READ, fault)) {
        return false;
    }
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        note_hole(cpu, &piece[i]);
        *value |= ram_load(cpu->ram, piece[i].found.pa, piece[i].bytes)
                  << (8 * done);
        done += piece[i].bytes;
    }
    return true;
}

bool cpu_store(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t value,
               struct sim_fault *fault) {
    struct piece piece[2];
    unsigned count = cut(va, bytes, piece);
    unsigned done = 0;

    if (!reach(cpu, piece, count, SIM_WRITE, fault)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        note_hole(cpu, &piece[i]);
        ram_store(cpu->ram, piece[i].found.pa, piece[i].bytes,
                  value >> (8 * done));
        done += piece[i].bytes;
    }
    return true;
}

bool cpu_fetch(struct sim_cpu *cpu, vaddr_t va, uint8_t *value,
               struct sim_fault *fault) {
    struct piece piece[2];

    if (!reach(cpu, piece, cut(va, 1, piece), SIM_FETCH, fault)) {
        return false;
    }
    note_hole(cpu, &piece[0]);
    *value = ram_load8(cpu->ram, piece[0].found.pa);
    return true;
}
