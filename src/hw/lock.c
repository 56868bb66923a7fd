/*
 * The slow half of a lock: several processors, and mistakes.
 */
#include "hw/lock.h"

void lock_wait(struct lock *lock, unsigned me) {
    unsigned holder;

    while (!lock_try(lock, me, &holder)) {
        if (holder == me) {
            lock_is_mine();
        }
        hw_pause();
    }
}

_Noreturn void lock_is_mine(void) {
    hw_panic("deadlock: this processor waits for a lock it holds", __FILE__,
             __LINE__);
}
