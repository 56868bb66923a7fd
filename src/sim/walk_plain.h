/**
 * @file walk_plain.h
 * The walk as it nearly always goes, in fewer instructions.
 *
 *   [PML4E] --> [PDPTE] --> [PDE] --> [PTE] --> byte
 *                  |          |
 *                  +-- PS     +-- PS
 *
 * Plain is a walk of four levels from the PML4 to a leaf, all in memory that is
 * ready, all entries present and without a reserved bit, which permits the
 * access.  Of whatever else it may be, walk_step_by_step() decides; it says the
 * same of these, as tests/sim/oracle.c sees to.
 */
#ifndef SIM_WALK_PLAIN_H
#define SIM_WALK_PLAIN_H

#include "sim/walk_inside.h"

/** A plain walk under way: all of it lives in registers. */
struct plain {
    struct ram_view view;
    uint64_t suspect;  /* suspect_bits() */
    uint64_t e;        /* the entry read last */
    uint64_t all, any; /* AND and OR of the entries */
};

/** Read the entry of @va at @level from the table that @table, an entry or CR3,
 *  names.  @return false: it is not where the view shows it */
WALK_INLINE bool plain_read(struct plain *p, uint64_t table, vaddr_t va,
                            unsigned level, struct walk_result *r) {
    const paddr_t at =
        paddr((table & PTE_ADDRESS_MASK) + 8ull * table_index(va, level));

    if (!HOST_IS_LITTLE_ENDIAN || !ram_view_shows(p->view, at)) {
        return false;
    }
    memcpy(&p->e, p->view.alias + at.v, sizeof(p->e));
    r->steps[4 - level] =
        (struct walk_step){ at, pte(p->e), pte(p->e | PTE_ACCESSED) };
    p->all &= p->e;
    p->any |= p->e;
    return true;
}

/** Of the bits @asked, P and @large, has the entry read last the last two
 *  alone? */
WALK_INLINE bool plain_is(const struct plain *p, uint64_t asked,
                          uint64_t large) {
    return (p->e & (asked | PTE_PRESENT | large)) == (PTE_PRESENT | large);
}
WALK_INLINE bool plain_is_upper(const struct plain *p) {
    return plain_is(p, p->suspect, 0);
}
WALK_INLINE bool plain_is_large(const struct plain *p, unsigned level) {
    return plain_is(
        p, (p->suspect & ~PTE_GLOBAL) | bits(level_shift(level) - 1, 13),
        PTE_HUGE);
}
WALK_INLINE bool plain_is_pte(const struct plain *p) {
    return plain_is(p, p->suspect & ~(PTE_PAT_4K | PTE_GLOBAL), 0);
}

/** The entry read last is the leaf, of @level: the result, if the access is
 *  permitted. */
WALK_INLINE bool plain_arrive(const struct plain *p,
                              const struct walk_control *control, vaddr_t va,
                              unsigned level, enum sim_access access, bool user,
                              struct walk_result *r) {
    const uint64_t set = access_writes(access) ? PTE_DIRTY : 0;
    const struct walk_rights rights = {
        .writable = (p->all & PTE_WRITABLE) != 0,
        .user = (p->all & PTE_USER) != 0,
        .no_execute = (p->any & PTE_NO_EXECUTE) != 0,
        .key = (uint8_t)(p->e >> PTE_KEY_SHIFT & 15),
    };

    if (permits(control, rights, access, user) != WALK_OK) {
        return false;
    }
    r->reason = WALK_OK;
    r->level = level;
    r->step_count = 5 - level;
    r->top = 4;
    r->rights = rights;
    r->pa = paddr_add(pte_leaf_address(pte(p->e), level),
                      va.v & (level_size(level) - 1));
    r->page_shift = level_shift(level);
    r->global = (p->e & PTE_GLOBAL) != 0;
    r->dirty = ((p->e | set) & PTE_DIRTY) != 0;
    r->sets_flags = (p->all & PTE_ACCESSED) == 0 || (set & ~p->e) != 0;
    r->vector = 0;
    r->error = 0;
    r->reserved_bits = 0;
    r->steps[4 - level].after.v |= set;
    return true;
}

/** walk_into() from the root, where it is a plain one.  @return false: it is
 *  not, and *@r means nothing */
WALK_INLINE bool walk_plainly(struct walk_result *r, const struct sim_ram *ram,
                              const struct walk_control *control, paddr_t root,
                              vaddr_t va, enum sim_access access, bool user) {
    struct plain p = {
        .view = ram_view(ram),
        .suspect = suspect_bits(control),
        .all = ~UINT64_C(0),
    };

    if (!vaddr_is_canonical(va) || !plain_read(&p, root.v, va, 4, r) ||
        !plain_is_upper(&p) || !plain_read(&p, p.e, va, 3, r)) {
        return false;
    }
    if (!plain_is_upper(&p)) {
        return control->huge_1gib && plain_is_large(&p, 3) &&
               plain_arrive(&p, control, va, 3, access, user, r);
    }
    if (!plain_read(&p, p.e, va, 2, r)) {
        return false;
    }
    if (!plain_is_upper(&p)) {
        return plain_is_large(&p, 2) &&
               plain_arrive(&p, control, va, 2, access, user, r);
    }
    return plain_read(&p, p.e, va, 1, r) && plain_is_pte(&p) &&
           plain_arrive(&p, control, va, 1, access, user, r);
}

#endif
