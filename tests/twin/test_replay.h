/**
 * @file test_replay.h
 * A replay on a fresh machine, for the suites of replays.
 */
#ifndef TWIN_TEST_REPLAY_H
#define TWIN_TEST_REPLAY_H

#include "replay/replay.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

extern struct replay replay;

/** A fresh machine for a replay with @class, which comes after the books. */
void replay_start(const struct heap_class *class);
/** Replay @count operations on a fresh machine with @class. */
bool replay_all(const struct heap_class *class, const struct replay_op *ops,
                size_t count, uint64_t ids);
void replay_stop(void);

#endif
