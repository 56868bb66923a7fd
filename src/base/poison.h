/**
 * @file poison.h
 * Telling AddressSanitizer which bytes nobody may touch.
 *
 * The twin objects are compiled without it and all of this is nothing.  In a
 * sanitizer build every byte that a heap has not handed out is poisoned, so
 * that a use after free or an overflow by one byte in kernel code is reported
 * with the line that did it.  Code that keeps its books inside free memory
 * (the list heap) is marked MM_NO_SANITIZE.
 *
 * Poison works on granules of 8 bytes: poison whole multiples of 8; an
 * unpoisoned run may end inside a granule.
 */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define MM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MM_ASAN 1
#endif
#endif

#ifdef MM_ASAN
void __asan_poison_memory_region(void const volatile *p, size_t size);
void __asan_unpoison_memory_region(void const volatile *p, size_t size);

#define MM_POISON(p, n) __asan_poison_memory_region((p), (n))
#define MM_UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#define MM_NO_SANITIZE __attribute__((no_sanitize("address"), noinline))
#else
#define MM_POISON(p, n) ((void)(p), (void)(n))
#define MM_UNPOISON(p, n) ((void)(p), (void)(n))
#define MM_NO_SANITIZE
#endif

#endif
