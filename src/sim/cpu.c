/*
 * One translation: look, and only when all of the access succeeds, act.
 *
 *   va --> TLB --hit, allowed---------------------------> found
 *           |     write through a clean entry --+
 *           |     denied: hostile faults, ------|-------> fault
 *           |             LRU looks again ------+
 *          miss --------------------------------+-> walk -> found or fault
 *
 * cpu_look() changes nothing but the order of use; cpu_arrive() sets A and D
 * and remembers the translation.  An access that straddles two pages looks
 * twice before it arrives once, so when the second page faults, no D is set and
 * nothing is stored.
 *
 * With TLB_HOSTILE the walk begins at a remembered upper entry if there is one
 * (cpu_upper.c).  A page fault drops what is remembered of its page, and the
 * upper entries of its address, so it does not happen again unless the tables
 * say so.
 *
 * Intel SDM vol. 3A, "Caching Translation Information" and "Accessed and Dirty
 * Flags".
 */
#include "sim/cpu_inside.h"

struct walk_control cpu_control(const struct sim_cpu *cpu) {
    return (struct walk_control){
        .root = paddr(cpu->cr3.v & PTE_ADDRESS_MASK),
        .write_protect = (cpu->cr0 & CR0_WP) != 0,
        .no_execute = (cpu->efer & EFER_NXE) != 0,
        .huge_1gib = cpu->huge_1gib,
        .phys_bits = cpu->phys_bits,
        .five_levels = (cpu->cr4 & CR4_LA57) != 0,
        .smep = (cpu->cr4 & CR4_SMEP) != 0,
        .smap = (cpu->cr4 & CR4_SMAP) != 0,
        .ac = cpu->ac,
        .keys = (cpu->cr4 & CR4_PKE) != 0,
        .pkru = cpu->pkru,
        .amd = cpu->amd,
        .stack = cpu->stack,
    };
}

unsigned cpu_pcid(const struct sim_cpu *cpu) {
    return (cpu->cr4 & CR4_PCIDE) != 0 ? (unsigned)(cpu->cr3.v & CR3_PCID_MASK)
                                       : 0;
}

/* --- faults ------------------------------------------------------------- */

/** Report @walk as an exception.  A page fault drops what is remembered of its
 *  page.  @return false, for the caller to return */
static bool refuse(struct sim_cpu *cpu, vaddr_t va,
                   const struct walk_result *walk, bool stale,
                   struct sim_fault *fault) {
    *fault = (struct sim_fault){
        .vector = walk->vector,
        .error = walk->error,
        .address = va,
        .walk = *walk,
        .stale = stale,
    };
    for (unsigned i = walk->step_count; i < WALK_LEVELS_MAX; i++) {
        fault->walk.steps[i] = (struct walk_step){ { 0 }, { 0 }, { 0 } };
    }
    if (walk->vector == 14) {
        struct tlb_scope here = { .pcid = cpu_pcid(cpu), .globals = true };

        cpu->cr2 = va;
        tlb_drop_page(&cpu->tlb, va, here);
        tlb_drop_page(&cpu->upper, va, here);
    }
    sim_events_add(cpu->events, SIM_EVENT_FAULT, va.v,
                   (uint64_t)walk->vector << 32 | walk->error);
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
        .error = walk_error(&control, reason, entry->rights, access,
                            cpu_is_user(cpu)),
    };

    return refuse(cpu, va, &walk, true, fault);
}

/* --- translation -------------------------------------------------------- */

static void note_holes(struct sim_cpu *cpu, const struct walk_result *walk) {
    for (unsigned i = 0; i < walk->step_count; i++) {
        if (!ram_holds(cpu->ram, walk->steps[i].at, 8)) {
            sim_events_add(cpu->events, SIM_EVENT_HOLE, walk->steps[i].at.v, 0);
        }
    }
}

/** Which entries hold something else than at the walk before? */
static void note_changes(struct sim_cpu *cpu, const struct walk_result *walk) {
    for (unsigned i = 0; i < walk->step_count; i++) {
        const struct walk_step *step = &walk->steps[i];

        if (table_writes_notice(cpu->writes, step->at, step->seen,
                                cpu->number)) {
            sim_events_add(cpu->events, SIM_EVENT_CHANGE, step->at.v,
                           step->seen.v);
        }
    }
}

static void walk_now(struct sim_cpu *cpu, const struct walk_control *control,
                     struct walk_start start, vaddr_t va,
                     enum sim_access access, struct walk_result *result) {
    uint64_t holes = cpu->ram->hole_accesses;

    if (cpu->injection != NULL) {
        cpu_inject_flip(cpu, control, start, va, access);
    }

    walk_into(result, cpu->ram, control, start, va, access, cpu_is_user(cpu));
    cpu->events->walk_reads += result->step_count;
    sim_events_add(cpu->events, SIM_EVENT_WALK, va.v, result->step_count);
    if (cpu->ram->hole_accesses != holes) {
        note_holes(cpu, result);
    }
    if (cpu->writes != NULL) {
        note_changes(cpu, result);
    }
}

bool cpu_refuse_address(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                        struct sim_fault *fault) {
    struct walk_control control = cpu_control(cpu);
    const struct tlb_entry *upper;
    struct walk_start start = cpu_walk_start(cpu, &control, va, &upper);
    struct walk_result walk;

    walk_now(cpu, &control, start, va, access, &walk);
    return refuse(cpu, va, &walk, false, fault);
}

/** The TLB has @entry: is that the answer?  @return true: found or refused,
 *  as *@fine says; false: the tables must be asked */
static bool ask_remembered(struct sim_cpu *cpu,
                           const struct walk_control *control, vaddr_t va,
                           enum sim_access access, struct tlb_entry *entry,
                           struct cpu_found *found, struct sim_fault *fault,
                           bool *fine) {
    enum walk_reason reason =
        walk_permits(control, entry->rights, access, cpu_is_user(cpu));
    struct cpu_outcome outcome = {
        .reason = reason,
        .pa = paddr_add(entry->frame, va.v - entry->page.v),
        .sets_no_dirty = access_writes(access),
    };

    if (reason == WALK_OK && access_writes(access) && !entry->dirty) {
        return false;
    }
    if (reason != WALK_OK && !tlb_denial_stands(&cpu->tlb) &&
        !inject_is_due(cpu->injection, INJECT_SPURIOUS)) {
        return false;
    }
    if (cpu->report_stale) {
        outcome.error = walk_error(control, reason, entry->rights, access,
                                   cpu_is_user(cpu));
        cpu_check_stale(cpu, va, access, tlb_origin_of(&cpu->tlb, entry),
                        entry->global, outcome);
    }
    *fine = reason == WALK_OK;
    if (*fine) {
        found->hit = entry;
        found->pa = outcome.pa;
    } else {
        (void)refuse_remembered(cpu, va, entry, access, reason, fault);
    }
    return true;
}

/** The tables are asked, from the lowest entry that is remembered on. */
static bool ask_tables(struct sim_cpu *cpu, const struct walk_control *control,
                       vaddr_t va, enum sim_access access,
                       struct cpu_found *found, struct sim_fault *fault) {
    const struct tlb_entry *upper;

    found->hit = NULL;
    found->start = cpu_walk_start(cpu, control, va, &upper);
    walk_now(cpu, control, found->start, va, access, &found->walk);
    found->pa = found->walk.pa;
    if (cpu->report_stale) {
        found->above.count = 0;
        if (upper != NULL) {
            found->above = *tlb_origin_of(&cpu->upper, upper);
            cpu_check_stale(cpu, va, access, &found->above, false,
                            (struct cpu_outcome){ found->walk.reason,
                                                  found->walk.error, found->pa,
                                                  false });
        }
    }
    if (found->walk.reason != WALK_OK) {
        return refuse(cpu, va, &found->walk, false, fault);
    }
    return true;
}

bool cpu_look(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
              struct cpu_found *found, struct sim_fault *fault) {
    struct walk_control control = cpu_control(cpu);
    struct tlb_entry *entry = tlb_lookup(&cpu->tlb, va, cpu_pcid(cpu));
    bool fine;

    found->missed = entry == NULL;
    found->insertions = cpu->tlb.insertions;
    if (entry != NULL &&
        ask_remembered(cpu, &control, va, access, entry, found, fault, &fine)) {
        return fine;
    }
    return ask_tables(cpu, &control, va, access, found, fault);
}

static bool differ_in_dirty_alone(const struct tlb_entry *a,
                                  const struct tlb_entry *b) {
    return a->page.v == b->page.v && a->page_shift == b->page_shift &&
           a->frame.v == b->frame.v && a->global == b->global &&
           a->pcid == b->pcid && a->rights.writable == b->rights.writable &&
           a->rights.user == b->rights.user &&
           a->rights.no_execute == b->rights.no_execute &&
           a->rights.key == b->rights.key;
}

/** What @walk says of @entry's page. */
static inline void fill_in(struct tlb_entry *entry,
                           const struct walk_result *walk) {
    entry->frame =
        paddr(align_down(walk->pa.v, UINT64_C(1) << walk->page_shift));
    entry->rights = walk->rights;
    entry->dirty = walk->dirty;
}

/** The page was remembered, or one in its way may have been: the entry that
 *  turns dirty, or a new one. */
static struct tlb_entry *renew(struct sim_cpu *cpu, vaddr_t va,
                               struct tlb_entry entry,
                               const struct walk_result *walk) {
    struct tlb_entry *old = tlb_lookup(&cpu->tlb, va, entry.pcid);

    fill_in(&entry, walk);
    if (old != NULL && differ_in_dirty_alone(old, &entry)) {
        old->dirty = entry.dirty;
        cpu->tlb.generation++;
        return old;
    }
    return tlb_insert(&cpu->tlb, entry);
}

/** Did the lookup find nothing, and was nothing remembered since? */
static bool missed(const struct sim_cpu *cpu, const struct cpu_found *found) {
    return found->missed && found->insertions == cpu->tlb.insertions;
}

struct tlb_entry *cpu_remember(struct sim_cpu *cpu, vaddr_t va,
                               const struct cpu_found *found) {
    const struct walk_result *walk = &found->walk;
    const vaddr_t page =
        vaddr(align_down(va.v, UINT64_C(1) << walk->page_shift));
    const bool global = walk->global && (cpu->cr4 & CR4_PGE) != 0;
    uint64_t evictions = cpu->tlb.evictions;
    struct tlb_entry *entry;

    if (!global && missed(cpu, found)) {
        entry =
            tlb_insert_missed(&cpu->tlb, page, walk->page_shift, cpu_pcid(cpu));
        fill_in(entry, walk);
    } else {
        entry = renew(cpu, va,
                      (struct tlb_entry){ .page = page,
                                          .page_shift = walk->page_shift,
                                          .global = global,
                                          .pcid = (uint16_t)cpu_pcid(cpu) },
                      walk);
    }
    sim_events_add(cpu->events, SIM_EVENT_FILL, page.v, entry->frame.v);
    if (cpu->tlb.evictions != evictions) {
        sim_events_add(cpu->events, SIM_EVENT_EVICT, cpu->tlb.evicted.v, 0);
    }
    if (cpu->report_stale) {
        cpu_note_origin(&cpu->tlb, entry, found, 1);
    }
    return entry;
}

struct tlb_entry *cpu_arrive(struct sim_cpu *cpu, vaddr_t va,
                             const struct cpu_found *found) {
    struct tlb_entry *entry;

    if (found->hit != NULL) {
        return found->hit;
    }
    walk_commit(cpu->ram, &found->walk);
    entry = cpu_remember(cpu, va, found);
    cpu_remember_upper(cpu, va, found);
    return entry;
}

bool cpu_translate(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                   paddr_t *pa, struct tlb_entry **entry,
                   struct sim_fault *fault) {
    struct cpu_found found;
    struct tlb_entry *remembered;

    if (!cpu_look(cpu, va, access, &found, fault)) {
        return false;
    }
    remembered = cpu_arrive(cpu, va, &found);
    *pa = found.pa;
    if (entry != NULL) {
        *entry = remembered;
    }
    return true;
}
