/**
 * @file spaces.h
 * What the scripts of lab 4 have in common: the kernel's space (0), two others,
 * and room for more.
 */
#ifndef LABS_SPACES_H
#define LABS_SPACES_H

#include "pages.h"

enum { A = 1, B, C, D, E };
#define REGION_PAGES 8u

/** The kernel's space, and two that show nothing of their own; owners of frames
 *  are counted. */
static inline void family_on(struct test *t, enum tlb_policy tlb) {
    pages_on(t, tlb);
    must_ok(t, ask_pmm_keep_books(t));
    must_ok(t, status_of(ask(t, ASK_VMM_CREATE, A)));
    must_ok(t, status_of(ask(t, ASK_VMM_CREATE, B)));
}

static inline void in_space(struct test *t, uint64_t space) {
    ask(t, ASK_VMM_SWITCH, space);
}

/** Pages on demand at USER_VA, the kernel's and the user's. */
static inline void private_region(struct test *t, uint64_t space) {
    must_ok(t, add_region(t, space, USER_VA, REGION_PAGES, VMM_USER | VMM_WRITE,
                          VMM_DEMAND, 0));
}

/** By the user below the kernel's part, by the kernel in it. */
static inline bool is_users(uint64_t va) {
    return va < VMM_PRIVATE_SIZE;
}
static inline void put(struct test *t, uint64_t va, uint64_t value) {
    bool done;

    set_user(t, is_users(va));
    done = store(t, va, 8, value).done;
    set_user(t, false);
    must(t, done, NULL, "a store of %lu at 0x%lx is refused", value, va);
}
static inline void must_read(struct test *t, const char *mistake, uint64_t va,
                             uint64_t value) {
    uint64_t seen = 0;
    bool done;

    set_user(t, is_users(va));
    done = load(t, va, 8, &seen).done;
    set_user(t, false);
    must(t, done, mistake, "a load at 0x%lx is refused", va);
    must(t, seen == value, mistake,
         "at 0x%lx:\n  expected   %lu\n  seen       %lu", va, value, seen);
}

/** family_on(); A shows @value at USER_VA, C is its child, A is in force. */
static inline void forked_on(struct test *t, enum tlb_policy tlb,
                             uint64_t value) {
    family_on(t, tlb);
    private_region(t, A);
    in_space(t, A);
    put(t, USER_VA, value);
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
}

#endif
