/*
 * The slow half of a lock: several processors, and mistakes.
 */
#include "hw/lock.h"

void lock_wait(struct lock *lock) {
    const unsigned me = hw_cpu() + 1;
    unsigned seen = 0;

    while (!__atomic_compare_exchange_n(&lock->holder, &seen, me, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (seen == me) {
            lock_is_mine();
        }
        hw_pause();
        seen = 0;
    }
}

_Noreturn void lock_is_mine(void) {
    hw_panic("deadlock: this processor waits for a lock it holds", __FILE__,
             __LINE__);
}
