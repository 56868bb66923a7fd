/*
 * Hiding many pages with few calls of the host.
 *
 *   entries, by address   [goes][goes]   [goes][stays][goes]     [goes]
 *   one call each         [^^^^^^^^^^^^^^^^^^^]       [^^^^^^^^^^^^^^^^]
 *
 * A flush drops entry by entry, and a mapping call for each is what it would
 * cost; but nothing is shown between two pages that go and have none that stays
 * between them, so all of such a stretch is hidden at once, within one window.
 * Large pages, of which there are few, are hidden one by one.
 */
#include <stdlib.h>

#include "sim/live.h"

/** What is asked of each entry of the TLB. */
struct flush {
    struct sim *sim;
    const struct tlb_scope *scope; /* NULL: all of them go */
    size_t count;
};

static void note(void *ctx, const struct tlb_entry *entry) {
    struct flush *flush = ctx;
    struct live_page *page = &flush->sim->live->pages[flush->count++];

    *page = (struct live_page){
        .page = entry,
        .goes = flush->scope == NULL || tlb_scope_means(*flush->scope, entry),
    };
}

static int by_address(const void *a, const void *b) {
    const uint64_t x = ((const struct live_page *)a)->page->page.v;
    const uint64_t y = ((const struct live_page *)b)->page->page.v;

    return (x > y) - (x < y);
}

/** Hide @pages[0] and what goes after it, up to one that stays, to a large page
 *  or to the end of the window.  @return how many pages that were */
static size_t hide_stretch(struct sim *sim, const struct live_page *pages,
                           size_t count) {
    const struct tlb_entry *first = pages[0].page;
    const struct sim_window *window = live_window_at(sim->live, first->page);
    size_t n = 1;

    if (!pages[0].goes) {
        return 1;
    }
    if (window == NULL || first->page_shift != PAGE_SHIFT) {
        live_hide(sim, first);
        return 1;
    }
    while (n < count && pages[n].goes &&
           pages[n].page->page_shift == PAGE_SHIFT &&
           vrange_holds(window->range, pages[n].page->page)) {
        n++;
    }
    live_hide_range(
        sim, (struct vrange){ first->page, pages[n - 1].page->page.v -
                                               first->page.v + PAGE_SIZE });
    return n;
}

bool live_flush(void *ctx, struct tlb *tlb, const struct tlb_scope *scope) {
    struct flush flush = { .sim = ctx, .scope = scope };
    struct sim_live *live = flush.sim->live;

    if (tlb->count < 2 || tlb->count > live->pages_max) {
        return false;
    }
    tlb_each(tlb, note, &flush);
    qsort(live->pages, flush.count, sizeof(*live->pages), by_address);
    for (size_t i = 0; i < flush.count;) {
        i += hide_stretch(flush.sim, &live->pages[i], flush.count - i);
    }
    return true;
}
