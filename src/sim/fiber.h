/**
 * @file fiber.h
 * Telling AddressSanitizer that execution moves to another stack; nothing in
 * other builds.
 *
 * Without it the run-time library takes the boot stack for a damaged one and
 * says so at every call that does not return.
 */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

#include "base/poison.h"

struct fiber {
    void *saved;        /* the run-time library's */
    const void *bottom; /* of the stack that was left */
    size_t size;
};

#ifdef MM_ASAN
void __sanitizer_start_switch_fiber(void **saved, const void *bottom,
                                    size_t size);
void __sanitizer_finish_switch_fiber(void *saved, const void **bottom,
                                     size_t *size);

/** About to run on the @size bytes from @bottom; come back by fiber_home(). */
static inline void fiber_leave(struct fiber *home, const void *bottom,
                               size_t size) {
    __sanitizer_start_switch_fiber(&home->saved, bottom, size);
}
/** On the new stack now. */
static inline void fiber_arrive(struct fiber *home) {
    __sanitizer_finish_switch_fiber(NULL, &home->bottom, &home->size);
}
/** On the stack of @me now, and @from can be gone back to. */
static inline void fiber_arrive_from(struct fiber *me, struct fiber *from) {
    __sanitizer_finish_switch_fiber(me->saved, &from->bottom, &from->size);
}
/** About to run on the old stack again, for good. */
static inline void fiber_return(struct fiber *home) {
    __sanitizer_start_switch_fiber(NULL, home->bottom, home->size);
}
/** On the old stack again. */
static inline void fiber_home(struct fiber *home) {
    __sanitizer_finish_switch_fiber(home->saved, NULL, NULL);
}
#else
static inline void fiber_arrive_from(struct fiber *me, struct fiber *from) {
    (void)me, (void)from;
}
static inline void fiber_leave(struct fiber *home, const void *bottom,
                               size_t size) {
    (void)home, (void)bottom, (void)size;
}
static inline void fiber_arrive(struct fiber *home) {
    (void)home;
}
static inline void fiber_return(struct fiber *home) {
    (void)home;
}
static inline void fiber_home(struct fiber *home) {
    (void)home;
}
#endif

#endif
