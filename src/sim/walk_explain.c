/*
 * A walk's result in words: which access, which entry, which bit.
 */
#include "base/fmt.h"
#include "sim/walk.h"

/** Text that grows in a buffer, cut at its end. */
struct text {
    char *buf;
    size_t size, used;
};

static void add(struct text *t, const char *format, ...) MM_PRINTF(2, 3);
static void add(struct text *t, const char *format, ...) {
    va_list args;
    size_t left = t->used < t->size ? t->size - t->used : 0;

    va_start(args, format);
    t->used +=
        fmt_vformat(left != 0 ? t->buf + t->used : NULL, left, format, args);
    va_end(args);
}

static void add_access(struct text *t, const struct walk_result *r, vaddr_t va,
                       enum sim_access access) {
    static const char *const names[] = {
        [SIM_READ] = "read of",
        [SIM_WRITE] = "write to",
        [SIM_FETCH] = "fetch from",
        [SIM_RMW] = "update of",
    };

    add(t, "%s%s 0x%jx: ", (r->error & PF_USER) != 0 ? "user " : "",
        names[access], (uintmax_t)va.v);
}

/** "the PDE (level 2, 0x... at physical 0x...) " */
static void add_entry(struct text *t, const struct walk_result *r) {
    static const char *const names[] = { "?",     "PTE",   "PDE",
                                         "PDPTE", "PML4E", "PML5E" };
    unsigned i = r->top - r->level;

    if (r->step_count == 0) {
        add(t, "the remembered translation (level %u) ", r->level);
        return;
    }
    if (r->level > r->top) {
        add(t, "the remembered %s (level %u) or one above it ", names[r->level],
            r->level);
        return;
    }
    add(t, "the %s (level %u, 0x%jx at physical 0x%jx) ", names[r->level],
        r->level, (uintmax_t)r->steps[i].seen.v, (uintmax_t)r->steps[i].at.v);
}

static void add_reserved(struct text *t, const struct walk_result *r) {
    unsigned shift = level_shift(r->level);
    uint64_t low = r->level > 3
                       ? 0
                       : r->reserved_bits & (level_size(r->level) - 1) &
                             ~(PTE_HUGE | PTE_GLOBAL);
    const char *comma = "";

    add(t, "has reserved bits set, 0x%jx: ", (uintmax_t)r->reserved_bits);
    if ((r->reserved_bits & PTE_NO_EXECUTE) != 0) {
        add(t, "XD while EFER.NXE is 0");
        comma = ", ";
    }
    if ((r->reserved_bits & PTE_ADDRESS_MASK & ~low) != 0) {
        add(t, "%saddress bits beyond MAXPHYADDR", comma);
        comma = ", ";
    }
    if (low != 0) {
        add(t, "%sbits %u:13 of a leaf of %ju MiB", comma, shift - 1,
            (uintmax_t)(level_size(r->level) / MIB));
        comma = ", ";
    }
    if ((r->reserved_bits & PTE_HUGE) != 0) {
        add(t, "%s%s", comma,
            r->level == 5   ? "PS, which no PML5E may have"
            : r->level == 4 ? "PS, which no PML4E may have"
                            : "PS, but this processor has no 1 GiB pages");
        comma = ", ";
    }
    if (r->level >= 3 && (r->reserved_bits & PTE_GLOBAL) != 0) {
        add(t, "%sbit 8, which AMD forbids above the leaf", comma);
    }
}

static void add_success(struct text *t, const struct walk_result *r) {
    add_entry(t, r);
    add(t,
        "shows physical 0x%jx in a page of %ju KiB, %s, %s, %s; D is %d "
        "afterwards",
        (uintmax_t)r->pa.v, (uintmax_t)((UINT64_C(1) << r->page_shift) / KIB),
        r->rights.user ? "user" : "supervisor",
        r->rights.writable ? "writable" : "read-only",
        r->rights.no_execute ? "no execute" : "executable", r->dirty ? 1 : 0);
}

void walk_explain(const struct walk_result *result, vaddr_t va,
                  enum sim_access access, char *text, size_t size) {
    struct text t = { text, size, 0 };

    add_access(&t, result, va, access);
    if (result->reason == WALK_NOT_CANONICAL) {
        add(&t, "not canonical: bits 63:%u are not all equal",
            result->top == 5 ? 56 : 47);
        return;
    }
    if (result->reason == WALK_OK) {
        add_success(&t, result);
        return;
    }
    add_entry(&t, result);
    switch (result->reason) {
    case WALK_NOT_PRESENT:
        add(&t, "is not present: P is 0");
        break;
    case WALK_RESERVED:
        add_reserved(&t, result);
        break;
    case WALK_NOT_WRITABLE:
        add(&t, "is not writable: R/W is 0");
        break;
    case WALK_NOT_USER:
        add(&t, "is not for user mode: U/S is 0");
        break;
    case WALK_SMEP:
        add(&t, "shows a user page (U/S is 1 on all levels), from which "
                "CR4.SMEP forbids supervisor fetches");
        break;
    case WALK_SMAP:
        add(&t, "shows a user page (U/S is 1 on all levels), in which "
                "CR4.SMAP forbids supervisor data while EFLAGS.AC is 0");
        break;
    case WALK_KEY:
        add(&t, "has protection key %u, for which PKRU forbids it",
            result->rights.key);
        break;
    default:
        add(&t, "forbids fetches: XD is 1");
        break;
    }
}
