/**
 * @file asserts.h
 * Assertions that speak the subsystem's language: statuses by name, addresses
 * in hex.
 */
#ifndef SUPPORT_ASSERTS_H
#define SUPPORT_ASSERTS_H

#include <check.h>

#include "mm/mm.h"

/** ck_assert_msg() for loops of millions: the library notes where each of its
 *  own assertions stands, by a system call. */
#define ck_must(condition, ...)                                                \
    do {                                                                       \
        if (!(condition)) {                                                    \
            ck_abort_msg(__VA_ARGS__);                                         \
        }                                                                      \
    } while (0)

#define ck_assert_status(call, expected)                                       \
    do {                                                                       \
        enum mm_status seen_status_ = (call);                                  \
        ck_assert_msg(seen_status_ == (expected), "%s is %s, expected %s",     \
                      #call, mm_status_name(seen_status_),                     \
                      mm_status_name(expected));                               \
    } while (0)

#define ck_assert_hex_eq(seen, expected)                                       \
    do {                                                                       \
        unsigned long seen_ = (unsigned long)(seen);                           \
        unsigned long expected_ = (unsigned long)(expected);                   \
        ck_assert_msg(seen_ == expected_, "%s is 0x%lx, expected 0x%lx",       \
                      #seen, seen_, expected_);                                \
    } while (0)

/** @space shows frame @f at @va. */
#define ck_assert_shows(space, va, f)                                          \
    do {                                                                       \
        struct vmm_translation t_ = vmm_translate((space), (va));              \
        ck_assert_msg(t_.status == MM_OK, "0x%lx is not mapped (%s)",          \
                      (unsigned long)(va).v, mm_status_name(t_.status));       \
        ck_assert_msg(pfn_of(t_.pa).v == (f).v,                                \
                      "0x%lx shows frame 0x%lx, expected 0x%lx",               \
                      (unsigned long)(va).v, (unsigned long)pfn_of(t_.pa).v,   \
                      (unsigned long)(f).v);                                   \
    } while (0)

#define ck_assert_unmapped(space, va)                                          \
    ck_assert_status(vmm_translate((space), (va)).status, MM_NOT_MAPPED)

#endif
