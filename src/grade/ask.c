/*
 * The calls that scripts make, and in words.
 *
 * One row per call says how it reads in a failure message; the letters stand
 * for in[], and behind the '>' for out[]:
 *
 *   f  frame     a  address     n  number     s  (first) the status
 */
#include <string.h>

#include "grade/test.h"

static const struct {
    const char *name, *shape;
} rows[ASK_COUNT] = {
    [ASK_BOOT] = { "boot", ">s" },
    [ASK_MEMMAP_USABLE] = { "memmap_usable", "nn>n" },
    [ASK_MEMMAP_RESERVE] = { "memmap_reserve", "nnaa>n" },
    [ASK_PMM_INIT] = { "pmm_init", "n>s" },
    [ASK_PMM_ALLOC] = { "pmm_alloc", ">sf" },
    [ASK_PMM_ALLOC_RUN] = { "pmm_alloc_run", "nnf>sf" },
    [ASK_PMM_FREE] = { "pmm_free", "f>s" },
    [ASK_PMM_FREE_RUN] = { "pmm_free_run", "fn>s" },
    [ASK_PMM_IS_USED] = { "pmm_is_used", "f>n" },
    [ASK_PMM_STATS] = { "pmm_stats", ">nnnnn" },
    [ASK_PMM_IS_SOUND] = { "pmm_is_sound", ">n" },
    [ASK_PMM_KEEP_BOOKS] = { "pmm_keep_books", ">s" },
    [ASK_PMM_FAIL] = { "(no more frames after)", "n>" },
    [ASK_VMM_ADOPT] = { "vmm_space_adopt", "n>" },
    [ASK_VMM_CREATE] = { "vmm_space_create", "n>s" },
    [ASK_VMM_SWITCH] = { "vmm_space_switch", "n>" },
    [ASK_VMM_DESTROY] = { "vmm_space_destroy", "n>s" },
    [ASK_VMM_FORK] = { "vmm_space_fork", "nn>s" },
    [ASK_VMM_MAP] = { "vmm_map_leaf", "nafnn>s" },
    [ASK_VMM_MAP_PAGE] = { "vmm_map", "nafn>s" },
    [ASK_VMM_MAP_RANGE] = { "vmm_map_range", "nafnn>s" },
    [ASK_VMM_MAP_LARGE] = { "vmm_map_large", "nafnn>s" },
    [ASK_VMM_UNMAP] = { "vmm_unmap_leaf", "nan>sf" },
    [ASK_VMM_UNMAP_PAGE] = { "vmm_unmap", "na>sf" },
    [ASK_VMM_UNMAP_RANGE] = { "vmm_unmap_range", "nan>s" },
    [ASK_VMM_PROTECT] = { "vmm_protect_leaf", "nann>s" },
    [ASK_VMM_PROTECT_RANGE] = { "vmm_protect_range", "nann>s" },
    [ASK_VMM_UPDATE] = { "vmm_update", "nafn>sf" },
    [ASK_VMM_SPLIT] = { "vmm_split", "nan>s" },
    [ASK_VMM_MERGE] = { "vmm_merge", "nan>s" },
    [ASK_VMM_TRANSLATE] = { "vmm_translate", "na>sann" },
    [ASK_VMM_RECLAIM] = { "vmm_reclaim_tables", "naa>n" },
    [ASK_VMM_FAULT] = { "vmm_fault", "nan>s" },
    [ASK_VMM_REGION_ADD] = { "vmm_region_add", "naannn>s" },
    [ASK_VMM_REGION_EXTEND] = { "vmm_region_extend", "naa>s" },
    [ASK_VMM_REGION_SPLIT] = { "vmm_region_split", "na>s" },
    [ASK_VMM_REGION_PROTECT] = { "vmm_region_protect", "nan>s" },
    [ASK_VMM_REGION_REMOVE] = { "vmm_region_remove", "na>s" },
    [ASK_VMM_REGION_FIND] = { "vmm_region_find", "naaaa>sa" },
    [ASK_VMM_REGION_AT] = { "vmm_region_at", "na>saann" },
    [ASK_VMM_COPY_IN] = { "vmm_copy_in", "nan>sn" },
    [ASK_VMM_COPY_OUT] = { "vmm_copy_out", "nan>sn" },
    [ASK_VMM_STATS] = { "vmm_stats", "n>" },
    [ASK_VMM_IS_SOUND] = { "vmm_all_are_sound", "n>n" },
    [ASK_HEAP_INIT] = { "heap_init", "nnaann>s" },
    [ASK_HEAP_ALLOC] = { "heap_alloc", "nnn>a" },
    [ASK_HEAP_ZEROED] = { "heap_alloc_zeroed", "nnn>a" },
    [ASK_HEAP_FREE] = { "heap_free", "nann>s" },
    [ASK_HEAP_REALLOC] = { "heap_realloc", "nannn>a" },
    [ASK_HEAP_STATS] = { "heap_stats", "n>nnnn" },
    [ASK_HEAP_WALK] = { "heap_walk", "n>n" },
    [ASK_HEAP_IS_SOUND] = { "heap_is_sound", "n>n" },
    [ASK_HEAP_POISON] = { "heap_set_poison", "nn>" },
    [ASK_HEAP_FAIL] = { "(no growth after)", "nn>" },
    [ASK_HEAP_ON_NO_MEMORY] = { "(heap.on_no_memory is)", "nn>" },
};

static int put_number(char *text, size_t size, char shape, uint64_t v) {
    switch (shape) {
    case 'f':
        return v == UINT64_MAX ? snprintf(text, size, "no frame")
                               : snprintf(text, size, "frame 0x%lx", v);
    case 'a':
        return snprintf(text, size, "0x%lx", v);
    default:
        return snprintf(text, size, "%lu", v);
    }
}

void call_text(const struct call *call, char *text, size_t size) {
    const char *shape = call->ask < ASK_COUNT ? rows[call->ask].shape : ">";
    const char *between = "";
    FILE *out = fmemopen(text, size, "w");
    char number[40];
    unsigned n;

    if (out == NULL) {
        return;
    }
    fprintf(out, "%s(", call->ask < ASK_COUNT ? rows[call->ask].name : "?");
    for (n = 0; *shape != '>'; shape++, n++) {
        put_number(number, sizeof number, *shape, call->in[n]);
        fprintf(out, "%s%s", between, number);
        between = ", ";
    }
    fputs(")", out);
    between = " -> ";
    for (n = 0, shape++; *shape != '\0'; shape++) {
        if (*shape == 's') {
            fprintf(out, "%s%s", between,
                    mm_status_name((enum mm_status)call->status));
        } else {
            put_number(number, sizeof number, *shape, call->out[n++]);
            fprintf(out, "%s%s", between, number);
        }
        between = ", ";
    }
    fclose(out);
}

/* --- queue and answer ---------------------------------------------------- */

void queue_with(struct test *t, enum ask what, const uint64_t in[6]) {
    struct call *call;

    if (!t->is_on) {
        fail(t, NULL, "the script asks before machine_on()");
    }
    if (t->queued == TALK_CALLS) {
        queue_run(t);
    }
    call = &t->answers[t->queued];
    *call = (struct call){ .ask = what };
    memcpy(call->in, in, sizeof call->in);
    t->talk->calls[t->queued++] = *call;
}

unsigned queued(const struct test *t) {
    return t->queued;
}

void queue_run(struct test *t) {
    test_turn(t);
}

const struct call *answer(const struct test *t, unsigned n) {
    return &t->answers[n % TALK_CALLS];
}

const struct call *ask_with(struct test *t, enum ask what,
                            const uint64_t in[6]) {
    queue_with(t, what, in);
    queue_run(t);
    return &t->answers[0];
}

uint8_t *blob(struct test *t) {
    return t->talk->blob;
}

/* --- frames -------------------------------------------------------------- */

static enum mm_status status_of(const struct call *call) {
    return (enum mm_status)call->status;
}

enum mm_status ask_pmm_init(struct test *t, const char *class_name) {
    static const char *const names[] = { "areas", "bitmap", "bump", "stack",
                                         "buddy" };
    uint64_t n = 0;

    while (n < sizeof names / sizeof names[0] &&
           strcmp(names[n], class_name) != 0) {
        n++;
    }
    return status_of(ask(t, ASK_PMM_INIT, n));
}

enum mm_status ask_pmm_alloc(struct test *t, uint64_t *f) {
    const struct call *call = ask(t, ASK_PMM_ALLOC);

    *f = call->out[0];
    return status_of(call);
}

enum mm_status ask_pmm_alloc_run(struct test *t, uint64_t count, uint64_t align,
                                 uint64_t below, uint64_t *first) {
    const struct call *call = ask(t, ASK_PMM_ALLOC_RUN, count, align, below);

    *first = call->out[0];
    return status_of(call);
}

enum mm_status ask_pmm_free(struct test *t, uint64_t f) {
    return status_of(ask(t, ASK_PMM_FREE, f));
}

enum mm_status ask_pmm_free_run(struct test *t, uint64_t first,
                                uint64_t count) {
    return status_of(ask(t, ASK_PMM_FREE_RUN, first, count));
}

bool ask_pmm_is_used(struct test *t, uint64_t f) {
    return ask(t, ASK_PMM_IS_USED, f)->out[0] != 0;
}

bool ask_pmm_is_sound(struct test *t) {
    return ask(t, ASK_PMM_IS_SOUND)->out[0] != 0;
}

enum mm_status ask_pmm_keep_books(struct test *t) {
    return status_of(ask(t, ASK_PMM_KEEP_BOOKS));
}

struct frame_stats ask_pmm_stats(struct test *t) {
    const struct call *call = ask(t, ASK_PMM_STATS);

    return (struct frame_stats){ call->out[0], call->out[1], call->out[2],
                                 call->out[3], call->out[4] };
}

void ask_pmm_fail_after(struct test *t, uint64_t count) {
    ask(t, ASK_PMM_FAIL, count);
}

static uint64_t copy_runs(struct test *t, const struct call *call,
                          struct talk_frames *runs, size_t max) {
    const uint64_t count = call->out[0];

    memcpy(runs, t->talk->frames,
           (count < max ? (size_t)count : max) * sizeof *runs);
    return count;
}

uint64_t ask_memmap_usable(struct test *t, const struct memmap_entry *map,
                           size_t count, struct talk_frames *runs, size_t max) {
    memcpy(t->talk->entries, map, count * sizeof *map);
    return copy_runs(t, ask(t, ASK_MEMMAP_USABLE, count, max), runs, max);
}

uint64_t ask_memmap_reserve(struct test *t, struct talk_frames *runs,
                            size_t count, size_t max, struct prange hole) {
    memcpy(t->talk->frames, runs, count * sizeof *runs);
    return copy_runs(
        t, ask(t, ASK_MEMMAP_RESERVE, count, max, hole.base.v, hole.len), runs,
        max);
}
