/*
 * Which run of the functional machine does a record agree with?
 *
 * A touch after a change that was not flushed may see the old or the new; so a
 * case runs once for each choice of keeping or dropping all translations before
 * a touch, and the record must agree with one of the runs, in all its words.
 * Where the change was flushed there is one run: a machine that keeps what it
 * must not is then found out.
 *
 * What still has no explanation runs once more with a mistake that the other
 * machine is known for.
 */
#include "conformance/rows.h"

static bool has_global(const struct conf_case *c) {
    for (unsigned i = 0; i < c->count; i++) {
        if (c->steps[i].op == CONF_POKE &&
            (c->steps[i].value & PTE_GLOBAL) != 0) {
            return true;
        }
    }
    return false;
}

/** Is the change followed by what must end the old translation?  Then there is
 *  one result and no choice. */
static bool is_flushed(const struct conf_case *c) {
    uint64_t touched = 0;
    bool changed = false, flushed = true;

    for (unsigned i = 0; i < c->count; i++) {
        const struct conf_step *s = &c->steps[i];

        if (s->op == CONF_TOUCH && !changed) {
            touched = s->value;
        } else if (s->op == CONF_POKE && touched != 0) {
            changed = true;
            flushed = false;
        } else if (s->op == CONF_TOGGLE ||
                   (s->op == CONF_INVLPG && s->value == touched) ||
                   (s->op == CONF_RELOAD && !has_global(c))) {
            flushed = true;
        }
    }
    return flushed && changed;
}

/** The run that needs the fewest rows.  @return its rows */
static unsigned best_run(struct sim_machine *s, const struct conf_case *c,
                         const struct conf_record *seen, unsigned allowed) {
    const unsigned runs = is_flushed(c) ? 1 : 1u << (conf_touches(c) - 1);
    unsigned found = ROWS_UNEXPLAINED;
    struct conf_record record;

    for (unsigned i = 0; i < runs && found != 0; i++) {
        unsigned rows;

        sim_machine_run(s, c, i << 1, &record);
        rows = rows_between(s, c, &record, seen);
        rows = (rows & ~allowed) != 0 ? ROWS_UNEXPLAINED : rows;
        if (rows != ROWS_UNEXPLAINED) {
            rows |= i != 0 ? ROW_NOT_KEPT : 0;
        }
        if (found == ROWS_UNEXPLAINED ||
            (rows != ROWS_UNEXPLAINED &&
             __builtin_popcount(rows) < __builtin_popcount(found))) {
            found = rows;
        }
    }
    return found;
}

static bool fetches_after_invlpg(const struct conf_case *c) {
    bool flushed = false;

    for (unsigned i = 0; i < c->count; i++) {
        flushed |= c->steps[i].op == CONF_INVLPG;
        if (flushed && c->steps[i].op == CONF_TOUCH &&
            c->steps[i].access == CONF_FETCH) {
            return true;
        }
    }
    return false;
}

unsigned rows_explain(struct sim_machine *s, const struct conf_case *c,
                      const struct conf_record *seen, unsigned allowed) {
    unsigned rows = best_run(s, c, seen, allowed);

    if (rows == ROWS_UNEXPLAINED && (allowed & ROW_FETCH_AFTER_INVLPG) != 0 &&
        fetches_after_invlpg(c)) {
        s->skip_invlpg = true;
        rows = best_run(s, c, seen, allowed) | ROW_FETCH_AFTER_INVLPG;
        s->skip_invlpg = false;
    }
    if (rows == ROWS_UNEXPLAINED && (allowed & ROW_1GIB_ANYWAY) != 0 &&
        !s->cpu.huge_1gib) {
        s->cpu.huge_1gib = true;
        rows = best_run(s, c, seen, allowed) | ROW_1GIB_ANYWAY;
        s->cpu.huge_1gib = false;
    }
    return rows;
}
