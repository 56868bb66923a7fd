/*
 * Scripts for the TLB.
 *
 *   map a page and its neighbour
 *   touch the page
 *   change one entry, of any level
 *   flush: not, INVLPG (the page, another of its addresses, the neighbour),
 *          MOV to CR3, CR4.PGE
 *   touch the page, the page again, the neighbour
 *
 * With the right flush the second touch must see the change; without, it may
 * see either.
 */
#include "conformance/inside.h"

struct script {
    uint64_t va, neighbour;
    unsigned leaf;
    uint64_t e[PAGING_LEVELS + 1];
};

/** Mostly permissive; at times one right less. */
static uint64_t some_rights(struct maker *k) {
    uint64_t e = ALL_RIGHTS | (draw(k) & NOISE);

    if (once_in(k, 6)) {
        e &= ~PTE_WRITABLE;
    }
    if (once_in(k, 6)) {
        e &= ~PTE_USER;
    }
    if (once_in(k, 8)) {
        e |= PTE_NO_EXECUTE;
    }
    return e;
}

static void map(struct maker *k, struct script *s) {
    s->leaf = 1 + pick(k, k->features->huge_1gib ? 3 : 2);
    s->va = make_va(k, false);
    s->neighbour = s->va ^ level_size(s->leaf);
    for (unsigned level = PAGING_LEVELS; level >= s->leaf; level--) {
        s->e[level] = good_entry(k, level, s->leaf) | some_rights(k);
        if (once_in(k, 16)) {
            s->e[level] &= ~PTE_PRESENT;
        } else if (once_in(k, 16)) {
            s->e[level] |= reserved_bit(k, level, s->leaf, true);
        }
        add_poke(k, table_of_level(level), s->va, s->e[level]);
    }
    add_poke(k, table_of_level(s->leaf), s->neighbour,
             good_entry(k, s->leaf, s->leaf) | some_rights(k));
}

/** Another frame, or another table with its own leaf in it. */
static uint64_t lead_elsewhere(struct maker *k, const struct script *s,
                               unsigned level) {
    const uint64_t bits = s->e[level] & ~PTE_ADDRESS_MASK;
    const enum conf_table second =
        (enum conf_table)(CONF_PDPT2 + PAGING_LEVELS - level);

    if (level == s->leaf) {
        return bits | leaf_address(k, level);
    }
    /* The second table of the level below: a leaf, or on to the first ones. */
    add_poke(k, second, s->va,
             good_entry(k, level - 1, s->leaf) | some_rights(k));
    return bits | conf_table_at(second);
}

/** A large leaf becomes a table, or a table a large leaf. */
static uint64_t other_size(struct maker *k, const struct script *s,
                           unsigned level) {
    if (level == s->leaf) {
        const enum conf_table second =
            (enum conf_table)(CONF_PDPT2 + PAGING_LEVELS - level);

        add_poke(k, second, s->va,
                 good_entry(k, level - 1, level - 1) | some_rights(k));
        return conf_table_at(second) | some_rights(k);
    }
    return good_entry(k, level, level) | some_rights(k);
}

static void change(struct maker *k, struct script *s) {
    const unsigned level = s->leaf + pick(k, PAGING_LEVELS + 1 - s->leaf);
    uint64_t e = s->e[level];

    switch (pick(k, 12)) {
    case 0:
        e ^= PTE_PRESENT;
        break;
    case 1:
        e ^= PTE_WRITABLE;
        break;
    case 2:
        e ^= PTE_USER;
        break;
    case 3:
        e ^= PTE_NO_EXECUTE;
        break;
    case 4:
        e &= ~PTE_ACCESSED;
        break;
    case 5:
        e &= ~PTE_DIRTY;
        break;
    case 6:
        e ^= PTE_GLOBAL;
        break;
    case 7:
        e |= reserved_bit(k, level, s->leaf, true);
        break;
    case 8:
        if (level == 2 || (level == 3 && k->features->huge_1gib)) {
            e = other_size(k, s, level);
            break;
        }
        e = lead_elsewhere(k, s, level);
        break;
    case 9: /* good again, whatever was wrong */
        e = good_entry(k, level, s->leaf) | ALL_RIGHTS;
        break;
    default:
        e = lead_elsewhere(k, s, level);
        break;
    }
    add_poke(k, table_of_level(level), s->va, e);
}

static void flush(struct maker *k, const struct script *s) {
    const uint64_t page = s->va & ~(level_size(s->leaf) - 1);

    switch (pick(k, 7)) {
    case 0:
    case 1:
        add_step(k, CONF_INVLPG, s->va);
        break;
    case 2:
        add_step(k, CONF_INVLPG, page + (draw(k) & (level_size(s->leaf) - 1)));
        break;
    case 3:
        add_step(k, CONF_INVLPG, s->neighbour);
        break;
    case 4:
        add_step(k, CONF_RELOAD, 0);
        break;
    case 5:
        add_step(k, CONF_TOGGLE, 0);
        break;
    default:
        break;
    }
}

static enum conf_access some_access(struct maker *k) {
    return (enum conf_access)pick(k, 4);
}

void make_tlb(struct maker *k) {
    struct script s = { 0 };
    uint64_t control = draw(k) | CONF_NXE;
    enum conf_access again;

    map(k, &s);
    add_control(k, control);
    add_touch(k, some_access(k), s.va);
    change(k, &s);
    flush(k, &s);
    if (once_in(k, 3)) {
        control ^= UINT64_C(1) << pick(k, CONF_CONTROL_BITS);
        add_control(k, control | CONF_NXE);
    }
    again = some_access(k);
    add_touch(k, again, s.va);
    add_touch(k, again, s.va);
    add_touch(k, some_access(k), s.neighbour);
}
