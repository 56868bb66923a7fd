/*
 * Freed runs that are kept as they are for a while, and the short way to
 * blocks.
 *
 *   front.kept[granules] --> [ next | check | .. ] --> [ next | check | .. ]
 *
 * Programs free a block and ask for one of the same size next.  A run up to
 * 8 KiB is therefore not made one with its neighbours at once: it is put on its
 * front's stack of its length, without the lock.  To the records it is a block
 * in use, still.  What tells that it is not are its own first words:
 *
 *   next ^ check ^ address == the heap's key
 *
 * A block that says so is kept already and not freed twice; a kept run that
 * does not was written to, and ends in a panic when its turn comes.
 *
 * A front keeps a sixteenth of the heap at most.  A run that comes then sends
 * others away, the lengths taking turns; so does a block that finds no room.
 * Both look at a few only; all are given up before a request fails.  A word of
 * bits leads from length to length; a bit is cleared when its turn comes.
 *
 * All calls cost O(1), but for slab_kept_drop_all().
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

/** Lengths that are looked at for runs to send away, and runs that a block
 *  without room sends away. */
#define LOOKS 8
#define SENT_AWAY 8

/* --- in the run itself ---------------------------------------------------- */

struct kept_run {
    uint64_t next, check;
};

MM_NO_SANITIZE static bool is_kept(const struct heap *heap,
                                   const struct kept_run *run) {
    return (run->next ^ run->check ^ vaddr_of_pointer(run).v) == heap->slab.key;
}

MM_NO_SANITIZE static struct kept_run *next_kept(const struct heap *heap,
                                                 const struct kept_run *run) {
    return pointer_of(vaddr(run->next ^ heap->slab.key));
}

MM_NO_SANITIZE static void write_kept(const struct heap *heap,
                                      struct kept_run *run,
                                      const struct kept_run *next) {
    run->next = vaddr_of_pointer(next).v ^ heap->slab.key;
    run->check = vaddr_of_pointer(next).v ^ vaddr_of_pointer(run).v;
}

MM_NO_SANITIZE static void unwrite_kept(struct kept_run *run) {
    run->check = 0;
}

/* --- the stacks ----------------------------------------------------------- */

/** The kept run that is next; there is one. */
static inline void *pop(struct heap *heap, struct slab_front *front,
                        uint64_t granules) {
    struct kept_run *run = front->kept[granules];

    MM_ASSERT(is_kept(heap, run));
    front->kept[granules] = next_kept(heap, run);
    front->kept_granules -= granules;
    unwrite_kept(run);
    return run;
}

static inline void push(const struct heap *heap, struct slab_front *front,
                        void *p, uint64_t granules) {
    write_kept(heap, p, front->kept[granules]);
    if (front->kept[granules] == NULL) {
        front->kept_lengths[granules / 64] |= UINT64_C(1) << granules % 64;
    }
    front->kept[granules] = p;
    front->kept_granules += granules;
}

static inline bool has_room(const struct heap *heap,
                            const struct slab_front *front, uint64_t granules) {
    return front->kept_granules + granules <=
           __atomic_load_n(&heap->slab.kept_max, __ATOMIC_RELAXED);
}

/** The first length from @from on of which a run is kept, or was.
 *  @return SLAB_KEPT_LENGTHS: there is none */
static unsigned length_from(const struct slab_front *front, unsigned from) {
    for (unsigned i = from / 64; i <= SLAB_KEPT_LENGTHS / 64; i++) {
        const unsigned first = from > 64 * i ? from % 64 : 0;
        const uint64_t word = front->kept_lengths[i] >> first << first;

        if (word != 0) {
            return 64 * i + (unsigned)__builtin_ctzl(word);
        }
    }
    return SLAB_KEPT_LENGTHS;
}

/** One of the kept runs becomes a free run, of one of the next @looks lengths
 *  that were kept.  @return false: none there */
static bool drop_one(struct heap *heap, struct slab_front *front,
                     unsigned looks) {
    for (; looks > 0; looks--) {
        unsigned granules = length_from(front, front->kept_turn);

        if (granules == SLAB_KEPT_LENGTHS) {
            granules = length_from(front, 0);
        }
        front->kept_turn = granules + 1;
        if (granules == SLAB_KEPT_LENGTHS) {
            return false;
        }
        if (front->kept[granules] != NULL) {
            slab_run_free(heap, vaddr_of_pointer(pop(heap, front, granules)).v,
                          granules);
            return true;
        }
        front->kept_lengths[granules / 64] &= ~(UINT64_C(1) << granules % 64);
    }
    return false;
}

void *slab_kept_take(struct heap *heap, uint64_t granules) {
    struct slab_front *front = &heap->front->slab;

    return granules < SLAB_KEPT_LENGTHS && front->kept[granules] != NULL
               ? pop(heap, front, granules)
               : NULL;
}

bool slab_kept_give(struct heap *heap, struct heap_front *front, void *p,
                    uint64_t granules) {
    if (granules >= SLAB_KEPT_LENGTHS) {
        return false;
    }
    while (!has_room(heap, &front->slab, granules)) {
        if (!drop_one(heap, &front->slab, LOOKS)) {
            return false;
        }
    }
    push(heap, &front->slab, p, granules);
    return true;
}

bool slab_kept_drop_some(struct heap *heap) {
    unsigned count = 0;

    while (count < SENT_AWAY &&
           drop_one(heap, &heap->front->slab, SLAB_KEPT_LENGTHS)) {
        count++;
    }
    return count > 0;
}

static bool drop_all(struct heap *heap, struct slab_front *front) {
    bool any = false;

    while (drop_one(heap, front, SLAB_KEPT_LENGTHS)) {
        any = true;
    }
    return any;
}

bool slab_kept_drop_all(struct heap *heap) {
    const bool nobodys = drop_all(heap, &heap->fronts[0].slab);

    return drop_all(heap, &heap->front->slab) || nobodys;
}

/* --- does it live? -------------------------------------------------------- */

/**
 * Granules of the block at @va, kept ones too; 0: none starts there.
 *
 *   |.. page ..............................|.. next page ..
 *   [ @va ........ ][ the next start         its end is in the same page
 *                      [ @va .....................  ]   the record knows the
 *                                                       length of that one
 *
 * Without the lock: a block that is in use stays as it is in the record.
 */
static MM_INLINE uint64_t granules_at(const struct heap *heap, uint64_t va) {
    const uint64_t offset = va - heap->start.v;
    const struct slab_page *page;
    uint64_t used, free, rest;

    if (offset >> PAGE_SHIFT >= slab_pages(heap)) {
        return 0;
    }
    page = slab_page(heap, offset >> PAGE_SHIFT);
    used = __atomic_load_n(&page->run.used, __ATOMIC_RELAXED);
    free = __atomic_load_n(&page->run.free, __ATOMIC_RELAXED);
    rest = (used | free) >> (offset >> GRANULE_SHIFT & 63);
    if (va % GRANULE != 0 ||
        __atomic_load_n(&page->kind, __ATOMIC_RELAXED) != 0 ||
        ((used & ~free) >> (offset >> GRANULE_SHIFT & 63) & 1) == 0) {
        return 0;
    }
    rest >>= 1;
    return rest != 0 ? (unsigned)__builtin_ctzl(rest) + 1
                     : __atomic_load_n(&page->words, __ATOMIC_RELAXED);
}

static MM_INLINE bool lives(const struct heap *heap, const void *p,
                            uint64_t granules) {
    return granules_at(heap, vaddr_of_pointer(p).v) == granules &&
           !is_kept(heap, p);
}

uint64_t slab_block_granules(const struct heap *heap, const void *p) {
    const uint64_t granules = granules_at(heap, vaddr_of_pointer(p).v);

    return granules != 0 && !is_kept(heap, p) ? granules : 0;
}

/* --- the short way -------------------------------------------------------- */

/** No slot, and not so large that it may as well go the long way. */
static MM_INLINE bool is_quick(struct layout want) {
    return want.size - SLAB_SLOT_MAX - 1 < QUICK_MAX - SLAB_SLOT_MAX;
}

/** None is kept. */
MM_NOINLINE void *slab_block_fresh(struct heap *heap, struct layout want,
                                   struct heap_front *front) {
    const uint64_t align = want.align > GRANULE ? want.align : GRANULE;
    const bool taken = slab_lock(heap, front);
    const uint64_t va = slab_run_take(heap, granules_for(want.size), align);

    slab_unlock(heap, front, taken);
    if (va == 0) {
        heap_front_leave(front);
        return heap_alloc_long(heap, want);
    }
    MM_UNPOISON(pointer_of(vaddr(va)), want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return pointer_of(vaddr(va));
}

void *slab_block_quick_alloc(struct heap *heap, struct layout want,
                             struct heap_front *front) {
    const uint64_t granules = (want.size + GRANULE - 1) / GRANULE;
    void *p;

    if (!is_quick(want) || !heap_front_enter(front)) {
        return heap_alloc_long(heap, want);
    }
    if (granules >= SLAB_KEPT_LENGTHS || front->slab.kept[granules] == NULL) {
        return slab_block_fresh(heap, want, front);
    }
    p = pop(heap, &front->slab, granules);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return p;
}

/** There is no room to keep it. */
static MM_NOINLINE enum mm_status quick_give(struct heap *heap, void *p,
                                             uint64_t granules) {
    struct heap_front *front = heap_front(heap);
    const bool taken = slab_lock(heap, front);

    if (!slab_kept_give(heap, front, p, granules)) {
        slab_run_free(heap, vaddr_of_pointer(p).v, granules);
    }
    slab_unlock(heap, front, taken);
    heap_front_leave(front);
    return MM_OK;
}

static MM_NOINLINE enum mm_status quick_refuse(struct heap *heap, void *p,
                                               struct layout had) {
    heap_front_leave(heap_front(heap));
    return heap_free_long(heap, p, had);
}

static MM_INLINE enum mm_status
gone(struct heap *heap, void *p, struct layout had, struct heap_front *front) {
    const uint64_t granules = (had.size + GRANULE - 1) / GRANULE;

    if (!lives(heap, p, granules)) {
        return quick_refuse(heap, p, had);
    }
    MM_POISON(p, had.size);
    heap_count_free(front, had.size, slab_served(had));
    if (granules >= SLAB_KEPT_LENGTHS ||
        !has_room(heap, &front->slab, granules)) {
        return quick_give(heap, p, granules);
    }
    push(heap, &front->slab, p, granules);
    heap_front_leave(front);
    return MM_OK;
}

enum mm_status slab_block_quick_free(struct heap *heap, void *p,
                                     struct layout had,
                                     struct heap_front *front) {
    if (!is_quick(had) || !heap_front_enter(front)) {
        return heap_free_long(heap, p, had);
    }
    return gone(heap, p, had, front);
}

enum mm_status slab_block_gone(struct heap *heap, void *p, struct layout had,
                               struct heap_front *front) {
    return gone(heap, p, had, front);
}

/* --- sound? --------------------------------------------------------------- */

uint64_t slab_kept_count(const struct heap *heap,
                         const struct heap_front *front) {
    uint64_t count = 0, granules = 0;

    for (uint64_t length = 0; length < SLAB_KEPT_LENGTHS; length++) {
        const struct kept_run *run = front->slab.kept[length];

        for (; run != NULL; run = next_kept(heap, run)) {
            if (granules_at(heap, vaddr_of_pointer(run).v) != length ||
                !is_kept(heap, run)) {
                return UINT64_MAX;
            }
            granules += length;
            if (granules > front->slab.kept_granules) {
                return UINT64_MAX;
            }
            count++;
        }
    }
    return granules == front->slab.kept_granules ? count : UINT64_MAX;
}
