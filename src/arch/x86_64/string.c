/*
 * The few functions of <string.h> that the kernel is allowed, and that
 * compilers call on their own.  Host programs take them from the C library.
 *
 * Copying and filling are one string instruction each, by words and then by
 * the bytes that are left; no C loop, which a compiler could turn into a call
 * to the very function it stands in.
 */
#include <stdint.h>
#include <string.h>

/** Keeps a compiler from seeing a library function in a loop. */
#define OPAQUE() __asm__ volatile("")

static void copy_up(void *to, const void *from, size_t n) {
    size_t words = n / 8, bytes = n % 8;

    __asm__ volatile("rep movsq; movq %3, %%rcx; rep movsb"
                     : "+&D"(to), "+&S"(from), "+&c"(words)
                     : "r"(bytes)
                     : "memory");
}

/** From the last byte to the first. */
static void copy_down(void *to, const void *from, size_t n) {
    uint8_t *last_to = (uint8_t *)to + n - 1;
    const uint8_t *last_from = (const uint8_t *)from + n - 1;

    __asm__ volatile("std; rep movsb; cld"
                     : "+&D"(last_to), "+&S"(last_from), "+&c"(n)
                     :
                     : "memory");
}

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    copy_up(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n) {
    if ((uintptr_t)to - (uintptr_t)from >= n) { /* also when to < from */
        copy_up(to, from, n);
    } else {
        copy_down(to, from, n);
    }
    return to;
}

void *memset(void *to, int byte, size_t n) {
    const uint64_t word = UINT64_C(0x0101010101010101) * (uint8_t)byte;
    size_t words = n / 8, bytes = n % 8;
    void *at = to;

    __asm__ volatile("rep stosq; movq %2, %%rcx; rep stosb"
                     : "+&D"(at), "+&c"(words)
                     : "r"(bytes), "a"(word)
                     : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        OPAQUE();
        if (x[i] != y[i]) {
            return x[i] < y[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *s) {
    size_t n = 0;

    while (s[n] != '\0') {
        OPAQUE();
        n++;
    }
    return n;
}

int strncmp(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        OPAQUE();
        if (a[i] != b[i]) {
            return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
        }
        if (a[i] == '\0') {
            break;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}
