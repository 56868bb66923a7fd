/*
 * Interrupts at the locks of frames and of every heap, on the live machine.
 *
 *   pmm_alloc()    irqs off   take  ...  release   irqs back
 *                 ^                                         ^
 *                 an interrupt comes here, or here, and wants the same lock
 *
 * Who takes a lock with interrupts on waits for himself in the handler; that is
 * said, not hung.
 */
#include "mm/mm.h"

#include "sim/live_machine.h"

static struct mm mm;
static struct injection injection;
static unsigned handled;

static int classes_of_frames(void) {
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    return n;
}

static int classes_of_bytes(void) {
    int n = 0;

    while (heap_classes[n] != NULL) {
        n++;
    }
    return n;
}

/** @use with an interrupt at its first, second ... door until it has no more.
 *  @return how many it has */
static uint64_t at_each_door(void (*use)(void), void (*handler)(void *)) {
    for (uint64_t n = 1;; n++) {
        injection = (struct injection){ .kind = INJECT_INTERRUPT,
                                        .nth = n,
                                        .interrupt = handler };
        handled = 0;
        sim_inject(sim, &injection);
        hw_irq_restore(true);
        use();
        ck_assert(hw_irq_save()); /* they are on again */
        sim_inject(sim, NULL);
        if (!injection.is_done) {
            return n - 1;
        }
        ck_assert_uint_eq(handled, 1);
    }
}

/* --- frames ---------------------------------------------------------------
 */

static void want_frames(void *ctx) {
    pfn_t f, run;

    (void)ctx;
    handled++;
    ck_assert(!hw_irq_save()); /* off, as in every handler */
    ck_assert_int_eq(pmm_alloc(&mm.pmm, &f), MM_OK);
    ck_assert_int_eq(pmm_alloc_run(&mm.pmm, pmm_block(2), &run), MM_OK);
    ck_assert_int_eq(pmm_free(&mm.pmm, f), MM_OK);
    ck_assert_int_eq(pmm_free_run(&mm.pmm, run, 4), MM_OK);
}

/** Every call that takes the lock. */
static void use_frames(void) {
    pfn_t a, b;

    ck_assert_int_eq(pmm_alloc(&mm.pmm, &a), MM_OK);
    ck_assert_int_eq(pmm_alloc_run(&mm.pmm, pmm_block(3), &b), MM_OK);
    ck_assert_int_eq(pmm_share(&mm.pmm, a), MM_REFUSED);
    ck_assert_int_eq(pmm_free(&mm.pmm, pfn(0)), MM_NOT_MANAGED);
    ck_assert_int_ne(pmm_reclaim(&mm.pmm, (struct prange){ paddr(0), 1 }),
                     MM_OK);
    ck_assert_int_eq(pmm_reclaim_acpi(&mm.pmm, &sim->boot), MM_NOT_ALLOCATED);
    ck_assert_int_eq(pmm_free_run(&mm.pmm, b, 8), MM_OK);
    ck_assert_int_eq(pmm_free(&mm.pmm, a), MM_OK);
    ck_assert(pmm_is_sound(&mm.pmm));
}

START_TEST(an_interrupt_at_any_lock_of_frames_gets_frames)
{ /* P16 */
    struct hw_boot boot;

    power_on();
    boot = sim->boot;
    boot.processors = 1 + (unsigned)_i % 2;
    ck_assert_int_eq(pmm_init(&mm.pmm, &boot, pmm_classes[_i / 2]), MM_OK);
    ck_assert_uint_ge(at_each_door(use_frames, want_frames), 16);
    ck_assert_uint_eq(mm.pmm.stats.allocated, 0);
    ck_assert(!lock_is_held(&mm.pmm.lock));
    power_off();
}
END_TEST

/* --- bytes ---------------------------------------------------------------- */

static void want_bytes(void *ctx) {
    void *p;

    (void)ctx;
    handled++;
    ck_assert(!hw_irq_save());
    p = kmalloc(&mm, 100);
    ck_assert_ptr_nonnull(p);
    kfree(&mm, p);
}

static void use_bytes(void) {
    void *p = kmalloc(&mm, 3000), *q, *r = kmemalign(&mm, 64, 100);

    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(r);
    q = krealloc(&mm, p, 9000);
    ck_assert_ptr_nonnull(q);
    ck_assert_uint_ge(ksize(&mm, q), 9000);
    kfree(&mm, r);
    kfree(&mm, q);
    ck_assert_uint_eq(heap_debug_check(&mm.heap, HEAP_HERE), 0);
    (void)heap_trim(&mm.heap);
}

START_TEST(an_interrupt_at_any_lock_of_a_heap_gets_bytes)
{ /* H17, H18: every class in every debug mode */
    struct mm_config config = mm_default_config;
    const char *why = "";

    config.heap_class = heap_classes[_i / 4];
    config.heap_debug = (enum mm_heap_debug)(_i % 4);
    if (config.heap_class == &heap_dummy || /* it has no bytes */
        (config.heap_class->peeks && config.heap_debug >= MM_DEBUG_PAGES)) {
        return;
    }
    power_on();
    ck_assert_int_eq(mm_init(&mm, &sim->boot, &config).status, MM_OK);
    ck_assert_uint_ge(at_each_door(use_bytes, want_bytes), 4);
    (void)heap_trim(&mm.heap); /* nothing is kept back */
    ck_assert_uint_eq(heap_stats(&mm.heap).live_blocks, 0);
    ck_assert_msg(mm_check(&mm, &why), "%s", why);
    power_off();
}
END_TEST

/* --- deadlocks ------------------------------------------------------------
 */

static char said[400];

static void hear(void *ctx, char c) {
    size_t len = strlen(said);

    (void)ctx;
    if (len + 1 < sizeof(said)) {
        said[len] = c;
        said[len + 1] = '\0';
    }
}

static struct lock careless; /* of one processor, or of several */

static void want_careless(void *ctx) {
    (void)ctx;
    lock_acquire(&careless);
    lock_release(&careless);
}

/** Takes the lock by hand and leaves interrupts on; the first call of the pmm
 *  is where one comes. */
static void take_with_interrupts_on(const struct hw_boot *boot) {
    pfn_t f;

    (void)boot;
    careless.holder = hw_cpu() + 1;
    hw_irq_restore(true);
    if (pmm_alloc(&mm.pmm, &f) == MM_OK) {
        hw_exit(HW_EXIT_PASS); /* not reached */
    }
    hw_exit(HW_EXIT_FAIL);
}

START_TEST(a_handler_that_waits_for_its_own_processor_is_told)
{ /* P16 H17: for a lock of one processor, and for one of several */
    power_on();
    careless = lock_for((unsigned)_i);
    sim->config.putc = hear;
    said[0] = '\0';
    ck_assert_int_eq(pmm_init(&mm.pmm, &sim->boot, &pmm_areas), MM_OK);
    injection = (struct injection){ .kind = INJECT_INTERRUPT,
                                    .nth = 2, /* the first is our own call */
                                    .interrupt = want_careless };
    sim_inject(sim, &injection);
    ck_assert_int_eq(sim_run(sim, take_with_interrupts_on), HW_EXIT_PANIC);
    ck_assert_msg(strstr(said, "panic: deadlock: this processor waits for a "
                               "lock it holds") != NULL,
                  "it said '%s'", said);
    sim_inject(sim, NULL);
    power_off();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_locks");
    TCase *tc = tcase_create("locks");

    tcase_add_loop_test(tc, an_interrupt_at_any_lock_of_frames_gets_frames, 0,
                        2 * classes_of_frames());
    tcase_add_loop_test(tc, an_interrupt_at_any_lock_of_a_heap_gets_bytes, 4,
                        4 * classes_of_bytes());
    tcase_add_loop_test(tc, a_handler_that_waits_for_its_own_processor_is_told,
                        1, 3);
    suite_add_tcase(suite, tc);
    return run(suite);
}
