/*
 * The story of a walk:
 *
 *   user write to 0x7008: the PTE (level 1, ...) is not writable: R/W is 0
 *     PML4E   0 at 0x1000 0x0000000000002007: table at 0x2000, P W U
 *     PDPTE   0 at 0x2000 0x0000000000003007: table at 0x3000, P W U
 *     PDE     0 at 0x3000 0x0000000000004007: table at 0x4000, P W U
 *     PTE     7 at 0x4038 0x0000000000006005: page at 0x6000, P U <- R/W is 0
 *       written by processor 0 at rip 0x4011d6, before: 0x6007
 *     error code 0x7: present write user
 *       it says: ...
 *       it does not say: ...
 *     CR2: 0x7008
 */
#include "sim/walk_story.h"

#include "hw/explain.h"

#define INDEX(level, va) ((unsigned)((va).v >> level_shift(level)) & 511)

const char *walk_reason_name(enum walk_reason reason) {
    static const char *const names[] = {
        [WALK_OK] = "allowed",
        [WALK_NOT_CANONICAL] = "not canonical",
        [WALK_NOT_PRESENT] = "not present",
        [WALK_RESERVED] = "reserved bit",
        [WALK_NOT_USER] = "not for users",
        [WALK_SMEP] = "SMEP",
        [WALK_SMAP] = "SMAP",
        [WALK_KEY] = "protection key",
        [WALK_NOT_WRITABLE] = "not writable",
        [WALK_NO_EXECUTE] = "no execute",
    };

    return names[reason];
}

const char *walk_access_name(enum sim_access access) {
    static const char *const names[] = {
        [SIM_READ] = "read",
        [SIM_WRITE] = "write",
        [SIM_FETCH] = "fetch",
        [SIM_RMW] = "update",
    };

    return names[access];
}

unsigned walk_deciding_step(const struct walk_result *r) {
    if (r->reason == WALK_OK || r->reason == WALK_NOT_CANONICAL ||
        r->level > r->top) {
        return r->step_count;
    }
    return r->top - r->level;
}

void walk_deciding_bit(const struct walk_result *r, char *text, size_t size) {
    switch (r->reason) {
    case WALK_NOT_PRESENT:
        fmt_format(text, size, "P is 0");
        break;
    case WALK_RESERVED:
        fmt_format(text, size, "reserved: 0x%jx", (uintmax_t)r->reserved_bits);
        break;
    case WALK_NOT_USER:
        fmt_format(text, size, "U/S is 0");
        break;
    case WALK_SMEP:
    case WALK_SMAP:
        fmt_format(text, size, "U/S is 1, here and above");
        break;
    case WALK_KEY:
        fmt_format(text, size, "key %u", r->rights.key);
        break;
    case WALK_NOT_WRITABLE:
        fmt_format(text, size, "R/W is 0");
        break;
    case WALK_NO_EXECUTE:
        fmt_format(text, size, "XD is 1");
        break;
    default:
        fmt_format(text, size, "%s", "");
        break;
    }
}

struct teller {
    const struct walk_result *r;
    struct walk_asked asked;
    const struct table_writes *writes;
    fmt_sink *sink;
    void *ctx;
};

static void tell_writer(const struct teller *t, paddr_t at) {
    const struct table_write *w;
    char code[200] = "";

    if (t->writes == NULL) {
        return;
    }
    w = table_writes_last(t->writes, at);
    if (w == NULL) {
        fmt_print(t->sink, t->ctx, "    written by: not known\n");
    } else if (w->rip == 0) {
        fmt_print(t->sink, t->ctx,
                  "    written by: not known; 0x%jx before, as a walk saw\n",
                  (uintmax_t)w->before.v);
    } else {
        if (t->writes->name_code != NULL) {
            t->writes->name_code(w->rip, code, sizeof(code));
        }
        fmt_print(t->sink, t->ctx,
                  "    written by: processor %u at rip 0x%jx%s%s, before: "
                  "0x%jx\n",
                  w->cpu, (uintmax_t)w->rip, code[0] != '\0' ? ", " : "", code,
                  (uintmax_t)w->before.v);
    }
}

static void tell_step(const struct teller *t, unsigned i) {
    const struct walk_step *s = &t->r->steps[i];
    unsigned level = t->r->top - i;
    uint64_t set = s->after.v & ~s->seen.v;

    fmt_print(t->sink, t->ctx, "  %-5s %3u at 0x%jx ", paging_entry_name(level),
              INDEX(level, t->asked.va), (uintmax_t)s->at.v);
    paging_print_entry(t->sink, t->ctx, s->seen, level);
    if (set != 0) {
        fmt_print(t->sink, t->ctx, "; sets%s%s",
                  (set & PTE_ACCESSED) != 0 ? " A" : "",
                  (set & PTE_DIRTY) != 0 ? " D" : "");
    }
    if (walk_deciding_step(t->r) == i) {
        char bit[60];

        walk_deciding_bit(t->r, bit, sizeof(bit));
        fmt_print(t->sink, t->ctx, " <- %s", bit);
    }
    t->sink(t->ctx, '\n');
    if (walk_deciding_step(t->r) == i ||
        (t->r->reason == WALK_OK && i + 1 == t->r->step_count)) {
        tell_writer(t, s->at);
    }
}

static void tell_fault(const struct teller *t,
                       const struct walk_control *control) {
    if (t->r->vector != 14) {
        fmt_print(t->sink, t->ctx,
                  "  %s(0), no page fault: no table is read, CR2 stays\n",
                  t->r->vector == 12 ? "#SS" : "#GP");
        return;
    }
    paging_print_error(t->sink, t->ctx, 2, t->r->error);
    if (t->asked.access == SIM_FETCH && (t->r->error & PF_FETCH) == 0) {
        fmt_print(t->sink, t->ctx,
                  "    nor that it was a fetch: EFER.NXE and CR4.SMEP are 0\n");
    }
    if (t->r->reason == WALK_KEY) {
        fmt_print(t->sink, t->ctx, "  PKRU: 0x%jx\n", (uintmax_t)control->pkru);
    }
    fmt_print(t->sink, t->ctx, "  CR2: 0x%jx\n", (uintmax_t)t->asked.va.v);
}

void walk_tell(const struct walk_result *result,
               const struct walk_control *control, struct walk_asked asked,
               const struct table_writes *writes, fmt_sink *sink, void *ctx) {
    const struct teller t = { result, asked, writes, sink, ctx };
    char sentence[400];

    walk_explain(result, asked.va, asked.access, sentence, sizeof(sentence));
    fmt_print(sink, ctx, "%s\n", sentence);
    for (unsigned i = 0; i < result->step_count; i++) {
        tell_step(&t, i);
    }
    if (result->reason != WALK_OK) {
        tell_fault(&t, control);
    }
}
