/*
 * Two threads, each a processor, take and give frames of one pmm.
 *
 * Time is that of the clock on the wall, for all calls together: processor time
 * would count the waiting, too.
 */
#include "bench_pmm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "memtwin/hw_alone.h"

#define THREADS 2
#define PAIRS 200000
#define HELD 64

static struct pmm *shared;
static pthread_barrier_t ready;

static void *work(void *number) {
    pfn_t held[HELD];

    hw_alone_be_cpu((unsigned)(uintptr_t)number);
    pthread_barrier_wait(&ready);
    for (int i = 0; i < PAIRS / HELD; i++) {
        for (int n = 0; n < HELD; n++) {
            if (pmm_alloc(shared, &held[n]) != MM_OK) {
                abort();
            }
        }
        for (int n = 0; n < HELD; n++) {
            if (pmm_free(shared, held[n]) != MM_OK) {
                abort();
            }
        }
    }
    return NULL;
}

double bench_threads(struct pmm *pmm) {
    pthread_t threads[THREADS];
    const struct lock kept = pmm->lock;
    double start;

    shared = pmm;
    pmm->lock = lock_for(THREADS);
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    for (uintptr_t n = 0; n < THREADS; n++) {
        if (pthread_create(&threads[n], NULL, work, (void *)n) != 0) {
            perror("bench_pmm: a thread");
            exit(EXIT_FAILURE);
        }
    }
    pthread_barrier_wait(&ready);
    start = bench_wall();
    for (int n = 0; n < THREADS; n++) {
        pthread_join(threads[n], NULL);
    }
    pthread_barrier_destroy(&ready);
    pmm->lock = kept;
    return (bench_wall() - start) / (2.0 * THREADS * (PAIRS / HELD) * HELD);
}
