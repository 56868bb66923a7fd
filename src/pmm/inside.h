/**
 * @file inside.h
 * What the files of this floor share with each other only.
 */
#ifndef PMM_INSIDE_H
#define PMM_INSIDE_H

#include "pmm/bits.h"
#include "pmm/pmm.h"

/** Where the direct map shows frame @f. */
static inline void *pmm_frame(const struct pmm *pmm, pfn_t f) {
    return pointer_of(vaddr_add(pmm->direct_base, paddr_of(f).v));
}

static inline void *pmm_metadata(const struct pmm *pmm) {
    return pointer_of(vaddr_add(pmm->direct_base, pmm->metadata.base.v));
}

/** As pmm_run_of(), by a search. */
size_t pmm_run_search(const struct pmm *pmm, pfn_t f);

/** The index of the run that holds @f, or PMM_RUNS_MAX.  The largest run is
 *  asked first: a machine has one or two that matter. */
static inline size_t pmm_run_of(const struct pmm *pmm, pfn_t f) {
    return f.v - pmm->largest.first.v < pmm->largest.count
               ? pmm->largest_run
               : pmm_run_search(pmm, f);
}

/** An own frame as a link of a doubly linked list through free frames. */
struct pmm_link {
    pfn_t next, previous; /* 0: none */
};

static inline struct pmm_link *pmm_link(const struct pmm *pmm, pfn_t f) {
    return pmm_frame(pmm, f);
}

/** Put @f in front of the list that starts at *@first. */
static inline void pmm_list_push(const struct pmm *pmm, pfn_t *first, pfn_t f) {
    *pmm_link(pmm, f) = (struct pmm_link){ *first, pfn(0) };
    if (first->v != 0) {
        pmm_link(pmm, *first)->previous = f;
    }
    *first = f;
}

/** Take @f out of the list that starts at *@first, wherever it is. */
static inline void pmm_list_remove(const struct pmm *pmm, pfn_t *first,
                                   pfn_t f) {
    const struct pmm_link link = *pmm_link(pmm, f);

    if (link.previous.v != 0) {
        pmm_link(pmm, link.previous)->next = link.next;
    } else {
        *first = link.next;
    }
    if (link.next.v != 0) {
        pmm_link(pmm, link.next)->previous = link.previous;
    }
}

/* pmm.c */
void pmm_find_largest_run(struct pmm *pmm);

/** Is @f one of those that the books fill? */
static inline bool pmm_holds_books(const struct pmm *pmm, pfn_t f) {
    return range_holds(pmm->books.frames.first.v, pmm->books.frames.count, f.v);
}

/* alloc.c */
/** Find a run of free frames and mark it used; the lock is held, and nothing is
 *  counted.  @want  align is not 0 */
bool pmm_find_run(struct pmm *pmm, const struct pmm_want *want, pfn_t *first);

/* books.c */
void pmm_book_alloc(struct pmm *pmm, pfn_t first, uint64_t count,
                    const char *tag, vaddr_t caller);
/** May the run come back?  *@last: and does it become free thereby?  If not, it
 *  has an owner less. */
enum mm_status pmm_book_free(struct pmm *pmm, pfn_t first, uint64_t count,
                             bool *last);
void pmm_book_break_up(struct pmm *pmm, pfn_t first, uint64_t count);
/** It has become free. */
void pmm_book_freed(struct pmm *pmm, pfn_t first, uint64_t count);
bool pmm_books_are_sound(const struct pmm *pmm);

/* poison.c */
void pmm_poison_fill(struct pmm *pmm, pfn_t first, uint64_t count);
void pmm_poison_check(struct pmm *pmm, pfn_t first, uint64_t count);

#endif
