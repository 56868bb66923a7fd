/*
 * A heap for several processors, each a thread, and for one that is
 * interrupted.
 *
 *   thread 0    alloc  mark  ..... [ shelf ] .....  look at the mark   free
 *   thread 1       alloc  mark  .. [ shelf ] ..  look at the mark   free
 *
 * Blocks change hands on a shelf, so many are freed at another front than they
 * came from.  ThreadSanitizer looks on where tests/threads/tsan.sh builds this
 * program.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "heap/front.h"
#include "threads/machine_threads.h"

#define THREADS 4
#define SHELF 512
#ifdef __SANITIZE_THREAD__
#define STEPS 4000
#else
#define STEPS 100000
#endif

static uint8_t window[16 * MIB] __attribute__((aligned(4096)));
static struct heap heap;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK; /* it is there */
}

static void start(const struct heap_class *class, unsigned processors) {
    const struct vrange range = { vaddr_of_pointer(window), sizeof window };

    threads_be(0);
    ck_assert_int_eq(heap_init(&heap, class, range, 0,
                               (struct heap_source){ extend, NULL }, NULL),
                     MM_OK);
    heap_set_processors(&heap, processors);
}

static void stop(void) {
    ck_assert(heap_is_sound(&heap));
    ck_assert_uint_eq(heap_stats(&heap).live_blocks, 0);
    ck_assert_uint_eq(heap_stats(&heap).live_bytes, 0);
    ck_assert(threads_irqs_are_on());
}

/** The block that hash @draw asks for; its first words hold the size. */
static struct layout layout_of(uint64_t draw) {
    const size_t size =
        draw % 8 == 0 ? 16 + (draw >> 8) % 3000 : 16 + (draw >> 8) % 240;

    return (struct layout){ size, draw % 3 == 0 ? 16 : 8 };
}

struct mark {
    uint64_t draw, check;
};

static uint64_t check_of(uint64_t draw) {
    return hash_mix(draw ^ 0x5a5a);
}

/* --- several processors ----------------------------------------------------
 */

static struct mark *shelf[SHELF];

struct worker {
    unsigned number;
    pthread_t thread;
    uint64_t wrong;
};

static struct mark *take(uint64_t draw) {
    struct mark *p = heap_alloc(&heap, layout_of(draw));

    if (p != NULL) {
        *p = (struct mark){ draw, check_of(draw) };
    }
    return p;
}

static void give(struct worker *me, struct mark *p) {
    if (p != NULL) {
        const uint64_t draw = p->draw;

        me->wrong += p->check != check_of(draw);
        p->check = 0;
        me->wrong += heap_free(&heap, p, layout_of(draw)) != MM_OK;
    }
}

static void *work(void *ctx) {
    struct worker *me = ctx;
    uint64_t draw = me->number + 1;

    threads_be(me->number);
    for (int step = 0; step < STEPS; step++) {
        struct mark *p;

        draw = hash_mix(draw);
        p = draw % 5 < 3 ? take(draw) : NULL;
        give(me,
             __atomic_exchange_n(&shelf[draw % SHELF], p, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static const struct heap_class *const classes[] = { &heap_list, &heap_slab };

static void clear_shelf(struct worker *me) {
    for (unsigned i = 0; i < SHELF; i++) {
        give(me, shelf[i]);
        shelf[i] = NULL;
    }
}

START_TEST(no_block_is_two_threads_at_once)
{ /* H17 */
    static struct worker workers[THREADS];

    start(classes[_i], THREADS);
    for (unsigned n = 0; n < THREADS; n++) {
        workers[n].number = n;
        ck_assert_int_eq(
            pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
    for (unsigned n = 0; n < THREADS; n++) {
        pthread_join(workers[n].thread, NULL);
        ck_assert_uint_eq(workers[n].wrong, 0);
    }
    ck_assert(heap_is_sound(&heap));
    clear_shelf(&workers[0]);
    ck_assert_uint_eq(workers[0].wrong, 0);
    stop();
}
END_TEST

START_TEST(processors_without_a_front_of_their_own_take_the_lock)
{ /* H17 */
    const struct layout want = { 100, 16 };
    void *p;

    start(&heap_slab, 100);
    threads_be(99);
    p = heap_alloc(&heap, want);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(heap.fronts[0].counts.allocs, 1);
    threads_be(2);
    ck_assert_int_eq(heap_free(&heap, p, want), MM_OK);
    ck_assert_uint_eq(heap.fronts[3].counts.frees, 1);
    threads_be(0);
    stop();
}
END_TEST

/* --- interrupts ------------------------------------------------------------
 */

static void *from_handler;
static const struct layout wanted = { 64, 16 };

/** A driver that wants a block, and gives back the one it had. */
static void handler(void) {
    ck_assert(!threads_irqs_are_on());
    ck_assert_int_eq(heap_free(&heap, from_handler, wanted), MM_OK);
    from_handler = heap_alloc(&heap, wanted);
    ck_assert_ptr_nonnull(from_handler);
    ck_assert(!threads_irqs_are_on());
}

/** Slots until slabs come and go, and a block that is none. */
static void use_all(void) {
    static void *slots[200];
    const struct layout large = { 3000, 16 };
    void *block = heap_alloc(&heap, large);

    ck_assert_ptr_nonnull(block);
    for (unsigned k = 0; k < 200; k++) {
        slots[k] = heap_alloc(&heap, wanted);
        ck_assert_ptr_nonnull(slots[k]);
    }
    block = heap_realloc(&heap, block, large, 5000);
    ck_assert_ptr_nonnull(block);
    for (unsigned k = 0; k < 200; k++) {
        ck_assert_int_eq(heap_free(&heap, slots[k], wanted), MM_OK);
    }
    ck_assert_int_eq(
        heap_free(&heap, block, (struct layout){ 5000, large.align }), MM_OK);
    ck_assert_int_eq(heap_free(&heap, window, wanted), MM_NOT_ALLOCATED);
}

START_TEST(an_interrupt_at_any_lock_or_unlock_gets_a_block)
{ /* H17: each place where one can arrive has its turn */
    uint64_t nth = 0;

    from_handler = NULL;
    start(&heap_slab, 1 + (unsigned)_i);
    do {
        threads_interrupt_at(++nth, handler);
        use_all();
        ck_assert(threads_irqs_are_on());
        ck_assert(heap_is_sound(&heap));
    } while (threads_interrupted());
    threads_interrupt_at(0, NULL);
    ck_assert_uint_gt(nth, 12);
    ck_assert_uint_gt(heap.fronts[0].counts.allocs, 0);
    ck_assert_int_eq(heap_free(&heap, from_handler, wanted), MM_OK);
    stop();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("heap threads");
    TCase *tc = tcase_create("several processors");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tc, no_block_is_two_threads_at_once, 0, 2);
    tcase_add_test(tc, processors_without_a_front_of_their_own_take_the_lock);
    suite_add_tcase(suite, tc);
    tc = tcase_create("interrupts");
    tcase_add_loop_test(tc, an_interrupt_at_any_lock_or_unlock_gets_a_block, 0,
                        2);
    suite_add_tcase(suite, tc);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
