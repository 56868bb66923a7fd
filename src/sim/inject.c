#include "sim/inject.h"

const char *inject_name(enum inject_kind kind) {
    static const char *const names[INJECT_KINDS] = {
        [INJECT_NOTHING] = "nothing",   [INJECT_FLIP] = "flip",
        [INJECT_SPURIOUS] = "spurious", [INJECT_INTERRUPT] = "interrupt",
        [INJECT_FRAME] = "frame",       [INJECT_BLOCK] = "block",
    };

    return (unsigned)kind < INJECT_KINDS ? names[kind] : "?";
}

uint64_t inject_sweep(struct injection injection,
                      void (*once)(struct injection *injection, void *ctx),
                      void *ctx) {
    for (uint64_t n = 1;; n++) {
        struct injection now = injection;

        now.nth = n;
        once(&now, ctx);
        if (!now.is_done) {
            return n - 1;
        }
    }
}
