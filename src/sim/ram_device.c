/*
 * Devices in holes of the memory map.
 *
 *   RAM run [........]   hole [ device ]     RAM run [........]
 *                                 |
 *                            load(), store()
 *
 * They are asked only where no RAM was found, so RAM pays nothing for them.
 */
#include "sim/ram.h"

const struct ram_device *ram_device_at(const struct sim_ram *ram, paddr_t pa) {
    for (unsigned i = 0; i < ram->device_count; i++) {
        if (prange_holds(ram->devices[i].range, pa)) {
            return &ram->devices[i];
        }
    }
    return NULL;
}

static bool is_free(const struct sim_ram *ram, struct prange r) {
    for (size_t i = 0; i < ram->run_count; i++) {
        if (ranges_overlap(ram->runs[i].base.v, ram->runs[i].len, r.base.v,
                           r.len)) {
            return false;
        }
    }
    for (unsigned i = 0; i < ram->device_count; i++) {
        const struct prange *d = &ram->devices[i].range;

        if (ranges_overlap(d->base.v, d->len, r.base.v, r.len)) {
            return false;
        }
    }
    return true;
}

bool ram_add_device(struct sim_ram *ram, struct ram_device device) {
    const struct prange r = device.range;

    if (r.len == 0 || (r.base.v | r.len) % PAGE_SIZE != 0 || !is_free(ram, r) ||
        ram->device_count == RAM_DEVICES_MAX) {
        return false;
    }
    ram->devices[ram->device_count++] = device;
    return true;
}
