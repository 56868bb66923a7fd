/**
 * @file schedule.h
 * Who goes next: the order in which several processors act.
 *
 *   enabled   { 0, 1, 1! }  --> schedule_pick() -->  1!
 *   taken     0 0 1 0 1!                             the run so far
 *
 * A choice is the number of a processor; with SCHEDULE_INTERRUPT (printed "!")
 * it takes a pending interrupt instead of its next step.  Nothing else decides,
 * so equal schedules give equal runs, and what a run took is a list that
 * repeats it.
 *
 *   SCHEDULE_TURNS   one after the other, interrupts first
 *   SCHEDULE_LIST    as listed, then by turns
 *   SCHEDULE_SEEDED  any, by a seed
 *   SCHEDULE_ALL     every one, run by run: depth first over the choices
 */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_CPUS_MAX 8
#define SCHEDULE_INTERRUPT 0x80
#define SCHEDULE_NONE 0xff  /* no choice */
#define SCHEDULE_MAX 65536u /* choices that are recorded */

enum schedule_kind {
    SCHEDULE_TURNS,
    SCHEDULE_LIST,
    SCHEDULE_SEEDED,
    SCHEDULE_ALL
};

struct schedule {
    enum schedule_kind kind;
    uint64_t seed;       /* SCHEDULE_SEEDED */
    const uint8_t *list; /* SCHEDULE_LIST */
    size_t list_count;
    uint64_t limit; /* choices of one run; 0: SCHEDULE_MAX, which is also the
                       most for SCHEDULE_ALL */

    uint64_t random; /* since schedule_start() */
    uint64_t count;  /* choices of this run, oldest first ... */
    uint8_t last;    /* of them */
    uint8_t taken[SCHEDULE_MAX];
    /* ... and for SCHEDULE_ALL which of how many each was. */
    uint8_t which[SCHEDULE_MAX], options[SCHEDULE_MAX];
    uint64_t planned; /* choices that the next run repeats */
};

/** The first run begins.  The rest of @schedule need not be set. */
void schedule_start(struct schedule *schedule);

/**
 * Choose one of @count > 0 actions, in ascending order without
 * SCHEDULE_INTERRUPT, each at most once, and add it to the record.
 *
 * @return SCHEDULE_NONE: the list names one that is not @enabled, or the run
 *         is at its limit; nothing changed
 */
uint8_t schedule_pick(struct schedule *schedule, const uint8_t *enabled,
                      unsigned count);

/** The run is over: begin the next.  SCHEDULE_ALL: one that was not there yet,
 *  the same up to some choice; else the same again, SCHEDULE_SEEDED another.
 *  @return false: SCHEDULE_ALL has had every one */
bool schedule_next(struct schedule *schedule);

/** "0 0 1! 0": what the run took.  @size > 0; a longer text is cut. */
void schedule_text(const struct schedule *schedule, char *text, size_t size);

#endif
