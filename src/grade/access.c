/*
 * Accesses of a test: the judge's processor over the RAM that both sides share.
 *
 *   access --> TLB, tables --- fault ---> vmm_fault() of the submission
 *      ^                                        |
 *      '------------- once more ----------------'  three times at most
 */
#include <string.h>

#include "grade/test.h"
#include "sim/walk_story.h"

#define TRIES 4

/** Ask the submission about a fault.  @return try again */
static bool handled(struct test *t, struct access_result *result) {
    const struct sim_fault *fault = &result->fault;

    result->faults++;
    if (!t->handler || fault->vector != 14 || result->faults == TRIES) {
        return false;
    }
    result->status =
        (enum mm_status)ask(t, ASK_VMM_FAULT, 0, fault->address.v, fault->error)
            ->status;
    return result->status == MM_OK;
}

static enum sim_access access_of(const char *what) {
    return strcmp(what, "load") == 0    ? SIM_READ
           : strcmp(what, "store") == 0 ? SIM_WRITE
                                        : SIM_FETCH;
}

/** Where in the notes a story goes. */
struct place {
    char *at, *end;
};

static void put_note(void *ctx, char c) {
    struct place *place = ctx;

    if (place->at + 1 < place->end) {
        *place->at++ = c;
        *place->at = '\0';
    }
}

/** The walk with its entries, decoded, and the one that decided. */
static void tell_walk(struct test *t, const struct walk_result *walked,
                      uint64_t va, enum sim_access access) {
    const struct walk_control control = cpu_control(&t->pc.cpu);
    const struct walk_asked asked = { vaddr(va), access, t->pc.cpu.cpl == 3 };
    struct place place = { t->notes + strlen(t->notes),
                           t->notes + sizeof t->notes };

    walk_tell(walked, &control, asked, NULL, put_note, &place);
}

/** For a report, should there be one: how it faulted, or that the processor
 * went by what the tables said before. */
static void tell(struct test *t, const char *what, uint64_t va,
                 const struct access_result *result) {
    const enum sim_access access = access_of(what);
    struct walk_result now;

    note_clear(t);
    now = tables_say(t, va, access);
    if (result->done && now.reason != WALK_OK) {
        note(t,
             "%s at 0x%lx: the TLB remembers a translation that nobody "
             "flushed; by the tables:\n",
             what, va);
        tell_walk(t, &now, va, access);
    } else if (!result->done) {
        note(t, "%s at 0x%lx: fault %u, error code 0x%x, after %u fault%s%s\n",
             what, va, result->fault.vector, result->fault.error,
             result->faults, result->faults == 1 ? "" : "s",
             result->fault.stale
                 ? ", by a translation that the TLB remembered; the tables "
                   "say otherwise"
                 : ":");
        if (!result->fault.stale) {
            tell_walk(t, &result->fault.walk, va, access);
        }
    }
}

struct access_result load(struct test *t, uint64_t va, unsigned bytes,
                          uint64_t *value) {
    struct access_result result = { .status = MM_OK };

    do {
        result.done =
            cpu_load(&t->pc.cpu, vaddr(va), bytes, value, &result.fault);
    } while (!result.done && handled(t, &result));
    tell(t, "load", va, &result);
    return result;
}

struct access_result store(struct test *t, uint64_t va, unsigned bytes,
                           uint64_t value) {
    struct access_result result = { .status = MM_OK };

    do {
        result.done =
            cpu_store(&t->pc.cpu, vaddr(va), bytes, value, &result.fault);
    } while (!result.done && handled(t, &result));
    tell(t, "store", va, &result);
    return result;
}

struct access_result fetch(struct test *t, uint64_t va) {
    struct access_result result = { .status = MM_OK };
    uint8_t byte;

    do {
        result.done = cpu_fetch(&t->pc.cpu, vaddr(va), &byte, &result.fault);
    } while (!result.done && handled(t, &result));
    tell(t, "fetch", va, &result);
    return result;
}

void set_user(struct test *t, bool user) {
    t->pc.cpu.cpl = user ? 3 : 0;
}

void set_handler(struct test *t, bool on) {
    t->handler = on;
}

struct walk_result tables_say(struct test *t, uint64_t va,
                              enum sim_access access) {
    const struct walk_control control = cpu_control(&t->pc.cpu);

    return walk(&t->pc.ram, &control, vaddr(va), access, t->pc.cpu.cpl == 3);
}

void report_stale(struct test *t) {
    must(t, cpu_report_stale(&t->pc.cpu), NULL,
         "no memory to remember origins");
}

uint64_t stale_uses(const struct test *t) {
    return t->pc.events.counts[SIM_EVENT_STALE];
}
