/**
 * @file script.h
 * What the test scripts of the labs are written with.
 *
 * A script never runs in the student's process.  It asks for calls (pmm_alloc,
 * vmm_map, heap_alloc ...), gets their raw results, looks into the RAM and the
 * page tables by itself, and decides:
 *
 *   SCRIPT(a_frame_is_never_handed_out_twice) {
 *       struct frames frames;
 *
 *       machine_on(t, (struct machine_want){ .ram = 16 * MIB });
 *       frames_of_machine(t, &frames);
 *       must_ok(t, ask_pmm_init(t, "bitmap"));
 *       while (ask_pmm_alloc(t, &f) == MM_OK) {
 *           frames_given(t, &frames, f, 1);
 *       }
 *   }
 *
 * A script that comes to its end has passed; must() and fail() end it at once.
 * Call them with a mistake's id ("P01"), or NULL: the lab's hints file has a
 * paragraph for each id.  One file of scripts ends with a list of them
 * (struct script), which labs/scripts.c names.
 *
 * All memory that a script allocates may be left: its process ends with it.
 */
#ifndef GRADE_SCRIPT_H
#define GRADE_SCRIPT_H

#include "base/status.h"
#include "grade/talk.h"
#include "sim/cpu.h"
#include "vmm/vmm.h"

struct test; /* one script under way: test.h */

struct script {
    const char *name; /* a sentence that is false when it fails */
    void (*run)(struct test *t);
};
#define SCRIPT(name) static void name(struct test *t)
/** For the list at the end of a file: LISTED(name), ..., { NULL, NULL } */
#define LISTED(name)                                                           \
    { #name, name }

/* --- the machine ---------------------------------------------------------
 */

/** All zero: a PC of 16 MiB, LRU. */
struct machine_want {
    uint64_t ram; /* bytes, whole MiB; 0: 16 MiB.  Not asked with a map. */
    const struct memmap_entry *map; /* no more than 256 MiB of RAM in it */
    size_t map_count;
    /** No boot tables, no loader's area: for frames alone, on any map. */
    bool bare;
    struct prange reserved[4]; /* beside the loader's; len 0 ends them */
    unsigned phys_bits;        /* 0: 46 */
    enum tlb_policy tlb;       /* TLB_LRU or TLB_HOSTILE */
};

/** A fresh machine, and a fresh process of the submission on it.  RAM is junk.
 */
void machine_on(struct test *t, struct machine_want want);

/** The same numbers for the same student, test and salt. */
uint64_t draw(struct test *t, uint64_t below);

/* --- calls: ask.c --------------------------------------------------------
 * Each waits for its answer, and returns the status that the call had.  What
 * the submission did to the processor meanwhile (INVLPG, CR3) is done by then.
 */

enum mm_status ask_pmm_init(struct test *t, const char *class_name);
enum mm_status ask_pmm_alloc(struct test *t, uint64_t *f);
/** @align, @below: 0 any */
enum mm_status ask_pmm_alloc_run(struct test *t, uint64_t count, uint64_t align,
                                 uint64_t below, uint64_t *first);
enum mm_status ask_pmm_free(struct test *t, uint64_t f);
enum mm_status ask_pmm_free_run(struct test *t, uint64_t first, uint64_t count);
bool ask_pmm_is_used(struct test *t, uint64_t f);
bool ask_pmm_is_sound(struct test *t);
enum mm_status ask_pmm_keep_books(struct test *t);
struct frame_stats {
    uint64_t total, reserved, allocated, peak, free;
};
struct frame_stats ask_pmm_stats(struct test *t);
/** Refuse a frame after @count more; UINT64_MAX: none. */
void ask_pmm_fail_after(struct test *t, uint64_t count);
/** memmap_usable() and memmap_reserve(): @runs has room for @max (<= 1024).
 *  @return what the call returned; no more than @max are written */
uint64_t ask_memmap_usable(struct test *t, const struct memmap_entry *map,
                           size_t count, struct talk_frames *runs, size_t max);
uint64_t ask_memmap_reserve(struct test *t, struct talk_frames *runs,
                            size_t count, size_t max, struct prange hole);

/** Any other call of talk.h, with its numbers, as ask(t, ASK_VMM_SWITCH, 1).
 *  @return its answer, until the next call */
#define ask(t, what, ...) ask_with((t), (what), (uint64_t[6]){ __VA_ARGS__ })
const struct call *ask_with(struct test *t, enum ask what,
                            const uint64_t in[6]);
/** Many calls in one turn, which is 50 times as fast: queue up to TALK_CALLS,
 *  then have them carried out; answer n is that of the nth call queued. */
#define queue(t, what, ...)                                                    \
    queue_with((t), (what), (uint64_t[6]){ __VA_ARGS__ })
void queue_with(struct test *t, enum ask what, const uint64_t in[6]);
unsigned queued(const struct test *t);
void queue_run(struct test *t);
const struct call *answer(const struct test *t, unsigned n);
/** The blob that some calls fill or read. */
uint8_t *blob(struct test *t);

/** Instructions that the submission executed in the last call, which count_next
 *  was called before: exact and the same each time, for budgets.  It is slow,
 *  a microsecond each, and ends the test at @most.  0: this host can't count;
 *  then nothing was judged. */
void count_next(struct test *t, uint64_t most);
uint64_t counted(const struct test *t);

/* --- the processor, which is the judge's: access.c -----------------------
 * Loads, stores and fetches go through the TLB and the tables in RAM; a page
 * fault asks the submission's vmm_fault(), up to three times for an access.
 */

struct access_result {
    bool done;              /* false: it was refused, as below */
    enum mm_status status;  /* of vmm_fault(), the last time */
    unsigned faults;        /* how many it took */
    struct sim_fault fault; /* the last one */
};
/** @bytes 1 to 8. */
struct access_result load(struct test *t, uint64_t va, unsigned bytes,
                          uint64_t *value);
struct access_result store(struct test *t, uint64_t va, unsigned bytes,
                           uint64_t value);
struct access_result fetch(struct test *t, uint64_t va);
/** From now on at this privilege level; 3: user. */
void set_user(struct test *t, bool user);
/** Don't ask vmm_fault(): a fault is the result. */
void set_handler(struct test *t, bool on);
/** The machine's processor: events, tlb, controls. */
struct sim_cpu *processor(struct test *t);
/** What the tables in RAM say, apart from the TLB. */
struct walk_result tables_say(struct test *t, uint64_t va,
                              enum sim_access access);
/** Uses of a stale translation so far; 0 unless report_stale() was called. */
void report_stale(struct test *t);
uint64_t stale_uses(const struct test *t);

/* --- memory as the judge sees it ----------------------------------------- */

/** The bytes of physical memory, all of it RAM. */
uint8_t *physical(struct test *t, uint64_t pa);
/** The bytes of the heap's window. */
uint8_t *window(struct test *t, uint64_t va);
/** The newest @max events of the last turn. */
unsigned events_of_turn(const struct test *t, const struct talk_event **at);

/* --- frames: an oracle of one byte per frame, frames.c ------------------- */

enum frame_state { FRAME_HOLE, FRAME_RESERVED, FRAME_FREE, FRAME_USED };
struct frames {
    uint8_t *state; /* enum frame_state */
    uint64_t count; /* frames, up to the end of the last RAM */
    uint64_t free;  /* as many as may be handed out */
};
/** What the map of the machine says; the first MiB and reserved ranges are
 *  FRAME_RESERVED. */
void frames_of_machine(struct test *t, struct frames *frames);
/** The submission handed these out: fails unless all were free. */
void frames_given(struct test *t, struct frames *frames, uint64_t first,
                  uint64_t count);
void frames_taken_back(struct test *t, struct frames *frames, uint64_t first,
                       uint64_t count);
/** A picture of the frames around @f, one sign each. */
const char *frames_picture(struct test *t, const struct frames *frames,
                           uint64_t f);

/* --- the verdict ---------------------------------------------------------
 */

/** The test has failed.  @mistake: id of a hint, or NULL */
_Noreturn void fail(struct test *t, const char *mistake, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));
#define must(t, condition, mistake, ...)                                       \
    ((condition) ? (void)0 : fail((t), (mistake), __VA_ARGS__))
/** @status is @want, else the test fails and says so. */
void must_status(struct test *t, const char *mistake, enum mm_status status,
                 enum mm_status want);
#define must_ok(t, status) must_status((t), NULL, (status), MM_OK)
/** More lines for the message, should the test fail from now on. */
void note(struct test *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void note_clear(struct test *t);
/** This much of the test's points is certain from now on, 0 to 99 %. */
void credit(struct test *t, unsigned percent);
/** Not to be judged on this host, and why: no points lost or won. */
_Noreturn void skip(struct test *t, const char *why);

#endif
