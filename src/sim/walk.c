/*
 * The page walk, as the manual tells it.
 *
 *   CR3 --> ([PML5E]) --> [PML4E] --> [PDPTE] --> [PDE] --> [PTE] --> byte
 *            LA57 only                   |          |
 *                                        |          +-- PS: 2 MiB leaf
 *                                        +------------- PS: 1 GiB leaf
 *
 * At each level, from the top: not present? a reserved bit set?  The first
 * such entry ends the walk.  Only a complete walk asks for rights, so a missing
 * page wins over a forbidden one.
 *
 * Intel SDM vol. 3A: "4-Level Paging and 5-Level Paging", "Access Rights",
 * "Protection Keys", "Page-Fault Exceptions", "Accessed and Dirty Flags".
 */
#include "sim/walk_plain.h"

bool walk_is_canonical(const struct walk_control *control, vaddr_t va) {
    unsigned sign = control->five_levels ? 56 : 47;
    uint64_t top = va.v >> sign;

    return top == 0 || top == ~UINT64_C(0) >> sign;
}

/* --- reserved bits ------------------------------------------------------ */

/** Which bits of the present entry @e at @level must be 0 and are not. */
__attribute__((noinline)) static uint64_t
reserved_bits(const struct walk_control *control, pte_t e, unsigned level) {
    uint64_t must_be_zero = 0;
    bool large = level > 1 && pte_has(e, PTE_HUGE);

    if (control->phys_bits < 52) {
        must_be_zero |= bits(51, control->phys_bits);
    }
    if (!control->no_execute) {
        must_be_zero |= PTE_NO_EXECUTE;
    }
    if (level >= 4 || (level == 3 && !control->huge_1gib)) {
        must_be_zero |= PTE_HUGE;
    } else if (large) {
        /* between PAT (bit 12) and the first bit of the address */
        must_be_zero |= bits(level_shift(level) - 1, 13);
    }
    if (control->amd && level >= 3 && !pte_is_leaf(e, level)) {
        must_be_zero |= PTE_GLOBAL;
    }
    return e.v & must_be_zero;
}

/* --- rights ------------------------------------------------------------- */

enum walk_reason walk_permits(const struct walk_control *control,
                              struct walk_rights rights, enum sim_access access,
                              bool user) {
    return permits(control, rights, access, user);
}

uint32_t walk_error(const struct walk_control *control, enum walk_reason reason,
                    struct walk_rights rights, enum sim_access access,
                    bool user) {
    bool complete = reason != WALK_NOT_PRESENT && reason != WALK_RESERVED;
    bool fetch_is_told = control->no_execute || control->smep;
    uint32_t error = 0;

    if (reason == WALK_OK || reason == WALK_NOT_CANONICAL) {
        return 0;
    }
    error |= reason != WALK_NOT_PRESENT ? PF_PRESENT : 0;
    error |= access_writes(access) ? PF_WRITE : 0;
    error |= user ? PF_USER : 0;
    error |= reason == WALK_RESERVED ? PF_RESERVED : 0;
    error |= access == SIM_FETCH && fetch_is_told ? PF_FETCH : 0;
    error |= complete && key_denies(control, rights, access, user) ? PF_KEY : 0;
    return error;
}

/** Would the entry @e alone forbid it for that reason? */
static bool forbids(pte_t e, enum walk_reason reason) {
    switch (reason) {
    case WALK_NOT_USER:
        return !pte_has(e, PTE_USER);
    case WALK_NOT_WRITABLE:
        return !pte_has(e, PTE_WRITABLE);
    case WALK_NO_EXECUTE:
        return pte_has(e, PTE_NO_EXECUTE);
    default: /* what makes a user page is all levels; a key is the leaf's */
        return false;
    }
}

/** The topmost level whose entry forbids it: the remembered upper entry, an
 *  entry that was read, and else the leaf. */
static unsigned denying_level(const struct walk_result *r,
                              struct walk_rights above,
                              enum walk_reason reason) {
    if ((reason == WALK_NOT_USER && !above.user) ||
        (reason == WALK_NOT_WRITABLE && !above.writable) ||
        (reason == WALK_NO_EXECUTE && above.no_execute)) {
        return r->top + 1;
    }
    for (unsigned i = 0; i + 1 < r->step_count; i++) {
        if (forbids(r->steps[i].seen, reason)) {
            return r->top - i;
        }
    }
    return r->level;
}

/* --- the walk ----------------------------------------------------------- */

static pte_t load_entry(struct sim_ram *ram, struct ram_view view, paddr_t at) {
    uint64_t value;

    if (HOST_IS_LITTLE_ENDIAN && ram_view_shows(view, at)) {
        memcpy(&value, view.alias + at.v, sizeof(value));
        return pte(value);
    }
    return pte(ram_load64(ram, at));
}

/** Read the entries from @table to the leaf.  @return WALK_OK or why not;
 *  level, steps, rights and reserved_bits say how far it came. */
static enum walk_reason descend(struct sim_ram *ram,
                                const struct walk_control *control,
                                paddr_t table, vaddr_t va,
                                struct walk_result *r) {
    const struct ram_view view = ram_view(ram);
    const uint64_t suspect = suspect_bits(control);
    enum walk_reason reason = WALK_OK;
    pte_t all = pte(~UINT64_C(0)), any = pte(0); /* AND and OR of the entries */
    struct walk_step *step = r->steps;
    unsigned level = r->top;
    pte_t e;

    for (;; level--, step++) {
        paddr_t at = paddr_add(table, 8ull * table_index(va, level));

        e = load_entry(ram, view, at);
        *step = (struct walk_step){ at, e, pte(e.v | PTE_ACCESSED) };
        if (!pte_is_present(e)) {
            reason = WALK_NOT_PRESENT;
            break;
        }
        all.v &= e.v;
        any.v |= e.v;
        if ((e.v & suspect) != 0) {
            r->reserved_bits = reserved_bits(control, e, level);
            if (r->reserved_bits != 0) {
                reason = WALK_RESERVED;
                break;
            }
            if (pte_is_leaf(e, level)) {
                break;
            }
        }
        if (level == 1) {
            break;
        }
        table = pte_address(e);
    }
    r->level = level;
    r->step_count = r->top - level + 1;
    r->rights.writable &= pte_has(all, PTE_WRITABLE);
    r->rights.user &= pte_has(all, PTE_USER);
    r->rights.no_execute |= pte_has(any, PTE_NO_EXECUTE);
    r->rights.key = (uint8_t)(e.v >> PTE_KEY_SHIFT & 15);
    r->sets_flags = !pte_has(all, PTE_ACCESSED);
    return reason;
}

/** The access succeeds: note where it goes, and D. */
static void arrive(struct walk_result *r, vaddr_t va, enum sim_access access) {
    struct walk_step *leaf = &r->steps[r->step_count - 1];
    const pte_t e = leaf->seen;

    r->page_shift = level_shift(r->level);
    r->pa = paddr_add(pte_leaf_address(e, r->level),
                      va.v & (level_size(r->level) - 1));
    r->global = pte_has(e, PTE_GLOBAL);
    if (access_writes(access)) {
        leaf->after.v |= PTE_DIRTY;
    }
    r->dirty = pte_has(leaf->after, PTE_DIRTY);
    r->sets_flags |= (leaf->after.v & ~e.v & PTE_DIRTY) != 0;
}

/** The access fails: no entry changes. */
static void fail(struct walk_result *r, const struct walk_control *control,
                 enum sim_access access, bool user) {
    for (unsigned i = 0; i < r->step_count; i++) {
        r->steps[i].after = r->steps[i].seen;
    }
    r->sets_flags = false;
    r->vector = 14;
    r->error = walk_error(control, r->reason, r->rights, access, user);
}

void walk_step_by_step(struct walk_result *r, struct sim_ram *ram,
                       const struct walk_control *control,
                       struct walk_start start, vaddr_t va,
                       enum sim_access access, bool user) {
    memset(r, 0, offsetof(struct walk_result, steps));
    r->top = start.level;
    if (!walk_is_canonical(control, va)) {
        r->reason = WALK_NOT_CANONICAL;
        r->vector = control->stack && access != SIM_FETCH ? 12 : 13;
        return;
    }
    r->rights = start.rights;
    r->reason = descend(ram, control, start.table, va, r);
    if (r->reason == WALK_OK) {
        r->reason = permits(control, r->rights, access, user);
        if (r->reason == WALK_OK) {
            arrive(r, va, access);
            return;
        }
        r->level = denying_level(r, start.rights, r->reason);
    }
    fail(r, control, access, user);
}

/** From the PML4, and nothing above it forbids?  With five levels, from a
 *  remembered PML5E: what is canonical in 48 bits is so in 57. */
static inline bool starts_plainly(struct walk_start start) {
    return start.level == 4 && start.rights.writable && start.rights.user &&
           !start.rights.no_execute;
}

void walk_into(struct walk_result *r, struct sim_ram *ram,
               const struct walk_control *control, struct walk_start start,
               vaddr_t va, enum sim_access access, bool user) {
    if (!starts_plainly(start) ||
        !walk_plainly(r, ram, control, start.table, va, access, user)) {
        walk_step_by_step(r, ram, control, start, va, access, user);
    }
}

/** Steps that there were not hold nothing. */
static void clear_rest(struct walk_result *r) {
    for (unsigned i = r->step_count; i < WALK_LEVELS_MAX; i++) {
        r->steps[i] = (struct walk_step){ { 0 }, { 0 }, { 0 } };
    }
}

struct walk_result walk_from(struct sim_ram *ram,
                             const struct walk_control *control,
                             struct walk_start start, vaddr_t va,
                             enum sim_access access, bool user) {
    struct walk_result r;

    walk_into(&r, ram, control, start, va, access, user);
    clear_rest(&r);
    return r;
}

struct walk_result walk(struct sim_ram *ram, const struct walk_control *control,
                        vaddr_t va, enum sim_access access, bool user) {
    const struct walk_start root = {
        .table = paddr(control->root.v & PTE_ADDRESS_MASK),
        .level = walk_levels(control),
        .rights = { .writable = true, .user = true },
    };
    struct walk_result r;

    walk_into(&r, ram, control, root, va, access, user);
    clear_rest(&r);
    return r;
}

bool walk_holds(struct sim_ram *ram, const struct walk_result *result) {
    for (unsigned i = 0; result->sets_flags && i < result->step_count; i++) {
        const struct walk_step *step = &result->steps[i];
        uint64_t changed = ram_load64(ram, step->at) ^ step->seen.v;

        if (step->after.v != step->seen.v &&
            (changed & ~(PTE_ACCESSED | PTE_DIRTY)) != 0) {
            return false;
        }
    }
    return true;
}

/*
 * Bits are added to what the entry holds now, as the locked update of a
 * processor does: one entry may stand at several levels of a self-map.
 */
void walk_commit(struct sim_ram *ram, const struct walk_result *result) {
    for (unsigned i = 0; result->sets_flags && i < result->step_count; i++) {
        const struct walk_step *step = &result->steps[i];
        uint64_t added = step->after.v & ~step->seen.v;

        if (added != 0) {
            ram_store64(ram, step->at, ram_load64(ram, step->at) | added);
        }
    }
}
