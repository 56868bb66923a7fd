/*
 * Switching the live engine on and off: stacks, windows, signal handlers, and
 * what a child of fork() may not do.
 *
 * fork() gives the child every host mapping and the same RAM behind it.  Two
 * processes on one machine would corrupt each other in silence, so the child
 * finds its windows closed and is told at its first access.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/live.h"

static const int signals[LIVE_SIGNALS] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
                                           SIGTRAP };

static uint8_t *map_stack(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

#define FPU_SIZE                                                               \
    ((size_t)LIVE_FPU_SLOTS * (sizeof(struct live_fpu) + LIVE_FPU_BYTES))

struct live_fpu *live_fpu_new(void) {
    uint8_t *bytes = map_stack(FPU_SIZE);
    struct live_fpu *fpu = (struct live_fpu *)(void *)bytes;

    if (bytes == NULL) {
        return NULL;
    }
    bytes += LIVE_FPU_SLOTS * sizeof *fpu;
    for (unsigned i = 0; i < LIVE_FPU_SLOTS; i++) {
        fpu[i].bytes = bytes + (size_t)i * LIVE_FPU_BYTES;
    }
    return fpu;
}

void live_fpu_free(struct live_fpu *fpu) {
    if (fpu != NULL) {
        munmap(fpu, FPU_SIZE);
    }
}

static void install(struct sim_live *live) {
    stack_t stack = { .ss_sp = live->signal_stack, .ss_size = LIVE_STACK_SIZE };
    struct sigaction action = { .sa_sigaction = live_on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigfillset(&action.sa_mask);
    sigaltstack(&stack, &live->old_signal_stack);
    for (unsigned i = 0; i < LIVE_SIGNALS; i++) {
        sigaction(signals[i], &action, &live->old[i]);
    }
    live->handling = true;
}

void live_give_back(struct sim_live *live) {
    for (unsigned i = 0; i < LIVE_SIGNALS; i++) {
        sigaction(signals[i], &live->old[i], NULL);
    }
}

static void close_windows_in_child(void) {
    struct sim *sim = sim_current();

    if (sim == NULL || sim->live == NULL) {
        return;
    }
    sim->live->orphaned = true;
    for (size_t i = 0; i < sim->live->window_count; i++) {
        struct vrange range = sim->live->windows[i].range;

        syscall(SYS_mmap, range.base.v, range.len, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0L);
    }
}

static void watch_fork(void) {
    pthread_atfork(NULL, NULL, close_windows_in_child);
}

/** Whose red zones and frames lie in ordinary memory. */
static struct vrange this_threads_stack(void) {
    struct vrange range = { vaddr(0), 0 };
    pthread_attr_t attributes;
    void *base;
    size_t size;

    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        if (pthread_attr_getstack(&attributes, &base, &size) == 0) {
            range = (struct vrange){ vaddr_of_pointer(base), size };
        }
        pthread_attr_destroy(&attributes);
    }
    return range;
}

/** Under valgrind iretq ignores privilege and would never trap. */
static bool iretq_is_native(void) {
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static void list_windows(struct sim *sim) {
    struct sim_live *live = sim->live;
    const struct sim_config *config = &sim->config;
    uint64_t direct_size = align_down(sim->ram.size + GIB - 1, GIB);

    live->windows[live->window_count++] =
        (struct sim_window){ "direct map",
                             { config->direct_base, direct_size } };
    live->windows[live->window_count++] =
        (struct sim_window){ "stack", { config->stack_base, GIB } };
    for (size_t i = 0; i < config->window_count; i++) {
        live->windows[live->window_count++] = config->windows[i];
    }
}

static pthread_once_t fork_is_watched = PTHREAD_ONCE_INIT;

bool live_start(struct sim *sim, char *why, size_t why_size) {
    struct sim_live *live = calloc(1, sizeof *live);

    sim->live = live;
    if (live == NULL || (live->fpu = live_fpu_new()) == NULL ||
        (live->signal_stack = map_stack(LIVE_STACK_SIZE)) == NULL ||
        (live->host_stack = map_stack(LIVE_STACK_SIZE)) == NULL) {
        snprintf(why, why_size, "the host has no memory for signal stacks");
        return false;
    }
    live->large_max = LIVE_LARGE_MAX;
    live->pages_max = sim->cpu.tlb.capacity;
    live->pages = calloc(live->pages_max, sizeof *live->pages);
    if (live->pages == NULL) {
        snprintf(why, why_size, "the host has no memory for flushes");
        return false;
    }
    live->thread_stack = this_threads_stack();
    pthread_once(&fork_is_watched, watch_fork);
    live->native_iretq = iretq_is_native();
    list_windows(sim);
    if (!live_reserve(live, why, why_size)) {
        return false;
    }
    install(live);
    sim->cpu.tlb.on_drop = live_hide;
    sim->cpu.tlb.on_flush = live_flush;
    sim->cpu.tlb.on_drop_ctx = sim;
    return live_smp_start(sim, why, why_size);
}

void live_stop(struct sim *sim) {
    struct sim_live *live = sim->live;

    if (live == NULL) {
        return;
    }
    sim->cpu.tlb.on_drop = NULL;
    sim->cpu.tlb.on_flush = NULL;
    live_smp_stop(sim);
    if (live->handling) {
        live_give_back(live);
        sigaltstack(&live->old_signal_stack, NULL);
    }
    live_release(live);
    if (live->signal_stack != NULL) {
        munmap(live->signal_stack, LIVE_STACK_SIZE);
    }
    if (live->host_stack != NULL) {
        munmap(live->host_stack, LIVE_STACK_SIZE);
    }
    live_fpu_free(live->fpu);
    live_tables_stop(live);
    free(live->remembered.all);
    free(live->pages);
    free(live);
    sim->live = NULL;
}
