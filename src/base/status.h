/**
 * @file status.h
 * What a call says back.  A wrong request is a status, never a crash; after
 * any status but MM_OK the state is as it was before the call.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define MM_MUST_CHECK __attribute__((warn_unused_result))
/** Seldom called: kept out of line, so that its callers stay short. */
#define MM_COLD __attribute__((noinline, cold))
/** Kept out of its caller, which is short and often called. */
#define MM_NOINLINE __attribute__((noinline))

enum mm_status {
    MM_OK,
    MM_NO_MEMORY,      /* no frame, no region slot or no room in the window */
    MM_NOT_CANONICAL,  /* bits 63:47 of the address are not all equal */
    MM_NOT_ALIGNED,    /* the address is not a multiple of the page size */
    MM_BAD_RANGE,      /* the range wraps, or leaves what it must stay in */
    MM_BAD_ARGUMENT,   /* a flag, size or alignment that means nothing */
    MM_ALREADY_MAPPED, /* the page shows a frame already */
    MM_NOT_MAPPED,     /* the page shows no frame */
    MM_HUGE_PAGE,      /* a 2 MiB or 1 GiB leaf stands where a table is due */
    MM_SMALL_PAGES,    /* a table stands where a large leaf is due */
    MM_OVERLAP,        /* the range touches one that exists */
    MM_NOT_ALLOCATED,  /* the frame or block is not in use: freed twice? */
    MM_NOT_MANAGED,    /* the frame or block was never ours to free */
    MM_NO_REGION,      /* no region holds the address */
    MM_REFUSED,        /* the region's policy forbids the access */
    MM_BAD_MAP,        /* the memory map leaves nothing to run on */
    MM_STATUS_COUNT
};

/** The name of a status, as "MM_NO_MEMORY"; "MM_?" for a value not listed. */
const char *mm_status_name(enum mm_status status);

#endif
