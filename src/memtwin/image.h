/**
 * @file image.h
 * Physical memory of another machine, in a file.
 *
 *   raw        offset n is physical address n (QEMU: pmemsave 0 SIZE FILE)
 *   ELF core   segments with physical addresses, and the registers of the first
 *              processor (QEMU: dump-guest-memory FILE)
 *
 * Read only as far as walks need it, so a file of many GiB costs nothing.
 */
#ifndef MEMTWIN_IMAGE_H
#define MEMTWIN_IMAGE_H

#include "sim/walk.h"

#include <stdio.h>

#define IMAGE_SEGMENTS_MAX 256

struct image_segment {
    uint64_t pa, len; /* bytes of physical memory ... */
    uint64_t at;      /* ... from that offset of the file on */
};

struct image {
    const char *path;
    FILE *file;
    uint64_t file_size;
    struct image_segment segments[IMAGE_SEGMENTS_MAX];
    size_t segment_count;
    bool has_registers;
    uint64_t cr0, cr3, cr4, rflags; /* if so */
};

/** @return false after one message; nothing is open then */
bool image_open(struct image *image, const char *path);
void image_close(struct image *image);

/** walk() over the image; what it does not hold reads as ones.
 *  @return false after one message: the file cannot be read, or this host has
 *  no memory */
bool image_walk(struct image *image, const struct walk_control *control,
                vaddr_t va, enum sim_access access, bool user,
                struct walk_result *result);

#endif
