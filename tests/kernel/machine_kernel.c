/*
 * The kernel's half of machine.h: the one machine there is, made fresh again.
 *
 * A copy of the boot tables is taken before the first test; power_on() puts it
 * back over whatever a test did to them.  RAM keeps what tests wrote: a frame
 * holds junk at the start, as on any machine.
 */
#include <string.h>

#include "boot/boot.h"
#include "kernel/runtime.h"
#include "support/machine.h"

#define TABLES_MAX 32

static const struct hw_boot *kept_boot;
static uint8_t kept_tables[TABLES_MAX * PAGE_SIZE];

void machine_keep(const struct hw_boot *boot) {
    const struct prange frames = tables_frames();

    MM_ASSERT(frames.len <= sizeof(kept_tables));
    memcpy(kept_tables, boot_direct(boot, frames.base), frames.len);
    kept_boot = boot;
}

const struct hw_boot *machine_power_on(void) {
    const struct prange frames = tables_frames();

    (void)hw_irq_save();
    hw_set_local(NULL);
    memcpy(boot_direct(kept_boot, frames.base), kept_tables, frames.len);
    hw_write_cr3(kept_boot->root);
    hw_flush_all();
    return kept_boot;
}

bool machine_can_exit(void) {
    return true; /* hw_exit() jumps back into the runner */
}

void machine_power_off(void) {
    hw_set_local(NULL);
}
