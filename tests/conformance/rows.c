/*
 * Comparing two records, word by word, and naming what differs.
 *
 * A row is granted only where its own condition holds: the error code of a
 * reserved bit, not any error code; A in an entry that a failing walk has
 * passed, not any A.
 */
#include "conformance/rows.h"

const char *const row_names[ROW_COUNT] = {
    "a failing walk set A on its way",
    "a reserved bit reported without P",
    "#GP for a non-canonical access through SS",
    "A in a 1 GiB leaf that then denies the access",
    "a fetch through a large page after INVLPG elsewhere in it",
    "an exchange that reads before it asks to write",
    "D in the first page of a store that faults on the second",
    "a translation not kept",
    "a 1 GiB page, which the processor says it has not",
    "a read through what only a fetch may use",
};

#define TOUCH_VECTOR(word) ((unsigned)((word)&0xff))
#define TOUCH_ERROR(word) ((unsigned)((word) >> 8 & 0xffff))
#define WITHOUT_ERROR(word) ((word) & ~UINT64_C(0xffff00))

static const struct conf_step *touch_of(const struct conf_case *c, unsigned n) {
    for (unsigned i = 0;; i++) {
        if (c->steps[i].op == CONF_TOUCH && n-- == 0) {
            return &c->steps[i];
        }
    }
}

static bool through_stack(const struct conf_step *touch) {
    return touch->access == CONF_STACK_READ ||
           touch->access == CONF_STACK_WRITE;
}

static bool is_read(const struct conf_step *touch) {
    return touch->access == CONF_READ || touch->access == CONF_STACK_READ;
}

/** Has a fetch arrived before touch @t? */
static bool has_fetched(const struct conf_case *c, unsigned t,
                        const struct conf_record *seen) {
    while (t-- > 0) {
        if (touch_of(c, t)->access == CONF_FETCH &&
            TOUCH_VECTOR(seen->words[t]) == 0) {
            return true;
        }
    }
    return false;
}

/** Is @seen the error code @want, but for P where a bit was reserved? */
static unsigned rows_of_error(unsigned want, unsigned seen) {
    if (seen == want) {
        return 0;
    }
    if ((want & PF_RESERVED) != 0 && seen == (want & ~PF_PRESENT)) {
        return ROW_RESERVED_WITHOUT_P;
    }
    return ROWS_UNEXPLAINED;
}

/** Rows between what touch @t should do and what it does in @record. */
static unsigned rows_of_touch(const struct sim_machine *s,
                              const struct conf_case *c, unsigned t,
                              uint64_t expected,
                              const struct conf_record *record) {
    const struct conf_step *touch = touch_of(c, t);
    const uint64_t seen = record->words[t];
    unsigned rows;

    if (expected == seen) {
        return 0;
    }
    if (through_stack(touch) && TOUCH_VECTOR(expected) == 12 &&
        TOUCH_VECTOR(seen) == 13 && expected >> 8 == seen >> 8) {
        return ROW_STACK_IS_GP;
    }
    if (is_read(touch) && TOUCH_VECTOR(expected) == 14 &&
        TOUCH_VECTOR(seen) == 0 && s->denies_reads[t] &&
        has_fetched(c, t, record)) {
        return ROW_FETCH_LETS_READ;
    }
    if (TOUCH_VECTOR(expected) != 14 ||
        WITHOUT_ERROR(expected) != WITHOUT_ERROR(seen)) {
        return ROWS_UNEXPLAINED;
    }
    rows = rows_of_error(TOUCH_ERROR(expected), TOUCH_ERROR(seen));
    if (rows == ROWS_UNEXPLAINED && touch->access == CONF_RMW &&
        s->read[t].reason != WALK_OK) {
        rows = rows_of_error(s->read[t].error, TOUCH_ERROR(seen));
        rows |= ROW_RMW_READS_FIRST;
    }
    return rows;
}

/** May the walk @w of a failing access have set A in the entry at @at? */
static unsigned rows_of_a(const struct walk_result *w, paddr_t at) {
    for (unsigned i = 0; i < w->step_count; i++) {
        if (w->steps[i].at.v != at.v) {
            continue;
        }
        if (i + 1 < w->step_count || w->reason == WALK_OK) {
            return ROW_A_ON_THE_WAY; /* it was the other page that failed */
        }
        if (w->top - i == 3 &&
            pte_has(w->steps[i].seen, PTE_PRESENT | PTE_HUGE)) {
            return ROW_A_IN_1GIB;
        }
    }
    return 0;
}

static bool has_faulted(const struct conf_record *seen, unsigned t) {
    return TOUCH_VECTOR(seen->words[t]) == 14;
}

/** Rows for an A in the entry at @at that was not expected: by the walk of an
 *  access that failed, or else by the reading half of an exchange. */
static unsigned rows_of_extra_a(const struct sim_machine *s,
                                const struct conf_case *c,
                                const struct conf_record *seen, paddr_t at) {
    for (unsigned t = 0; t < seen->touches; t++) {
        unsigned rows = 0;

        if (has_faulted(seen, t)) {
            rows = rows_of_a(&s->first[t], at);
            rows = rows != 0 ? rows : rows_of_a(&s->last[t], at);
        }
        if (rows != 0) {
            return rows;
        }
    }
    for (unsigned t = 0; t < seen->touches; t++) {
        if (has_faulted(seen, t) && touch_of(c, t)->access == CONF_RMW &&
            s->read[t].reason == WALK_OK && rows_of_a(&s->read[t], at) != 0) {
            return ROW_RMW_READS_FIRST;
        }
    }
    return ROWS_UNEXPLAINED;
}

/** Rows for a D: the leaf of a first page that could be written. */
static unsigned rows_of_extra_d(const struct sim_machine *s,
                                const struct conf_record *seen, paddr_t at) {
    for (unsigned t = 0; t < seen->touches; t++) {
        const struct walk_result *w = &s->first[t];

        if (has_faulted(seen, t) && w->reason == WALK_OK && w->dirty &&
            w->steps[w->step_count - 1].at.v == at.v) {
            return ROW_D_OF_FIRST_PAGE;
        }
    }
    return ROWS_UNEXPLAINED;
}

static unsigned rows_of_entries(const struct sim_machine *s,
                                const struct conf_case *c,
                                const struct conf_record *expected,
                                const struct conf_record *seen) {
    const uint64_t want = expected->words[expected->touches];
    const uint64_t have = seen->words[seen->touches];
    struct conf_step slots[CONF_SLOTS_MAX];
    const unsigned count = conf_slots(c, slots);
    unsigned rows = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint64_t differ = (want ^ have) >> (8 * i) & 0xff;
        const uint64_t extra = have >> (8 * i) & differ;
        const paddr_t at =
            paddr(conf_table_at(slots[i].table) + 8u * slots[i].index);

        if (differ != extra || (differ & ~UINT64_C(3)) != 0) {
            return ROWS_UNEXPLAINED;
        }
        if ((extra & 1) != 0) {
            rows |= rows_of_extra_a(s, c, seen, at);
        }
        if ((extra & 2) != 0) {
            rows |= rows_of_extra_d(s, seen, at);
        }
    }
    return rows;
}

unsigned rows_between(const struct sim_machine *s, const struct conf_case *c,
                      const struct conf_record *expected,
                      const struct conf_record *seen) {
    unsigned rows = 0;

    for (unsigned t = 0; t < expected->touches; t++) {
        rows |= rows_of_touch(s, c, t, expected->words[t], seen);
        if (rows == ROWS_UNEXPLAINED) {
            return rows;
        }
        if ((rows & ROW_FETCH_LETS_READ) != 0) {
            return rows; /* no fault dropped anything: what follows differs */
        }
    }
    return rows | rows_of_entries(s, c, expected, seen);
}
