/**
 * @file sim.h
 * One simulated machine for host programs: RAM, processor, firmware, and the
 * live engine that lets compiled code run on it natively.
 *
 * One machine at a time is live (its windows are fixed addresses of the host
 * process); hw.h speaks to that one.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "hw/boot.h"
#include "sim/budget.h"
#include "sim/cpu.h"
#include "sim/events.h"
#include "sim/schedule.h"
#include "sim/snapshot.h"

#define SIM_ALIAS_BASE UINT64_C(0x120000000000)
#define SIM_STACK_BASE UINT64_C(0x1f0000000000)
#define SIM_DIRECT_BASE UINT64_C(0x200000000000)
#define SIM_WINDOWS_MAX 8

/** The least TLB the live machine can run on: one instruction may touch four
 *  pages, and its exception frame two more, before any of them may go. */
#define SIM_TLB_MIN 8

/** A range of host addresses that belongs to the simulated machine. */
struct sim_window {
    const char *name;
    struct vrange range;
};

struct sim_config {
    const struct memmap_entry *map;
    size_t map_count;
    const void *module; /* bytes for the machine's module; NULL: none */
    size_t module_size;
    uint64_t module_at; /* physical; 0: top of RAM below 4 GiB, as QEMU does */
    uint64_t seed;      /* of the junk in RAM */
    enum tlb_policy tlb_policy;
    unsigned tlb_capacity;
    /** Pages that are filled at a miss beside the one that is touched: up to so
     *  many after it, where A is set already and the TLB has room
     *  (cpu_fill_ahead()). */
    unsigned fill_ahead;
    unsigned cpu_count; /* 1 to SCHEDULE_CPUS_MAX; 0 is 1 */
    /** direct_base is a multiple of 1 GiB, the others of 4 KiB. */
    vaddr_t alias_base, stack_base, direct_base;
    /** Where regions may be, beside the windows above: pages mapped outside
     *  cannot be touched on the host. */
    struct sim_window windows[SIM_WINDOWS_MAX];
    size_t window_count;
    /** Console output; NULL: standard output. */
    void (*putc)(void *ctx, char c);
    void *putc_ctx;
};

/** LRU TLB of 4096, a heap window of 64 GiB at 0x4444_0000_0000 and a low one
 *  of 128 MiB at 0x800_0000; the map is set by the caller. */
extern const struct sim_config sim_default_config;

struct sim {
    struct sim_config config;
    struct sim_ram ram;
    struct sim_cpu cpu; /* the one that runs */
    struct sim_events events;
    struct hw_boot boot;
    struct memmap_entry *map; /* own copy */
    struct sim_live *live;    /* host mappings; live.h */
    vaddr_t boot_stack_bottom, boot_stack_top;
    bool ram_is_on, cpu_is_on;

    /* sim_watch.c */
    struct events_ear ear;
    struct event heard;
    struct sim_budget *budget;
};

enum sim_status {
    SIM_OK,
    SIM_BAD_MAP,     /* the map leaves no place for the kernel or module */
    SIM_UNSUPPORTED, /* this host cannot: exit 77 */
    SIM_NO_MEMORY
};

/**
 * Power on: lay out RAM, run the firmware (boot tables, stacks, module), make
 * the machine the live one.  @why: a sentence when not SIM_OK.
 */
enum sim_status sim_create(struct sim **sim, const struct sim_config *config,
                           char *why, size_t why_size);
/** Power off; the windows are free again. */
void sim_destroy(struct sim *sim);

/**
 * Start the kernel side as a boot loader would: on the boot stack in simulated
 * memory, with interrupts off.
 * @return what it gave hw_exit(); HW_EXIT_FAIL when it returned
 */
enum hw_exit_code sim_run(struct sim *sim,
                          void (*entry)(const struct hw_boot *boot));

/*
 * Several processors.  One runs at a time, on the one thread; which, is said by
 * a schedule at each point: sim_point(), sim_pause(), sim_send_ipi(), and in
 * hw.h before a flush and after interrupts are switched on.  A loop that waits
 * for another processor needs a sim_pause(), or it waits for ever.
 */

unsigned sim_cpu_count(const struct sim *sim);
/** Processor @n, 0 .. sim_cpu_count() - 1, whether it runs or rests. */
struct sim_cpu *sim_cpu_at(struct sim *sim, unsigned n);

/** Who goes next is said by @schedule, which was started and outlives its use;
 *  NULL: by turns. */
void sim_set_schedule(struct sim *sim, struct schedule *schedule);

/**
 * Start processor @n, 1 .. config.cpu_count - 1, from wherever it is: with the
 * caller's control registers, interrupts off, CPL 0, no gates, and nothing
 * remembered or pending.  When @entry returns it only takes interrupts.
 *
 * @stack  of it, mapped writable; the end is 16-aligned
 */
void sim_start_cpu(struct sim *sim, unsigned n, void (*entry)(void *arg),
                   void *arg, struct vrange stack);

/** Another processor may act here, or an interrupt be taken. */
void sim_point(struct sim *sim);
/** This processor waits for another one, which acts first.  When there is none,
 *  that is a deadlock, and the machine panics. */
void sim_pause(struct sim *sim);
/** Send interrupt @vector, for which it has a gate, to processor @n. */
void sim_send_ipi(struct sim *sim, unsigned n, unsigned vector);

/**
 * After the processor's controls were changed by hand (cpu_write_cr0(), _cr4(),
 * _efer(), cpl, ac, pkru): rights are judged anew at the next access.  What the
 * processor remembers stays.  hw.h does this by itself.
 */
void sim_controls_changed(struct sim *sim);

/**
 * Hear the kernel that is started next: what pmm, vmm and heap do become events
 * of the machine (SIM_EVENT_KERNEL), in one order with its own, and a frame
 * that is freed while the processor remembers a way to it is reported as stale
 * use (STALE_FREED).  Costs a call for each.
 */
void sim_listen(struct sim *sim);

/** Let @injection happen (inject.h); NULL: nothing any more.  INJECT_FRAME and
 *  INJECT_BLOCK need sim_listen(). */
void sim_inject(struct sim *sim, struct injection *injection);

/**
 * Record in @writes every store to a page table, with the instruction that made
 * it, from the first walk through that table on; and changes seen at walks.
 * Each such store costs two signals and a look at its page;
 * large leaves are shown page by page.
 * @return false: no memory on the host, watched already, or this host does not
 *         step through instructions (valgrind)
 */
bool sim_watch_tables(struct sim *sim, struct table_writes *writes);

/** The code at @rip in words, as "unmap at map.c:84", or where it was compiled
 *  into others "entry_set at table.h:54, in unmap at map.c:84": by addr2line
 * where the host has it, else the file and the place in it. */
void sim_code_name(uint64_t rip, char *text, size_t size);

/** Stop the machine, with the report as sim_stop_reason(), when @budget is
 *  over; counts from now.  NULL: no longer.  Only events are seen: code that
 *  runs on in pages it has already is not. */
void sim_set_budget(struct sim *sim, struct sim_budget *budget);

/**
 * Keep the machine as it is (snapshot.h), from host code: between runs, or
 * while kernel calls are made on the host's own stack, as tests make them. What
 * the kernel has outside simulated memory, the caller adds by snapshot_keep().
 * @return NULL: no memory on the host, or sim_run() is under way, or another
 *         processor was started in it
 */
struct snapshot *sim_snapshot(struct sim *sim, const struct snapshot *like);
/** The machine is as it was.  @return false: sim_run() is under way, or
 *  another processor was started; nothing changed */
bool sim_restore(struct sim *sim, const struct snapshot *snapshot);

/** Accesses so far that the host stopped by a signal: misses, first writes to
 *  clean pages, and page faults. */
uint64_t sim_signals(const struct sim *sim);

/** Why the machine stopped by itself during sim_run() (physical hole, triple
 *  fault ...), as a sentence; NULL: it did not. */
const char *sim_stop_reason(const struct sim *sim);

/** The exit status of a process whose machine stopped outside sim_run(). */
#define SIM_EXIT_STOPPED 70

/** The machine that hw.h speaks to, or NULL. */
struct sim *sim_current(void);

#endif
