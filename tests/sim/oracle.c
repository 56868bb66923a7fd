/*
 * The oracle shares nothing with src/sim/walk.c: it writes the manual's rules
 * as lists of bits and asks them one at a time, slowly.
 */
#include "sim/oracle.h"

#include "sim/tables.h"

struct oracle {
    enum walk_reason reason;
    uint32_t error;
    unsigned level; /* of the entry that stopped the walk, or of the leaf */
    uint64_t pa;
    bool writable, user, no_execute;
};

/** Is bit @b of an entry, at @level and with PS as given, reserved? */
static bool bit_is_reserved(const struct walk_control *c, unsigned level,
                            bool ps, unsigned b) {
    if (b >= c->phys_bits && b <= 51) {
        return true;
    }
    switch (level) {
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

static uint32_t oracle_error(const struct walk_control *c, bool p, bool rsvd,
                             enum sim_access access, bool user) {
    return (p ? 1u : 0) + (access == SIM_WRITE ? 2u : 0) + (user ? 4u : 0) +
           (rsvd ? 8u : 0) + (access == SIM_FETCH && c->no_execute ? 16u : 0);
}

static struct oracle oracle_walk(struct sim_ram *ram,
                                 const struct walk_control *c, uint64_t va,
                                 enum sim_access access, bool user) {
    struct oracle o = { .writable = true, .user = true, .level = 4 };
    uint64_t table = c->root.v;
    uint64_t e = 0;

    if ((va >> 47) != 0 && (va >> 47) != 0x1ffff) {
        o.reason = WALK_NOT_CANONICAL;
        return o;
    }
    for (;; o.level--) {
        unsigned shift = o.level == 4   ? 39
                         : o.level == 3 ? 30
                         : o.level == 2 ? 21
                                        : 12;

        e = ram_load64(ram, paddr(table + ((va >> shift) % 512) * 8));
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
    o.reason = WALK_OK;
    if (user && !o.user) {
        o.reason = WALK_NOT_USER;
    } else if (access == SIM_WRITE && !o.writable &&
               (user || c->write_protect)) {
        o.reason = WALK_NOT_WRITABLE;
    } else if (access == SIM_FETCH && o.no_execute) {
        o.reason = WALK_NO_EXECUTE;
    }
    if (o.reason != WALK_OK) {
        o.error = oracle_error(c, true, false, access, user);
    }
    return o;
}

static bool same(const struct walk_control *c, const struct walk_result *r,
                 const struct oracle *o) {
    bool complete = r->reason == WALK_OK || r->reason == WALK_NOT_PRESENT ||
                    r->reason == WALK_RESERVED;
    unsigned vector = o->reason == WALK_OK              ? 0
                      : o->reason == WALK_NOT_CANONICAL ? 13
                                                        : 14;

    if (r->reason != o->reason || r->error != o->error || r->vector != vector ||
        (complete && (r->level != o->level || r->step_count != 5 - o->level))) {
        return false;
    }
    if (r->reason == WALK_RESERVED) {
        uint64_t e = r->steps[r->step_count - 1].seen.v;

        return r->reserved_bits == oracle_reserved(c, o->level, e);
    }
    return r->reason != WALK_OK ||
           (r->pa.v == o->pa && r->page_shift == 12 + 9 * (o->level - 1) &&
            r->rights.writable == o->writable && r->rights.user == o->user &&
            r->rights.no_execute == o->no_execute);
}

struct walk_result walk_as_oracle(struct sim_ram *ram,
                                  const struct walk_control *c, uint64_t va,
                                  enum sim_access access, bool user) {
    struct walk_result r = walk(ram, c, vaddr(va), access, user);
    struct oracle o = oracle_walk(ram, c, va, access, user);

    if (!same(c, &r, &o)) { /* one assertion less in the inner loop */
        char text[300];

        walk_explain(&r, vaddr(va), access, text, sizeof text);
        ck_abort_msg("error 0x%x, level %u, 0x%llx; the oracle says reason %d, "
                     "error 0x%x, level %u, 0x%llx: %s",
                     r.error, r.level, (unsigned long long)r.pa.v, o.reason,
                     o.error, o.level, (unsigned long long)o.pa, text);
    }
    return r;
}
