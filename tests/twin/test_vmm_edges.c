/*
 * Faults at the edges: the last byte of a page, an access across two pages, no
 * frame in the middle of one, a fault in code that repairs faults, and one
 * while the heap is locked.
 *
 *   pages      [ first          ][ second         ]
 *   access                   [8 bytes]
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t base = { UINT64_C(0x444500000000) };

static void setup(void) {
    machine_start(&mm, NULL);
}
static void teardown(void) {
    machine_give_back(&mm.pmm);
    while (vmm_region_remove(&mm.space, base) == MM_OK) {
    }
    machine_stop(&mm);
}

static void add(vaddr_t va, uint64_t pages) {
    ck_assert_status(vmm_region_add(&mm.space,
                                    (struct vmm_region){
                                        .name = "edges",
                                        .range = { va, pages * PAGE_SIZE },
                                        .access = VMM_WRITE,
                                        .backing = VMM_DEMAND,
                                    }),
                     MM_OK);
}

/** A store of 8 bytes, which need not be aligned. */
static void store8(void *arg) {
    const vaddr_t *va = arg;

    __asm__ volatile("movq $-1, (%0)" : : "r"(va->v) : "memory");
}

START_TEST(the_last_byte_of_a_page_fills_that_page_only)
{ /* V18 */
    struct trap_fault fault;

    add(base, 2);
    ck_assert(trap_try_write(vaddr_add(base, PAGE_SIZE - 1), 1, &fault));
    ck_assert_status(vmm_translate(&mm.space, base).status, MM_OK);
    ck_assert_unmapped(&mm.space, vaddr_add(base, PAGE_SIZE));
    ck_assert(trap_try_write(vaddr_add(base, 2 * PAGE_SIZE - 1), 1, &fault));
    ck_assert(!trap_try_write(vaddr_add(base, 2 * PAGE_SIZE), 1, &fault));
    ck_assert_hex_eq(fault.address.v, base.v + 2 * PAGE_SIZE);
}
END_TEST

START_TEST(an_access_across_two_pages_faults_for_each)
{ /* V18: CR2 is the first byte in the page at fault */
    vaddr_t va = vaddr_add(base, PAGE_SIZE - 3);
    const volatile uint8_t *bytes = pointer_of(va);
    const uint64_t faults = mm.space.stats.faults;
    struct trap_fault fault;

    add(base, 2);
    ck_assert(trap_try(store8, &va, vaddr(0), &fault));
    ck_assert_uint_eq(mm.space.stats.faults, faults + 2);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(bytes[i], 0xff);
    }
    va = vaddr_add(base, 2 * PAGE_SIZE - 3);
    ck_assert(!trap_try(store8, &va, vaddr(0), &fault));
    ck_assert_hex_eq(fault.address.v, base.v + 2 * PAGE_SIZE);
    ck_assert_uint_eq(*(volatile uint8_t *)pointer_of(va), 0); /* not half */
}
END_TEST

START_TEST(a_fault_without_a_frame_for_it_can_be_retried)
{ /* V18 V8: the handler runs out of memory */
    struct trap_fault fault;

    add(base, 1);
    machine_leave_free(&mm.pmm, 0);
    ck_assert(!trap_try_write(base, 1, &fault));
    ck_assert_hex_eq(fault.error, PF_WRITE);
    ck_assert_status(mm.verdict.status, MM_NO_MEMORY);
    ck_assert_str_eq(mm.verdict.reason,
                     "no frame is left for the page or its tables");
    ck_assert_unmapped(&mm.space, base);
    machine_give_back(&mm.pmm);
    ck_assert(trap_try_write(base, 1, &fault));
}
END_TEST

/* --- a fault in a handler
 * ----------------------------------------------------- */

static struct {
    struct trap_hook hook; /* first: the handler is found by it */
    unsigned depth, deepest;
} outer;

/** Repairs by the real handler, but touches a demand page of its own first. */
static bool handle_and_touch(struct trap_hook *hook, struct trap_frame *frame) {
    const vaddr_t va = hw_read_cr2();
    bool done;

    (void)hook;
    outer.depth++;
    outer.deepest = outer.depth > outer.deepest ? outer.depth : outer.deepest;
    if (outer.depth == 1) {
        *(volatile uint8_t *)pointer_of(vaddr_add(base, 9 * PAGE_SIZE)) = 7;
    }
    done = vmm_fault(&mm.space, va, (unsigned)frame->error).status == MM_OK;
    outer.depth--;
    return done;
}

START_TEST(a_handler_may_fault_itself)
{ /* V18: the inner fault is another page's, and CR2 was read before it */
    struct trap_fault fault;

    add(base, 10);
    outer.hook = (struct trap_hook){ .handle = handle_and_touch };
    outer.depth = outer.deepest = 0;
    trap_init(&outer.hook, mm.boot);
    ck_assert(trap_try_write(base, 5, &fault));
    trap_init(&mm.hook, mm.boot);
    ck_assert_uint_eq(outer.deepest, 2);
    ck_assert_uint_eq(*(volatile uint8_t *)pointer_of(base), 5);
    ck_assert_uint_eq(
        *(volatile uint8_t *)pointer_of(vaddr_add(base, 9 * PAGE_SIZE)), 7);
}
END_TEST

/* --- the heap is locked
 * -------------------------------------------------------- */

START_TEST(a_fault_while_the_heap_is_locked_is_repaired)
{ /* V18: the heap touches its own demand pages so; nothing may wait */
    struct trap_fault fault;
    bool done;

    add(base, 1);
    lock_acquire(&mm.heap.lock);
    done = trap_try_write(base, 1, &fault);
    lock_release(&mm.heap.lock);
    ck_assert(done);
}
END_TEST

/** A handler that allocates: with the heap locked it would wait for ever. */
static bool handle_with_kmalloc(struct trap_hook *hook,
                                struct trap_frame *frame) {
    (void)hook;
    (void)frame;
    return kmalloc(&mm, 16) != NULL;
}

START_TEST(a_handler_that_waits_for_the_locked_heap_is_stopped)
{ /* V18 H17: found, not hung */
    outer.hook = (struct trap_hook){ .handle = handle_with_kmalloc };
    trap_init(&outer.hook, mm.boot);
    lock_acquire(&mm.heap.lock);
    *(volatile uint8_t *)pointer_of(base) = 1; /* panics: a deadlock */
}
END_TEST

Suite *vmm_edges_suite(void) {
    Suite *suite = suite_create("vmm_edges");
    TCase *tc = tcase_create("edges");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_last_byte_of_a_page_fills_that_page_only);
    tcase_add_test(tc, an_access_across_two_pages_faults_for_each);
    tcase_add_test(tc, a_fault_without_a_frame_for_it_can_be_retried);
    tcase_add_test(tc, a_handler_may_fault_itself);
    tcase_add_test(tc, a_fault_while_the_heap_is_locked_is_repaired);
    machine_add_exit_test(
        tc, a_handler_that_waits_for_the_locked_heap_is_stopped, HW_EXIT_PANIC);
    suite_add_tcase(suite, tc);
    return suite;
}
