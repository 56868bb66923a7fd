/*
 * The same cases on the live machine, beside the functional one.  Prints TAP.
 *
 *     live_machine [COUNT [SEED]]      COUNT cases of each family (1000)
 *
 * The accesses are the guest's own instructions (guest_touch.S), run natively;
 * a trap comes back through the kernel's entry stubs.  Left out: addresses of
 * the upper half, which belong to the host's kernel.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "conformance/guest.h"
#include "conformance/rows.h"
#include "conformance/say.h"
#include "sim/sim.h"
#include "trap/trap.h"

/* What the live machine may differ in: a translation that it has not kept; the
 * first page of an access whose second page faults, which the host reaches page
 * by page; and that what may be fetched can be read. */
#define ROWS_OF_LIVE                                                           \
    ((unsigned)(ROW_NOT_KEPT | ROW_A_ON_THE_WAY | ROW_D_OF_FIRST_PAGE |        \
                ROW_FETCH_LETS_READ))

struct live_machine {
    struct conf_machine machine; /* first */
    struct trap_hook hook;
    struct sim *sim;
    bool user, touching;
    struct conf_fault *fault;
};

static struct live_machine live;
static struct sim_machine sim;

static uint64_t do_load(struct conf_machine *m, uint64_t pa) {
    (void)m;
    return ram_load64(&live.sim->ram, paddr(pa));
}

static void do_store(struct conf_machine *m, uint64_t pa, uint64_t value) {
    (void)m;
    ram_store64(&live.sim->ram, paddr(pa), value);
}

static void do_control(struct conf_machine *m, uint64_t control) {
    (void)m;
    sim_set_control(&live.sim->cpu, control & ~(uint64_t)CONF_USER);
    live.user = (control & CONF_USER) != 0;
    sim_controls_changed(live.sim);
}

static void do_invlpg(struct conf_machine *m, uint64_t va) {
    (void)m;
    hw_invlpg(vaddr(va));
}

static void do_reload(struct conf_machine *m) {
    (void)m;
    hw_write_cr3(hw_read_cr3());
}

static void do_toggle(struct conf_machine *m) {
    (void)m;
    hw_flush_all();
}

static bool end_touch(struct trap_hook *hook, struct trap_frame *frame) {
    (void)hook;
    if (!live.touching) {
        return false;
    }
    live.touching = false;
    live.fault->vector = (unsigned)frame->vector;
    live.fault->error = frame->error;
    frame->rip = (uint64_t)(uintptr_t)guest_landing;
    frame->rsp = guest_landing_rsp;
    return true;
}

/** Only the access itself is made at CPL 3. */
static void set_cpl(unsigned cpl) {
    if (live.sim->cpu.cpl != cpl) {
        live.sim->cpu.cpl = cpl;
        sim_controls_changed(live.sim);
    }
}

static bool do_touch(struct conf_machine *m, enum conf_access access,
                     uint64_t va, uint64_t *value, struct conf_fault *fault) {
    (void)m;
    live.fault = fault;
    live.touching = true;
    live.sim->cpu.cr2 = vaddr(CONF_CR2_BEFORE);
    set_cpl(live.user ? 3 : 0);
    *value = guest_touch(guest_stubs[access], va, *value, 2);
    set_cpl(0);
    fault->cr2 = live.sim->cpu.cr2.v;
    if (access == CONF_FETCH) {
        *value = conf_mark(*value);
    }
    if (live.touching) {
        live.touching = false;
        return true;
    }
    return false;
}

static bool power_on(enum tlb_policy policy) {
    static const struct memmap_entry map[] = {
        { { { 0 }, CONF_RAM }, MEMMAP_USABLE },
    };
    struct sim_config config = sim_default_config;
    char why[256];

    config.map = map;
    config.map_count = 1;
    config.tlb_policy = policy;
    if (sim_create(&live.sim, &config, why, sizeof(why)) != SIM_OK) {
        printf("1..0 # SKIP %s\n", why);
        return false;
    }
    live.machine =
        (struct conf_machine){ do_load,   do_store,  do_control, do_invlpg,
                               do_reload, do_toggle, do_touch };
    live.hook.handle = end_touch;
    trap_init(&live.hook, &live.sim->boot);
    for (unsigned i = 0; i < PAGE_SIZE; i += 8) {
        do_store(&live.machine, conf_table_at(CONF_PML4) + i,
                 do_load(&live.machine, live.sim->boot.root.v + i));
    }
    conf_prepare(&live.machine);
    hw_write_cr3(paddr(conf_table_at(CONF_PML4)));
    return true;
}

/** No canonical address of the upper half? */
static bool is_for_live(const struct conf_case *c) {
    for (unsigned i = 0; i < c->count; i++) {
        if (c->steps[i].op == CONF_TOUCH &&
            (c->steps[i].value >> 47 == 0x1ffff)) {
            return false;
        }
    }
    return true;
}

static bool run_family(const struct conf_features *features,
                       enum conf_family family, uint64_t seed, uint64_t count,
                       unsigned number, const char *policy) {
    uint64_t unexplained = 0, cases = 0, same = 0;
    struct conf_case c;
    struct conf_record seen, record;

    for (uint64_t n = 0; n < count; n++) {
        unsigned rows;

        conf_generate(features, family, true, seed, n, &c);
        if (!is_for_live(&c)) {
            continue;
        }
        conf_run(&live.machine, &c, 0, &seen);
        cases++;
        rows = rows_explain(&sim, &c, &seen, ROWS_OF_LIVE);
        same += rows == 0;
        if (rows != ROWS_UNEXPLAINED) {
            continue;
        }
        if (unexplained++ < 3) {
            printf("#   %s case %" PRIu64 " of seed %" PRIu64 ", sampled:\n",
                   conf_family_names[family], n, seed);
            say_case(&c);
            say_record("live      ", &c, &seen);
            sim_machine_run(&sim, &c, 0, &record);
            say_record("functional", &c, &record);
        }
    }
    printf("%sok %u - %s, TLB %s: live and functional agree, or a row says why "
           "not (%" PRIu64 " cases, %" PRIu64 " the same, %" PRIu64
           " unexplained)\n",
           unexplained != 0 ? "not " : "", number, conf_family_names[family],
           policy, cases, same, unexplained);
    return unexplained == 0;
}

int main(int argc, char **argv) {
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    struct conf_features features = { 0, true, 0x7f };
    unsigned number = 0;
    bool good = true;
    char why[256];

    for (unsigned p = 0; p < 2; p++) {
        if (!power_on(p == 0 ? TLB_LRU : TLB_HOSTILE)) {
            return 0;
        }
        features.phys_bits = live.sim->cpu.phys_bits;
        if (p == 0 && !sim_machine_start(&sim, &features, why, sizeof(why))) {
            printf("Bail out! %s\n", why);
            return 1;
        }
        for (unsigned f = 0; f < CONF_FAMILY_COUNT; f++) {
            good &= run_family(&features, (enum conf_family)f, seed, count,
                               ++number, p == 0 ? "LRU" : "hostile");
        }
        sim_destroy(live.sim);
    }
    sim_machine_stop(&sim);
    printf("1..%u\n", number);
    return good ? 0 : 1;
}
