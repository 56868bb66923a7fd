/**
 * @file replay.h
 * The main job on either machine: replay the allocations of a real program.
 *
 * The trace reaches the kernel side as its module, in the binary form below,
 * made by the host program; the kernel side reports in lines of text on its
 * console, which the host program reads.  Both are the same on both machines;
 * doc/traces.md lists the lines.
 *
 *   module:   [ struct replay_header ][ struct replay_op ] ... [ replay_op ]
 *
 * Every block is filled with a pattern of its own, which is checked when the
 * block is freed or reallocated; a shadow bitmap of the heap's 16-byte granules
 * tells when two live blocks share a byte.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "base/fmt.h"
#include "mm/mm.h"

#define REPLAY_MAGIC UINT64_C(0x31796c7065725f6d) /* "m_reply1" */
#define REPLAY_ID_MAX (UINT32_C(1) << 24)
#define REPLAY_OPS_MAX (UINT64_C(1) << 32)
#define REPLAY_SIZE_MAX (UINT64_C(1) << 40) /* of one block */
#define REPLAY_NAME_MAX 16

/** Where the replay keeps its own books, apart from the heap under test: the
 *  table of live blocks and the shadow of the heap.  A heap stays below. */
#define REPLAY_TABLE_BASE UINT64_C(0x445000000000)
#define REPLAY_SHADOW_BASE UINT64_C(0x445200000000)

/** All fields little-endian, as the processor has them. */
struct replay_header {
    uint64_t magic;
    uint64_t op_count, id_count;
    uint64_t heap_base, heap_size, heap_limit; /* struct mm_config */
    uint32_t immediate;                        /* 1: VMM_IMMEDIATE */
    uint32_t sound_every; /* check soundness every so many ops; 0: at the end */
    uint32_t list_state;  /* 1: print what the digest was taken over */
    uint32_t heap_debug;  /* enum mm_heap_debug */
    char heap_class[REPLAY_NAME_MAX], pmm_class[REPLAY_NAME_MAX];
    /* then op_count times struct replay_op */
};

enum replay_kind {
    REPLAY_ALLOC,
    REPLAY_ZEROED,
    REPLAY_ALIGNED,
    REPLAY_REALLOC,
    REPLAY_FREE,
    REPLAY_KIND_COUNT
};

struct replay_op {
    uint8_t kind;        /* enum replay_kind */
    uint8_t align_shift; /* log2 of the alignment, REPLAY_ALIGNED only */
    uint16_t unused;
    uint32_t id;
    uint64_t size; /* bytes; 0 is possible */
};

/** What the replay knows of a live block. */
struct replay_block {
    vaddr_t at;
    struct layout layout; /* as asked for; align 0: no live block */
    uint64_t seed;        /* of its pattern */
};

struct replay_counts {
    uint64_t done[REPLAY_KIND_COUNT]; /* operations carried out, by kind */
    uint64_t live_bytes, peak_bytes;  /* of the requests */
    uint64_t live_blocks, peak_blocks;
    uint64_t addresses;    /* a hash of every address that the heap gave */
    uint64_t sound_checks; /* of everything, the one at the end included */
};

#define REPLAY_ERROR_MAX 240

struct replay {
    struct mm *mm;
    const struct replay_op *ops;
    uint64_t op_count, id_count;
    uint32_t sound_every;
    bool list_state;

    struct replay_block *blocks; /* by id, at REPLAY_TABLE_BASE */
    uint64_t *shadow;            /* a bit per granule, at REPLAY_SHADOW_BASE */
    uint64_t shadow_size;        /* bytes of it */

    uint64_t frames_before; /* handed out at the start */
    uint64_t tables_before; /* those that came from the boot */
    uint64_t op;      /* the operation under way; operations done so far */
    uint64_t halfway; /* the state digest after half of the operations, the
                         odd one included */
    struct replay_counts counts;
    char error[REPLAY_ERROR_MAX]; /* a sentence; empty while all is well */
};

/**
 * Prepare to replay @ops on @mm, which has frames but no heap yet
 * (mm_init_frames()): first the books get their frames, then the heap may
 * promise what is left (mm_init_heap()).
 * @return false with r->error set when there is no room for either
 */
bool replay_init(struct replay *r, struct mm *mm, const struct replay_op *ops,
                 uint64_t op_count, uint64_t id_count);

/**
 * Carry out all operations, checking every block, with progress on the console.
 * Stops at the first thing that is wrong: after it nothing can be trusted.
 * @return true, or false with r->error set; r->op is the operation (from 0)
 */
bool replay_run(struct replay *r);

/** Print the error, if there is one, and the result lines. */
void replay_report(const struct replay *r);

/** Print what the digest is over, each line after "replay: state @when ". */
void replay_list_state(const struct replay *r, const char *when);

/** Take the heap away and give the frames of the books back; @r->mm is as it
 *  was before replay_init().
 *  @return false, after saying so: it is not, since frames never came back */
bool replay_fini(struct replay *r);

/** The whole job: module in, lines out.  @return whether all went well */
bool replay_module(struct mm *mm, const struct hw_boot *boot);

/** The kernel's main function: replays @boot->module and ends the machine. */
_Noreturn void replay_main(const struct hw_boot *boot);

/* --- pattern.c ---------------------------------------------------------- */

/** Write bytes @from .. @size - 1 of the pattern @seed to the block at @at
 *  (8-aligned).  Bytes of @from's word before it are written again. */
void replay_fill(void *at, uint64_t size, uint64_t seed, uint64_t from);
/** @return the offset of the first byte that is not the pattern's, or @size */
uint64_t replay_check(const void *at, uint64_t size, uint64_t seed);
/** @return the offset of the first byte that is not zero, or @size */
uint64_t replay_check_zero(const void *at, uint64_t size);
/** The byte that the pattern @seed has at @offset. */
uint8_t replay_pattern_byte(uint64_t seed, uint64_t offset);

/* --- books.c ------------------------------------------------------------ */

/** Get the books, and their frames; @return MM_OK or why there is no room. */
enum mm_status replay_books_open(struct replay *r);
void replay_books_close(struct replay *r);
/** Mark the granules of [@at, @at + @size) as taken.
 *  They lie inside the heap.  @return MM_OK, or MM_OVERLAP (nothing marked) */
enum mm_status replay_claim(struct replay *r, vaddr_t at, uint64_t size);
/** The granules of a claimed block are nobody's again. */
void replay_disclaim(struct replay *r, vaddr_t at, uint64_t size);
/** The id of a live block that shares a granule with [@at, @at + @size);
 *  id_count when there is none.  O(ids): for error messages. */
uint64_t replay_who_is_at(const struct replay *r, vaddr_t at, uint64_t size);

/* --- report.c ----------------------------------------------------------- */

/** Print on the machine's console. */
void replay_say(const char *format, ...) MM_PRINTF(1, 2);

#endif
