/*
 * Dispatch of a trap, and giving up what can't be repaired.
 *
 *   trap_dispatch(frame)
 *     hook->handle()  repaired?           --> iretq, the access runs again
 *     hook->trying    somebody tries it?  --> iretq to trap_try_landing
 *     neither                             --> report and panic
 *
 * trap_try() nests: each keeps the one around it, on the caller's stack.
 */
#include "trap/trap.h"

#include "base/fmt.h"
#include "base/poison.h"

/** entry.S knows that rsp comes first. */
struct trap_try {
    uint64_t rsp; /* below the caller's registers, as trap_try_enter left it */
    struct trap_try *outer;
    struct trap_fault fault;
};

extern void (*const trap_entries[TRAP_VECTORS])(void)
    __attribute__((visibility("hidden")));
extern const char trap_iretq[] __attribute__((visibility("hidden")));
extern const char trap_try_landing[] __attribute__((visibility("hidden")));

int trap_try_enter(struct trap_try *trying, void (*fn)(void *), void *arg,
                   uint64_t stack_top) __attribute__((visibility("hidden")));
void trap_dispatch(struct trap_frame *frame);

void trap_init(struct trap_hook *hook, const struct hw_boot *boot) {
    struct hw_traps traps = { .count = TRAP_VECTORS, .iretq = trap_iretq };

    for (unsigned v = 0; v < TRAP_VECTORS; v++) {
        traps.gates[v].entry = trap_entries[v];
    }
    traps.gates[TRAP_DOUBLE_FAULT].ist = 1;
    for (unsigned i = 0; i < HW_IST_COUNT; i++) {
        traps.ist_top[i] = boot->ist_top[i];
    }
    hook->trying = NULL;
    hw_set_local(hook);
    hw_load_traps(&traps);
}

const char *trap_name(uint64_t vector) {
    static const char *const names[TRAP_VECTORS] = {
        [0] = "#DE",  [1] = "#DB",  [2] = "NMI",        [3] = "#BP",
        [4] = "#OF",  [5] = "#BR",  [6] = "#UD",        [7] = "#NM",
        [8] = "#DF",  [10] = "#TS", [11] = "#NP",       [12] = "#SS",
        [13] = "#GP", [14] = "#PF", [16] = "#MF",       [17] = "#AC",
        [18] = "#MC", [19] = "#XM", [TRAP_IPI] = "IPI",
    };

    return vector < TRAP_VECTORS && names[vector] != NULL ? names[vector] : "?";
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

static _Noreturn void panic(struct trap_hook *hook,
                            const struct trap_frame *frame,
                            const struct trap_fault *fault) {
    fmt_print(put, NULL, "trap: %s error 0x%lx at rip 0x%lx, rsp 0x%lx",
              trap_name(fault->vector), fault->error, fault->rip.v, frame->rsp);
    if (fault->vector == TRAP_PAGE_FAULT) {
        fmt_print(put, NULL, ", address 0x%lx", fault->address.v);
    }
    hw_putc('\n');
    if (hook != NULL && hook->explain != NULL) {
        hook->explain(hook, frame);
    }
    hw_panic("a trap that nobody repaired", __FILE__, __LINE__);
}

/* Flags of the code that was given up which no C function expects: string
 * instructions would run backwards (the ABI wants DF clear), every instruction
 * would trap, iretq would be #GP, SMAP would be lifted.  IF stays: what the
 * code held stays held. */
#define FLAG_TRAP (UINT64_C(1) << 8)
#define FLAG_DIRECTION (UINT64_C(1) << 10)
#define FLAG_NESTED (UINT64_C(1) << 14)
#define FLAG_ACCESS (UINT64_C(1) << 18)
#define FLAGS_GIVEN_UP (FLAG_TRAP | FLAG_DIRECTION | FLAG_NESTED | FLAG_ACCESS)

/** Resume after the innermost trap_try() instead of where the trap was. */
static void give_up(struct trap_hook *hook, struct trap_frame *frame,
                    const struct trap_fault *fault) {
    struct trap_try *trying = hook->trying;

    trying->fault = *fault;
    frame->rip = (uint64_t)(uintptr_t)trap_try_landing;
    frame->rsp = trying->rsp;
    frame->rflags &= ~FLAGS_GIVEN_UP;
    frame->rax = 1;
}

/** Called by entry.S with interrupts off; returning runs iretq. */
void trap_dispatch(struct trap_frame *frame) {
    struct trap_hook *hook = hw_local();
    struct trap_fault fault = {
        .vector = frame->vector,
        .error = frame->error,
        .rip = vaddr(frame->rip),
    };

    if (frame->vector == TRAP_PAGE_FAULT) {
        fault.address = hw_read_cr2();
    }
    if (hook != NULL && hook->handle != NULL && hook->handle(hook, frame)) {
        return;
    }
    if (hook == NULL || hook->trying == NULL) {
        panic(hook, frame, &fault);
    }
    give_up(hook, frame, &fault);
}

bool trap_try(void (*fn)(void *arg), void *arg, vaddr_t stack_top,
              struct trap_fault *fault) {
    struct trap_hook *hook = hw_local();
    struct trap_try trying;
    bool given_up;

    MM_ASSERT(hook != NULL); /* trap_init() comes first */
    trying.outer = hook->trying;
    hook->trying = &trying;
    given_up = trap_try_enter(&trying, fn, arg, stack_top.v) != 0;
    hook->trying = trying.outer;
    if (given_up) {
        *fault = trying.fault;
    }
    return !given_up;
}

/* Not sanitized: a try may touch any address, poisoned or without a shadow. */

struct access {
    vaddr_t va;
    uint8_t value;
};

MM_NO_SANITIZE static void do_read(void *arg) {
    struct access *access = arg;

    access->value = *(const volatile uint8_t *)pointer_of(access->va);
}

MM_NO_SANITIZE static void do_write(void *arg) {
    struct access *access = arg;

    *(volatile uint8_t *)pointer_of(access->va) = access->value;
}

static void do_call(void *arg) {
    struct access *access = arg;
    void (*fn)(void) = (void (*)(void))(uintptr_t)access->va.v;

    fn();
}

bool trap_try_read(vaddr_t va, uint8_t *value, struct trap_fault *fault) {
    struct access access = { .va = va };

    if (!trap_try(do_read, &access, vaddr(0), fault)) {
        return false;
    }
    *value = access.value;
    return true;
}

bool trap_try_write(vaddr_t va, uint8_t value, struct trap_fault *fault) {
    struct access access = { .va = va, .value = value };

    return trap_try(do_write, &access, vaddr(0), fault);
}

bool trap_try_call(vaddr_t va, struct trap_fault *fault) {
    struct access access = { .va = va };

    return trap_try(do_call, &access, vaddr(0), fault);
}
