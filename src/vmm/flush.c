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
static void settle(struct vmm_token token) {
    token.space->flushes_owed--;
    token.space->ids_owed -= token_word(token.id);
}

static void flush_each(struct vmm_token token) {
    for (uint64_t n = 0; n < token.pages; n++) {
        hw_invlpg(vaddr_add(token.va, n * level_size(token.level)));
    }
    token.space->stats.invlpgs += token.pages;
}

static void flush_all(struct vmm_token token) {
    token.space->stats.flushed_all++;
    if (token.global) {
        hw_flush_all();
    } else {
        hw_write_cr3(hw_read_cr3());
    }
}

static void note(struct vmm_token token) {
    token.space->stats.flushes += token.pages;
    events_add(token.space->events, EVENT_VMM_FLUSHES, token.va.v, token.pages);
}

void vmm_flush(struct vmm_token token) {
    if (token.space == NULL) {
        return;
    }
    if (space_is_cached(token.space)) {
        if (token.pages > VMM_FLUSH_EACH_MAX) {
            flush_all(token);
        } else {
            flush_each(token);
        }
        note(token);
    }
    settle(token);
}

void vmm_flush_skip(struct vmm_token token) {
    if (token.space != NULL) {
        settle(token);
    }
}

/* --- many at once --------------------------------------------------------- */

/** Tokens beyond the room settle at once: then all will be flushed. */
void vmm_batch_add(struct vmm_batch *batch, struct vmm_token token) {
    if (token.space == NULL) {
        return;
    }
    if (batch->count < VMM_FLUSH_EACH_MAX) {
        batch->tokens[batch->count] = token;
    } else {
        note(token);
        settle(token);
    }
    batch->count++;
    batch->pages += token.pages;
    batch->global |= token.global;
}

void vmm_batch_flush(struct vmm_batch *batch) {
    const bool each = batch->pages <= VMM_FLUSH_EACH_MAX;

    if (batch->pages > VMM_FLUSH_EACH_MAX) {
        flush_all((struct vmm_token){ .space = batch->tokens[0].space,
                                      .global = batch->global });
    }
    for (uint64_t n = 0; n < batch->count && n < VMM_FLUSH_EACH_MAX; n++) {
        if (each) {
            vmm_flush(batch->tokens[n]);
        } else {
            note(batch->tokens[n]);
            settle(batch->tokens[n]);
        }
    }
    *batch = (struct vmm_batch){ 0 };
}
