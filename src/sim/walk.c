/*
 * The page walk, as the manual tells it.
 *
 *   CR3 --> [PML4E] --> [PDPTE] --> [PDE] --> [PTE] --> byte
 *                          |          |
 *                          |          +-- PS: 2 MiB leaf
 *                          +------------- PS: 1 GiB leaf
 *
 * At each level, from the top: not present? a reserved bit set?  The first
 * such entry ends the walk.  Only a complete walk asks for rights, so a missing
 * page wins over a forbidden one.
 *
 * Intel SDM vol. 3A: "4-Level Paging and 5-Level Paging", "Access Rights",
 * "Page-Fault Exceptions", "Accessed and Dirty Flags".
 */
#include "sim/walk.h"

/** Bits @low .. @high. */
static uint64_t bits(unsigned high, unsigned low) {
    return (~UINT64_C(0) >> (63 - high)) & (~UINT64_C(0) << low);
}

/** Which bits of the present entry @e at @level must be 0 and are not. */
static uint64_t reserved_bits(const struct walk_control *control, pte_t e,
                              unsigned level) {
    uint64_t must_be_zero = 0;
    bool large = level > 1 && pte_has(e, PTE_HUGE);

    if (control->phys_bits < 52) {
        must_be_zero |= bits(51, control->phys_bits);
    }
    if (!control->no_execute) {
        must_be_zero |= PTE_NO_EXECUTE;
    }
    if (level == 4 || (level == 3 && !control->huge_1gib)) {
        must_be_zero |= PTE_HUGE;
    } else if (large) {
        /* between PAT (bit 12) and the first bit of the address */
        must_be_zero |= bits(level_shift(level) - 1, 13);
    }
    return e.v & must_be_zero;
}

enum walk_reason walk_permits(const struct walk_control *control,
                              struct walk_rights rights, enum sim_access access,
                              bool user) {
    if (user && !rights.user) {
        return WALK_NOT_USER;
    }
    if (access == SIM_WRITE && !rights.writable &&
        (user || control->write_protect)) {
        return WALK_NOT_WRITABLE;
    }
    if (access == SIM_FETCH && rights.no_execute && control->no_execute) {
        return WALK_NO_EXECUTE;
    }
    return WALK_OK;
}

uint32_t walk_error(const struct walk_control *control, enum walk_reason reason,
                    enum sim_access access, bool user) {
    uint32_t error = 0;

    if (reason == WALK_OK || reason == WALK_NOT_CANONICAL) {
        return 0;
    }
    error |= reason != WALK_NOT_PRESENT ? PF_PRESENT : 0;
    error |= access == SIM_WRITE ? PF_WRITE : 0;
    error |= user ? PF_USER : 0;
    error |= reason == WALK_RESERVED ? PF_RESERVED : 0;
    error |= access == SIM_FETCH && control->no_execute ? PF_FETCH : 0;
    return error;
}

/** The topmost level whose entry alone would forbid it; if no entry above the
 *  leaf does, it is the leaf's. */
static unsigned denying_level(const struct walk_result *r,
                              enum walk_reason reason) {
    for (unsigned i = 0; i + 1 < r->step_count; i++) {
        pte_t e = r->steps[i].seen;

        if ((reason == WALK_NOT_USER && !pte_has(e, PTE_USER)) ||
            (reason == WALK_NOT_WRITABLE && !pte_has(e, PTE_WRITABLE)) ||
            (reason == WALK_NO_EXECUTE && pte_has(e, PTE_NO_EXECUTE))) {
            return PAGING_LEVELS - i;
        }
    }
    return r->level;
}

/** Read the entries from the root to the leaf.  @return WALK_OK or why not;
 *  level, steps, rights and reserved_bits say how far it came. */
static enum walk_reason descend(struct sim_ram *ram,
                                const struct walk_control *control, vaddr_t va,
                                struct walk_result *r) {
    paddr_t table = control->root;

    for (r->level = PAGING_LEVELS;; r->level--) {
        paddr_t at = paddr_add(table, 8ull * table_index(va, r->level));
        pte_t e = pte(ram_load64(ram, at));

        r->steps[r->step_count++] = (struct walk_step){ at, e, e };
        if (!pte_is_present(e)) {
            return WALK_NOT_PRESENT;
        }
        r->reserved_bits = reserved_bits(control, e, r->level);
        if (r->reserved_bits != 0) {
            return WALK_RESERVED;
        }
        r->rights.writable &= pte_has(e, PTE_WRITABLE);
        r->rights.user &= pte_has(e, PTE_USER);
        r->rights.no_execute |= pte_has(e, PTE_NO_EXECUTE);
        if (pte_is_leaf(e, r->level)) {
            return WALK_OK;
        }
        table = pte_address(e);
    }
}

/** The access succeeds: note where it goes, and A and D. */
static void arrive(struct walk_result *r, vaddr_t va, enum sim_access access) {
    struct walk_step *leaf = &r->steps[r->step_count - 1];

    r->page_shift = level_shift(r->level);
    r->pa = paddr_add(pte_leaf_address(leaf->seen, r->level),
                      va.v & (level_size(r->level) - 1));
    r->global = pte_has(leaf->seen, PTE_GLOBAL);
    for (unsigned i = 0; i < r->step_count; i++) {
        r->steps[i].after.v |= PTE_ACCESSED;
    }
    if (access == SIM_WRITE) {
        leaf->after.v |= PTE_DIRTY;
    }
    r->dirty = pte_has(leaf->after, PTE_DIRTY);
}

struct walk_result walk(struct sim_ram *ram, const struct walk_control *control,
                        vaddr_t va, enum sim_access access, bool user) {
    struct walk_result r = { .reason = WALK_NOT_CANONICAL, .vector = 13 };

    if (!vaddr_is_canonical(va)) {
        return r;
    }
    r.rights = (struct walk_rights){ true, true, false };
    r.reason = descend(ram, control, va, &r);
    if (r.reason == WALK_OK) {
        r.reason = walk_permits(control, r.rights, access, user);
        if (r.reason == WALK_OK) {
            r.vector = 0;
            arrive(&r, va, access);
            return r;
        }
        r.level = denying_level(&r, r.reason);
    }
    r.vector = 14;
    r.error = walk_error(control, r.reason, access, user);
    return r;
}

/*
 * Bits are added to what the entry holds now, as the locked update of a
 * processor does: one entry may stand at several levels of a self-map.
 */
void walk_commit(struct sim_ram *ram, const struct walk_result *result) {
    for (unsigned i = 0; i < result->step_count; i++) {
        const struct walk_step *step = &result->steps[i];
        uint64_t added = step->after.v & ~step->seen.v;

        if (added != 0) {
            ram_store64(ram, step->at, ram_load64(ram, step->at) | added);
        }
    }
}
