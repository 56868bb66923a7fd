/**
 * @file guest_machine.h
 * The processor that the guest runs on, as a machine for cases.
 */
#ifndef CONFORMANCE_GUEST_MACHINE_H
#define CONFORMANCE_GUEST_MACHINE_H

#include "conformance/case.h"
#include "hw/boot.h"
#include "trap/trap.h"

struct guest_machine {
    struct conf_machine machine; /* first */
    struct trap_hook hook;
    vaddr_t direct;
    paddr_t root;
    uint64_t control; /* now */

    /* The touch under way. */
    bool touching, faulted;
    uint64_t user_hlt; /* a #GP there is the end of a user's touch */
    struct conf_fault *fault;
};

/** Take the processor over: own root, without NX, and descriptors for CPL 3. */
void guest_machine_start(struct guest_machine *g, const struct hw_boot *boot);

/** What the processor has, all of enum conf_control that can be set. */
struct conf_features guest_features(const struct hw_boot *boot);

#endif
