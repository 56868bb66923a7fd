/**
 * @file mm.h
 * One memory subsystem, wired together: frames, pages, bytes.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "base/fmt.h"
#include "heap/debug.h"
#include "pmm/pmm.h"
#include "trap/trap.h"
#include "vmm/vmm.h"

#define MM_HEAP_BASE UINT64_C(0x444444440000)
#define MM_HEAP_SIZE (100 * KIB)

/** Where the debug mode of the heap keeps its records. */
#define MM_RECORDS_BASE UINT64_C(0x445300000000)
#define MM_RECORDS_LIMIT (16 * GIB)
/** Bytes of freed blocks that it keeps back. */
#define MM_QUARANTINE (256 * KIB)

/** The debug mode of the heap; heap/debug.h. */
enum mm_heap_debug {
    MM_DEBUG_OFF,
    MM_DEBUG_ZONES, /* what is wrong is found by the next call */
    MM_DEBUG_PAGES, /* and faults: a guard page behind each block.  Demand
                       backing only */
    MM_DEBUG_FENCED /* and one in front */
};

struct mm_config {
    const struct pmm_class *pmm_class;
    const struct heap_class *heap_class;
    vaddr_t heap_base;             /* page-aligned */
    uint64_t heap_size;            /* bytes at the start; rounded up to pages */
    uint64_t heap_limit;           /* bytes it may grow to, whole pages */
    enum vmm_backing heap_backing; /* VMM_DEMAND or VMM_IMMEDIATE */
    uint64_t heap_quantum;         /* grow by at least; 0: HEAP_QUANTUM */
    bool heap_poison;              /* struct heap, poison */
    enum mm_heap_debug heap_debug;
    bool heap_check_always; /* in debug mode: struct heap_debug_config */
};

/** Frames by areas, slab heap, 100 KiB at 0x4444_4444_0000 growing to 1 GiB,
 * demand. */
extern const struct mm_config mm_default_config;

struct mm {
    struct trap_hook hook; /* first: hw_local() points here */
    const struct hw_boot *boot;
    struct mm_config config;
    struct events events;
    struct pmm pmm;
    struct vmm_space space;
    struct heap heap;
    uint64_t heap_pages_filled; /* pages of the heap filled by a fault */
    struct heap_debug debug;    /* of the heap, while its mode is on */
    struct heap_pages pages;
    struct vmm_verdict verdict; /* on the newest page fault */
};

/** What mm_init() was doing when it failed. */
struct mm_init_result {
    enum mm_status status;
    const char *step; /* "pmm", "guard below the heap", "heap" ... */
};

/**
 * Take over the machine that @boot describes: traps, frames, the boot page
 * tables, a heap with an unmapped guard page on either side.
 * After a failure every frame is free again and nothing is mapped.
 */
MM_MUST_CHECK struct mm_init_result mm_init(struct mm *mm,
                                            const struct hw_boot *boot,
                                            const struct mm_config *config);

/** The two halves of mm_init(), for tests that come in between. */
MM_MUST_CHECK struct mm_init_result
mm_init_frames(struct mm *mm, const struct hw_boot *boot,
               const struct mm_config *config);
/** MM_OVERLAP when there is a heap: one kernel, one heap behind kmalloc(). */
MM_MUST_CHECK struct mm_init_result mm_init_heap(struct mm *mm);

/** From the first byte of the kernel's sections to their last. */
struct vrange mm_image(const struct hw_boot *boot);
/** Put the heap of @config behind @image, with one page between that shows
 *  nothing.  @return false: the heap's limit does not fit below 2^64; then
 *  nothing changed */
bool mm_heap_behind(struct mm_config *config, struct vrange image);

/** Is there a heap?  Without one kmalloc() gives NULL. */
static inline bool mm_has_heap(const struct mm *mm) {
    return mm->heap.limit.v != 0;
}

/** Take the heap away: pages, frames, tables, regions.  mm_init_heap() can
 *  bring it back. */
void mm_teardown(struct mm *mm);

/**
 * Say in words what happened when the access to @va faulted with the error
 * code @error: which access, which region, why it was refused, and the table
 * entries that translate the address.
 */
void mm_explain_fault(const struct mm *mm, vaddr_t va, unsigned error,
                      fmt_sink *sink, void *ctx);

/** Everything mm holds is sound.  @why: a sentence when not; may be NULL. */
bool mm_check(const struct mm *mm, const char **why);

/** The state digest; doc/digest.md says over what. */
struct mm_digest {
    uint64_t tables; /* entries of the heap window, with A and D */
    uint64_t frames; /* which frames are allocated */
    uint64_t blocks; /* the heap's blocks, free and used */
    uint64_t all;
};
struct mm_digest mm_digest(const struct mm *mm);
/** What the digest is over, as text: a line per table entry, per run of
 *  allocated frames, per run of the heap.  Two machines whose digests differ
 *  differ in a line of this. */
void mm_digest_print(const struct mm *mm, fmt_sink *sink, void *ctx);

/* --- kmalloc.c: without layouts.  16-byte aligned unless asked. ---------
 *
 * Macros, so that the debug mode of the heap can name the line that calls. */

/** NULL: no memory, or size 0. */
#define kmalloc(mm, size) kmalloc_at((mm), (size), HEAP_HERE)
/** @count objects of @size bytes, zeroed; NULL when the product overflows. */
#define kcalloc(mm, count, size) kcalloc_at((mm), (count), (size), HEAP_HERE)
#define kzalloc(mm, size) kzalloc_at((mm), (size), HEAP_HERE)
/** NULL also when @align is no power of two up to HEAP_ALIGN_MAX. */
#define kmemalign(mm, align, size)                                             \
    kmemalign_at((mm), (align), (size), HEAP_HERE)
/** As realloc(): @p NULL allocates, size 0 frees and gives NULL.  Keeps the
 *  alignment of @p.  NULL for want of memory leaves @p as it was. */
#define krealloc(mm, p, size) krealloc_at((mm), (p), (size), HEAP_HERE)
/** Free; NULL is nothing.  A pointer that is no live block is a panic, or a
 *  report in debug mode. */
#define kfree(mm, p) kfree_at((mm), (p), HEAP_HERE)
/** Bytes that may be used: those asked for, or more where the block has more;
 *  panics as kfree(). */
#define ksize(mm, p) ksize_at((mm), (p), HEAP_HERE)

void *kmalloc_at(struct mm *mm, size_t size, const struct heap_site *site);
void *kcalloc_at(struct mm *mm, size_t count, size_t size,
                 const struct heap_site *site);
void *kzalloc_at(struct mm *mm, size_t size, const struct heap_site *site);
void *kmemalign_at(struct mm *mm, size_t align, size_t size,
                   const struct heap_site *site);
void *krealloc_at(struct mm *mm, void *p, size_t size,
                  const struct heap_site *site);
void kfree_at(struct mm *mm, void *p, const struct heap_site *site);
size_t ksize_at(struct mm *mm, const void *p, const struct heap_site *site);

#endif
