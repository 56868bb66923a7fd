/*
 * The state digest: one word that says whether two machines did the same.
 *
 *   tables  every present entry that translates the heap's window, in order
 *   frames  the runs of frames that are handed out
 *   blocks  the runs of the heap, free and in use
 *
 * Only what the subsystem decided goes in, and what the processor wrote back
 * (A and D); nothing that belongs to one machine.  doc/digest.md argues each
 * part.  The same enumeration feeds the hash and the listing, so a difference
 * between two digests is a difference between two listings.
 */
#include "base/hash.h"
#include "mm/mm.h"

/** Told of every item, in an order that the state alone decides. */
struct reader {
    vmm_visit *entry;
    void (*frames)(void *ctx, pfn_t first, uint64_t count);
    heap_visit *run;
};

static struct vrange heap_window(const struct mm *mm) {
    return (struct vrange){ mm->config.heap_base, mm->config.heap_limit };
}

/** The runs of allocated frames, ascending; one may cross no managed run. */
static void each_allocated_run(const struct pmm *pmm,
                               const struct reader *reader, void *ctx) {
    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run *managed = &pmm->runs[i];
        uint64_t length = 0; /* of the run that ends before frame k */

        for (uint64_t k = 0; k <= managed->count; k++) {
            if (k < managed->count &&
                pmm_is_used(pmm, pfn_add(managed->first, k))) {
                length++;
            } else if (length > 0) {
                reader->frames(ctx, pfn_add(managed->first, k - length),
                               length);
                length = 0;
            }
        }
    }
}

struct hasher {
    uint64_t tables, frames, blocks;
};

static void hash_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct hasher *to = ctx;

    to->tables = hash_add(hash_add(to->tables, va.v), level);
    to->tables = hash_add(to->tables, entry.v);
}

static void hash_frames(void *ctx, pfn_t first, uint64_t count) {
    struct hasher *to = ctx;

    to->frames = hash_add(hash_add(to->frames, first.v), count);
}

static void hash_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    struct hasher *to = ctx;

    to->blocks = hash_add(hash_add(to->blocks, start.v), bytes);
    to->blocks = hash_add(to->blocks, used);
}

/** Tables come first: reading the heap's runs touches its pages. */
static void enumerate(const struct mm *mm, const struct reader *reader,
                      void *ctx) {
    vmm_walk(&mm->space, heap_window(mm), reader->entry, ctx);
    each_allocated_run(&mm->pmm, reader, ctx);
    heap_walk(&mm->heap, reader->run, ctx);
}

struct mm_digest mm_digest(const struct mm *mm) {
    static const struct reader reader = { hash_entry, hash_frames, hash_run };
    struct hasher to = { HASH_START, HASH_START, HASH_START };
    uint64_t all = HASH_START;

    enumerate(mm, &reader, &to);
    all = hash_add(hash_add(hash_add(all, to.tables), to.frames), to.blocks);
    return (struct mm_digest){ to.tables, to.frames, to.blocks, all };
}

struct printer {
    fmt_sink *sink;
    void *ctx;
};

static void print_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct printer *to = ctx;

    fmt_print(to->sink, to->ctx, "entry 0x%012lx level %u 0x%016lx\n", va.v,
              level, entry.v);
}

static void print_frames(void *ctx, pfn_t first, uint64_t count) {
    struct printer *to = ctx;

    fmt_print(to->sink, to->ctx, "frames 0x%lx count %lu\n", first.v, count);
}

static void print_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    struct printer *to = ctx;

    fmt_print(to->sink, to->ctx, "run 0x%012lx bytes %lu %s\n", start.v, bytes,
              used ? "used" : "free");
}

void mm_digest_print(const struct mm *mm, fmt_sink *sink, void *ctx) {
    static const struct reader reader = { print_entry, print_frames,
                                          print_run };
    struct printer to = { sink, ctx };

    enumerate(mm, &reader, &to);
}
