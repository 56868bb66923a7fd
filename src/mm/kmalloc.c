/*
 * kmalloc() and its family: blocks that know their size.
 *
 * Who knows it depends on the heap:
 *
 *   in debug mode       its records
 *   classes that can    the class itself (slab up to 32 KiB): the caller's
 * bytes tell (find())       are the heap's block, and all of it is the caller's
 *   else                a header:
 *
 *   heap block                     pointer given out
 *   v                              v
 *   [ padding for align ][ header ][ size bytes ...... ]
 *   |<-- max(16, align) ---------->|
 *
 * The header ends where the caller's bytes begin.  Its check word mixes the
 * address, size and alignment, so what is not the start of a live block, or
 * had its header overwritten, is found out with all but certainty.  kfree()
 * wipes it, and so does krealloc() before the block may move: whoever keeps the
 * old pointer finds no header there.  In a sanitizer build the header is
 * poisoned: a write in front of a block is a report.
 *
 * A block with a header never begins where the class knows one to begin, so the
 * class is asked first.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/poison.h"
#include "mm/mm.h"

struct header {
    uint64_t size;
    uint32_t check;
    uint32_t align_shift;
};

_Static_assert(sizeof(struct header) == HEAP_ALIGN_MIN,
               "the least alignment leaves room for a header");

/** A live block. */
struct block {
    uint8_t *start;       /* of the heap's block */
    size_t offset;        /* from there to the caller's bytes; 0: no header */
    struct layout layout; /* of the heap's block */
};

/** Of each block that the debug mode knows from here. */
static const struct heap_owner owner = { "kmalloc" };

static uint32_t check_word(vaddr_t va, uint64_t size, uint32_t align_shift) {
    uint64_t hash = hash_add(hash_add(HASH_START, va.v), size);

    return (uint32_t)hash_mix(hash_add(hash, align_shift));
}

MM_NO_SANITIZE static struct header header_read(const uint8_t *p) {
    return *(const struct header *)(const void *)(p - sizeof(struct header));
}

MM_NO_SANITIZE static void header_write(uint8_t *p, struct header header) {
    *(struct header *)(void *)(p - sizeof header) = header;
}

/** Turn the heap block of @layout at @start into one for the caller. */
static void *dress(uint8_t *start, struct layout layout) {
    uint8_t *p = start + layout.align;
    struct header header = {
        .size = layout.size - layout.align,
        .align_shift = (uint32_t)__builtin_ctzl(layout.align),
    };

    header.check =
        check_word(vaddr_of_pointer(p), header.size, header.align_shift);
    header_write(p, header);
    MM_POISON(start, layout.align);
    return p;
}

/** @return false: no header is in front of @p */
static bool dressed_at(const struct mm *mm, uint8_t *p, struct block *block) {
    uint64_t at = vaddr_of_pointer(p).v;
    uint64_t below = at - mm->heap.start.v;
    struct header header;

    if (at % HEAP_ALIGN_MIN != 0 || below < HEAP_ALIGN_MIN ||
        below >= heap_size(&mm->heap)) {
        return false;
    }
    header = header_read(p);
    if (header.check !=
        check_word(vaddr(at), header.size, header.align_shift)) {
        return false;
    }
    block->offset = (size_t)1 << header.align_shift;
    block->start = p - block->offset;
    block->layout.align = block->offset;
    block->layout.size = header.size + block->offset;
    return true;
}

/** @return false: @p is not what kmalloc() and its family gave out */
static bool block_at(const struct mm *mm, uint8_t *p, struct block *block) {
    const struct heap_class *class = mm->heap.class;

    if (class->find != NULL && class->find(&mm->heap, p, &block->layout)) {
        block->start = p;
        block->offset = 0;
        return true;
    }
    return dressed_at(mm, p, block);
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

static struct block block_or_panic(const struct mm *mm, const void *p,
                                   const char *caller) {
    struct block block;

    if (!block_at(mm, (uint8_t *)(uintptr_t)p, &block)) {
        fmt_print(put, NULL, "%s(%p): no live block starts there\n", caller, p);
        hw_panic("freed twice, overwritten, or never allocated", __FILE__,
                 __LINE__);
    }
    return block;
}

/* --- alloc ---------------------------------------------------------------- */

/** The layout of a block without header for @size bytes; size 0: there is
 *  none. */
static struct layout bare(const struct mm *mm, struct layout want) {
    const struct heap_class *class = mm->heap.class;

    return class->whole != NULL ? class->whole(want) : (struct layout){ 0, 0 };
}

static void *alloc_dressed(struct mm *mm, struct layout want) {
    void *start;

    if (__builtin_add_overflow(want.size, want.align, &want.size)) {
        return NULL;
    }
    start = heap_alloc(&mm->heap, want);
    return start == NULL ? NULL : dress(start, want);
}

/** A sanitizer sees what goes beyond @size of a block without header. */
static void *bound(void *p, size_t size, struct layout whole) {
    if (p != NULL) {
        MM_POISON(p, whole.size);
        MM_UNPOISON(p, size);
    }
    return p;
}

void *kmemalign_at(struct mm *mm, size_t align, size_t size,
                   const struct heap_site *site) {
    const struct layout want = { size, align < HEAP_ALIGN_MIN ? HEAP_ALIGN_MIN
                                                              : align };
    struct layout whole;

    if (size == 0 || !is_power_of_two(align)) {
        return NULL;
    }
    if (mm->heap.debug != NULL) {
        return heap_debug_alloc(
            &mm->heap, want, &(struct heap_caller){ "kmalloc", &owner, site });
    }
    whole = bare(mm, want);
    return whole.size == 0 ? alloc_dressed(mm, want)
                           : bound(heap_alloc(&mm->heap, whole), size, whole);
}

void *kmalloc_at(struct mm *mm, size_t size, const struct heap_site *site) {
    return kmemalign_at(mm, HEAP_ALIGN_MIN, size, site);
}

void *kzalloc_at(struct mm *mm, size_t size, const struct heap_site *site) {
    void *p = kmalloc_at(mm, size, site);

    if (p != NULL) {
        bytes_fill(p, 0, size);
    }
    return p;
}

void *kcalloc_at(struct mm *mm, size_t count, size_t size,
                 const struct heap_site *site) {
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return kzalloc_at(mm, bytes, site);
}

/* --- free ----------------------------------------------------------------- */

static void free_block(struct mm *mm, const struct block *block) {
    enum mm_status st = heap_free(&mm->heap, block->start, block->layout);

    MM_ASSERT(st == MM_OK); /* the header said so, or the class itself */
}

void kfree_at(struct mm *mm, void *p, const struct heap_site *site) {
    struct block block;

    if (p == NULL) {
        return;
    }
    if (mm->heap.debug != NULL) {
        const struct heap_caller caller = { "kfree", &owner, site };
        enum mm_status st = heap_debug_free(&mm->heap, p, NULL, &caller);

        (void)st; /* what is wrong was reported */
        return;
    }
    block = block_or_panic(mm, p, "kfree");
    if (block.offset != 0) {
        header_write(p, (struct header){ 0, 0, 0 });
    }
    free_block(mm, &block);
}

/* --- realloc -------------------------------------------------------------- */

/** The block without header @p grows out of what the class can tell. */
static void *move_to_dressed(struct mm *mm, const struct block *block,
                             size_t size) {
    void *p = alloc_dressed(mm, (struct layout){ size, HEAP_ALIGN_MIN });

    if (p != NULL) {
        bytes_copy(p, block->start, block->layout.size);
        free_block(mm, block);
    }
    return p;
}

static void *resize_bare(struct mm *mm, const struct block *block,
                         size_t size) {
    const struct layout had = block->layout;
    const struct layout whole =
        bare(mm, (struct layout){ size, HEAP_ALIGN_MIN });

    MM_UNPOISON(block->start, had.size); /* the heap copies it */
    return whole.size == 0
               ? move_to_dressed(mm, block, size)
               : bound(heap_realloc(&mm->heap, block->start, had, whole.size),
                       size, whole);
}

static void *resize_dressed(struct mm *mm, const struct block *block, void *p,
                            size_t size) {
    struct layout want = { size, block->layout.align };
    void *start;

    if (__builtin_add_overflow(size, block->offset, &want.size)) {
        return NULL;
    }
    MM_UNPOISON(block->start, block->offset); /* the heap copies it */
    header_write(p, (struct header){ 0, 0, 0 });
    start = heap_realloc(&mm->heap, block->start, block->layout, want.size);
    if (start == NULL) {
        dress(block->start, block->layout); /* as before */
        return NULL;
    }
    return dress(start, want);
}

void *krealloc_at(struct mm *mm, void *p, size_t size,
                  const struct heap_site *site) {
    struct block block;

    if (p == NULL) {
        return kmalloc_at(mm, size, site);
    }
    if (size == 0) {
        kfree_at(mm, p, site);
        return NULL;
    }
    if (mm->heap.debug != NULL) {
        return heap_debug_realloc(
            &mm->heap, p, NULL, size,
            &(struct heap_caller){ "krealloc", &owner, site });
    }
    block = block_or_panic(mm, p, "krealloc");
    return block.offset == 0 ? resize_bare(mm, &block, size)
                             : resize_dressed(mm, &block, p, size);
}

size_t ksize_at(struct mm *mm, const void *p, const struct heap_site *site) {
    struct layout layout = { 0, 0 };
    struct block block;

    if (mm->heap.debug != NULL) {
        return heap_debug_layout(&mm->heap, p,
                                 &(struct heap_caller){ "ksize", &owner, site },
                                 &layout)
                   ? layout.size
                   : 0;
    }
    block = block_or_panic(mm, p, "ksize");
    if (block.offset == 0) {
        MM_UNPOISON(block.start, block.layout.size); /* all may be used now */
    }
    return block.layout.size - block.offset;
}
