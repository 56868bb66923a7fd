/*
 * Random programs of mapper calls beside a plain array: what each page should
 * show, with which rights, by a leaf of which size.
 *
 *   page     0 ............ 511 | 512 .......... 1023     two tables
 *   model    [ frame, rights, level ] each
 *
 * After each call every page is translated, and some are read and written
 * through the processor, which may remember what it likes.
 */
#include <check.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define PAGES UINT64_C(1024)
#define STEPS 250
#define NOTHING UINT64_MAX

static const vaddr_t base = { UINT64_C(0x444440000000) };
static pfn_t frames; /* PAGES of them, 2 MiB-aligned; each holds its number */
static uint64_t dice;
static unsigned step;

static struct model {
    uint64_t frame; /* counted from frames; NOTHING: not mapped */
    unsigned access, level;
} model[PAGES];

static uint64_t below(uint64_t limit) {
    dice = hash_mix(dice);
    return dice % limit;
}

static vaddr_t nth(uint64_t n) {
    return vaddr_add(base, n * PAGE_SIZE);
}

static uint64_t *bytes_of(uint64_t frame) {
    return pointer_of(
        vaddr_add(m.space.direct_base, paddr_of(pfn_add(frames, frame)).v));
}

static void setup(void) {
    const struct pmm_want want = { .count = PAGES, .align = 512 };

    machine_start_pages(&m);
    ck_assert_status(pmm_alloc_run(&m.pmm, want, &frames), MM_OK);
    for (uint64_t n = 0; n < PAGES; n++) {
        *bytes_of(n) = n;
        model[n].frame = NOTHING;
    }
}
static void teardown(void) {
    struct vmm_changed rest = vmm_unmap_range(&m.space, base, PAGES);

    ck_assert_status(rest.status, MM_OK);
    vmm_flush(rest.token);
    ck_assert_status(pmm_free_run(&m.pmm, frames, PAGES), MM_OK);
    machine_stop_pages(&m);
}

/* --- what the model expects
 * --------------------------------------------------- */

/** Is a large leaf cut in two by the border in front of page @n? */
static bool cuts_large(uint64_t n) {
    return n % 512 != 0 && model[n].frame != NOTHING && model[n].level == 2;
}

static enum mm_status map_status(uint64_t first, uint64_t count) {
    for (uint64_t n = first; n < first + count; n++) {
        if (model[n].frame != NOTHING) {
            return model[n].level == 2 ? MM_HUGE_PAGE : MM_ALREADY_MAPPED;
        }
    }
    return MM_OK;
}

static enum mm_status edit_status(uint64_t first, uint64_t count) {
    return cuts_large(first) ||
                   (first + count < PAGES && cuts_large(first + count))
               ? MM_HUGE_PAGE
               : MM_OK;
}

static enum mm_status merge_status(uint64_t first) {
    const struct model *one = &model[first];

    if (one->frame != NOTHING && one->level == 2) {
        return MM_HUGE_PAGE;
    }
    for (uint64_t n = 0; n < 512; n++) {
        if (one[n].frame == NOTHING) {
            return MM_NOT_MAPPED;
        }
        if (one[n].frame != one->frame + n || one[n].access != one->access) {
            return MM_REFUSED;
        }
    }
    return one->frame % 512 == 0 ? MM_OK : MM_REFUSED;
}

/* --- the calls
 * ------------------------------------------------------------------ */

static void expect(enum mm_status seen, enum mm_status expected,
                   const char *call, uint64_t first, uint64_t count) {
    ck_assert_msg(seen == expected,
                  "step %u: %s of %lu pages at page %lu is %s, expected %s",
                  step, call, (unsigned long)count, (unsigned long)first,
                  mm_status_name(seen), mm_status_name(expected));
}

static void call_map(uint64_t first, uint64_t count, unsigned access) {
    const uint64_t frame = below(PAGES - count + 1);
    const enum mm_status expected = map_status(first, count);

    expect(vmm_map_range(&m.space, nth(first), pfn_add(frames, frame), count,
                         access),
           expected, "map", first, count);
    for (uint64_t n = 0; n < count && expected == MM_OK; n++) {
        model[first + n] = (struct model){ frame + n, access, 1 };
    }
}

/** A whole large page, by a call that may use a large leaf. */
static void call_map_large(uint64_t first, unsigned access) {
    const uint64_t frame = below(2) * (512 - below(2)); /* 0, 511 or 512 */
    const enum mm_status expected = map_status(first, 512);
    const unsigned level = frame % 512 == 0 ? 2 : 1;
    const enum mm_status seen = vmm_map_large(
        &m.space, nth(first), pfn_add(frames, frame), 512, access);

    if (expected != MM_OK) { /* a row of large leaves names no size */
        ck_assert(seen == MM_ALREADY_MAPPED || seen == MM_HUGE_PAGE);
        return;
    }
    expect(seen, MM_OK, "map large", first, 512);
    for (uint64_t n = 0; n < 512; n++) {
        model[first + n] = (struct model){ frame + n, access, level };
    }
}

static void call_unmap(uint64_t first, uint64_t count) {
    const enum mm_status expected = edit_status(first, count);
    struct vmm_changed gone = vmm_unmap_range(&m.space, nth(first), count);

    expect(gone.status, expected, "unmap", first, count);
    vmm_flush(gone.token);
    for (uint64_t n = 0; n < count && expected == MM_OK; n++) {
        model[first + n].frame = NOTHING;
    }
}

static void call_protect(uint64_t first, uint64_t count, unsigned access) {
    const enum mm_status expected = edit_status(first, count);
    struct vmm_changed changed =
        vmm_protect_range(&m.space, nth(first), count, access);

    expect(changed.status, expected, "protect", first, count);
    vmm_flush(changed.token);
    for (uint64_t n = 0; n < count && expected == MM_OK; n++) {
        model[first + n].access = access;
    }
}

static void call_update(uint64_t n, unsigned access) {
    const uint64_t frame = below(PAGES);
    const enum mm_status expected = model[n].frame == NOTHING ? MM_NOT_MAPPED
                                    : model[n].level == 2     ? MM_HUGE_PAGE
                                                              : MM_OK;
    struct vmm_unmapped old =
        vmm_update(&m.space, nth(n), pfn_add(frames, frame), access);

    expect(old.status, expected, "update", n, 1);
    vmm_flush(old.token);
    if (expected == MM_OK) {
        ck_assert_uint_eq(old.frame.v, frames.v + model[n].frame);
        model[n] = (struct model){ frame, access, 1 };
    }
}

static void call_split(uint64_t n) {
    const uint64_t first = n / 512 * 512;

    expect(vmm_split(&m.space, nth(n), 1),
           model[n].frame == NOTHING ? MM_NOT_MAPPED : MM_OK, "split", n, 1);
    if (model[n].frame != NOTHING && model[n].level == 2) {
        for (uint64_t k = first; k < first + 512; k++) {
            model[k].level = 1;
        }
    }
}

static void call_merge(uint64_t first) {
    const enum mm_status expected = merge_status(first);

    expect(vmm_merge(&m.space, nth(first), 2), expected, "merge", first, 512);
    for (uint64_t n = 0; n < 512 && expected == MM_OK; n++) {
        model[first + n].level = 2;
    }
}

static void call_one(void) {
    static const unsigned rights[] = { VMM_READ,
                                       VMM_WRITE,
                                       VMM_WRITE,
                                       VMM_EXECUTE,
                                       VMM_WRITE | VMM_USER,
                                       VMM_GLOBAL | VMM_WRITE };
    const unsigned access = rights[below(6)];
    const uint64_t half = below(2) * 512, kind = below(16);
    const uint64_t count = below(8) == 0 ? 512 : 1 + below(60);
    const uint64_t first = count == 512 ? half : below(PAGES - count + 1);

    if (kind < 4) {
        call_map(first, count, access);
    } else if (kind < 6) {
        call_map_large(half, access);
    } else if (kind < 9) {
        call_unmap(first, count);
    } else if (kind < 12) {
        call_protect(first, count, access);
    } else if (kind < 13) {
        call_update(first, access);
    } else if (kind < 14) {
        call_split(first);
    } else if (kind < 15) {
        call_merge(half);
    } else {
        vmm_reclaim_tables(&m.space, (struct vrange){ base, 4 * MIB });
    }
}

/* --- what is seen
 * ---------------------------------------------------------------- */

static void compare(uint64_t n) {
    const struct vmm_translation t = vmm_translate(&m.space, nth(n));
    const struct model *want = &model[n];

    if (want->frame == NOTHING) {
        ck_assert_msg(t.status == MM_NOT_MAPPED, "step %u: page %lu is mapped",
                      step, (unsigned long)n);
        return;
    }
    ck_assert_msg(
        t.status == MM_OK && pfn_of(t.pa).v == frames.v + want->frame &&
            t.access == want->access && t.page_size == level_size(want->level),
        "step %u: page %lu shows frame %lu with rights 0x%x, "
        "expected %lu with 0x%x",
        step, (unsigned long)n, (unsigned long)(pfn_of(t.pa).v - frames.v),
        t.access, (unsigned long)want->frame, want->access);
}

static void touch(uint64_t n) {
    const struct model *want = &model[n];
    const bool mapped = want->frame != NOTHING;
    const bool writable = mapped && (want->access & VMM_WRITE) != 0;
    const uint8_t mark = (uint8_t)below(256);
    struct trap_fault fault;
    uint8_t value = 0;

    /* The kernel may touch pages of the user's: SMAP is off. */
    ck_assert_msg(trap_try_read(nth(n), &value, &fault) == mapped,
                  "step %u: page %lu can be read: %d", step, (unsigned long)n,
                  !mapped);
    if (mapped) {
        ck_assert_msg(value == (uint8_t)want->frame,
                      "step %u: page %lu reads as frame %u, expected %u", step,
                      (unsigned long)n, value, (uint8_t)want->frame);
    }
    ck_assert_msg(trap_try_write(vaddr_add(nth(n), 8), mark, &fault) ==
                      writable,
                  "step %u: page %lu can be written: %d", step,
                  (unsigned long)n, !writable);
    if (writable) {
        ck_assert_uint_eq(bytes_of(want->frame)[1] & 0xff, mark);
    }
}

START_TEST(random_programs_leave_every_page_as_the_model_says)
{ /* V1 V2 V5 V6 V24 */
    const char *why = "";

    dice = (uint64_t)_i + 1;
    for (step = 0; step < STEPS; step++) {
        call_one();
        for (uint64_t n = 0; n < PAGES; n++) {
            compare(n);
        }
        for (unsigned k = 0; k < 6; k++) {
            touch(below(PAGES));
        }
        ck_assert_msg(vmm_is_sound(&m.space, &why), "step %u: %s", step, why);
    }
}
END_TEST

Suite *vmm_random_suite(void) {
    Suite *suite = suite_create("vmm_random");
    TCase *tc = tcase_create("mapper");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, random_programs_leave_every_page_as_the_model_says,
                        0, 4);
    suite_add_tcase(suite, tc);
    return suite;
}
