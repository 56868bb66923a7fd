/*
 * What the replay says: lines of text, one fact each, "replay: result KEY
 * VALUE".  The host program reads them; nothing in them depends on time, so
 * two machines that did the same print the same.
 */
#include "replay/replay.h"

#include <stdarg.h>

static void console(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

void replay_say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    fmt_vprint(console, NULL, format, args);
    va_end(args);
}

static void result(const char *key, uint64_t value) {
    replay_say("replay: result %s %lu\n", key, (unsigned long)value);
}

/** Puts "replay: state WHEN " before every line. */
struct listing {
    const char *when;
    bool inside_line;
};

static void listing_put(void *ctx, char c) {
    struct listing *l = ctx;

    if (!l->inside_line) {
        replay_say("replay: state %s ", l->when);
    }
    l->inside_line = c != '\n';
    hw_putc(c);
}

void replay_list_state(const struct replay *r, const char *when) {
    struct listing l = { when, false };

    mm_digest_print(r->mm, listing_put, &l);
}

static void digest(const char *key, uint64_t value) {
    replay_say("replay: result %s 0x%016lx\n", key, (unsigned long)value);
}

static void count_page(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    uint64_t *pages = ctx;

    (void)va;
    if (pte_is_leaf(entry, level)) {
        *pages += level_size(level) / PAGE_SIZE;
    }
}

/** Pages of the heap that show a frame. */
static uint64_t heap_pages(const struct mm *mm) {
    struct vrange range = { mm->heap.start, heap_size(&mm->heap) };
    uint64_t pages = 0;

    if (range.len != 0) {
        vmm_walk(&mm->space, range, count_page, &pages);
    }
    return pages;
}

static void report_operations(const struct replay *r) {
    const struct replay_counts *c = &r->counts;

    result("ops", r->op);
    result("allocs", c->done[REPLAY_ALLOC]);
    result("zeroed", c->done[REPLAY_ZEROED]);
    result("aligned", c->done[REPLAY_ALIGNED]);
    result("reallocs", c->done[REPLAY_REALLOC]);
    result("frees", c->done[REPLAY_FREE]);
    result("blocks_live", c->live_blocks);
    result("blocks_peak", c->peak_blocks);
    result("bytes_live", c->live_bytes);
    result("bytes_peak", c->peak_bytes);
    result("sound_checks", c->sound_checks);
}

static void report_memory(const struct replay *r) {
    const struct mm *mm = r->mm;

    result("heap_size", heap_size(&mm->heap));
    result("heap_pages", heap_pages(mm));
    result("faults", mm->space.stats.faults);
    result("faults_refused", mm->space.stats.faults_refused);
    result("tables", mm->space.stats.tables - r->tables_before);
    result("frames_now", pmm_stats(&mm->pmm).allocated);
    result("frames_peak", pmm_stats(&mm->pmm).peak);
}

static void report_digest(const struct replay *r) {
    struct mm_digest d = mm_digest(r->mm);

    digest("digest_addresses", r->counts.addresses);
    digest("digest_halfway", r->halfway);
    digest("digest_tables", d.tables);
    digest("digest_frames", d.frames);
    digest("digest_blocks", d.blocks);
    digest("digest", d.all);
}

void replay_report(const struct replay *r) {
    const char *why = NULL;
    bool sound = mm_check(r->mm, &why);

    if (r->error[0] != '\0' && r->op == r->op_count) {
        replay_say("replay: error at the end: %s\n", r->error);
    } else if (r->error[0] != '\0') {
        replay_say("replay: error op %lu: %s\n", (unsigned long)r->op,
                   r->error);
    }
    report_operations(r);
    report_memory(r);
    replay_say("replay: result sound %s\n", sound ? "yes" : "no");
    if (sound) {
        report_digest(r);
        if (r->list_state) {
            replay_list_state(r, "end");
        }
    }
}
