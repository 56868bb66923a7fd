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

#include "base/hash.h"

#define MANY_PAGES 32

struct vmm_token token_owe(struct vmm_space *space, vaddr_t va, uint64_t pages,
                           bool global) {
    const uint64_t id = ++space->tokens;

    space->flushes_owed++;
    space->ids_owed += hash_mix(id);
    return (struct vmm_token){ space, va, pages, id, global };
}

/** A token that is used twice is noticed by vmm_is_sound(). */
static void settle(struct vmm_token token) {
    token.space->flushes_owed--;
    token.space->ids_owed -= hash_mix(token.id);
}

static void flush_all(struct vmm_token token) {
    if (token.global) {
        hw_flush_all();
    } else {
        hw_write_cr3(hw_read_cr3());
    }
}

static void flush_each(struct vmm_token token) {
    for (uint64_t n = 0; n < token.pages; n++) {
        hw_invlpg(vaddr_add(token.va, n * PAGE_SIZE));
    }
}

void vmm_flush(struct vmm_token token) {
    if (token.space == NULL) {
        return;
    }
    if (token.pages > MANY_PAGES) {
        flush_all(token);
    } else {
        flush_each(token);
    }
    token.space->stats.flushes += token.pages;
    events_add(token.space->events, EVENT_VMM_FLUSHES, token.va.v, token.pages);
    settle(token);
}

void vmm_flush_skip(struct vmm_token token) {
    if (token.space != NULL) {
        settle(token);
    }
}
