/*
 * The oracle shares nothing with src/sim/walk.c: it writes the manual's rules
 * as lists of bits and asks them one at a time, slowly.
 */
#include "sim/oracle.h"

#include "sim/tables.h"

static unsigned levels(const struct walk_control *c) {
    return c->five_levels ? 5 : 4;
}

/** Is bit @b of an entry, at @level and with PS as given, reserved? */
static bool bit_is_reserved(const struct walk_control *c, unsigned level,
                            bool ps, unsigned b) {
    if (b >= c->phys_bits && b <= 51) {
        return true;
    }
    if (c->amd && b == 8 && (level >= 4 || (level == 3 && !ps))) {
        return true;
    }
    switch (level) {
    case 5:
    case 4:
        if (b == 7) {
            return true;
        }
        break;
    case 3:
        if (b == 7 && !c->huge_1gib) {
            return true;
        }
        if (ps && c->huge_1gib && b >= 13 && b <= 29) {
            return true;
        }
        break;
    case 2:
        if (ps && b >= 13 && b <= 20) {
            return true;
        }
        break;
    }
    return b == 63 && !c->no_execute;
}

static uint64_t oracle_reserved(const struct walk_control *c, unsigned level,
                                uint64_t e) {
    uint64_t found = 0;

    for (unsigned b = 0; b < 64; b++) {
        if ((e >> b & 1) != 0 &&
            bit_is_reserved(c, level, (e >> 7 & 1) != 0, b)) {
            found |= UINT64_C(1) << b;
        }
    }
    return found;
}

/** Does any rule on keys forbid it?  One sentence of the manual each. */
static bool key_forbids(const struct walk_control *c, const struct oracle *o,
                        enum sim_access access, bool user) {
    bool writes = access == SIM_WRITE || access == SIM_RMW;
    bool access_disable = (c->pkru & UINT32_C(1) << (2 * o->key)) != 0;
    bool write_disable = (c->pkru & UINT32_C(1) << (2 * o->key + 1)) != 0;

    if (!c->keys) {
        return false;
    }
    if (!o->user) { /* a supervisor page has no key */
        return false;
    }
    if (access == SIM_FETCH) {
        return false;
    }
    if (access_disable) {
        return true;
    }
    return write_disable && writes && (user ? true : c->write_protect);
}

/** The list of what forbids an access to a present page, in our order. */
enum walk_reason oracle_rights(const struct walk_control *c,
                               const struct oracle *o, enum sim_access access,
                               bool user) {
    bool writes = access == SIM_WRITE || access == SIM_RMW;

    if (user && !o->user) {
        return WALK_NOT_USER;
    }
    if (!user && o->user && c->smep && access == SIM_FETCH) {
        return WALK_SMEP;
    }
    if (!user && o->user && c->smap && access != SIM_FETCH && !c->ac) {
        return WALK_SMAP;
    }
    if (key_forbids(c, o, access, user)) {
        return WALK_KEY;
    }
    if (writes && !o->writable && user) {
        return WALK_NOT_WRITABLE;
    }
    if (writes && !o->writable && c->write_protect) {
        return WALK_NOT_WRITABLE;
    }
    if (access == SIM_FETCH && c->no_execute && o->no_execute) {
        return WALK_NO_EXECUTE;
    }
    return WALK_OK;
}

static uint32_t oracle_error(const struct walk_control *c, bool p, bool rsvd,
                             enum sim_access access, bool user) {
    uint32_t e = 0;

    e += p ? 1 : 0;
    e += access == SIM_WRITE || access == SIM_RMW ? 2 : 0;
    e += user ? 4 : 0;
    e += rsvd ? 8 : 0;
    if (access == SIM_FETCH) {
        e += c->no_execute || c->smep ? 16 : 0;
    }
    return e;
}

uint32_t oracle_rights_error(const struct walk_control *c,
                             const struct oracle *o, enum sim_access access,
                             bool user) {
    return oracle_error(c, true, false, access, user) +
           (key_forbids(c, o, access, user) ? 32 : 0);
}

bool oracle_is_canonical(const struct walk_control *c, uint64_t va) {
    for (unsigned b = c->five_levels ? 56 : 47; b < 63; b++) {
        if ((va >> b & 1) != (va >> 63)) {
            return false;
        }
    }
    return true;
}

struct oracle_start oracle_root(const struct walk_control *c) {
    return (struct oracle_start){ levels(c), c->root.v, true, true, false };
}

struct oracle oracle_walk(struct sim_ram *ram, const struct walk_control *c,
                          struct oracle_start start, uint64_t va,
                          enum sim_access access, bool user) {
    struct oracle o = { .writable = start.writable,
                        .user = start.user,
                        .no_execute = start.no_execute,
                        .level = start.level };
    uint64_t table = start.table;
    uint64_t e = 0;

    if (!oracle_is_canonical(c, va)) {
        o.reason = WALK_NOT_CANONICAL;
        return o;
    }
    for (;; o.level--) {
        unsigned shift = o.level == 5   ? 48
                         : o.level == 4 ? 39
                         : o.level == 3 ? 30
                         : o.level == 2 ? 21
                                        : 12;

        o.at[o.level - 1] = table + ((va >> shift) % 512) * 8;
        e = ram_load64(ram, paddr(o.at[o.level - 1]));
        o.entry[o.level - 1] = e;
        if (e % 2 == 0) {
            o.reason = WALK_NOT_PRESENT;
            o.error = oracle_error(c, false, false, access, user);
            return o;
        }
        if (oracle_reserved(c, o.level, e) != 0) {
            o.reason = WALK_RESERVED;
            o.error = oracle_error(c, true, true, access, user);
            return o;
        }
        o.writable = o.writable && (e & 2) != 0;
        o.user = o.user && (e & 4) != 0;
        o.no_execute = o.no_execute || e >> 63 != 0;
        table = e & UINT64_C(0xffffffffff000);
        if (o.level == 1) {
            o.pa = table + va % 4096;
            break;
        }
        if (o.level == 2 && (e & 0x80) != 0) {
            o.pa = (e & UINT64_C(0xfffffffe00000)) + va % 0x200000;
            break;
        }
        if (o.level == 3 && (e & 0x80) != 0) {
            o.pa = (e & UINT64_C(0xfffffc0000000)) + va % 0x40000000;
            break;
        }
    }
    o.key = (unsigned)(e >> 59 & 1) + (unsigned)(e >> 60 & 1) * 2 +
            (unsigned)(e >> 61 & 1) * 4 + (unsigned)(e >> 62 & 1) * 8;
    o.dirty = (e & 0x40) != 0;
    o.global = (e & 0x100) != 0;
    o.reason = oracle_rights(c, &o, access, user);
    if (o.reason != WALK_OK) {
        o.error = oracle_rights_error(c, &o, access, user);
    }
    return o;
}

static bool same(const struct walk_control *c, enum sim_access access,
                 const struct walk_result *r, const struct oracle *o) {
    bool complete = r->reason == WALK_OK || r->reason == WALK_NOT_PRESENT ||
                    r->reason == WALK_RESERVED;
    unsigned vector = o->reason == WALK_OK              ? 0
                      : o->reason != WALK_NOT_CANONICAL ? 14
                      : c->stack && access != SIM_FETCH ? 12
                                                        : 13;

    if (r->top != levels(c) || r->reason != o->reason || r->error != o->error ||
        r->vector != vector ||
        (complete &&
         (r->level != o->level || r->step_count != levels(c) + 1 - o->level))) {
        return false;
    }
    if (r->reason == WALK_RESERVED) {
        uint64_t e = r->steps[r->step_count - 1].seen.v;

        return r->reserved_bits == oracle_reserved(c, o->level, e);
    }
    if (r->reason > WALK_RESERVED &&
        (r->rights.writable != o->writable || r->rights.user != o->user ||
         r->rights.no_execute != o->no_execute || r->rights.key != o->key)) {
        return false;
    }
    return r->reason != WALK_OK ||
           (r->pa.v == o->pa && r->page_shift == 12 + 9 * (o->level - 1) &&
            r->rights.writable == o->writable && r->rights.user == o->user &&
            r->rights.no_execute == o->no_execute);
}

bool oracle_same_walk(const struct walk_result *a,
                      const struct walk_result *b) {
    bool sets = false;

    if (a->reason != b->reason || a->level != b->level ||
        a->step_count != b->step_count || a->top != b->top ||
        memcmp(&a->rights, &b->rights, sizeof(a->rights)) != 0 ||
        a->pa.v != b->pa.v || a->page_shift != b->page_shift ||
        a->global != b->global || a->dirty != b->dirty ||
        a->vector != b->vector || a->error != b->error ||
        a->reserved_bits != b->reserved_bits) {
        return false;
    }
    for (unsigned i = 0; i < a->step_count; i++) {
        const struct walk_step *s = &a->steps[i];
        const struct walk_step *o = &b->steps[i];

        if (s->at.v != o->at.v || s->seen.v != o->seen.v ||
            s->after.v != o->after.v) {
            return false;
        }
        sets = sets || s->after.v != s->seen.v;
    }
    return a->sets_flags == sets && b->sets_flags == sets;
}

/** The same walk, entry by entry. */
static struct walk_result by_steps(struct sim_ram *ram,
                                   const struct walk_control *c, uint64_t va,
                                   enum sim_access access, bool user) {
    const struct walk_start root = {
        .table = c->root,
        .level = levels(c),
        .rights = { .writable = true, .user = true },
    };
    struct walk_result r;

    walk_step_by_step(&r, ram, c, root, vaddr(va), access, user);
    return r;
}

struct walk_result walk_as_oracle(struct sim_ram *ram,
                                  const struct walk_control *c, uint64_t va,
                                  enum sim_access access, bool user) {
    struct walk_result r = walk(ram, c, vaddr(va), access, user);
    struct walk_result steps = by_steps(ram, c, va, access, user);
    struct oracle o = oracle_walk(ram, c, oracle_root(c), va, access, user);

    if (!same(c, access, &r, &o)) { /* one assertion less in the inner loop */
        char text[300];

        walk_explain(&r, vaddr(va), access, text, sizeof text);
        ck_abort_msg("error 0x%x, level %u, 0x%llx; the oracle says reason %d, "
                     "error 0x%x, level %u, 0x%llx: %s",
                     r.error, r.level, (unsigned long long)r.pa.v, o.reason,
                     o.error, o.level, (unsigned long long)o.pa, text);
    }
    if (!oracle_same_walk(&r, &steps)) {
        ck_abort_msg("0x%llx: the short cut says reason %d, 0x%llx; step by "
                     "step it is reason %d, 0x%llx",
                     (unsigned long long)va, r.reason,
                     (unsigned long long)r.pa.v, steps.reason,
                     (unsigned long long)steps.pa.v);
    }
    return r;
}
