/*
 * Making the processor forget what is no longer so.
 *
 * A change of a present entry hands out a token; until it is used up somebody
 * owes a flush, which vmm_is_sound() tells.  Tokens are numbered and the
 * numbers of those that are owed are kept as a sum of mixed words, so that one
 * that is used twice does not hide another that is not used at all:
 *
 *   owe a, owe b      count 2   mix(a) + mix(b)
 *   flush a, flush a  count 0   mix(b) - mix(a), which is not 0
 *
 *   few pages                INVLPG each: drops the page, global or not
 *   many pages               MOV to CR3: drops all but global translations
 *   many, a global one too   CR4.PGE off and on: drops everything
 *
 * Both ways drop the paging-structure caches as well.  Where "many" begins is
 * a matter of speed alone.  Intel SDM vol. 3A, "Operations that Invalidate TLBs
 * and Paging-Structure Caches".
 */
#include "vmm/table.h"

/** A token that is used twice is noticed by vmm_is_sound(). */
static void settle(struct vmm_space *space, struct vmm_token token) {
    space->tokens_used++;
    space->ids_owed -= token_word(vmm_token_id(token));
}

static void flush_each(struct vmm_space *space, struct vmm_token token) {
    const uint64_t size = level_size(vmm_token_level(token));
    const uint64_t pages = vmm_token_pages(token);
    vaddr_t va = vmm_token_va(token);

    for (uint64_t n = 0; n < pages; n++) {
        hw_invlpg(va);
        va.v += size;
    }
    space->stats.invlpgs += pages;
}

static void flush_all(struct vmm_space *space, bool global) {
    space->stats.flushed_all++;
    if (global) {
        hw_flush_all();
    } else {
        hw_write_cr3(hw_read_cr3());
    }
}

/** Count what the processor is told; of a space not in force, nothing. */
static void note(struct vmm_space *space, struct vmm_token token) {
    if (!space_is_cached(space)) {
        return;
    }
    space->stats.flushes += vmm_token_pages(token);
    events_add(space->events, EVENT_VMM_FLUSHES, vmm_token_va(token).v,
               vmm_token_pages(token));
}

void vmm_flush(struct vmm_token token) {
    struct vmm_space *space = vmm_token_space(token);

    if (space == NULL) {
        return;
    }
    if (space_is_cached(space)) {
        if (vmm_token_pages(token) > VMM_FLUSH_EACH_MAX) {
            flush_all(space, vmm_token_global(token));
        } else {
            flush_each(space, token);
        }
        note(space, token);
    }
    settle(space, token);
}

void vmm_flush_skip(struct vmm_token token) {
    if (vmm_token_owes(token)) {
        settle(vmm_token_space(token), token);
    }
}

/* --- many at once --------------------------------------------------------- */

/** Tokens beyond the room settle at once: then all will be flushed. */
void vmm_batch_add(struct vmm_batch *batch, struct vmm_token token) {
    struct vmm_space *space = vmm_token_space(token);

    if (space == NULL) {
        return;
    }
    if (batch->count < VMM_FLUSH_EACH_MAX) {
        batch->tokens[batch->count] = token;
    } else {
        note(space, token);
        settle(space, token);
    }
    batch->count++;
    batch->pages += vmm_token_pages(token);
    batch->global |= vmm_token_global(token);
}

void vmm_batch_flush(struct vmm_batch *batch) {
    struct vmm_space *space = vmm_token_space(batch->tokens[0]);
    const bool each = batch->pages <= VMM_FLUSH_EACH_MAX;

    if (!each && space_is_cached(space)) {
        flush_all(space, batch->global);
    }
    for (uint64_t n = 0; n < batch->count && n < VMM_FLUSH_EACH_MAX; n++) {
        if (each) {
            vmm_flush(batch->tokens[n]);
        } else {
            note(space, batch->tokens[n]);
            settle(space, batch->tokens[n]);
        }
    }
    *batch = (struct vmm_batch){ 0 };
}
