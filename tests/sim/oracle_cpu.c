/*
 * The manual's "Caching Translation Information", read aloud.
 */
#include "sim/oracle_cpu.h"

#include "sim/tables.h"

static struct walk_control controls(const struct oracle_cpu *o) {
    const struct sim_cpu *r = o->real;
    struct walk_control c = { .root = paddr(r->cr3.v & 0xffffffffff000) };

    c.write_protect = r->cr0 >> 16 & 1;
    c.five_levels = r->cr4 >> 12 & 1;
    c.smep = r->cr4 >> 20 & 1;
    c.smap = r->cr4 >> 21 & 1;
    c.keys = r->cr4 >> 22 & 1;
    c.no_execute = r->efer >> 11 & 1;
    c.pkru = r->pkru;
    c.ac = r->ac;
    c.stack = r->stack;
    c.amd = r->amd;
    c.phys_bits = r->phys_bits;
    c.huge_1gib = r->huge_1gib;
    return c;
}

static unsigned pcid_now(const struct oracle_cpu *o) {
    return (o->real->cr4 >> 17 & 1) != 0 ? o->real->cr3.v & 0xfff : 0;
}

static bool covers(const struct held *h, uint64_t va) {
    return va - h->first < h->size;
}

static bool is_visible(const struct held *h, unsigned pcid) {
    return h->global || h->pcid == pcid;
}

static void lose(struct oracle_cpu *o, unsigned i) {
    o->held[i] = o->held[--o->count];
}

static void keep(struct oracle_cpu *o, struct held h) {
    ck_assert(o->count < HELD_MAX);
    o->held[o->count++] = h;
}

/* --- invalidations ------------------------------------------------------ */

void oracle_invlpg(struct oracle_cpu *o, uint64_t va) {
    struct walk_control c = controls(o);

    if (!oracle_is_canonical(&c, va)) {
        return;
    }
    for (unsigned i = o->count; i-- > 0;) {
        const struct held *h = &o->held[i];

        /* all paging-structure caches of the current PCID ... */
        if (h->upper && h->pcid == pcid_now(o)) {
            lose(o, i);
        } else if (!h->upper && covers(h, va) && is_visible(h, pcid_now(o))) {
            lose(o, i);
        }
    }
}

void oracle_invpcid(struct oracle_cpu *o, unsigned type, unsigned pcid,
                    uint64_t va) {
    for (unsigned i = o->count; i-- > 0;) {
        const struct held *h = &o->held[i];
        bool gone = false;

        switch (type) {
        case 0:
            gone = !h->global && h->pcid == pcid && covers(h, va);
            break;
        case 1:
            gone = !h->global && h->pcid == pcid;
            break;
        case 2:
            gone = true;
            break;
        case 3:
            gone = !h->global;
            break;
        }
        if (gone) {
            lose(o, i);
        }
    }
}

void oracle_cr3_loaded(struct oracle_cpu *o, bool noflush) {
    bool pge = o->real->cr4 >> 7 & 1;

    for (unsigned i = o->count; i-- > 0 && !noflush;) {
        const struct held *h = &o->held[i];

        if (h->global ? !pge : h->pcid == pcid_now(o)) {
            lose(o, i);
        }
    }
}

void oracle_cr4_changed(struct oracle_cpu *o, uint64_t from) {
    uint64_t to = o->real->cr4;
    bool pge = (from ^ to) >> 7 & 1;
    bool pcide_off = (from & ~to) >> 17 & 1;
    bool smep_on = (~from & to) >> 20 & 1;

    for (unsigned i = o->count; i-- > 0;) {
        if (pge || pcide_off ||
            (smep_on && is_visible(&o->held[i], pcid_now(o)))) {
            lose(o, i);
        }
    }
}

void oracle_faulted(struct oracle_cpu *o, uint64_t va) {
    for (unsigned i = o->count; i-- > 0;) {
        if (covers(&o->held[i], va) && is_visible(&o->held[i], pcid_now(o))) {
            lose(o, i);
        }
    }
}

/* --- one access --------------------------------------------------------- */

/** What the access to one page found; walk.reason: whether it may be made. */
struct look {
    bool remembered;
    struct oracle walk;
    struct oracle_start start;
    uint64_t va;
};

static const struct held *translation_of(const struct oracle_cpu *o,
                                         uint64_t va) {
    for (unsigned i = 0; i < o->count; i++) {
        if (!o->held[i].upper && covers(&o->held[i], va) &&
            is_visible(&o->held[i], pcid_now(o))) {
            return &o->held[i];
        }
    }
    return NULL;
}

static struct oracle_start start_of(const struct oracle_cpu *o,
                                    const struct walk_control *c, uint64_t va) {
    struct oracle_start s = oracle_root(c);

    for (unsigned i = 0; i < o->count; i++) {
        const struct held *h = &o->held[i];

        if (h->upper && covers(h, va) && h->pcid == pcid_now(o) &&
            h->level <= s.level) {
            s = (struct oracle_start){ h->level - 1, h->to, h->writable,
                                       h->user, h->no_execute };
        }
    }
    return s;
}

static struct look look_up(struct oracle_cpu *o, uint64_t va,
                           enum sim_access access) {
    struct walk_control c = controls(o);
    bool user = o->real->cpl == 3;
    bool writes = access == SIM_WRITE || access == SIM_RMW;
    const struct held *h = translation_of(o, va);
    struct look l = { .va = va };

    if (h != NULL) {
        l.walk = (struct oracle){ .writable = h->writable,
                                  .user = h->user,
                                  .no_execute = h->no_execute,
                                  .key = h->key,
                                  .pa = h->to + (va - h->first) };
        l.walk.reason = oracle_rights(&c, &l.walk, access, user);
        l.remembered =
            l.walk.reason == WALK_OK ? h->dirty || !writes : o->insists;
        if (l.remembered) {
            l.walk.error = l.walk.reason == WALK_OK
                               ? 0
                               : oracle_rights_error(&c, &l.walk, access, user);
            return l;
        }
    }
    l.start = start_of(o, &c, va);
    l.walk = oracle_walk(o->ram, &c, l.start, va, access, user);
    return l;
}

static uint64_t size_at(unsigned level) {
    return UINT64_C(0x1000) << (9 * (level - 1));
}

/** A in all that was read, D in the leaf of a write. */
static void set_flags(struct oracle_cpu *o, const struct look *l, bool writes) {
    for (unsigned level = l->start.level; level >= l->walk.level; level--) {
        uint64_t add = level == l->walk.level && writes ? 0x60 : 0x20;
        paddr_t at = paddr(l->walk.at[level - 1]);

        ram_store64(o->ram, at, ram_load64(o->ram, at) | add);
    }
}

static struct held held_of(const struct oracle_cpu *o, const struct look *l,
                           bool writes) {
    struct held h = { .size = size_at(l->walk.level),
                      .level = l->walk.level,
                      .pcid = pcid_now(o),
                      .global = l->walk.global && (o->real->cr4 >> 7 & 1) != 0,
                      .dirty = l->walk.dirty || writes,
                      .writable = l->walk.writable,
                      .user = l->walk.user,
                      .no_execute = l->walk.no_execute,
                      .key = l->walk.key };

    h.first = l->va & ~(h.size - 1);
    h.to = l->walk.pa & ~(h.size - 1);
    return h;
}

static void remember(struct oracle_cpu *o, const struct look *l, bool writes) {
    struct held h = held_of(o, l, writes);

    for (unsigned i = o->count; i-- > 0;) {
        const struct held *old = &o->held[i];
        bool meet = covers(old, h.first) || covers(&h, old->first);

        if (!old->upper && meet && (h.global || is_visible(old, h.pcid))) {
            lose(o, i);
        }
    }
    keep(o, h);
}

static void remember_uppers(struct oracle_cpu *o, const struct look *l) {
    struct held h = { .upper = true,
                      .pcid = pcid_now(o),
                      .writable = l->start.writable,
                      .user = l->start.user,
                      .no_execute = l->start.no_execute };

    for (h.level = l->start.level; h.level > l->walk.level; h.level--) {
        uint64_t e = l->walk.entry[h.level - 1];

        h.size = size_at(h.level);
        h.first = l->va & ~(h.size - 1);
        h.to = e & 0xffffffffff000;
        h.writable = h.writable && (e & 2) != 0;
        h.user = h.user && (e & 4) != 0;
        h.no_execute = h.no_execute || e >> 63 != 0;
        for (unsigned i = o->count; i-- > 0;) {
            const struct held *old = &o->held[i];

            if (old->upper && old->first == h.first && old->size == h.size &&
                old->pcid == h.pcid) {
                lose(o, i);
            }
        }
        keep(o, h);
    }
}

static void happen(struct oracle_cpu *o, const struct look *l, bool writes) {
    if (l->remembered) {
        return;
    }
    set_flags(o, l, writes);
    if (o->remembers) {
        remember(o, l, writes);
    }
    if (o->uppers) {
        remember_uppers(o, l);
    }
}

struct oracle_result oracle_access(struct oracle_cpu *o, uint64_t va,
                                   unsigned bytes, enum sim_access access) {
    struct walk_control c = controls(o);
    bool writes = access == SIM_WRITE || access == SIM_RMW;
    struct oracle_result r = { .bytes = { bytes, 0 } };
    struct look l[2];
    unsigned pages = 1;

    if (va % 4096 + bytes > 4096) {
        pages = 2;
        r.bytes[0] = 4096 - (unsigned)(va % 4096);
        r.bytes[1] = bytes - r.bytes[0];
    }
    if (!oracle_is_canonical(&c, va) ||
        !oracle_is_canonical(&c, va + bytes - 1)) {
        r.vector = c.stack && access != SIM_FETCH ? 12 : 13;
        return r;
    }
    for (unsigned i = 0; i < pages; i++) {
        uint64_t first = i == 0 ? va : va + r.bytes[0];

        l[i] = look_up(o, first, access);
        r.pa[i] = l[i].walk.pa;
        if (l[i].walk.reason != WALK_OK) {
            r.vector = 14;
            r.error = l[i].walk.error;
            r.address = first;
            oracle_faulted(o, first);
            return r;
        }
    }
    for (unsigned i = 0; i < pages; i++) {
        happen(o, &l[i], writes);
    }
    return r;
}

/* --- what may be -------------------------------------------------------- */

static struct look look_in_tables(struct oracle_cpu *o, uint64_t va,
                                  enum sim_access access) {
    struct walk_control c = controls(o);
    struct look l = { .va = va, .start = oracle_root(&c) };

    l.walk = oracle_walk(o->ram, &c, l.start, va, access, o->real->cpl == 3);
    return l;
}

static bool equals(const struct oracle *w, uint64_t pa, uint32_t error) {
    return w->reason == WALK_OK ? error == 0 && pa == w->pa : error == w->error;
}

bool oracle_allows(struct oracle_cpu *o, uint64_t va, enum sim_access access,
                   uint64_t pa, uint32_t error) {
    struct walk_control c = controls(o);
    bool user = o->real->cpl == 3;
    bool writes = access == SIM_WRITE || access == SIM_RMW;
    struct look l = look_in_tables(o, va, access);

    if (equals(&l.walk, pa, error)) {
        return true;
    }
    for (unsigned i = 0; i < o->count; i++) {
        const struct held *h = &o->held[i];
        struct oracle w = { .writable = h->writable,
                            .user = h->user,
                            .no_execute = h->no_execute,
                            .key = h->key,
                            .pa = h->to + (va - h->first) };

        if (!covers(h, va) || !is_visible(h, pcid_now(o))) {
            continue;
        }
        w.reason = oracle_rights(&c, &w, access, user);
        w.error = oracle_rights_error(&c, &w, access, user);
        if (equals(&w, pa, error) && (error != 0 || h->dirty || !writes)) {
            return true;
        }
    }
    return false;
}

void oracle_filled(struct oracle_cpu *o, uint64_t va, enum sim_access access) {
    struct look l = look_in_tables(o, va, access);

    keep(o, held_of(o, &l, access == SIM_WRITE || access == SIM_RMW));
}
