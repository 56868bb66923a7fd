/*
 * Calls of the frames' floor.
 */
#include <string.h>

#include "grade/subject.h"
#include "pmm/memmap.h"

#define RUNS_IN_BLOB 1024

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/** struct pmm_run and struct talk_frames are the same two numbers. */
static void memmap_calls(struct subject *subject, struct call *call) {
    struct pmm_run *runs = (struct pmm_run *)(void *)subject->talk->frames;
    static struct memmap_entry map[TALK_BLOB / sizeof(struct memmap_entry)];
    const uint64_t count = least(call->in[0], sizeof map / sizeof map[0]);

    if (call->ask == ASK_MEMMAP_RESERVE) {
        call->out[0] =
            memmap_reserve(runs, least(call->in[0], RUNS_IN_BLOB),
                           least(call->in[1], RUNS_IN_BLOB),
                           (struct prange){ paddr(call->in[2]), call->in[3] });
        return;
    }
    memcpy(map, subject->talk->entries, count * sizeof map[0]);
    call->out[0] =
        memmap_usable(map, count, runs, least(call->in[1], RUNS_IN_BLOB));
}

static const struct pmm_class *class_number(uint64_t number) {
    for (uint64_t i = 0; pmm_classes[i] != NULL; i++) {
        if (i == number) {
            return pmm_classes[i];
        }
    }
    return &pmm_bitmap;
}

static enum mm_status init(struct subject *subject, uint64_t class) {
    enum mm_status status =
        pmm_init(&subject->pmm, &subject->talk->boot, class_number(class));

    subject->pmm.events = &subject->events;
    return status;
}

static void stats(const struct pmm *pmm, struct call *call) {
    call->out[0] = pmm->stats.total;
    call->out[1] = pmm->stats.reserved;
    call->out[2] = pmm->stats.allocated;
    call->out[3] = pmm->stats.peak;
    call->out[4] = pmm_free_count(pmm);
}

static void answer_questions(struct subject *subject, struct call *call) {
    switch (call->ask) {
    case ASK_PMM_IS_USED:
        call->out[0] = pmm_is_used(&subject->pmm, pfn(call->in[0]));
        break;
    case ASK_PMM_STATS:
        stats(&subject->pmm, call);
        break;
    case ASK_PMM_IS_SOUND:
        call->out[0] = pmm_is_sound(&subject->pmm);
        break;
    case ASK_PMM_KEEP_BOOKS:
        call->status = (int32_t)pmm_keep_books(&subject->pmm);
        break;
    case ASK_PMM_FAIL:
        subject->frames_left = call->in[0];
        break;
    default:
        memmap_calls(subject, call);
        break;
    }
}

bool subject_pmm(struct subject *subject, struct call *call) {
    struct pmm *pmm = &subject->pmm;
    const uint64_t *in = call->in;
    pfn_t f = pfn(UINT64_MAX); /* as it was when the call fails */
    enum mm_status status;

    switch (call->ask) {
    case ASK_PMM_INIT:
        status = init(subject, in[0]);
        break;
    case ASK_PMM_ALLOC:
        status = pmm_alloc(pmm, &f);
        break;
    case ASK_PMM_ALLOC_RUN:
        status = pmm_alloc_run(pmm,
                               (struct pmm_want){ .count = in[0],
                                                  .align = in[1],
                                                  .below = pfn(in[2]) },
                               &f);
        break;
    case ASK_PMM_FREE:
        status = pmm_free(pmm, pfn(in[0]));
        break;
    case ASK_PMM_FREE_RUN:
        status = pmm_free_run(pmm, pfn(in[0]), in[1]);
        break;
    default:
        if (call->ask < ASK_MEMMAP_USABLE || call->ask > ASK_PMM_FAIL) {
            return false;
        }
        answer_questions(subject, call);
        return true;
    }
    call->status = (int32_t)status;
    call->out[0] = f.v;
    return true;
}
