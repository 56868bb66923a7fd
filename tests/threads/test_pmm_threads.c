/*
 * Frames for several processors, each a thread, and for one that is
 * interrupted.
 *
 *   thread 0    alloc  mark   ...  look at the mark   free
 *   thread 1       alloc   mark   ...   look at the mark   free
 *
 * A frame that two got holds the mark of one of them only.  ThreadSanitizer
 * looks on where tests/threads/tsan.sh builds this program.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "pmm/pmm.h"
#include "threads/machine_threads.h"

#define THREADS 4
#define HELD 256
#ifdef __SANITIZE_THREAD__
#define STEPS 2000
#else
#define STEPS 20000
#endif

static struct pmm pmm;
static uint64_t free_at_start;

static void start(const struct pmm_class *class, unsigned processors) {
    ck_assert_int_eq(pmm_init(&pmm, threads_power_on(processors), class),
                     MM_OK);
    free_at_start = pmm_free_count(&pmm);
}

static void stop(void) {
    ck_assert_uint_eq(pmm_free_count(&pmm), free_at_start);
    ck_assert(pmm_is_sound(&pmm));
    ck_assert(!lock_is_held(&pmm.lock));
    ck_assert(threads_irqs_are_on());
    threads_power_off();
}

static int class_count(void) {
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    return n;
}

/* --- several processors ----------------------------------------------------
 */

struct worker {
    unsigned number;
    pthread_t thread;
    struct pmm_run held[HELD];
    unsigned count;
    uint64_t wrong, handed; /* marks that were gone; frames */
};

static uint64_t *mark_of(pfn_t f) {
    /* Behind what strategies write to a free frame. */
    return (uint64_t *)pointer_of(vaddr_add(pmm.direct_base, paddr_of(f).v)) +
           8;
}

static void take(struct worker *me, uint64_t draw) {
    struct pmm_run *run = &me->held[me->count];
    enum mm_status status;

    run->count = 1;
    if (draw % 16 != 0) {
        status = pmm_alloc(&pmm, &run->first);
    } else {
        const struct pmm_want want = pmm_block((unsigned)(draw >> 8) % 5);

        run->count = want.count;
        status = pmm_alloc_run(&pmm, want, &run->first);
    }
    if (status == MM_OK) {
        for (uint64_t n = 0; n < run->count; n++) {
            *mark_of(pfn_add(run->first, n)) = me->number + 1;
        }
        me->count++;
        me->handed += run->count;
    }
}

static void give(struct worker *me, unsigned at) {
    const struct pmm_run run = me->held[at];

    for (uint64_t n = 0; n < run.count; n++) {
        me->wrong += *mark_of(pfn_add(run.first, n)) != me->number + 1;
        *mark_of(pfn_add(run.first, n)) = 0;
    }
    me->wrong += pmm_free_run(&pmm, run.first, run.count) != MM_OK;
    me->held[at] = me->held[--me->count];
}

static void *work(void *ctx) {
    struct worker *me = ctx;
    uint64_t draw = me->number + 1;

    threads_be(me->number);
    for (int step = 0; step < STEPS; step++) {
        draw = hash_mix(draw);
        if (me->count == HELD || (me->count > 0 && draw % 5 < 2)) {
            give(me, (unsigned)(draw >> 32) % me->count);
        } else {
            take(me, draw >> 8);
        }
    }
    while (me->count > 0) {
        give(me, 0);
    }
    return NULL;
}

START_TEST(no_frame_is_two_threads_at_once)
{ /* P16 */
    static struct worker workers[THREADS];
    uint64_t handed = 0;

    start(pmm_classes[_i], THREADS);
    for (unsigned n = 0; n < THREADS; n++) {
        workers[n].number = n;
        ck_assert_int_eq(
            pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
    for (unsigned n = 0; n < THREADS; n++) {
        pthread_join(workers[n].thread, NULL);
        ck_assert_uint_eq(workers[n].wrong, 0);
        handed += workers[n].handed;
    }
    ck_assert_uint_eq(pmm.stats.allocs, handed);
    stop();
}
END_TEST

static struct lock lock;
static bool waited;

static void *wait_for_lock(void *unused) {
    threads_be(1);
    lock_acquire(&lock);
    waited = true;
    lock_release(&lock);
    return unused;
}

START_TEST(a_lock_of_another_processor_is_waited_for)
{ /* P16 */
    pthread_t thread;

    threads_be(0);
    lock = lock_for(2);
    lock_acquire(&lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_lock, NULL), 0);
    while (threads_pauses() == 0) {
    }
    ck_assert(!waited);
    lock_release(&lock);
    pthread_join(thread, NULL);
    ck_assert(waited);
}
END_TEST

/* --- interrupts ------------------------------------------------------------
 */

static pfn_t from_handler;
static bool have_from_handler;

/** A driver that wants a frame, and gives back the one it had. */
static void handler(void) {
    pfn_t f;

    ck_assert(!threads_irqs_are_on());
    if (have_from_handler) {
        ck_assert_int_eq(pmm_free(&pmm, from_handler), MM_OK);
    }
    have_from_handler = pmm_alloc(&pmm, &from_handler) == MM_OK;
    if (pmm_alloc(&pmm, &f) == MM_OK) {
        ck_assert_int_eq(pmm_free(&pmm, f), MM_OK);
        ck_assert_int_eq(pmm_free(&pmm, f), MM_NOT_ALLOCATED);
    }
    ck_assert(!threads_irqs_are_on());
}

/** Every call that takes the lock. */
static void use_all(void) {
    pfn_t a, b;

    ck_assert_int_eq(pmm_alloc(&pmm, &a), MM_OK);
    ck_assert_int_eq(pmm_alloc_run(&pmm, pmm_block(3), &b), MM_OK);
    ck_assert_int_eq(pmm_share(&pmm, a), MM_REFUSED);
    ck_assert_int_eq(pmm_free(&pmm, pfn(0)), MM_NOT_MANAGED);
    ck_assert_int_eq(pmm_free_run(&pmm, b, 8), MM_OK);
    ck_assert_int_eq(pmm_free(&pmm, a), MM_OK);
}

/* A call has two doors, so twelve places are tried, and the thirteenth is not
 * reached. */
START_TEST(an_interrupt_at_any_lock_or_unlock_finds_the_lock_free)
{ /* P16 */
    uint64_t nth = 0;

    start(pmm_classes[_i / 2], 1 + (unsigned)_i % 2);
    do {
        threads_interrupt_at(++nth, handler);
        use_all();
        ck_assert(threads_irqs_are_on());
        ck_assert(pmm_is_sound(&pmm));
    } while (threads_interrupted());
    ck_assert_uint_eq(nth, 13);
    ck_assert_int_eq(pmm_free(&pmm, from_handler), MM_OK);
    stop();
}
END_TEST

/** An interrupt that no flag keeps away comes while the lock is held. */
static bool alloc_and_free(struct pmm *p, pfn_t *f) {
    ck_assert_int_eq(pmm_free(p, pfn(300)), MM_NOT_ALLOCATED);
    return pmm_bitmap.alloc(p, f);
}

START_TEST(freeing_while_the_lock_is_held_is_reported_not_hung)
{ /* P16 */
    struct pmm_class class = pmm_bitmap;
    pfn_t f;

    class.alloc = alloc_and_free;
    start(&class, 1 + (unsigned)_i);
    ck_assert_int_eq(pmm_alloc(&pmm, &f), MM_OK);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pmm threads");
    TCase *tc = tcase_create("several processors");
    const char *fork = getenv("CK_FORK");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tc, no_frame_is_two_threads_at_once, 0, class_count());
    tcase_add_test(tc, a_lock_of_another_processor_is_waited_for);
    suite_add_tcase(suite, tc);
    tc = tcase_create("interrupts");
    tcase_add_loop_test(tc,
                        an_interrupt_at_any_lock_or_unlock_finds_the_lock_free,
                        0, 2 * class_count());
    if (fork == NULL || fork[0] != 'n') {
        tcase_add_loop_exit_test(
            tc, freeing_while_the_lock_is_held_is_reported_not_hung,
            HW_EXIT_PANIC, 0, 2);
    }
    suite_add_tcase(suite, tc);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
