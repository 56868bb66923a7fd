/**
 * @file lock.h
 * A spinlock that keeps interrupts off while it is held.
 *
 * With interrupts on, a handler that wants the lock its own processor holds
 * would spin for ever; so they go off before the lock is taken and come back
 * after it is released, as they were.
 */
#ifndef HW_LOCK_H
#define HW_LOCK_H

#include "hw/hw.h"

struct lock {
    bool held;
    bool irqs_were_on; /* written and read only by the holder */
};

#define LOCK_FREE ((struct lock){ false, false })

/** One processor runs: a held lock here would never be released, so waiting
 *  for it is our own mistake and reported instead of hung. */
static inline void lock_acquire(struct lock *lock) {
    bool irqs_were_on = hw_irq_save();

    while (__atomic_exchange_n(&lock->held, true, __ATOMIC_ACQUIRE)) {
        hw_panic("deadlock: this processor waits for a lock it holds", __FILE__,
                 __LINE__);
    }
    lock->irqs_were_on = irqs_were_on;
}

static inline void lock_release(struct lock *lock) {
    bool irqs_were_on = lock->irqs_were_on;

    MM_ASSERT(lock->held);
    __atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
    hw_irq_restore(irqs_were_on);
}

#endif
