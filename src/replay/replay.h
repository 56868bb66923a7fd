/**
 * @file replay.h
 * The main job on either machine: replay the allocations of a real program.
 *
 * The trace reaches the kernel side as its module, in the binary form below,
 * made by the host program; the kernel side reports in lines of text on its
 * console, which the host program reads.  Both are the same on both machines.
 *
 * Block @id of size n holds the bytes of replay_pattern(); they are checked
 * when the block is freed or reallocated.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "mm/mm.h"

#define REPLAY_MAGIC UINT64_C(0x31796c7065725f6d) /* "m_reply1" */
#define REPLAY_ID_MAX (UINT32_C(1) << 24)
#define REPLAY_NAME_MAX 16

/** All fields little-endian, as the processor has them. */
struct replay_header {
    uint64_t magic;
    uint64_t op_count, id_count;
    uint64_t heap_base, heap_size, heap_limit; /* struct mm_config */
    uint32_t immediate;                        /* 1: VMM_IMMEDIATE */
    uint32_t sound_every; /* check soundness every so many ops; 0: at the end */
    char heap_class[REPLAY_NAME_MAX], pmm_class[REPLAY_NAME_MAX];
    /* then op_count times struct replay_op */
};

enum replay_kind {
    REPLAY_ALLOC,
    REPLAY_ZEROED,
    REPLAY_ALIGNED,
    REPLAY_REALLOC,
    REPLAY_FREE,
};

struct replay_op {
    uint8_t kind;        /* enum replay_kind */
    uint8_t align_shift; /* log2 of the alignment, REPLAY_ALIGNED only */
    uint16_t unused;
    uint32_t id;
    uint64_t size; /* bytes; 0 is possible */
};

/** The kernel's main function: replays @boot->module and ends the machine. */
_Noreturn void replay_main(const struct hw_boot *boot);

#endif
