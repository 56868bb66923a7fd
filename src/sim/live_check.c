/*
 * The start-up self-test: is the host as the engine needs it?
 *
 * One read, one write and one fetch of pages without access, each expected as
 * SIGSEGV with the address in CR2 and the access in the error code.  Where that
 * does not hold (another system, an emulator that hides them), the live machine
 * says so instead of running wrongly.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/live.h"

static struct {
    sigjmp_buf back;
    uint64_t cr2, error, rip;
    int code;
} seen;

static void on_segv(int signal, siginfo_t *info, void *raw) {
    const greg_t *regs = ((const ucontext_t *)raw)->uc_mcontext.gregs;

    (void)signal;
    seen.cr2 = (uint64_t)regs[REG_CR2];
    seen.error = (uint64_t)regs[REG_ERR];
    seen.rip = (uint64_t)regs[REG_RIP];
    if (seen.rip == seen.cr2) {
        seen.error |= 0x10; /* valgrind does not tell fetches */
    }
    seen.code = info->si_code;
    siglongjmp(seen.back, 1);
}

static void touch(uint8_t *page, enum sim_access access) {
    if (access == SIM_READ) {
        (void)*(volatile uint8_t *)page;
    } else if (access == SIM_WRITE) {
        *(volatile uint8_t *)page = 1;
    } else {
        ((void (*)(void))(uintptr_t)page)();
    }
}

bool live_probe(uint8_t *page, enum sim_access access, uint64_t error,
                char *why, size_t why_size) {
    static const char *const names[] = { "read", "write", "fetch" };

    if (sigsetjmp(seen.back, 1) == 0) {
        touch(page, access);
        snprintf(why, why_size, "this host lets a forbidden %s pass",
                 names[access]);
        return false;
    }
    if (seen.cr2 == (uint64_t)(uintptr_t)page && (seen.error & 0x12) == error &&
        (seen.code == SEGV_MAPERR || seen.code == SEGV_ACCERR)) {
        return true;
    }
    snprintf(why, why_size,
             "this host reports a forbidden %s with error code 0x%lx, address "
             "0x%lx; x86_64 Linux would say 0x%lx, %p",
             names[access], seen.error, seen.cr2, error | 4, (void *)page);
    return false;
}

bool live_check_host(char *why, size_t why_size) {
    struct sigaction action = { .sa_sigaction = on_segv,
                                .sa_flags = SA_SIGINFO };
    struct sigaction old;
    uint8_t *none =
        mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *read_only =
        mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool good = false;

    if (none == MAP_FAILED || read_only == MAP_FAILED ||
        sigaction(SIGSEGV, &action, &old) != 0) {
        snprintf(why, why_size, "the host refused a mapping or a handler (%s)",
                 strerror(errno));
    } else {
        good = live_probe(none, SIM_READ, 0, why, why_size) &&
               live_probe(read_only, SIM_WRITE, 2, why, why_size) &&
               live_probe(read_only, SIM_FETCH, 0x10, why, why_size);
        sigaction(SIGSEGV, &old, NULL);
    }
    if (none != MAP_FAILED) {
        munmap(none, PAGE_SIZE);
    }
    if (read_only != MAP_FAILED) {
        munmap(read_only, PAGE_SIZE);
    }
    return good;
}
