/*
 * Who stores into a page table, in the live machine.
 *
 *   frame read by a walk --> a table: its page is shown without write
 *   store  --> SIGSEGV: the page's bytes are kept, it is shown writable,
 *              one instruction runs (RFLAGS.TF)
 *          --> SIGTRAP: entries that differ now are recorded with the RIP;
 *              the page is hidden again
 *
 * Two signals for a store to a table, none for other memory.  While tables are
 * watched, large leaves are shown page by page, since a table may lie beside
 * data.  An instruction may store to two pages (a straddle, MOVS), and fault on
 * the way; then what it did until there is recorded and it is watched anew.
 *
 * A frame that was a table once stays watched: nobody says when it ceases to
 * be.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live.h"

#define FLAG_TRAP (INT64_C(1) << 8)
#define OPEN_MAX 4

struct live_tables {
    uint8_t *is_table; /* a bit per frame */
    uint64_t rip;      /* of the store under way */
    unsigned open_count;
    struct {
        vaddr_t page;
        paddr_t frame, stored; /* stored: the byte that faulted */
        uint8_t before[PAGE_SIZE];
    } open[OPEN_MAX];
};

static bool is_table(const struct live_tables *tables, paddr_t pa) {
    uint64_t f = pfn_of(pa).v;

    return (tables->is_table[f / 8] >> (f % 8) & 1) != 0;
}

/** A walk read an entry at @at. */
static void on_table(void *ctx, paddr_t at) {
    struct sim *sim = ctx;
    struct live_tables *tables = sim->live->tables;
    uint64_t f = pfn_of(at).v;

    if (!ram_holds(&sim->ram, at, 8) || is_table(tables, at)) {
        return;
    }
    tables->is_table[f / 8] |= (uint8_t)(1u << (f % 8));
    live_hide_all(sim); /* it may be shown writable, wherever */
}

bool sim_watch_tables(struct sim *sim, struct table_writes *writes) {
    struct live_tables *tables = calloc(1, sizeof(*tables));
    uint64_t frames = pages_for(sim->ram.size);

    if (tables == NULL || sim->live->native_iretq ||
        sim->live->tables != NULL ||
        (tables->is_table = calloc((size_t)(frames / 8 + 1), 1)) == NULL) {
        free(tables);
        return false;
    }
    writes->on_table = on_table;
    writes->on_table_ctx = sim;
    writes->name_code = sim_code_name;
    sim->live->tables = tables;
    for (unsigned n = 0; n < sim_cpu_count(sim); n++) {
        cpu_record_writes(sim_cpu_at(sim, n), writes);
    }
    live_hide_all(sim);
    return true;
}

void live_tables_stop(struct sim_live *live) {
    if (live->tables != NULL) {
        free(live->tables->is_table);
        free(live->tables);
    }
}

/* --- what the maps ask -------------------------------------------------- */

bool live_is_read_only(const struct sim *sim, paddr_t pa) {
    const struct live_tables *tables = sim->live->tables;

    if (tables == NULL || !is_table(tables, pa)) {
        return false;
    }
    for (unsigned i = 0; i < tables->open_count; i++) {
        if (tables->open[i].frame.v == align_down(pa.v, PAGE_SIZE)) {
            return false;
        }
    }
    return true;
}

/* --- one store ---------------------------------------------------------- */

void live_open_table(struct sim *sim, ucontext_t *context, vaddr_t va,
                     paddr_t pa) {
    struct live_tables *tables = sim->live->tables;
    unsigned n;

    if (tables == NULL || !is_table(tables, pa) ||
        tables->open_count == OPEN_MAX) {
        return;
    }
    n = tables->open_count++;
    tables->open[n].page = vaddr(align_down(va.v, PAGE_SIZE));
    tables->open[n].frame = paddr(align_down(pa.v, PAGE_SIZE));
    tables->open[n].stored = paddr(align_down(pa.v, 8));
    memcpy(tables->open[n].before, sim->ram.alias + tables->open[n].frame.v,
           PAGE_SIZE);
    tables->rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    context->uc_mcontext.gregs[REG_EFL] |= FLAG_TRAP;
}

static void record(struct sim *sim, paddr_t at, const uint8_t *before) {
    struct table_write write = {
        .at = at,
        .cpu = sim->cpu.number,
        .rip = sim->live->tables->rip,
    };

    memcpy(&write.before.v, before, 8);
    memcpy(&write.after.v, sim->ram.alias + at.v, 8);
    table_writes_add(sim->cpu.writes, write);
}

/** Did the store change it?  A and D that are set only, a walk sets. */
static bool is_changed(const uint8_t *before, const uint8_t *after) {
    uint64_t was, is;

    memcpy(&was, before, 8);
    memcpy(&is, after, 8);
    return (is & ~(PTE_ACCESSED | PTE_DIRTY)) !=
               (was & ~(PTE_ACCESSED | PTE_DIRTY)) ||
           (was & ~is) != 0;
}

/** Record the entries of open page @n that changed; if none did, the one that
 *  was stored to. */
static void record_page(struct sim *sim, unsigned n) {
    const struct live_tables *tables = sim->live->tables;
    const uint8_t *before = tables->open[n].before;
    paddr_t frame = tables->open[n].frame;
    bool any = false;

    for (unsigned at = 0; at < PAGE_SIZE; at += 8) {
        if (is_changed(before + at, sim->ram.alias + frame.v + at)) {
            record(sim, paddr_add(frame, at), before + at);
            any = true;
        }
    }
    if (!any) {
        paddr_t stored = tables->open[n].stored;

        record(sim, stored, before + (stored.v - frame.v));
    }
}

bool live_close_tables(struct sim *sim, ucontext_t *context) {
    struct live_tables *tables = sim->live->tables;

    if (tables == NULL || tables->open_count == 0) {
        return false;
    }
    context->uc_mcontext.gregs[REG_EFL] &= ~FLAG_TRAP;
    for (unsigned n = 0; n < tables->open_count; n++) {
        record_page(sim, n);
        live_hide_page(sim, tables->open[n].page);
    }
    tables->open_count = 0;
    return true;
}
