/**
 * @file talk.h
 * What a test and the submission say to each other: calls, answers, events.
 *
 *   judge (script, oracle, processor)          subject (the submission)
 *     calls[0..n) ---------- 'g' -------------->  carries them out, in order
 *     events[], status and out[] <-- 'd' -------  and answers
 *
 * struct talk lies in memory that both sides see; a byte on a socket says whose
 * turn it is.  The judge believes nothing of it: the subject may write there
 * what it likes, so all that counts is looked up in RAM or compared with what
 * the judge knows.
 */
#ifndef GRADE_TALK_H
#define GRADE_TALK_H

#include "hw/boot.h"

/** Where the subject has it; descriptors of the subject. */
#define TALK_BASE UINT64_C(0x100000000000)
enum talk_fd { TALK_FD_TURN = 3, TALK_FD_TALK, TALK_FD_RAM, TALK_FD_WINDOW };

/** The heap's memory: a file of so many bytes, shown at MM_HEAP_BASE. */
#define TALK_WINDOW_BASE UINT64_C(0x444444440000)
#define TALK_WINDOW_SIZE (64 * MIB)

#define TALK_CALLS 512
#define TALK_EVENTS 4096
#define TALK_TEXT 4096
#define TALK_BLOB (64 * KIB)
#define TALK_MAP 1024
#define TALK_SPACES 32
#define TALK_HEAPS 4

/** Bytes on the socket. */
enum talk_turn {
    TURN_GO = 'g',     /* judge: carry out calls[] */
    TURN_DONE = 'd',   /* subject: all done */
    TURN_EVENTS = 'e', /* subject: events[] is full; TURN_GO when it was read */
    TURN_PANIC = 'p',  /* subject: hw_panic(); text[] says what */
};

/** in[] -> out[]; numbers unless said otherwise.  A space or a heap is named by
 *  its number, a region by its base. */
enum ask {
    ASK_BOOT, /* map the RAM of boot; forget all that was there */

    /* pmm: memmap.h, pmm.h */
    ASK_MEMMAP_USABLE,  /* entries in blob: count, max -> runs; runs in blob */
    ASK_MEMMAP_RESERVE, /* runs in blob: count, max, base, len -> runs */
    ASK_PMM_INIT,       /* class, by its place in pmm_classes[]; 99: few */
    ASK_PMM_ALLOC,      /* -> frame */
    ASK_PMM_ALLOC_RUN,  /* count, align, below -> first */
    ASK_PMM_FREE,       /* frame */
    ASK_PMM_FREE_RUN,   /* first, count */
    ASK_PMM_IS_USED,    /* frame -> bool */
    ASK_PMM_STATS,      /* -> total, reserved, allocated, peak, free */
    ASK_PMM_IS_SOUND,   /* -> bool */
    ASK_PMM_KEEP_BOOKS, /* */
    ASK_PMM_FAIL,       /* after so many more frames, one is refused; -1 */

    /* vmm: vmm.h.  in[0] is a space, 0 the kernel's. */
    ASK_VMM_ADOPT,         /* */
    ASK_VMM_CREATE,        /* space */
    ASK_VMM_SWITCH,        /* space */
    ASK_VMM_DESTROY,       /* space */
    ASK_VMM_FORK,          /* child, parent */
    ASK_VMM_MAP,           /* space, va, frame, access, level */
    ASK_VMM_MAP_PAGE,      /* space, va, frame, access */
    ASK_VMM_MAP_RANGE,     /* space, va, frame, count, access */
    ASK_VMM_MAP_LARGE,     /* space, va, frame, count, access */
    ASK_VMM_UNMAP,         /* space, va, level -> frame; flushes */
    ASK_VMM_UNMAP_PAGE,    /* space, va -> frame; flushes */
    ASK_VMM_UNMAP_RANGE,   /* space, va, count; flushes */
    ASK_VMM_PROTECT,       /* space, va, access, level; flushes */
    ASK_VMM_PROTECT_RANGE, /* space, va, count, access; flushes */
    ASK_VMM_UPDATE,        /* space, va, frame, access -> frame; flushes */
    ASK_VMM_SPLIT,         /* space, va, level */
    ASK_VMM_MERGE,         /* space, va, level */
    ASK_VMM_TRANSLATE,     /* space, va -> pa, page size, access */
    ASK_VMM_RECLAIM,       /* space, va, len -> tables */
    ASK_VMM_FAULT,         /* space, va, error; sets CR2 */
    ASK_VMM_REGION_ADD, /* space, base, len, access, backing, device or limit */
    ASK_VMM_REGION_EXTEND,  /* space, base, len */
    ASK_VMM_REGION_SPLIT,   /* space, at */
    ASK_VMM_REGION_PROTECT, /* space, base, access */
    ASK_VMM_REGION_REMOVE,  /* space, base */
    ASK_VMM_REGION_FIND,    /* space, base, len of bounds, len, gap -> va */
    ASK_VMM_REGION_AT,      /* space, va -> base, len, access, backing */
    ASK_VMM_COPY_IN,        /* space, from, len -> bytes; in blob */
    ASK_VMM_COPY_OUT,       /* space, to, len -> bytes; from blob */
    ASK_VMM_STATS,          /* space -> maps, unmaps, tables, faults, copies */
    ASK_VMM_IS_SOUND,       /* space -> bool */

    /* heap: heap.h.  in[0] is a heap. */
    ASK_HEAP_INIT,    /* heap, class by its place, base, limit, initial,
                         quantum */
    ASK_HEAP_ALLOC,   /* heap, size, align -> address */
    ASK_HEAP_ZEROED,  /* heap, size, align -> address */
    ASK_HEAP_FREE,    /* heap, address, size, align */
    ASK_HEAP_REALLOC, /* heap, address, size, align, new size -> address */
    ASK_HEAP_STATS, /* heap -> live blocks, live bytes, failures, grown, end */
    ASK_HEAP_WALK,  /* heap -> runs; struct talk_run each in blob */
    ASK_HEAP_IS_SOUND, /* heap -> bool */
    ASK_HEAP_POISON,   /* heap, on */
    ASK_HEAP_FAIL,     /* heap, growths that are granted before one is not */
    ASK_HEAP_ON_NO_MEMORY, /* heap, hook: 0 none, 1 says no, 2 frees in[2..4]
                              and says yes once */
    ASK_COUNT
};

struct call {
    uint32_t ask;   /* enum ask */
    int32_t status; /* enum mm_status, where the call has one */
    uint64_t in[6];
    uint64_t out[6];
};

/** What the subject did meanwhile, oldest first. */
enum talk_event_kind {
    TALK_INVLPG,    /* a: address */
    TALK_CR3,       /* a: root */
    TALK_FLUSH_ALL, /* */
    TALK_KERNEL,    /* + enum event_kind: a, b as in base/events.h */
    TALK_GROW = TALK_KERNEL + EVENT_KIND_COUNT, /* a: heap and end, b: bytes */
    TALK_NO_MEMORY, /* the hook was asked; a: size, b: align */
    TALK_IRQ_ON     /* interrupts are on while the heap asks for memory */
};
struct talk_event {
    uint32_t kind, call; /* the call it came in */
    uint64_t a, b;
};

/** A run of the heap, as heap_walk() tells. */
struct talk_run {
    uint64_t start, bytes, used;
};
/** A run of frames. */
struct talk_frames {
    uint64_t first, count;
};

struct talk {
    uint32_t call_count, event_count, text_len;
    uint32_t now; /* the call that is carried out */
    struct call calls[TALK_CALLS];
    struct talk_event events[TALK_EVENTS];
    char text[TALK_TEXT]; /* console, and what a panic says */
    struct hw_boot boot;  /* its map is below; no ear */
    struct memmap_entry map[TALK_MAP];
    struct prange ram[TALK_MAP]; /* runs to be shown by the direct map */
    uint64_t ram_count;
    union {
        uint8_t blob[TALK_BLOB];
        struct memmap_entry entries[TALK_BLOB / sizeof(struct memmap_entry)];
        struct talk_frames frames[TALK_BLOB / sizeof(struct talk_frames)];
        struct talk_run runs[TALK_BLOB / sizeof(struct talk_run)];
    };
};

#endif
