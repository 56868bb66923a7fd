/*
 * Filling ahead: a miss costs a signal, its neighbours only a look.
 *
 *   virtual    [miss][ A ][   ][ A ][ A ][ A ]      the page table says
 *   frames       7     8         3    4    9
 *   host calls [^^^^^^^^^]     [^^^^^^^^][^^^]      one for each stretch
 *
 * Pages after the one that was touched are remembered where the processor may
 * do so unasked (cpu_fill_ahead()), up to the end of their page table, and
 * shown. They are entries as any other: what ends an entry ends them, and the
 * count of fills has them.  After a flush this saves signals; before the first
 * touch A is clear, and nothing is filled ahead.
 *
 * Nothing is evicted for a guess.  While tables are watched nothing is filled
 * ahead, since each walk may find a new one.
 */
#include "sim/live.h"

/** Does @next go on where @piece ends, with the same rights? */
static bool goes_on(const struct live_piece *piece,
                    const struct live_piece *next) {
    return next->at.base.v == piece->at.base.v + piece->at.len &&
           next->frame.v == piece->frame.v + piece->at.len &&
           next->protection == piece->protection;
}

/** The page at @va is shown with @piece, or @piece is shown now, and the page
 *  takes its place. */
static void add(struct sim *sim, struct live_piece *piece, vaddr_t va) {
    const struct tlb_entry *entry = cpu_fill_ahead(&sim->cpu, va);
    struct live_piece next;

    if (entry == NULL || !live_piece_of(sim, entry, va, &next)) {
        return;
    }
    if (goes_on(piece, &next)) {
        piece->at.len += next.at.len;
    } else {
        live_show_piece(sim, piece);
        *piece = next;
    }
}

bool live_show_ahead(struct sim *sim, const struct tlb_entry *entry,
                     vaddr_t va) {
    const struct vrange window = live_window_at(sim->live, va)->range;
    const vaddr_t page = entry->page;
    struct live_piece piece;

    if (entry->page_shift != PAGE_SHIFT || sim->config.fill_ahead == 0 ||
        sim->live->tables != NULL) {
        return live_show(sim, entry, va);
    }
    if (!live_piece_of(sim, entry, va, &piece)) {
        return false;
    }
    for (unsigned i = 1; i <= sim->config.fill_ahead; i++) {
        const vaddr_t next = vaddr_add(page, i * PAGE_SIZE);

        if (table_index(next, 1) == 0 || !vrange_holds(window, next)) {
            break;
        }
        add(sim, &piece, next);
    }
    live_show_piece(sim, &piece);
    return true;
}
