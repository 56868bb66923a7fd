/*
 * The legality report: which results depended on what should have been flushed.
 *
 *   at the fill   [PML4E 0x..] [PDPTE 0x..] [PDE 0x..] [PTE 0x..]   the origin
 *   at the use          =            =          *          =        memory now
 *                                               |
 *               the topmost entry that differs +--> struct sim_stale
 *
 * Each use of what is remembered is compared with a walk from the root through
 * the tables as they are.  Equal results are no report: a processor may keep
 * what it likes, and a program that cannot tell has made no mistake.
 */
#include "base/fmt.h"
#include "sim/cpu_inside.h"

bool cpu_report_stale(struct sim_cpu *cpu) {
    cpu->report_stale =
        tlb_keep_origins(&cpu->tlb) && tlb_keep_origins(&cpu->upper);
    cpu->tlb.generation++;
    return cpu->report_stale;
}

void cpu_record_writes(struct sim_cpu *cpu, struct table_writes *writes) {
    cpu->writes = writes;
    cpu->tlb.generation++;
}

/* --- origins ------------------------------------------------------------ */

void cpu_note_origin(const struct tlb *tlb, const struct tlb_entry *entry,
                     const struct cpu_found *found, unsigned lowest) {
    const struct walk_result *walk = &found->walk;
    struct tlb_origin *origin = tlb_origin_of(tlb, entry);

    *origin = found->above;
    if (origin->count == 0) { /* the root, or from before reports began */
        origin->top = walk->top;
    }
    for (unsigned i = 0; i < walk->step_count && walk->top - i >= lowest; i++) {
        origin->at[origin->count] = walk->steps[i].at;
        origin->value[origin->count] = walk->steps[i].after;
        origin->count++;
    }
}

/* --- the report --------------------------------------------------------- */

/** Bits that decide nothing: A, D, and those left to the program. */
#define IDLE (PTE_ACCESSED | PTE_DIRTY | UINT64_C(0xe00) | UINT64_C(0x7f) << 52)

/** The effect, if the access through the tables comes to something else. */
static bool differs(const struct walk_result *fresh, struct cpu_outcome outcome,
                    enum sim_stale_effect *effect) {
    bool leaf_is_clean =
        fresh->reason == WALK_OK &&
        !pte_has(fresh->steps[fresh->step_count - 1].seen, PTE_DIRTY);

    if (outcome.reason != WALK_OK) {
        *effect = STALE_DENIED;
        return fresh->reason == WALK_OK || fresh->error != outcome.error;
    }
    if (fresh->reason != WALK_OK) {
        *effect = STALE_ALLOWED;
        return true;
    }
    if (fresh->pa.v != outcome.pa.v) {
        *effect = STALE_ELSEWHERE;
        return true;
    }
    *effect = STALE_NOT_DIRTY;
    return outcome.sets_no_dirty && leaf_is_clean;
}

/** The topmost entry of @origin that memory holds otherwise. */
static void find_change(struct sim_ram *ram, const struct tlb_origin *origin,
                        struct sim_stale *stale) {
    for (unsigned i = 0; i < origin->count; i++) {
        pte_t now = pte(ram_load64(ram, origin->at[i]));
        bool dirt = stale->effect == STALE_NOT_DIRTY && i + 1 == origin->count;
        uint64_t changed = now.v ^ origin->value[i].v;

        if ((changed & ~IDLE) != 0 || (dirt && (changed & PTE_DIRTY) != 0)) {
            stale->level = origin->top - i;
            stale->at = origin->at[i];
            stale->then = origin->value[i];
            stale->now = now;
            return;
        }
    }
}

/** Who made the entry hold what it holds, if that was recorded. */
static void find_writer(const struct table_writes *writes,
                        struct sim_stale *stale) {
    const struct table_write *w = table_writes_last(writes, stale->at);

    if (stale->level != 0 && w != NULL && w->rip != 0) {
        stale->writer_is_known = true;
        stale->writer_cpu = w->cpu;
        stale->writer_rip = w->rip;
    }
}

void cpu_check_stale(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                     const struct tlb_origin *origin, bool global,
                     struct cpu_outcome outcome) {
    struct walk_control control = cpu_control(cpu);
    uint64_t holes = cpu->ram->hole_accesses;
    struct walk_result fresh =
        walk(cpu->ram, &control, va, access, cpu_is_user(cpu));
    struct sim_stale stale = {
        .va = va, .access = access, .global = global, .pcid = cpu_pcid(cpu)
    };
    uint64_t number = cpu->events->counts[SIM_EVENT_STALE];

    if (differs(&fresh, outcome, &stale.effect)) {
        find_change(cpu->ram, origin, &stale);
        if (cpu->writes != NULL) {
            find_writer(cpu->writes, &stale);
        }
        cpu->events->stales[number % SIM_STALES_KEPT] = stale;
        sim_events_add(cpu->events, SIM_EVENT_STALE, va.v, number);
    }
    cpu->ram->hole_accesses = holes; /* looking is no access */
}

/* --- in words ----------------------------------------------------------- */

static const char *access_name(enum sim_access access) {
    static const char *const names[] = {
        [SIM_READ] = "read of",
        [SIM_WRITE] = "write to",
        [SIM_FETCH] = "fetch from",
        [SIM_RMW] = "update of",
    };

    return names[access];
}

static const char *effect_text(enum sim_stale_effect effect) {
    static const char *const texts[] = {
        [STALE_ALLOWED] = "was made, though the tables forbid it now",
        [STALE_ELSEWHERE] = "went elsewhere than the tables say now",
        [STALE_NOT_DIRTY] = "left D at 0 in the leaf",
        [STALE_DENIED] = "faulted otherwise than the tables say now",
    };

    return texts[effect];
}

static void explain_writer(const struct sim_stale *s, char *text, size_t size) {
    text[0] = '\0';
    if (s->writer_is_known) {
        fmt_format(text, size, ", stored at rip 0x%jx by processor %u",
                   (uintmax_t)s->writer_rip, s->writer_cpu);
    }
}

static size_t explain_change(const struct sim_stale *s, char *text,
                             size_t size) {
    static const char *const names[] = { "",      "PTE",   "PDE",
                                         "PDPTE", "PML4E", "PML5E" };
    char writer[64];

    if (s->level == 0) {
        return fmt_format(text, size,
                          "no entry on its way is known to have changed: it "
                          "was remembered under another root, or before "
                          "reports began");
    }
    explain_writer(s, writer, sizeof(writer));
    return fmt_format(text, size,
                      "the %s (level %u) at physical 0x%jx held 0x%jx when it "
                      "was remembered and holds 0x%jx now%s",
                      names[s->level], s->level, (uintmax_t)s->at.v,
                      (uintmax_t)s->then.v, (uintmax_t)s->now.v, writer);
}

void sim_stale_explain(const struct sim_stale *s, char *text, size_t size) {
    char change[240];

    (void)explain_change(s, change, sizeof(change));
    fmt_format(text, size,
               "%s 0x%jx %s: %s. Needed after the change: INVLPG of 0x%jx%s",
               access_name(s->access), (uintmax_t)s->va.v,
               effect_text(s->effect), change, (uintmax_t)s->va.v,
               s->global ? " (the page is global: a load of CR3 spares it)"
                         : ", or a load of CR3");
}
