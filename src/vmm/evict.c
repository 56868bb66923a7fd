/*
 * Pages that a pager keeps: brought when they are touched, taken away when
 * frames are short.
 *
 *   touch   [ absent ] -- frame, load --> [ frame, A ]
 *   evict   [ frame, A ]    A is cleared, flush: a second chance
 *           [ frame ]       unmap, save if D is set, free
 *                           what can not be saved is shown again
 *
 * The page is unmapped before it is saved, so no write comes too late to be
 * kept; and its frame goes back only when that is done.  A page that is
 * unmapped without A needs no flush: a processor sets A before it remembers a
 * translation, and what it remembered before was flushed when A was cleared.
 * Intel SDM vol. 3A, "Details of TLB Use".  Which page:
 * the clock.  A hand goes round through the pages of all paged regions of the
 * space; a page that was touched since it came by the last time is left alone.
 * Two rounds find one, if any can be saved.
 *
 * Calls that need frames for spaces and regions make room so and begin again
 * (room_is_made); what they hold in the meantime is not in the tables.  A page
 * that is being copied stays (vmm_space.kept).
 *
 * A fork gives the child a pager of its own, and shares the frames like all
 * others (share.c): a page that was written to is dirty on both sides, and each
 * side saves it with its own pager.  A region that goes saves nothing; who
 * wants its pages kept says so before (vmm_region_save).
 */
#include "vmm/regions.h"

enum mm_status page_load(struct vmm_space *space, vaddr_t page,
                         const struct vmm_region *region) {
    struct frame_chain own = { 0 };
    enum mm_status status = chain_take(space, &own, page, false);
    pfn_t f;

    if (status != MM_OK) {
        return status;
    }
    f = chain_pop_zeroed(space, &own);
    status =
        region->pager->load(region->pager, region, page, frame_bytes(space, f));
    if (status == MM_OK) {
        status = pages_map(space, (struct mapping){ .va = page,
                                                    .pages = 1,
                                                    .f = f,
                                                    .access = region->access,
                                                    .largest = 1 });
    }
    if (status == MM_OK) {
        space->stats.loads++;
        return MM_OK;
    }
    chain_push(space, &own, f);
    chain_give_back(space, &own);
    return status;
}

/** Move *@va on to the lowest small page there or behind that @region shows.
 *  @return false: there is none */
static bool next_shown(const struct vmm_space *space,
                       const struct vmm_region *region, vaddr_t *va) {
    while (vrange_holds(region->range, *va)) {
        const struct slot slot = table_walk(space, *va);

        if (slot.level == 1 && pte_is_present(entry_get(slot.entry))) {
            return true;
        }
        *va = vaddr(align_down(va->v, level_size(slot.level)) +
                    level_size(slot.level));
    }
    return false;
}

/** Move *@hand on to the lowest page there or behind that a paged region shows.
 *  @return its region, or NULL: there is none */
static const struct vmm_region *next_page(struct vmm_space *space,
                                          vaddr_t *hand) {
    const struct vmm_region *region = region_from(space, hand->v);

    for (; region != NULL; region = vmm_region_next(space, region)) {
        vaddr_t va =
            vrange_holds(region->range, *hand) ? *hand : region->range.base;

        if (region->backing == VMM_PAGED && next_shown(space, region, &va)) {
            *hand = va;
            return region;
        }
    }
    return NULL;
}

/** Move *@hand behind its page; false: that was the last there is. */
static bool step(vaddr_t *hand) {
    *hand = vaddr_add(*hand, PAGE_SIZE);
    return hand->v != 0;
}

/** Clear @bits of @entry, which the processor may be setting others of.
 *  @return what it was */
static pte_t entry_clear(pte_t *entry, uint64_t bits) {
    return pte(__atomic_fetch_and(&entry->v, ~bits, __ATOMIC_ACQ_REL));
}

/** @seen was changed; without A nobody can have remembered it. */
static void flush_page(struct vmm_space *space, vaddr_t page, pte_t seen) {
    space->changes++;
    if (pte_has(seen, PTE_ACCESSED)) {
        vmm_flush(token_owe(space, page, 1, 1, pte_has(seen, PTE_GLOBAL)));
    }
}

/** Save the page if it was written to. */
static enum mm_status save(struct vmm_space *space, vaddr_t page,
                           const struct vmm_region *region, pte_t leaf) {
    struct vmm_pager *pager = region->pager;

    if (!pte_has(leaf, PTE_DIRTY)) {
        return MM_OK;
    }
    space->stats.saves++;
    return pager->save(pager, region, page,
                       frame_bytes(space, pfn_of(pte_address(leaf))));
}

/** Take the page at @entry away, with its frame; or leave all as it was. */
static enum mm_status take_away(struct vmm_space *space, vaddr_t page,
                                const struct vmm_region *region, pte_t *entry) {
    const pte_t seen = entry_clear(entry, PTE_PRESENT);
    enum mm_status status;
    pte_t leaf;

    flush_page(space, page, seen);
    leaf = pte(entry_get(entry).v | PTE_PRESENT); /* D is final now */
    status = save(space, page, region, leaf);
    if (status != MM_OK) {
        entry_set(entry, leaf);
        return status;
    }
    entry_set(entry, pte(0));
    space->stats.unmaps++;
    space->stats.evictions++;
    events_add(space->events, EVENT_VMM_UNMAPS, page.v,
               pfn_of(pte_address(leaf)).v);
    frames_forget(space, pfn_of(pte_address(leaf)), 1);
    space->stats.not_taken_back +=
        pmm_free(space->pmm, pfn_of(pte_address(leaf))) != MM_OK;
    return MM_OK;
}

enum mm_status vmm_evict(struct vmm_space *space) {
    enum mm_status status = MM_NO_MEMORY;

    /* The rest of a round, and two whole ones. */
    for (unsigned round = 0; round < 3; round++) {
        const struct vmm_region *region;
        bool more = true;

        while (more && (region = next_page(space, &space->hand)) != NULL) {
            const vaddr_t page = space->hand;
            pte_t *entry = table_walk(space, page).entry;

            more = step(&space->hand);
            if (pte_address(entry_get(entry)).v == space->kernel->kept.v) {
                continue;
            }
            if (pte_has(entry_get(entry), PTE_ACCESSED)) {
                flush_page(space, page, entry_clear(entry, PTE_ACCESSED));
                continue;
            }
            status = take_away(space, page, region, entry);
            if (status == MM_OK) {
                return MM_OK;
            }
        }
        space->hand = vaddr(0);
    }
    return status;
}

/* --- without taking them away -------------------------------------------- */

/** Save the page at @entry if it was written to; a write from now on, which
 *  sets D again, is saved the next time. */
static enum mm_status keep(struct vmm_space *space, vaddr_t page,
                           const struct vmm_region *region, pte_t *entry) {
    const pte_t seen = entry_clear(entry, PTE_DIRTY);
    enum mm_status status;

    if (!pte_has(seen, PTE_DIRTY)) {
        return MM_OK;
    }
    flush_page(space, page, seen);
    status = save(space, page, region, seen);
    if (status != MM_OK) {
        __atomic_fetch_or(&entry->v, PTE_DIRTY, __ATOMIC_ACQ_REL);
    }
    return status;
}

enum mm_status vmm_region_save(struct vmm_space *space, vaddr_t base) {
    const struct vmm_region *region = region_with_base(space, base);
    enum mm_status status = MM_OK;
    vaddr_t page = base;
    bool more = true;

    if (region == NULL) {
        return MM_NO_REGION;
    }
    if (region->backing != VMM_PAGED) {
        return MM_BAD_ARGUMENT;
    }
    while (more && status == MM_OK && next_shown(space, region, &page)) {
        status = keep(space, page, region, table_walk(space, page).entry);
        more = step(&page);
    }
    return status;
}

void pager_end(const struct vmm_region *region) {
    if (region->pager->end != NULL) {
        region->pager->end(region->pager, region);
    }
}

bool room_is_made(struct vmm_space *space, enum mm_status status) {
    struct vmm_space *s = status == MM_NO_MEMORY ? space->kernel : NULL;

    while (s != NULL && vmm_evict(s) != MM_OK) {
        s = s->next;
    }
    return s != NULL;
}
