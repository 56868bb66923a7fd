/**
 * @file hash.h
 * FNV-1a over 64-bit words: the state digest, and patterns for blocks.
 *
 * Not cryptographic.  A word is taken at once (xor, then multiply), with the
 * high half folded down, so that a difference in any bit spreads.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/** @hash with the word @value added. */
static inline uint64_t hash_add(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x100000001b3);
    return hash ^ (hash >> 32);
}

/** A well-mixed word for @value (the finaliser of splitmix64). */
static inline uint64_t hash_mix(uint64_t value) {
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

#endif
