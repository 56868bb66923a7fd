/**
 * @file walked.h
 * One RAM with page tables, walked by walk() and by the oracle: the fixture of
 * the walk's tests.
 */
#ifndef TESTS_SIM_WALKED_H
#define TESTS_SIM_WALKED_H

#include "sim/oracle.h"
#include "sim/tables.h"

static const uint64_t VA = UINT64_C(0x444444440123);

static struct sim_ram ram;
static struct tables t;

static void setup(void) {
    tables_ram(&ram);
    tables_start(&t, &ram, 2 * MIB);
}

static void teardown(void) {
    ram_destroy(&ram);
}

static struct walk_control control_of(bool wp, bool nxe) {
    return (struct walk_control){
        .root = t.root,
        .write_protect = wp,
        .no_execute = nxe,
        .huge_1gib = true,
        .phys_bits = 46,
    };
}

static struct walk_result agree(const struct walk_control *c, uint64_t va,
                                enum sim_access access, bool user) {
    return walk_as_oracle(&ram, c, va, access, user);
}

#endif
