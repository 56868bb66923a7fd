/**
 * @file disk.h
 * A pager for tests: a disk of frames that are set aside, a block a page.
 *
 *   region   [ page ][ page ] ...       page n of the address space is kept in
 *   disk     [block ][block ] ...       block n modulo the disk's pages
 */
#ifndef SUPPORT_DISK_H
#define SUPPORT_DISK_H

#include "vmm/vmm.h"

struct disk {
    struct vmm_pager pager; /* first */
    struct pmm *pmm;
    vaddr_t direct_base;
    pfn_t first;
    uint64_t pages;     /* a power of two */
    struct disk *child; /* what a fork fills; NULL: it is refused */
    unsigned loads, saves, forks, ends;
    /** 0: never; n: the nth from now on fails, once. */
    uint64_t bad_load, bad_save;
    bool full; /* every save fails */
    bool dead; /* every call fails */
};

/** What a disk says that fails: a status that no call of the vmm's gives for a
 *  region. */
#define DISK_FAILED MM_NOT_MANAGED

/** A disk of @pages blocks, each full of bytes of its number. */
void disk_start(struct disk *disk, const struct vmm_space *space,
                uint64_t pages);
/** Its frames go back. */
void disk_end(struct disk *disk);
/** The block that keeps @page. */
uint8_t *disk_block(const struct disk *disk, vaddr_t page);

#endif
