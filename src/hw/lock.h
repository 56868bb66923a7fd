/**
 * @file lock.h
 * A spinlock that keeps interrupts off while it is held.
 *
 * With interrupts on, a handler that wants the lock its own processor holds
 * would spin for ever; so they go off before the lock is taken and come back
 * after it is released, as they were:
 *
 *   interrupts   on | off ....................................... | on
 *   lock                  free | held ................ free |
 *                              acquire                 release
 *
 * Where one processor runs, nobody else is at work while interrupts are off.
 * The lock is then a plain flag and costs two stores; it is there to report who
 * takes it twice, in a handler of a fault, or in one that no flag keeps away
 * (NMI).  Where several run, LOCK_SHARED is taken by an atomic exchange.
 */
#ifndef HW_LOCK_H
#define HW_LOCK_H

#include "hw/hw.h"

struct lock {
    unsigned holder;   /* 1 + number of the processor that holds it; 0: free */
    bool shared;       /* several processors may want it */
    bool irqs_were_on; /* written and read only by the holder */
};

#define LOCK_FREE ((struct lock){ 0, false, false })
#define LOCK_SHARED ((struct lock){ 0, true, false })

/** A free lock for a machine of @processors; 0 counts as 1. */
static inline struct lock lock_for(unsigned processors) {
    return processors > 1 ? LOCK_SHARED : LOCK_FREE;
}

static inline bool lock_is_held(const struct lock *lock) {
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != 0;
}

/** Spin until processor @me - 1, this one, is the holder of a shared lock. */
void lock_wait(struct lock *lock, unsigned me);
/** A lock that its own processor holds would never be released: waiting for it
 *  is our own mistake, and reported instead of hung. */
_Noreturn void lock_is_mine(void);

/** Make @me the holder if there is none. */
static inline bool lock_try(struct lock *lock, unsigned me, unsigned *holder) {
    *holder = 0;
    return __atomic_compare_exchange_n(&lock->holder, holder, me, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_acquire(struct lock *lock) {
    const bool irqs_were_on = hw_irq_save();

    if (lock->shared) {
        const unsigned me = hw_cpu() + 1;
        unsigned holder;

        if (!lock_try(lock, me, &holder)) {
            lock_wait(lock, me);
        }
    } else {
        if (lock->holder != 0) {
            lock_is_mine();
        }
        lock->holder = 1;
    }
    lock->irqs_were_on = irqs_were_on;
}

static inline void lock_release(struct lock *lock) {
    const bool irqs_were_on = lock->irqs_were_on;

    MM_ASSERT(lock_is_held(lock));
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE);
    hw_irq_restore(irqs_were_on);
}

#endif
