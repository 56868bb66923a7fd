/**
 * @file slab.h
 * What the class "slab" knows of a heap; part of struct heap.  slab.c tells
 * the theory.
 */
#ifndef HEAP_SLAB_H
#define HEAP_SLAB_H

#include "base/addr.h"

/** Sizes of slots, from 8 to SLAB_SLOT_MAX bytes. */
#define SLAB_SIZES 27
#define SLAB_SLOT_MAX 512

/** Lists of free runs; slab_runs.c draws them. */
#define SLAB_LISTS 384

/** Freed runs below so many granules are kept. */
#define SLAB_KEPT_LENGTHS 129

struct slab_page; /* slab_inside.h */
struct slab_run;
struct kept_run; /* slab_kept.c */

/** 64 slots of a slab, a bit each. */
struct slab_word {
    uint64_t free;  /* 1: free */
    uint64_t given; /* 1: another front freed it, slab_given.c */
};

/** Where a front takes its slots of one size from: its current slab. */
struct slab_size {
    struct slab_word *word; /* the next slot is in here */
    uint8_t *base;          /* the slot of its bit 0 */
    uint64_t no_slot; /* its bits behind the last slot of the page: always 1 */
    uint32_t step;    /* bytes of a slot */
    uint32_t inverse; /* 2^32 / step, rounded up */
    struct slab_word *words; /* all of the slab's words */
    uint8_t *page;           /* where its first slot is */
    uint32_t current;        /* page number + 1; 0: none */
    uint32_t what; /* the records of the front's other slabs with a free slot
                      say so */
} __attribute__((aligned(64)));

/** The slabs of one front; slab_given.c draws `given`. */
struct slab_front {
    struct slab_size *size_for[SLAB_SLOT_MAX / 8]; /* slab_size_index */
    struct slab_size sizes[SLAB_SIZES];
    struct slab_list {
        uint32_t first, last;                 /* page numbers + 1; 0: none */
    } partial[SLAB_SIZES];                    /* other slabs with a free slot */
    struct kept_run *kept[SLAB_KEPT_LENGTHS]; /* by granules */
    uint64_t kept_lengths[SLAB_KEPT_LENGTHS / 64 + 1]; /* 0: none of it */
    uint64_t kept_granules;
    unsigned kept_turn; /* the length that is next to be sent away from */
    uint64_t *given; /* slots that others freed; written with the lock held */
    struct slab_word none; /* a word without a slot, where there is no slab, */
    struct slab_word all[8]; /* and words where nothing is in use */
};

struct heap_slab {
    struct slab_page **books; /* a record per page, SLAB_BOOK of them each */
    uint64_t book_count, book_room;
    uint64_t pages; /* the heap's first so many are ours to divide */

    uint64_t key; /* links in free memory are written with it */
    struct slab_run *lists[SLAB_LISTS];
    uint64_t kept_max; /* granules that a front keeps at most */
    uint64_t lists_used[SLAB_LISTS / 64]; /* 1: the list has a run */
};

#endif
