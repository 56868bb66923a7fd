/*
 * Calls of the bytes' floor.  The heap's memory is a file that the judge reads,
 * too, and nothing is there before the heap has asked for it.
 */
#include "grade/subject.h"

static struct subject_heap *heap_number(struct subject *subject, uint64_t n) {
    return &subject->heaps[n % TALK_HEAPS];
}

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    struct subject_heap *h = ctx;

    if (subject_now->irqs_on) {
        subject_post(subject_now, TALK_IRQ_ON, end.v, bytes);
    }
    if (h->grants != UINT64_MAX && h->grants-- == 0) {
        h->grants = 0;
        return MM_NO_MEMORY;
    }
    if (!subject_now->show(end.v, bytes, TALK_FD_WINDOW,
                           end.v - TALK_WINDOW_BASE)) {
        return MM_NO_MEMORY;
    }
    subject_post(subject_now, TALK_GROW, end.v, bytes);
    return MM_OK;
}

static bool on_no_memory(struct heap *heap, struct layout want, void *ctx) {
    struct subject_heap *h = ctx;

    subject_post(subject_now, TALK_NO_MEMORY, want.size, want.align);
    if (h->hook != 2) {
        return false;
    }
    h->hook = 1;
    return heap_free(heap, pointer_of(vaddr(h->spare[0])),
                     (struct layout){ h->spare[1], h->spare[2] }) == MM_OK;
}

static const struct heap_class *class_number(uint64_t number) {
    for (uint64_t i = 0; heap_classes[i] != NULL; i++) {
        if (i == number) {
            return heap_classes[i];
        }
    }
    return &heap_list;
}

static enum mm_status init(struct subject *subject, struct subject_heap *h,
                           const uint64_t *in) {
    enum mm_status status;

    h->number = (unsigned)in[0];
    h->grants = UINT64_MAX;
    status = heap_init(&h->heap, class_number(in[1]),
                       (struct vrange){ vaddr(in[2]), in[3] }, in[4],
                       (struct heap_source){ extend, h }, &subject->events);
    if (in[5] != 0) {
        h->heap.quantum = in[5];
    }
    return status;
}

struct runs {
    struct talk_run *at;
    uint64_t count, max;
};

static void note_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    struct runs *runs = ctx;

    if (runs->count < runs->max) {
        runs->at[runs->count] = (struct talk_run){ start.v, bytes, used };
    }
    runs->count++;
}

static uint64_t walk_heap(struct subject *subject, const struct heap *heap) {
    struct runs runs = { subject->talk->runs, 0,
                         TALK_BLOB / sizeof(struct talk_run) };

    heap_walk(heap, note_run, &runs);
    return runs.count;
}

static void tell_stats(const struct heap *heap, struct call *call) {
    const struct heap_stats stats = heap_stats(heap);

    call->out[0] = stats.live_blocks;
    call->out[1] = stats.live_bytes;
    call->out[2] = stats.failures;
    call->out[3] = stats.grown;
    call->out[4] = heap->end.v;
}

static void set_hook(struct subject_heap *h, const uint64_t *in) {
    h->hook = (unsigned)in[1];
    for (unsigned i = 0; i < 3; i++) {
        h->spare[i] = in[2 + i];
    }
    h->heap.on_no_memory = in[1] != 0 ? on_no_memory : NULL;
    h->heap.on_no_memory_ctx = h;
}

static void blocks(struct heap *heap, struct call *call) {
    const uint64_t *in = call->in;
    void *p = NULL;

    switch (call->ask) {
    case ASK_HEAP_ALLOC:
        p = heap_alloc(heap, (struct layout){ in[1], in[2] });
        break;
    case ASK_HEAP_ZEROED:
        p = heap_alloc_zeroed(heap, (struct layout){ in[1], in[2] });
        break;
    case ASK_HEAP_REALLOC:
        p = heap_realloc(heap, pointer_of(vaddr(in[1])),
                         (struct layout){ in[2], in[3] }, in[4]);
        break;
    default:
        call->status = (int32_t)heap_free(heap, pointer_of(vaddr(in[1])),
                                          (struct layout){ in[2], in[3] });
        break;
    }
    call->out[0] = vaddr_of_pointer(p).v;
}

bool subject_heap(struct subject *subject, struct call *call) {
    struct subject_heap *h = heap_number(subject, call->in[0]);

    switch (call->ask) {
    case ASK_HEAP_INIT:
        call->status = (int32_t)init(subject, h, call->in);
        return true;
    case ASK_HEAP_ALLOC:
    case ASK_HEAP_ZEROED:
    case ASK_HEAP_FREE:
    case ASK_HEAP_REALLOC:
        blocks(&h->heap, call);
        return true;
    case ASK_HEAP_STATS:
        tell_stats(&h->heap, call);
        return true;
    case ASK_HEAP_WALK:
        call->out[0] = walk_heap(subject, &h->heap);
        return true;
    case ASK_HEAP_IS_SOUND:
        call->out[0] = heap_is_sound(&h->heap);
        return true;
    case ASK_HEAP_POISON:
        heap_set_poison(&h->heap, call->in[1] != 0);
        return true;
    case ASK_HEAP_FAIL:
        h->grants = call->in[1];
        return true;
    case ASK_HEAP_ON_NO_MEMORY:
        set_hook(h, call->in);
        return true;
    default:
        return false;
    }
}
