/**
 * @file live.h
 * The live engine: compiled code runs natively on the simulated machine.
 *
 *   access --hit--> host mapping of the RAM object           (native speed)
 *          --miss-> SIGSEGV --> cpu_translate()
 *                                |  entry: map it, run the access again
 *                                |  fault: exception frame on the kernel's
 *                                |         stack, go on at its entry stub
 *                                |  neither: stop with a sentence
 *
 * The host mappings are a cache of the recorded TLB entries, never the truth:
 * a mapping exists only while its entry does.
 *
 * Only sim.h is for users; this header joins the files of the engine.
 */
#ifndef SIM_LIVE_H
#define SIM_LIVE_H

#include <setjmp.h>
#include <signal.h>
#include <sys/types.h>
#include <ucontext.h>

#include "base/fmt.h"
#include "sim/fiber.h"
#include "sim/sim.h"

#define LIVE_STACK_SIZE (256 * KIB)
#define LIVE_FPU_SLOTS 1024
#define LIVE_FPU_BYTES 16384

/** SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP. */
#define LIVE_SIGNALS 5

/** A large leaf is shown chunk by chunk; more chunks than this are forgotten
 *  together, long before the host runs out of mappings. */
#define LIVE_LARGE_MAX 8192

/** Vector registers of interrupted code, kept from exception to iretq: code of
 *  the host reached from a trap may use them. */
struct live_fpu {
    uint64_t frame; /* address of the frame's RIP */
    size_t size;
    uint8_t *bytes;
};

/** A page of a flush (live_flush.c). */
struct live_page {
    const struct tlb_entry *page;
    bool goes;
};

/** For hw_remembered(): what all processors remembered when it was asked for
 *  the first. */
struct live_remembered {
    struct hw_remembered *all, asked;
    unsigned count;
    bool found;
};

struct sim_live {
    struct sim_window windows[SIM_WINDOWS_MAX + 2];
    size_t window_count;
    size_t reserved; /* of these, reserved in the host process so far */

    uint8_t *signal_stack; /* the handler runs here */
    uint8_t *host_stack;   /* hw.h runs here when called on a guest stack */
    stack_t old_signal_stack;
    struct sigaction old[LIVE_SIGNALS];
    bool handling; /* signal handlers are installed */

    struct live_tables *tables; /* live_tables.c; NULL: not watched */
    bool interrupt_waits;       /* an injected one, for interrupts to be on */

    bool orphaned;     /* a child of fork(): the RAM is its parent's */
    bool busy;         /* the simulator itself runs: a fault is its own bug */
    bool native_iretq; /* iretq does not trap here (valgrind) */
    struct vrange thread_stack; /* of who powered on: no simulated memory */
    unsigned large_shown;       /* pieces of large leaves shown, at most */
    unsigned large_max;         /* LIVE_LARGE_MAX; less in tests */

    struct live_fpu *fpu; /* LIVE_FPU_SLOTS, oldest first; of the processor
                             that runs */
    unsigned fpu_count;
    struct live_smp *smp; /* live_smp.c; NULL: one processor */

    struct live_remembered remembered;
    struct live_page *pages; /* room for every entry of the TLB */
    size_t pages_max;

    uint64_t misses;         /* page faults of the host: signals */
    uint64_t host_calls;     /* mapping calls made */
    uint64_t fail_host_call; /* make the call of that number fail; 0: none */

    /* sim_run() under way: where to go back to. */
    bool running;
    uint64_t run_rsp;
    void (*run_entry)(const struct hw_boot *);
    struct fiber home;
    enum hw_exit_code exit_code;
    char stop_text[512]; /* why the machine stopped; "": it did not */
};

/* live_windows.c */
bool live_reserve(struct sim_live *live, char *why, size_t why_size);
void live_release(struct sim_live *live);
/** The window that holds @va, or NULL. */
const struct sim_window *live_window_at(const struct sim_live *live,
                                        vaddr_t va);

/* live_map.c */
/** A range to be shown by one call of the host. */
struct live_piece {
    struct vrange at; /* in one window */
    paddr_t frame;
    int protection; /* PROT_ bits */
};
/** The part of @entry around @va, which is in a window.
 *  @return false: the byte is no RAM */
bool live_piece_of(struct sim *sim, const struct tlb_entry *entry, vaddr_t va,
                   struct live_piece *piece);
void live_show_piece(struct sim *sim, const struct live_piece *piece);
/** Show the part of @entry around @va on the host.
 *  @return false: the byte is no RAM */
bool live_show(struct sim *sim, const struct tlb_entry *entry, vaddr_t va);
/** A tlb_drop call-back; @ctx is the struct sim. */
void live_hide(void *ctx, const struct tlb_entry *entry);
/** Hide @range, which lies in one window. */
void live_hide_range(struct sim *sim, struct vrange range);
/** Hide all, since rights changed; the recorded entries stay. */
void live_hide_all(struct sim *sim);
/** Hide the 4 KiB at @page, which is in a window. */
void live_hide_page(struct sim *sim, vaddr_t page);

/* live_ahead.c */
/** live_show(), and with it pages after @entry's that the processor may fill.
 */
bool live_show_ahead(struct sim *sim, const struct tlb_entry *entry,
                     vaddr_t va);

/* live_tables.c */
void live_tables_stop(struct sim_live *live);
/** Is @pa in a table that is watched, and not being stored to? */
bool live_is_read_only(const struct sim *sim, paddr_t pa);
/** A store to @va, which shows @pa, is about to run again: if that is a table,
 *  let it through, and stop behind it. */
void live_open_table(struct sim *sim, ucontext_t *context, vaddr_t va,
                     paddr_t pa);
/** It ran, or something else came: record.  @return false: none was let through
 */
bool live_close_tables(struct sim *sim, ucontext_t *context);

/** The same by a call for each window: costs what is shown, not what is
 *  remembered. */
void live_hide_windows(struct sim *sim);

/* live_flush.c */
/** A tlb_flush call-back; @ctx is the struct sim.  @scope NULL: everything is
 *  hidden, and stays remembered. */
bool live_flush(void *ctx, struct tlb *tlb, const struct tlb_scope *scope);

/* live.c */
bool live_start(struct sim *sim, char *why, size_t why_size);
void live_stop(struct sim *sim);
/** Put the signal handlers back that were there before. */
void live_give_back(struct sim_live *live);

/** Slots for one processor, or NULL. */
struct live_fpu *live_fpu_new(void);
void live_fpu_free(struct live_fpu *fpu);

/* live_smp.c */
/** Processors 1 .. config.cpu_count - 1, which wait to be started. */
bool live_smp_start(struct sim *sim, char *why, size_t why_size);
void live_smp_stop(struct sim *sim);
/** Has a processor but the first been started, in this run? */
bool live_smp_is_started(const struct sim *sim);
/** Processor 0 has the baton, wherever it was; the others end. */
void live_smp_home(struct sim *sim);

/* live_fault.c */
void live_on_signal(int signal, siginfo_t *info, void *raw);
/** Leave the interrupted code for good: @context goes on in sim_run()'s caller,
 *  or ends the process with SIM_EXIT_STOPPED after saying @format. */
void live_halt(struct sim *sim, ucontext_t *context, const char *format, ...)
    MM_PRINTF(3, 4);

/** The machine has stopped, as stop_text says: back into sim_run()'s caller, or
 *  the end of the process with SIM_EXIT_STOPPED. */
_Noreturn void live_stopped(struct sim *sim);

/** A child of fork() used the machine of its parent: end with a sentence. */
_Noreturn void live_refuse_orphan(void);
/** Back into sim_run()'s caller; @value as guest_leave(). */
_Noreturn void live_leave(struct sim *sim, int value);

/* live_check.c */
/** Touch @page, which forbids @access: does the host say so with @error? */
bool live_probe(uint8_t *page, enum sim_access access, uint64_t error,
                char *why, size_t why_size);
/** Does this host report page faults as the engine needs them? */
bool live_check_host(char *why, size_t why_size);

/* privileged.c */
/** The name of the privileged instruction at @code, or NULL. */
const char *privileged_name(const uint8_t *code);

/* deliver.c */
void deliver(struct sim *sim, ucontext_t *context, unsigned vector,
             uint32_t error, vaddr_t cr2);
/** The pending interrupt, between two instructions of @context. */
void deliver_interrupt(struct sim *sim, ucontext_t *context);
/** Complete the iretq that @context has trapped on. */
void deliver_iretq(struct sim *sim, ucontext_t *context);

/* guest.S */
/** Call @entry(@boot) on another stack; *@host_rsp keeps the way back.
 *  @return 1 when it returned, or what guest_leave() was given */
int guest_enter(void (*entry)(const struct hw_boot *),
                const struct hw_boot *boot, uint64_t stack_top,
                uint64_t *host_rsp);
/** Go back to guest_enter()'s caller, who sees @value. */
_Noreturn void guest_leave(uint64_t host_rsp, int value);
/** One of hw.h's works; @operand is what the instruction takes. */
typedef void guest_call(struct sim *sim, uint64_t operand);
/** Call @run(@sim, @fn, @operand) on the stack that ends at @stack_top.  All by
 *  registers: a trap on the way may come through here itself. */
void guest_call_on(uint64_t stack_top,
                   void (*run)(struct sim *, guest_call *, uint64_t),
                   struct sim *sim, guest_call *fn, uint64_t operand);

/** Where guest_switch() goes on: on a stack that it left, or at @first on a new
 *  one. */
struct guest_next {
    uint64_t rsp;
    void (*first)(void); /* NULL: where that stack was left */
};
/** Leave this stack, of which *@rsp is the place to come back to; @change(@sim)
 *  on the stack that ends at @stack_top says where to go on. */
void guest_switch(uint64_t *rsp, uint64_t stack_top, struct sim *sim,
                  struct guest_next (*change)(struct sim *));
/** Trap into the signal handler, which delivers a pending interrupt. */
void guest_interrupt(void);
extern const char guest_interrupt_at[];

/* firmware.c */
enum sim_status firmware_boot(struct sim *sim, char *why, size_t why_size);

/* sim_watch.c */
/** Interrupts are about to go off, or just came on: an @occasion for one. */
void live_interrupt(struct sim *sim, bool occasion);
/** @return true, once, with the report in stop_text */
bool live_budget_is_over(struct sim *sim);

/* hw_sim.c */
/** Call @fn on a stack of the host. */
void live_call(guest_call *fn, uint64_t operand);
void sim_make_current(struct sim *sim);

#endif
