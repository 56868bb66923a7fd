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

/** Does @event flush the @size bytes around @va? */
static bool flushes(const struct sim_event *event, vaddr_t va, uint64_t size) {
    switch (event->kind) {
    case SIM_EVENT_INVLPG:
    case SIM_EVENT_INVPCID:
        return align_down(event->a, size) == align_down(va.v, size);
    case SIM_EVENT_CR3:
    case SIM_EVENT_FLUSH_ALL:
        return true;
    default:
        return false;
    }
}

/** Another processor that flushed the page, since @cpu has it, as far as the
 *  ring of events knows. */
static unsigned find_flusher(const struct sim_cpu *cpu, vaddr_t va,
                             const struct tlb_origin *origin) {
    const struct sim_events *events = cpu->events;
    uint64_t size = origin->count == 0
                        ? PAGE_SIZE
                        : level_size(origin->top - origin->count + 1);
    uint64_t kept =
        events->total < SIM_EVENTS_KEPT ? events->total : SIM_EVENTS_KEPT;

    for (uint64_t i = 1; i <= kept; i++) {
        const struct sim_event *event =
            &events->ring[(events->total - i) % SIM_EVENTS_KEPT];

        if (event->cpu != cpu->number && flushes(event, va, size)) {
            return event->cpu;
        }
        if (event->cpu == cpu->number && event->kind == SIM_EVENT_FILL &&
            event->a == align_down(va.v, size)) {
            break;
        }
    }
    return SIM_NO_CPU;
}

void cpu_add_stale(struct sim_cpu *cpu, struct sim_stale *stale,
                   const struct tlb_origin *origin) {
    uint64_t number = cpu->events->counts[SIM_EVENT_STALE];

    if (origin != NULL) {
        find_change(cpu->ram, origin, stale);
    }
    if (cpu->writes != NULL) {
        find_writer(cpu->writes, stale);
    }
    cpu->events->stales[number % SIM_STALES_KEPT] = *stale;
    sim_events_add(cpu->events, SIM_EVENT_STALE, stale->va.v, number);
}

void cpu_check_stale(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                     const struct tlb_origin *origin, bool global,
                     struct cpu_outcome outcome) {
    struct walk_control control = cpu_control(cpu);
    uint64_t holes = cpu->ram->hole_accesses;
    struct walk_result fresh =
        walk(cpu->ram, &control, va, access, cpu_is_user(cpu));
    struct sim_stale stale = {
        .va = va,
        .access = access,
        .global = global,
        .pcid = cpu_pcid(cpu),
        .cpu = cpu->number,
        .called = cpu_is_called(cpu),
    };

    if (differs(&fresh, outcome, &stale.effect)) {
        stale.flusher = find_flusher(cpu, va, origin);
        cpu_add_stale(cpu, &stale, origin);
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

static const char *or_cr3(const struct sim_stale *s) {
    return s->global ? " (the page is global: a load of CR3 spares it)"
                     : ", or a load of CR3";
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

/** With several processors: who was it, and whom did nobody call? */
static void explain_processors(const struct sim_stale *s, char *who,
                               size_t who_size, char *call, size_t call_size) {
    who[0] = call[0] = '\0';
    if (s->cpu == 0 && s->flusher == SIM_NO_CPU) {
        return;
    }
    fmt_format(who, who_size, "processor %u: ", s->cpu);
    if (s->called) {
        fmt_format(call, call_size,
                   ". An interrupt waits for processor %u: if it is the call "
                   "to flush, its sender must wait until it is obeyed",
                   s->cpu);
    } else if (s->flusher != SIM_NO_CPU) {
        fmt_format(call, call_size,
                   ". Processor %u flushed the page on itself alone: it must "
                   "call processor %u by an interrupt, whose handler flushes "
                   "there (a shootdown)",
                   s->flusher, s->cpu);
    }
}

static void explain_freed(const struct sim_stale *s, char *text, size_t size) {
    char change[240] = "the tables are as they were";

    if (s->level != 0) {
        (void)explain_change(s, change, sizeof(change));
    }
    fmt_format(text, size,
               "physical 0x%jx was handed back while the way to it by 0x%jx is "
               "still remembered: %s. Needed before: INVLPG of 0x%jx%s",
               (uintmax_t)s->freed.v, (uintmax_t)s->va.v, change,
               (uintmax_t)s->va.v, or_cr3(s));
}

void sim_stale_explain(const struct sim_stale *s, char *text, size_t size) {
    char change[240], who[32], call[200];

    if (s->effect == STALE_FREED) {
        explain_freed(s, text, size);
        return;
    }
    (void)explain_change(s, change, sizeof(change));
    explain_processors(s, who, sizeof(who), call, sizeof(call));
    fmt_format(
        text, size,
        "%s%s 0x%jx %s: %s. Needed after the change: INVLPG of 0x%jx%s%s", who,
        access_name(s->access), (uintmax_t)s->va.v, effect_text(s->effect),
        change, (uintmax_t)s->va.v, or_cr3(s), call);
}
