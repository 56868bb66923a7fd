/**
 * @file fuzz.h
 * A fuzz target: bytes in, and nothing may go wrong.
 *
 * Each target is one file.  With replay.c it is a plain program that takes its
 * corpus and some random inputs in `make check`; with libFuzzer's main() it
 * searches for inputs by itself, in `make fuzz`.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** More bytes than that tell no more. */
#define FUZZ_BYTES_MAX 4096

/** The target's name, and that of its corpus in tests/data/fuzz. */
extern const char fuzz_name[];
/** How many random inputs take about a second. */
extern const unsigned fuzz_inputs;

/** Try one input; abort() with a sentence when something is wrong.
 *  @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/** Print the sentence, and abort(). */
_Noreturn void fuzz_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** The input as numbers; zeros after its end. */
struct fuzz_input {
    const uint8_t *next;
    size_t left;
};

/** A number of @bytes (1 to 8). */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes) {
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && in->left > 0; i++) {
        value |= (uint64_t)*in->next++ << (8 * i);
        in->left--;
    }
    return value;
}

#endif
