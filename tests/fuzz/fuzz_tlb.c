/*
 * The processor and its TLB: a script whose every choice is the input's,
 * against oracle_cpu.c.
 *
 *   input  [policy and tables 1] [choice 1 or 2] ...
 */
#include "base/hash.h"
#include "fuzz/fuzz.h"
#include "sim/processor.h"
#include "sim/script.h"

const char fuzz_name[] = "tlb";
const unsigned fuzz_inputs = 300;

static uint64_t state;
static struct fuzz_input in;

static uint64_t by_chance(uint64_t n) {
    state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(state) % n;
}

static uint64_t by_input(uint64_t n) {
    return fuzz_take(&in, n > 256 ? 2 : 1) % n;
}

/** One of four sets of tables. */
static const uint64_t *tables_of(unsigned which) {
    static uint64_t tables[4][SCRIPT_ENTRIES];
    static bool drawn[4];

    if (!drawn[which]) {
        state = which;
        script_draw(tables[which], by_chance);
        drawn[which] = true;
    }
    return tables[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    unsigned how;

    in = (struct fuzz_input){ bytes, size };
    how = (unsigned)fuzz_take(&in, 1);
    script_start((enum tlb_policy)(how % TLB_POLICIES), how,
                 tables_of(how / TLB_POLICIES % 4), by_input);
    for (unsigned step = 0; in.left > 0; step++) {
        script_step(step);
    }
    script_end();
    return 0;
}
