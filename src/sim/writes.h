/**
 * @file writes.h
 * Who stored what: the newest stores, looked up by the place of an entry.
 *
 *   ring  [ .. ][ at 0x3028: 0x8063 -> 0, by rip 0x4011d6 ][ .. ] newest
 *
 * Answers "who last wrote this table entry?" in reports.  In the functional
 * machine every store through a processor is recorded while this is attached
 * (cpu_record_writes()); in the live machine those to tables
 * (sim_watch_tables()); a change that only shows at the next walk is recorded
 * as made by an unknown writer.  A and D set by a walk are no writes.
 *
 * Old records are overwritten, so the answer may be "not known".
 */
#ifndef SIM_WRITES_H
#define SIM_WRITES_H

#include "hw/paging.h"

#define TABLE_WRITES_DEFAULT 65536
#define TABLE_WRITES_SEEN 4096 /* a power of two */

/** One 8-byte word of memory that a store changed, or stored again. */
struct table_write {
    paddr_t at; /* 8-aligned */
    pte_t before, after;
    unsigned cpu; /* number of the processor */
    uint64_t rip; /* the instruction that stored (live), or the call that did
                     (functional); 0: not known, only seen at a walk */
};

struct table_writes {
    struct table_write *ring;
    size_t capacity;
    uint64_t
        total; /* writes ever; the newest is ring[(total - 1) % capacity] */
    /** Told of every entry that a walk reads; NULL: nobody. */
    void (*on_table)(void *ctx, paddr_t at);
    void *on_table_ctx;
    /** Put the code at @rip into words, for reports; NULL: its number is all.
     */
    void (*name_code)(uint64_t rip, char *text, size_t size);
    /** What walks found last, for changes that nobody was seen to make. */
    struct table_seen {
        uint64_t at; /* + 1; 0: none */
        uint64_t value;
    } seen[TABLE_WRITES_SEEN];
};

/** @capacity  writes to keep, at least 1
 *  @return false when the host has no memory for them */
bool table_writes_init(struct table_writes *writes, size_t capacity);
void table_writes_destroy(struct table_writes *writes);
/** @copy, to be destroyed too, answers as @writes does now, and is told of
 *  nothing more.  @return false when the host has no memory for it */
bool table_writes_copy(struct table_writes *copy,
                       const struct table_writes *writes);

void table_writes_add(struct table_writes *writes, struct table_write write);

/** A walk found @value at @at.  @return true: it is another than the walk
 *  before found there, but for A and D; then a write by nobody known is added,
 *  unless the newest one tells of it */
bool table_writes_notice(struct table_writes *writes, paddr_t at, pte_t value,
                         unsigned cpu);

/** The newest write to the word that holds @at, or NULL: not known.  The
 *  pointer holds until the next write is added.  Cost: up to capacity. */
const struct table_write *table_writes_last(const struct table_writes *writes,
                                            paddr_t at);

#endif
