/**
 * @file addr.h
 * Physical addresses, virtual addresses and frame numbers as distinct types.
 *
 * Units: paddr_t and vaddr_t count bytes, pfn_t counts 4 KiB frames.  Names
 * carry the unit too: pa, va, f, len or size (bytes), count (frames, pages).
 *
 * A paddr_t where a pfn_t is due does not compile; at -O2 the code is the
 * same as with plain integers.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/** A byte address on the memory bus. */
typedef struct {
    uint64_t v;
} paddr_t;

/** A byte address as a program uses it, before translation. */
typedef struct {
    uint64_t v;
} vaddr_t;

/** A frame number: frame n is the 4 KiB of RAM at physical n * 4096. */
typedef struct {
    uint64_t v;
} pfn_t;

static inline paddr_t paddr(uint64_t v) {
    return (paddr_t){ v };
}
static inline vaddr_t vaddr(uint64_t v) {
    return (vaddr_t){ v };
}
static inline pfn_t pfn(uint64_t v) {
    return (pfn_t){ v };
}

/** The frame that holds @pa. */
static inline pfn_t pfn_of(paddr_t pa) {
    return pfn(pa.v >> PAGE_SHIFT);
}
/** The first byte of frame @f. */
static inline paddr_t paddr_of(pfn_t f) {
    return paddr(f.v << PAGE_SHIFT);
}

static inline paddr_t paddr_add(paddr_t pa, uint64_t bytes) {
    return paddr(pa.v + bytes);
}
static inline vaddr_t vaddr_add(vaddr_t va, uint64_t bytes) {
    return vaddr(va.v + bytes);
}
static inline pfn_t pfn_add(pfn_t f, uint64_t count) {
    return pfn(f.v + count);
}

static inline vaddr_t vaddr_of_pointer(const void *p) {
    return vaddr((uint64_t)(uintptr_t)p);
}
static inline void *pointer_of(vaddr_t va) {
    return (void *)(uintptr_t)va.v;
}

static inline bool paddr_is_page_aligned(paddr_t pa) {
    return (pa.v & (PAGE_SIZE - 1)) == 0;
}
static inline bool vaddr_is_page_aligned(vaddr_t va) {
    return (va.v & (PAGE_SIZE - 1)) == 0;
}
/** The first byte of the page that holds @va. */
static inline vaddr_t vaddr_page(vaddr_t va) {
    return vaddr(va.v & ~(PAGE_SIZE - 1));
}

/** How many pages @bytes need; 0 for 0, exact even near 2^64. */
static inline uint64_t pages_for(uint64_t bytes) {
    return (bytes >> PAGE_SHIFT) + ((bytes & (PAGE_SIZE - 1)) != 0);
}

/**
 * @value rounded up to a multiple of @align (a power of two), into *@out.
 * @return false when the result does not fit in 64 bits; *@out is unchanged.
 */
static inline bool align_up(uint64_t value, uint64_t align, uint64_t *out) {
    uint64_t sum;

    if (__builtin_add_overflow(value, align - 1, &sum)) {
        return false;
    }
    *out = sum & ~(align - 1);
    return true;
}

static inline uint64_t align_down(uint64_t value, uint64_t align) {
    return value & ~(align - 1);
}

static inline bool is_power_of_two(uint64_t v) {
    return v != 0 && (v & (v - 1)) == 0;
}

#endif
