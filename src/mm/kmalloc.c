/*
 * kmalloc() and its family: a heap whose blocks know their size.
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

/** A live block as its header tells. */
struct block {
    uint8_t *start;       /* of the heap's block */
    size_t offset;        /* from there to the caller's bytes */
    struct layout layout; /* of the heap's block */
};

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

/** @return false: @p is not what kmalloc() and its family gave out */
static bool block_at(const struct mm *mm, uint8_t *p, struct block *block) {
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

void *kmemalign(struct mm *mm, size_t align, size_t size) {
    struct layout layout = {
        .align = align < HEAP_ALIGN_MIN ? HEAP_ALIGN_MIN : align,
    };
    void *start;

    if (size == 0 || !is_power_of_two(align) ||
        __builtin_add_overflow(size, layout.align, &layout.size)) {
        return NULL;
    }
    start = heap_alloc(&mm->heap, layout);
    return start == NULL ? NULL : dress(start, layout);
}

void *kmalloc(struct mm *mm, size_t size) {
    return kmemalign(mm, HEAP_ALIGN_MIN, size);
}

void *kzalloc(struct mm *mm, size_t size) {
    void *p = kmalloc(mm, size);

    if (p != NULL) {
        bytes_fill(p, 0, size);
    }
    return p;
}

void *kcalloc(struct mm *mm, size_t count, size_t size) {
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return kzalloc(mm, bytes);
}

void kfree(struct mm *mm, void *p) {
    struct block block;
    enum mm_status st;

    if (p == NULL) {
        return;
    }
    block = block_or_panic(mm, p, "kfree");
    header_write(p, (struct header){ 0, 0, 0 });
    st = heap_free(&mm->heap, block.start, block.layout);
    MM_ASSERT(st == MM_OK); /* the header said so */
}

void *krealloc(struct mm *mm, void *p, size_t size) {
    struct block block;
    struct layout want;
    void *start;

    if (p == NULL) {
        return kmalloc(mm, size);
    }
    if (size == 0) {
        kfree(mm, p);
        return NULL;
    }
    block = block_or_panic(mm, p, "krealloc");
    want.align = block.layout.align;
    if (__builtin_add_overflow(size, block.offset, &want.size)) {
        return NULL;
    }
    MM_UNPOISON(block.start, block.offset); /* the heap copies it */
    header_write(p, (struct header){ 0, 0, 0 });
    start = heap_realloc(&mm->heap, block.start, block.layout, want.size);
    if (start == NULL) {
        dress(block.start, block.layout); /* as before */
        return NULL;
    }
    return dress(start, want);
}

size_t ksize(struct mm *mm, const void *p) {
    struct block block = block_or_panic(mm, p, "ksize");

    return block.layout.size - block.offset;
}
