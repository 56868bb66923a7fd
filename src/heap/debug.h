/**
 * @file debug.h
 * The debug mode of a heap: wrong use is found and told in words.
 *
 *   heap_alloc() --> debug --> the class
 *
 *   the class's block
 *   [ zone, 0xfd ...... ][ bytes asked for, 0xa5 ][ zone, 0xfd ]
 *     16 or the alignment                           16 or more
 *
 *   a record, apart from the block: where, how large, who allocated, who freed
 *
 * It stands between the calls and any class: heap.ways leads here while it is
 * on, so it costs nothing while it is off.  A freed block is filled with 0xdd
 * and kept back (quarantine) until so many bytes are; only then the class gets
 * it.  A realloc always moves, so that whoever keeps the old pointer is found.
 *
 * With pages (heap_pages) every block ends at the end of a page, and the page
 * behind it shows nothing; the pages of a freed block show nothing either. Then
 * the processor itself stops the access that is wrong, also a read.
 */
#ifndef HEAP_DEBUG_H
#define HEAP_DEBUG_H

#include "base/fmt.h"
#include "heap/heap.h"

/** What lies around a block in debug mode. */
#define HEAP_ZONE_BYTE 0xfd
/** So many bytes behind a block at least; in front as many or its alignment. */
#define HEAP_ZONE_MIN 16
/** No more of a zone is filled and looked at, next to the block. */
#define HEAP_ZONE_MAX 256

/** A line of the source that allocates or frees. */
struct heap_site {
    const char *file, *function;
    unsigned line;
};

/** This line, as a pointer that lives for ever. */
#define HEAP_HERE                                                              \
    (__extension__({                                                           \
        static const struct heap_site here_ = { __FILE__, __func__,            \
                                                __LINE__ };                    \
        &here_;                                                                \
    }))

/** Who handed a block out, and alone may take it back: kmalloc(), a cache.
 *  There as long as a block of it lives. */
struct heap_owner {
    const char *name; /* for reports */
};

/** A call that goes through the debug mode, made for somebody. */
struct heap_caller {
    const char *name;               /* "kfree" ... */
    const struct heap_owner *owner; /* NULL: heap_alloc() and so on */
    const struct heap_site *site;   /* NULL: not told */
};

enum heap_misuse {
    HEAP_FREED_TWICE,     /* the block was freed and is still kept back */
    HEAP_NEVER_GIVEN,     /* in the heap, but no block known holds it */
    HEAP_OUTSIDE,         /* not in this heap at all */
    HEAP_INTERIOR,        /* in a block or its zones, but not its start */
    HEAP_WRONG_OWNER,     /* given back to another than it came from */
    HEAP_WRONG_LAYOUT,    /* another size or alignment than was asked for */
    HEAP_OVERFLOW,        /* the zone behind a block was written to */
    HEAP_UNDERFLOW,       /* the zone in front of it */
    HEAP_USED_AFTER_FREE, /* a block was written to while it was kept back */
    HEAP_LEAKED,          /* not freed until the end */
    HEAP_UNREACHABLE,     /* no pointer leads to it any more */
    HEAP_DAMAGED,         /* the heap is not sound; check_always */
    HEAP_MISUSES
};

/** What is known of a block. */
struct heap_record {
    struct heap_record *left, *right; /* in the tree, by address */
    struct heap_record *next;         /* of a list: spare, quarantine, marks */
    uint64_t start, bytes;            /* of the class's block */
    uint64_t low, high; /* what of it may be touched: less its guard pages */
    uint64_t at;        /* the caller's bytes */
    struct layout asked;
    const struct heap_owner *owner;            /* NULL: heap_alloc() */
    const struct heap_site *allocated, *freed; /* NULL: not told */
    uint64_t number;                           /* of the allocation, from 1 */
    bool is_free;                              /* kept back */
    bool is_marked;                            /* reached from a root */
};

/** One misuse, for heap_debug_config.report. */
struct heap_report {
    enum heap_misuse misuse;
    const char *call;               /* what found it: "free", "check" ... */
    const struct heap_site *site;   /* who called that; NULL: not told */
    uint64_t pointer;               /* what was given to it; 0: nothing */
    struct layout given;            /* HEAP_WRONG_LAYOUT */
    const struct heap_owner *owner; /* of the call: HEAP_WRONG_OWNER */
    struct vrange heap;             /* start .. end */
    bool has_block;
    struct heap_record block; /* what was known of it */
    uint64_t first, changed;  /* bytes written: the lowest address, how many */
    uint8_t seen, expected;   /* at @first */
};

/** How pages come to show nothing; see mm.c.  The calls are made with no lock
 *  held. */
struct heap_pages {
    /** Pages [@at, @at + @bytes) of the heap give up their frames.  From now on
     *  heap_debug_forbids() says which of them may be touched. */
    void (*forbid)(void *ctx, vaddr_t at, uint64_t bytes);
    void *ctx;
    bool guard_in_front; /* a guard page in front of each block as well */
};

struct heap_debug_config {
    /** Where records may lie, as the window of a heap, and who makes it
     *  usable.  Some 120 bytes per block, live or kept back. */
    struct vrange window;
    struct heap_source source;
    uint64_t quarantine; /* bytes that freed blocks may take, at most */
    /** After each call that was right look at all blocks, and whether the heap
     *  is sound: O(blocks).  While one processor alone is at work. */
    bool check_always;
    const struct heap_pages *pages; /* NULL: zones only */
    /** Told of each misuse, with no lock held.  When it returns, the call goes
     *  on as far as it can: a wrong free changes nothing and gives a status.
     *  NULL: print the report and panic. */
    void (*report)(void *ctx, const struct heap_report *report);
    void *ctx;
};

/** The caller's; part of it for as long as the mode is on. */
struct heap_debug {
    struct heap *heap;
    struct heap_debug_config config;
    struct lock lock; /* for all below; never held while the heap's is taken */
    struct heap_record *root, *spare;
    uint64_t records_end; /* of the memory that the source gave */
    struct heap_record *oldest, *newest; /* kept back */
    uint64_t kept_bytes, kept_blocks;
    uint64_t live_blocks;
    uint64_t number;  /* of the last allocation */
    uint64_t reports; /* so far */
};

/**
 * Switch the debug mode of @heap on.
 * @return MM_OK; MM_REFUSED (blocks are live, it is on already, or the class
 *         peeks where with pages nothing may be touched); MM_NOT_ALIGNED or
 * MM_BAD_RANGE (the window of the records)
 */
MM_MUST_CHECK enum mm_status
heap_debug_start(struct heap *heap, struct heap_debug *debug,
                 const struct heap_debug_config *config);

/** Give back all that is kept back, then switch it off.
 *  @return MM_OK; MM_REFUSED while blocks are live: then it stays on */
MM_MUST_CHECK enum mm_status heap_debug_stop(struct heap *heap);

/** As heap_alloc() and so on, told who calls: HEAP_HERE.  They do as well with
 *  the mode off. */
void *heap_alloc_at(struct heap *heap, struct layout want,
                    const struct heap_site *site);
void *heap_alloc_zeroed_at(struct heap *heap, struct layout want,
                           const struct heap_site *site);
MM_MUST_CHECK enum mm_status heap_free_at(struct heap *heap, void *p,
                                          struct layout had,
                                          const struct heap_site *site);
void *heap_realloc_at(struct heap *heap, void *p, struct layout had,
                      size_t size, const struct heap_site *site);

/** With the mode on: heap_alloc() and so on for @caller, whose owner's the
 *  block is.  For callers that may not know the layout: @had NULL fits any.
 *  Another owner's block is MM_NOT_MANAGED. */
void *heap_debug_alloc(struct heap *heap, struct layout want,
                       const struct heap_caller *caller);
MM_MUST_CHECK enum mm_status heap_debug_free(struct heap *heap, void *p,
                                             const struct layout *had,
                                             const struct heap_caller *caller);
void *heap_debug_realloc(struct heap *heap, void *p, const struct layout *had,
                         size_t size, const struct heap_caller *caller);
/** With the mode on: the layout of @caller's live block @p.
 *  @return false, and a report: it is none */
bool heap_debug_layout(struct heap *heap, const void *p,
                       const struct heap_caller *caller, struct layout *layout);

/** Look at every block, live or kept back.  @return how many reports */
uint64_t heap_debug_check(struct heap *heap, const struct heap_site *site);

/** Report every live block as leaked: for the end.  @return how many */
uint64_t heap_debug_leaks(struct heap *heap, const struct heap_site *site);

/**
 * Report every live block that no word in @roots, and none in a block reached
 * from there, points to or into.  Conservative: a number that looks like a
 * pointer counts as one.  Others must not change the heap meanwhile.
 * @return how many
 */
uint64_t heap_debug_scan(struct heap *heap, const struct vrange *roots,
                         size_t count, const struct heap_site *site);

/** For the handler of page faults: is @va in a guard page, or in a block that
 *  is kept back in a heap with pages?  False with the mode off. */
bool heap_debug_forbids(struct heap *heap, vaddr_t va);
/** What the debug mode knows of @va, in a line or three; nothing where it knows
 *  nothing. */
void heap_debug_explain(const struct heap *heap, vaddr_t va, fmt_sink *sink,
                        void *ctx);

/** The paragraph of a report. */
void heap_report_print(const struct heap_report *report, fmt_sink *sink,
                       void *ctx);
/** "freed twice", "overflow" ... */
const char *heap_misuse_name(enum heap_misuse misuse);

/** The records agree with each other, and as many are live as the heap says.
 *  O(blocks); part of heap_is_sound(). */
bool heap_debug_is_sound(const struct heap *heap);

#endif
