/**
 * @file trap.h
 * Exceptions: from the processor's frame to a call, and back by iretq.
 *
 *   access -> exception -> entry stub (entry.S) -> trap_dispatch()
 *                                                    |  hook: "repaired"
 *                                                    |  or trap_try(): give up
 *                                                    |  or panic with a report
 *   access again <------------- iretq <--------------+
 *
 * The same object files stand behind the IDT on bare metal and behind the
 * simulator's emulated exception entry.
 */
#ifndef TRAP_TRAP_H
#define TRAP_TRAP_H

#include "hw/boot.h"

enum trap_vector {
    TRAP_DOUBLE_FAULT = 8,
    TRAP_STACK_FAULT = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_IPI = 32, /* an interrupt that another processor sent */
    TRAP_VECTORS = 33
};

/** What entry.S leaves on the stack; entry.S and tools/gdb/mm.py know this
 *  order. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss; /* pushed by the processor */
};

/** What went wrong, for who tried. */
struct trap_fault {
    uint64_t vector;
    uint64_t error;
    vaddr_t address; /* CR2 for a page fault, else 0 */
    vaddr_t rip;
};

struct trap_try;

/** Who is told of a trap.  Owned by the caller; one per processor, found
 *  through hw_local(), so it is the first thing mm sets up. */
struct trap_hook {
    /** @return true: the cause is repaired, run the instruction again */
    bool (*handle)(struct trap_hook *hook, struct trap_frame *frame);
    /** Before a panic: say what is known of the fault.  May be NULL. */
    void (*explain)(struct trap_hook *hook, const struct trap_frame *frame);
    struct trap_try *trying; /* innermost trap_try() under way */
};

/**
 * Install the gates for vectors 0..32 and make @hook the one that is told.
 * Double faults run on IST 1.  @hook must outlive the machine.
 */
void trap_init(struct trap_hook *hook, const struct hw_boot *boot);

/**
 * Run @fn(@arg); when a trap inside it is not repaired by the hook, give up
 * @fn there and then.  What @fn held (locks, interrupts off) stays held; the
 * other flags are as a C function expects them.
 *
 * @stack_top  run on that stack (16-aligned) instead of the caller's; 0: stay
 * @fault      filled in when the result is false
 *
 * @return true   @fn returned
 *         false  it was given up; *@fault says why
 */
bool trap_try(void (*fn)(void *arg), void *arg, vaddr_t stack_top,
              struct trap_fault *fault);

/** One access under trap_try(): a read, a write of @value, a call. */
bool trap_try_read(vaddr_t va, uint8_t *value, struct trap_fault *fault);
bool trap_try_write(vaddr_t va, uint8_t value, struct trap_fault *fault);
bool trap_try_call(vaddr_t va, struct trap_fault *fault);

/** "#PF", "#GP" ...; "?" for a vector without a name. */
const char *trap_name(uint64_t vector);

#endif
