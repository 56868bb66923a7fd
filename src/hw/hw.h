/**
 * @file hw.h
 * The door: every way in which the memory subsystem reaches the machine.
 *
 * Two machines stand behind it: src/arch/x86_64 executes the instructions,
 * src/sim does what the instructions would do to its simulated processor.
 * Memory itself needs no call: page tables are edited by plain stores, and
 * like a processor neither machine notices before it is told to (INVLPG, CR3).
 *
 * All calls act on the processor that executes them.
 */
#ifndef HW_HW_H
#define HW_HW_H

#include "base/addr.h"

/** What hw_exit() tells the world outside. */
enum hw_exit_code {
    HW_EXIT_PASS = 0x10, /* QEMU ends with status 33 */
    HW_EXIT_FAIL = 1,    /* 3 */
    HW_EXIT_PANIC = 3,   /* 7 */
};

/** One character to the console (serial port on bare metal). */
void hw_putc(char c);

/** End the machine.  Never returns to its caller. */
_Noreturn void hw_exit(enum hw_exit_code code);

/** Our own state is broken: say so and end with HW_EXIT_PANIC. */
_Noreturn void hw_panic(const char *what, const char *file, int line);

/** CR3: the root of the page tables in force.  Loading it drops every
 *  translation but the global ones, which is all that is needed after a
 *  change of many entries.  Intel SDM vol. 3A, "Operations that Invalidate
 *  TLBs and Paging-Structure Caches". */
paddr_t hw_read_cr3(void);
void hw_write_cr3(paddr_t root);

/** CR2: the address of the last page fault, as the access named it. */
vaddr_t hw_read_cr2(void);

/** Drop the translations of the page that holds @va, global or not, and every
 *  paging-structure cache.  A non-canonical @va does nothing. */
void hw_invlpg(vaddr_t va);

/** Drop every translation, global ones too (CR4.PGE off and on). */
void hw_flush_all(void);

/** A translation that a processor remembers: the page of @pages frames at @va
 *  shows those from @f; or @f is the table that translates what is at @va. */
struct hw_remembered {
    vaddr_t va;
    pfn_t f;
    uint64_t pages; /* of 4 KiB that it translates */
    bool is_table;
};
/** The @n-th that any processor remembers, counted from 0, which looks anew.
 *  @return false: there are no more; always so on bare metal, where nobody can
 *  ask */
bool hw_remembered(uint64_t n, struct hw_remembered *seen);

/** Switch interrupts off; @return whether they were on. */
bool hw_irq_save(void);
/** Switch interrupts on again if @were_on. */
void hw_irq_restore(bool were_on);

/** The number of this processor, from 0. */
unsigned hw_cpu(void);
/** Called again and again while waiting for another processor. */
void hw_pause(void);

/** The per-processor pointer of the kernel (GS base on bare metal); NULL
 *  until set. */
void *hw_local(void);
void hw_set_local(void *local);

#define HW_IST_COUNT 7
#define HW_EXCEPTIONS 32 /* vectors 0 .. 31 */
#define HW_GATES_MAX 33

/** One gate of the IDT: always an interrupt gate (IF off at entry). */
struct hw_gate {
    void (*entry)(void);
    unsigned ist; /* 1..7: switch to that stack; 0: stay on the stack */
};

/** IDT and TSS in one, as the kernel wants them. */
struct hw_traps {
    struct hw_gate gates[HW_GATES_MAX];
    unsigned count; /* gates, vectors 0 .. count-1 */
    vaddr_t ist_top[HW_IST_COUNT];
    /** The one iretq that ends a trap.  Hardware needs no telling; the
     *  simulator completes the instruction when it traps there. */
    const void *iretq;
};

/** LIDT and LTR.  @traps is copied. */
void hw_load_traps(const struct hw_traps *traps);

/** For what only our own mistake can break; a caller's mistake is a status. */
#define MM_ASSERT(condition)                                                   \
    ((condition) ? (void)0 : hw_panic(#condition, __FILE__, __LINE__))

#endif
