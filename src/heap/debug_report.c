/*
 * What the debug mode found, as a paragraph:
 *
 *   heap: overflow, found by kfree() in drop() at list.c:40
 *     1 byte was written behind the block: the byte at 0x444444440074, offset
 *     100, is 0x00 and was 0xfd.
 *     The block: 100 bytes at 0x444444440010, aligned to 16, allocation 7.
 *     Allocated in make() at list.c:12.
 *
 * Offsets count from the first byte that the caller may use.
 */
#include "heap/debug_inside.h"

typedef unsigned long ulong_t; /* what %lx takes */

struct printer {
    fmt_sink *sink;
    void *ctx;
};

#define PRINT(out, ...) fmt_print((out)->sink, (out)->ctx, __VA_ARGS__)

const char *heap_misuse_name(enum heap_misuse misuse) {
    static const char *const names[HEAP_MISUSES] = {
        [HEAP_FREED_TWICE] = "freed twice",
        [HEAP_NEVER_GIVEN] = "never allocated",
        [HEAP_OUTSIDE] = "not of this heap",
        [HEAP_INTERIOR] = "not the start of a block",
        [HEAP_WRONG_OWNER] = "not the owner",
        [HEAP_WRONG_LAYOUT] = "wrong size or alignment",
        [HEAP_OVERFLOW] = "overflow",
        [HEAP_UNDERFLOW] = "underflow",
        [HEAP_USED_AFTER_FREE] = "written after it was freed",
        [HEAP_LEAKED] = "leaked",
        [HEAP_UNREACHABLE] = "unreachable",
        [HEAP_DAMAGED] = "damaged",
    };

    return (unsigned)misuse < HEAP_MISUSES ? names[misuse] : "?";
}

/** The path says which machine compiled it, the name which file it is. */
static const char *base_name(const char *path) {
    const char *name = path;

    for (; *path != '\0'; path++) {
        if (*path == '/') {
            name = path + 1;
        }
    }
    return name;
}

static void print_site(const struct printer *out,
                       const struct heap_site *site) {
    if (site == NULL) {
        PRINT(out, "a place that was not told");
    } else {
        PRINT(out, "%s() at %s:%u", site->function, base_name(site->file),
              site->line);
    }
}

static const char *owner_name(const struct heap_owner *owner) {
    return owner == NULL ? "heap_alloc" : owner->name;
}

static const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

static void print_block(const struct printer *out,
                        const struct heap_record *block) {
    PRINT(out,
          "  The block: %zu byte%s at 0x%lx, aligned to %zu, allocation %lu.\n"
          "  Allocated in ",
          block->asked.size, plural(block->asked.size), (ulong_t)block->at,
          block->asked.align, (ulong_t)block->number);
    print_site(out, block->allocated);
    if (block->is_free) {
        PRINT(out, ", freed in ");
        print_site(out, block->freed);
    }
    PRINT(out, ".\n");
}

/** Where @va is, seen from the block: for pointers and for addresses that
 *  faulted. */
static void print_offset(const struct printer *out,
                         const struct heap_record *block, uint64_t va) {
    const uint64_t end = block->at + block->asked.size;

    if (va < block->at) {
        PRINT(out, "%lu byte%s in front of", (ulong_t)(block->at - va),
              plural(block->at - va));
    } else if (va >= end) {
        PRINT(out, "%lu byte%s behind the end of", (ulong_t)(va - end),
              plural(va - end));
    } else {
        PRINT(out, "at offset %lu in", (ulong_t)(va - block->at));
    }
}

/** "N bytes were written WHERE: the first, at ..." */
static void print_written(const struct printer *out,
                          const struct heap_report *report, const char *where) {
    PRINT(out,
          "  %lu byte%s %s written %s: the %s at 0x%lx, offset %ld, is 0x%02x "
          "and was 0x%02x.\n",
          (ulong_t)report->changed, plural(report->changed),
          report->changed == 1 ? "was" : "were", where,
          report->changed == 1 ? "byte" : "first", (ulong_t)report->first,
          (long)(report->first - report->block.at), report->seen,
          report->expected);
}

static void print_story(const struct printer *out,
                        const struct heap_report *report) {
    const ulong_t p = (ulong_t)report->pointer;

    switch (report->misuse) {
    case HEAP_FREED_TWICE:
        PRINT(out, "  0x%lx was freed before; nobody may use it.\n", p);
        break;
    case HEAP_NEVER_GIVEN:
        PRINT(out,
              "  0x%lx is in the heap, but no block is known there: never\n"
              "  allocated, or freed long ago.\n",
              p);
        break;
    case HEAP_OUTSIDE:
        PRINT(out, "  0x%lx is not in this heap, which is 0x%lx .. 0x%lx.\n", p,
              (ulong_t)report->heap.base.v,
              (ulong_t)(report->heap.base.v + report->heap.len - 1));
        break;
    case HEAP_INTERIOR:
        PRINT(out, "  0x%lx is ", p);
        print_offset(out, &report->block, report->pointer);
        PRINT(out, " a block%s.\n",
              report->block.is_free ? " that was freed" : "");
        break;
    case HEAP_WRONG_OWNER:
        PRINT(out, "  0x%lx is a block of %s; %s() takes blocks of %s.\n", p,
              owner_name(report->block.owner), report->call,
              owner_name(report->owner));
        break;
    case HEAP_WRONG_LAYOUT:
        PRINT(out, "  0x%lx is given back as %zu byte%s aligned to %zu.\n", p,
              report->given.size, plural(report->given.size),
              report->given.align);
        break;
    case HEAP_OVERFLOW:
        print_written(out, report, "behind the block");
        break;
    case HEAP_UNDERFLOW:
        print_written(out, report, "in front of the block");
        break;
    case HEAP_USED_AFTER_FREE:
        print_written(out, report, "into the block after it was freed");
        break;
    case HEAP_DAMAGED:
        PRINT(out,
              "  The heap's own books don't agree: they were right after the "
              "call before, so\n  something wrote there since.\n");
        break;
    case HEAP_LEAKED:
        PRINT(out, "  The block was never freed.\n");
        break;
    default:
        PRINT(out, "  No pointer to the block is left: nobody can free it.\n");
        break;
    }
}

void heap_report_print(const struct heap_report *report, fmt_sink *sink,
                       void *ctx) {
    const struct printer out = { sink, ctx };

    PRINT(&out, "heap: %s, found by %s() in ", heap_misuse_name(report->misuse),
          report->call);
    print_site(&out, report->site);
    PRINT(&out, "\n");
    print_story(&out, report);
    if (report->has_block) {
        print_block(&out, &report->block);
    }
}

void heap_debug_explain(const struct heap *heap, vaddr_t va, fmt_sink *sink,
                        void *ctx) {
    const struct printer out = { sink, ctx };
    const struct heap_debug *debug = heap->debug;
    const struct heap_record *block =
        debug == NULL ? NULL : record_at(debug, va.v);

    if (block == NULL) {
        return;
    }
    PRINT(&out, "  0x%lx is ", (ulong_t)va.v);
    print_offset(&out, block, va.v);
    PRINT(&out, " a block%s.\n", block->is_free ? " that was freed" : "");
    print_block(&out, block);
}

/* --- telling -------------------------------------------------------------- */

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

void report_misuse(const struct asking *asking, enum heap_misuse misuse,
                   struct heap_report *report) {
    struct heap_debug *debug = asking->debug;

    report->misuse = misuse;
    report->call = asking->by.name;
    report->site = asking->by.site;
    report->owner = asking->by.owner;
    report->pointer = asking->pointer;
    report->heap =
        (struct vrange){ debug->heap->start, heap_size(debug->heap) };
    __atomic_fetch_add(&debug->reports, 1, __ATOMIC_RELAXED);
    if (debug->config.report != NULL) {
        debug->config.report(debug->config.ctx, report);
        return;
    }
    heap_report_print(report, put, NULL);
    hw_panic("the heap was misused", __FILE__, __LINE__);
}

static unsigned report_zone(const struct asking *asking,
                            const struct heap_record *block, struct zone zone) {
    struct heap_report report = { .has_block = true };

    if (zone_is_intact(zone, &report)) {
        return 0;
    }
    record_copy(&report.block, block);
    report_misuse(asking, zone.misuse, &report);
    return 1;
}

unsigned report_zones(const struct asking *asking,
                      const struct heap_record *block) {
    unsigned reports = 0;

    if (block->is_free) {
        /* With pages there is nothing to look at, and no way to write. */
        return asking->debug->config.pages != NULL
                   ? 0
                   : report_zone(asking, block, zone_freed(block));
    }
    reports += report_zone(asking, block, zone_in_front(block));
    reports += report_zone(asking, block, zone_behind(block));
    return reports;
}
