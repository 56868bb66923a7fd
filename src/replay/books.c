/*
 * The replay's own books, in regions of their own so that the heap under test
 * neither holds them nor can be blamed for them:
 *
 *   0x4450_0000_0000  table    struct replay_block by id, mapped at once
 *   0x4452_0000_0000  shadow   a bit per 16 bytes of heap, grows with the heap
 *
 * Blocks are 16-aligned and sizes rounded up to 16, so two live blocks never
 * share a granule, and a granule claimed twice is an overlap.  The books have
 * their frames before they are touched: every page fault counted is the heap's.
 */
#include "replay/replay.h"

#define WORD_BITS 64
#define HEAP_PER_SHADOW_BYTE (8 * HEAP_ALIGN_MIN)

static uint64_t whole_pages(uint64_t bytes) {
    return pages_for(bytes) * PAGE_SIZE;
}

static enum mm_status add_region(struct replay *r, const char *name,
                                 uint64_t base, uint64_t len) {
    return vmm_region_add(&r->mm->space,
                          (struct vmm_region){ .name = name,
                                               .range = { vaddr(base), len },
                                               .access = VMM_WRITE,
                                               .backing = VMM_IMMEDIATE });
}

enum mm_status replay_books_open(struct replay *r) {
    uint64_t bytes = r->id_count * sizeof(struct replay_block);
    enum mm_status st;

    r->shadow = NULL;
    r->shadow_size = 0;
    /* Region pages start zeroed: no block is live. */
    st = add_region(r, "replay: table of blocks", REPLAY_TABLE_BASE,
                    whole_pages(bytes == 0 ? 1 : bytes));
    r->blocks = st == MM_OK ? pointer_of(vaddr(REPLAY_TABLE_BASE)) : NULL;
    return st;
}

void replay_books_close(struct replay *r) {
    if (r->blocks != NULL) {
        enum mm_status st =
            vmm_region_remove(&r->mm->space, vaddr(REPLAY_TABLE_BASE));

        MM_ASSERT(st == MM_OK);
        r->blocks = NULL;
    }
    if (r->shadow != NULL) {
        enum mm_status st =
            vmm_region_remove(&r->mm->space, vaddr(REPLAY_SHADOW_BASE));

        MM_ASSERT(st == MM_OK);
        r->shadow = NULL;
    }
}

/** Make the shadow cover the heap as long as it is now. */
static enum mm_status cover_heap(struct replay *r) {
    uint64_t size = heap_size(&r->mm->heap);
    uint64_t need = whole_pages(size / HEAP_PER_SHADOW_BYTE + 1);
    enum mm_status st;

    if (need <= r->shadow_size) {
        return MM_OK;
    }
    if (r->shadow == NULL) {
        st = add_region(r, "replay: shadow of the heap", REPLAY_SHADOW_BASE,
                        need);
    } else {
        st = vmm_region_extend(&r->mm->space, vaddr(REPLAY_SHADOW_BASE), need);
    }
    if (st == MM_OK) {
        r->shadow = pointer_of(vaddr(REPLAY_SHADOW_BASE));
        r->shadow_size = need;
    }
    return st;
}

/** The granules of a block, as bits [first, end) of the shadow. */
struct granules {
    uint64_t first, end;
};

static struct granules granules_of(const struct replay *r, vaddr_t at,
                                   uint64_t size) {
    uint64_t offset = at.v - r->mm->heap.start.v;

    return (struct granules){ offset / HEAP_ALIGN_MIN,
                              (offset + size + HEAP_ALIGN_MIN - 1) /
                                  HEAP_ALIGN_MIN };
}

/** The bits of [@first, @end) that lie in the word of @first. */
static uint64_t mask_at(uint64_t first, uint64_t end) {
    uint64_t low = first % WORD_BITS;
    uint64_t count = end - first;
    uint64_t mask = ~UINT64_C(0) << low;

    if (low + count < WORD_BITS) {
        mask &= ~(~UINT64_C(0) << (low + count));
    }
    return mask;
}

/** The first granule of the word after that of @g. */
static uint64_t next_word(uint64_t g) {
    return (g / WORD_BITS + 1) * WORD_BITS;
}

enum mm_status replay_claim(struct replay *r, vaddr_t at, uint64_t size) {
    struct granules span = granules_of(r, at, size);
    enum mm_status st = cover_heap(r);
    uint64_t g;

    if (st != MM_OK) {
        return st;
    }
    for (g = span.first; g < span.end; g = next_word(g)) {
        if ((r->shadow[g / WORD_BITS] & mask_at(g, span.end)) != 0) {
            return MM_OVERLAP;
        }
    }
    for (g = span.first; g < span.end; g = next_word(g)) {
        r->shadow[g / WORD_BITS] |= mask_at(g, span.end);
    }
    return MM_OK;
}

void replay_disclaim(struct replay *r, vaddr_t at, uint64_t size) {
    struct granules span = granules_of(r, at, size);
    uint64_t g;

    for (g = span.first; g < span.end; g = next_word(g)) {
        r->shadow[g / WORD_BITS] &= ~mask_at(g, span.end);
    }
}

uint64_t replay_who_is_at(const struct replay *r, vaddr_t at, uint64_t size) {
    struct granules asked = granules_of(r, at, size);
    uint64_t id;

    for (id = 0; id < r->id_count; id++) {
        const struct replay_block *b = &r->blocks[id];
        struct granules have;

        if (b->layout.align == 0) {
            continue;
        }
        have = granules_of(r, b->at, b->layout.size);
        if (ranges_overlap(asked.first, asked.end - asked.first, have.first,
                           have.end - have.first)) {
            break;
        }
    }
    return id;
}
