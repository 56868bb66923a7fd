/*
 * The three replays of heaps, or of libraries: contender.c defines KIND(what)
 * and what a call is, and includes this twice.
 */
#define REPLAY KIND(replay)
#define BEFORE(i, op) (void)0
#define AFTER(i) (void)0
#define TOUCH(p, size) touch_ends(p, size)
#include "memtwin/contender_loop.h"
#undef REPLAY
#undef BEFORE
#undef AFTER

#define REPLAY KIND(clock)
#define BEFORE(i, op) clock_start = cycles_now()
#define AFTER(i) clocks[i] = (uint32_t)(cycles_now() - clock_start)
#include "memtwin/contender_loop.h"
#undef REPLAY
#undef BEFORE
#undef AFTER
#undef TOUCH

#define REPLAY KIND(watch)
#define BEFORE(i, op) look(w, i, op)
#define AFTER(i) (void)0
#define TOUCH(p, size) touch_pages(p, size)
#include "memtwin/contender_loop.h"
#undef REPLAY
#undef BEFORE
#undef AFTER
#undef TOUCH
