/**
 * @file walk_story.h
 * A walk told line by line: for people who ask why.
 */
#ifndef SIM_WALK_STORY_H
#define SIM_WALK_STORY_H

#include "base/fmt.h"
#include "sim/walk.h"
#include "sim/writes.h"

/** One access, as it was asked of walk(). */
struct walk_asked {
    vaddr_t va;
    enum sim_access access;
    bool user;
};

/** "not present", "reserved bit" ...; of WALK_OK "allowed". */
const char *walk_reason_name(enum walk_reason reason);
/** "read", "write", "fetch", "update". */
const char *walk_access_name(enum sim_access access);

/** The entry that decided against the access, as an index into steps[];
 *  step_count when none that was read did. */
unsigned walk_deciding_step(const struct walk_result *result);
/** Which of its bits, as "R/W is 0". */
void walk_deciding_bit(const struct walk_result *result, char *text,
                       size_t size);

/**
 * The sentence of walk_explain(); the entries, decoded, the deciding one marked
 * and, where @writes knows, by whom it (or the leaf) was written; of a fault
 * the error code, what it says and what it does not say.
 *
 * @control  what the walk was given
 * @writes   NULL: stores are not recorded
 */
void walk_tell(const struct walk_result *result,
               const struct walk_control *control, struct walk_asked asked,
               const struct table_writes *writes, fmt_sink *sink, void *ctx);

#endif
