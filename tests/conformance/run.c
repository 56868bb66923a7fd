/*
 * One case on one machine, and the words that tell what happened.
 *
 * Every case begins with no translation remembered and ends with its entries
 * zero again, its marks restored and the controls as they were, so that cases
 * are independent of their order.
 */
#include "conformance/case.h"

#include "base/hash.h"

const struct conf_target conf_targets[CONF_TARGETS] = {
    { 16 * MIB, 2 * MIB },
    { 18 * MIB, 2 * MIB },
    { GIB + 16 * MIB, 2 * MIB },
    { GIB + 18 * MIB, 2 * MIB },
    { CONF_TABLES + CONF_TABLE_FRAMES * PAGE_SIZE,
      2 * MIB - CONF_TABLE_FRAMES *PAGE_SIZE },
};

#define BEFORE_IS_LOST UINT64_C(0xfffffffe) /* an XCHG that read elsewhere */

void conf_prepare(struct conf_machine *m) {
    for (unsigned i = 0; i < CONF_TARGETS; i++) {
        const struct conf_target *t = &conf_targets[i];

        for (uint64_t pa = t->start; pa < t->start + t->size; pa += 8) {
            m->store(m, pa, conf_mark(pa));
        }
    }
    for (uint64_t pa = conf_table_at(CONF_PDPT);
         pa < CONF_TABLES + CONF_TABLE_FRAMES * PAGE_SIZE; pa += 8) {
        m->store(m, pa, 0);
    }
    /* A 1 GiB page that lost its PS bit: what is read as its page directory. */
    for (uint64_t pa = 0; pa <= GIB; pa += GIB) {
        m->store(m, pa + 8 * 8, 0);
        m->store(m, pa + 8 * 9, 0);
    }
}

/* --- where stores can arrive -----------------------------------------------
 */

struct places {
    unsigned count;
    uint64_t pa[2 * CONF_STEPS_MAX];
};

static bool is_target(uint64_t pa) {
    for (unsigned i = 0; i < CONF_TARGETS; i++) {
        if (pa - conf_targets[i].start < conf_targets[i].size) {
            return true;
        }
    }
    return false;
}

static void add_place(struct places *places, uint64_t pa) {
    pa &= ~UINT64_C(7);
    if (!is_target(pa)) {
        return;
    }
    for (unsigned i = 0; i < places->count; i++) {
        if (places->pa[i] == pa) {
            return;
        }
    }
    places->pa[places->count++] = pa;
}

/** The word that the leaf @step would show at @va, if it is a leaf. */
static void add_places_of(struct places *places, const struct conf_step *step,
                          uint64_t va) {
    unsigned level = conf_level(step->table);
    pte_t e = pte(step->value);

    if (pte_is_present(e) && pte_is_leaf(e, level)) {
        add_place(places, pte_leaf_address(e, level).v +
                              (va & (level_size(level) - 1)));
    }
}

/** Every word of the targets that an 8-byte store to @va could reach through
 *  the entries of @c. */
static struct places places_of(const struct conf_case *c, uint64_t va) {
    struct places places = { 0, { 0 } };

    for (unsigned i = 0; i < c->count; i++) {
        if (c->steps[i].op == CONF_POKE) {
            add_places_of(&places, &c->steps[i], va);
            if ((va & 7) != 0) {
                add_places_of(&places, &c->steps[i], va + 7);
            }
        }
    }
    return places;
}

/** Where the words are not as marked any more; marks them again.
 *  @return 0: nowhere; one place: its address; else a hash of all */
static uint64_t find_stored(struct conf_machine *m,
                            const struct places *places) {
    uint64_t found = 0;

    for (unsigned i = 0; i < places->count; i++) {
        uint64_t pa = places->pa[i], word = m->load(m, pa);

        if (word == conf_mark(CONF_STORED)) {
            found = found == 0 ? pa : hash_add(found, pa) >> 32 | 1u << 31;
        } else if (word != conf_mark(pa)) {
            found = hash_add(hash_add(found, pa), word) >> 32 | UINT64_C(1)
                                                                    << 31;
        }
        if (word != conf_mark(pa)) {
            m->store(m, pa, conf_mark(pa));
        }
    }
    return found;
}

/* --- one touch -------------------------------------------------------------
 */

static bool stores(enum conf_access access) {
    return access == CONF_WRITE || access == CONF_RMW ||
           access == CONF_STACK_WRITE;
}

/** The address whose mark @value is; what is no mark gets bit 31. */
static uint64_t place_of(uint64_t value) {
    uint64_t pa = value >> 8 & 0xffffffff;

    if (value == conf_mark(pa)) {
        return pa;
    }
    return hash_mix(value) >> 32 | UINT64_C(1) << 31;
}

static uint64_t cr2_kind(uint64_t cr2, uint64_t va) {
    if (cr2 == CONF_CR2_BEFORE) {
        return CONF_CR2_UNTOUCHED;
    }
    if (cr2 == va) {
        return CONF_CR2_IS_ADDRESS;
    }
    return cr2 == (va | (PAGE_SIZE - 1)) + 1 ? CONF_CR2_IS_NEXT_PAGE
                                             : CONF_CR2_OTHER;
}

static uint64_t touch(struct conf_machine *m, const struct conf_case *c,
                      const struct conf_step *step) {
    const enum conf_access access = (enum conf_access)step->access;
    struct conf_fault fault = { 0, 0, CONF_CR2_BEFORE };
    struct places places = { 0, { 0 } };
    uint64_t value = conf_mark(CONF_STORED), place = 0;
    bool done;

    done = m->touch(m, access, step->value, &value, &fault);
    if (stores(access)) {
        places = places_of(c, step->value);
        place = find_stored(m, &places);
    }
    if (done && !stores(access)) {
        place = place_of(value);
    } else if (done && access == CONF_RMW && place_of(value) != place) {
        place = BEFORE_IS_LOST;
    }
    return place << 32 | cr2_kind(fault.cr2, step->value) << 24 |
           (fault.error & 0xffff) << 8 | fault.vector;
}

/* --- the entries -----------------------------------------------------------
 */

unsigned conf_touches(const struct conf_case *c) {
    unsigned count = 0;

    for (unsigned i = 0; i < c->count; i++) {
        count += c->steps[i].op == CONF_TOUCH;
    }
    return count;
}

unsigned conf_slots(const struct conf_case *c,
                    struct conf_step slots[CONF_SLOTS_MAX]) {
    unsigned count = 0;

    for (unsigned i = 0; i < c->count; i++) {
        const struct conf_step *step = &c->steps[i];
        unsigned k = 0;

        if (step->op != CONF_POKE) {
            continue;
        }
        while (k < count && (slots[k].table != step->table ||
                             slots[k].index != step->index)) {
            k++;
        }
        slots[k] = *step; /* the newest value counts */
        count = k == count ? count + 1 : count;
    }
    return count;
}

static uint64_t slot_at(const struct conf_step *step) {
    return conf_table_at(step->table) + 8u * step->index;
}

/** What became of the entries; then they are zero again. */
static uint64_t collect(struct conf_machine *m, const struct conf_case *c) {
    struct conf_step slots[CONF_SLOTS_MAX];
    unsigned count = conf_slots(c, slots);
    uint64_t word = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint64_t now = m->load(m, slot_at(&slots[i]));
        const uint64_t other =
            (now ^ slots[i].value) & ~(PTE_ACCESSED | PTE_DIRTY);
        uint64_t byte = 0;

        byte |= (now & PTE_ACCESSED) != 0 ? 1 : 0;
        byte |= (now & PTE_DIRTY) != 0 ? 2 : 0;
        byte |= other != 0 ? 0x80 | (hash_mix(other) & 0x7c) : 0;
        word |= byte << (8 * i);
        m->store(m, slot_at(&slots[i]), 0);
    }
    return word;
}

void conf_run(struct conf_machine *m, const struct conf_case *c,
              unsigned flush_before, struct conf_record *record) {
    record->touches = 0;
    m->toggle(m);
    for (unsigned i = 0; i < c->count; i++) {
        const struct conf_step *step = &c->steps[i];

        switch (step->op) {
        case CONF_POKE:
            m->store(m, slot_at(step), step->value);
            break;
        case CONF_CONTROL:
            m->control(m, step->value);
            break;
        case CONF_INVLPG:
            m->invlpg(m, step->value);
            break;
        case CONF_RELOAD:
            m->reload(m);
            break;
        case CONF_TOGGLE:
            m->toggle(m);
            break;
        default:
            if ((flush_before >> record->touches & 1) != 0) {
                m->toggle(m);
            }
            record->words[record->touches++] = touch(m, c, step);
            break;
        }
    }
    m->control(m, CONF_CONTROL_START);
    record->words[record->touches] = collect(m, c);
}
