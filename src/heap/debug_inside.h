/**
 * @file debug_inside.h
 * Between the files of the debug mode, and heap.c; nobody else includes it.
 */
#ifndef HEAP_DEBUG_INSIDE_H
#define HEAP_DEBUG_INSIDE_H

#include "heap/debug.h"
#include "heap/inside.h"

/** The ways of a heap with the mode on. */
extern const struct heap_ways heap_debug_ways;

/** Give all that is kept back to the class.  @return was there any? */
bool heap_debug_drop(struct heap *heap);
/** heap_release(): the blocks are gone, whoever had them. */
void heap_debug_forget(struct heap_debug *debug);

/* --- debug_records.c: with the debug lock held ---------------------------- */

/** A record, of nothing yet; NULL: no memory for one. */
struct heap_record *record_new(struct heap_debug *debug);
void record_recycle(struct heap_debug *debug, struct heap_record *record);
void record_insert(struct heap_debug *debug, struct heap_record *record);
void record_remove(struct heap_debug *debug, struct heap_record *record);
static inline void record_copy(struct heap_record *to,
                               const struct heap_record *from) {
    bytes_copy(to, from, sizeof(*to));
}
/** The record whose block holds @va, zones and guards included; or NULL. */
struct heap_record *record_at(const struct heap_debug *debug, uint64_t va);
/** The lowest record that starts at @va or above; or NULL. */
struct heap_record *record_from(const struct heap_debug *debug, uint64_t va);

/* --- debug_zones.c -------------------------------------------------------- */

/** What to ask the class for.  Sets bytes, and low, high and at of @record as
 *  seen from the start of its block. */
struct heap_ask zones_ask(const struct heap_debug *debug, struct layout asked,
                          struct heap_record *record);
/** Fill zones and block of a record whose addresses are known. */
void zones_fill(const struct heap_record *record);
/** Fill the block with HEAP_FREED_BYTE. */
void zones_fill_freed(const struct heap_record *record);

/** A part of a block that must be all one byte. */
struct zone {
    uint64_t at, bytes;
    uint8_t byte;
    enum heap_misuse misuse; /* if it is not */
};
struct zone zone_in_front(const struct heap_record *record);
struct zone zone_behind(const struct heap_record *record);
struct zone zone_freed(const struct heap_record *record);
/** @return false, with first, changed, seen and expected of @report set */
bool zone_is_intact(struct zone zone, struct heap_report *report);

/* --- debug_report.c ------------------------------------------------------- */

/** What is the same in all reports of one call. */
struct asking {
    struct heap_debug *debug;
    struct heap_caller by;
    uint64_t pointer;
};

/** Tell @report, of @block if it is not NULL.  No lock is held. */
void report_misuse(const struct asking *asking, enum heap_misuse misuse,
                   struct heap_report *report);
/** Look at the zones of a live block, or at the bytes of one kept back; tell
 *  what is wrong.  @block is a copy.  @return how many reports */
unsigned report_zones(const struct asking *asking,
                      const struct heap_record *block);

/* --- debug_kept.c --------------------------------------------------------- */

/** Keep the block of @record, which is filled, back. */
void kept_push(struct heap_debug *debug, struct heap_record *record);
/** Give what is kept back to the class, oldest first, until no more than @most
 *  bytes are.  @return was there any? */
bool kept_drop(const struct asking *asking, uint64_t most);

#endif
