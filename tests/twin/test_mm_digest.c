/*
 * The state digest and the story of a fault: both are read by people and by
 * programs that compare two machines.
 */
#include <string.h>

#include "base/hash.h"
#include "base/poison.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static struct mm_config config;

static void setup(void) {
    config = mm_default_config;
    config.heap_class = &heap_list; /* addresses and pages are foreseen */
}

static void stop(void) {
    machine_stop(&mm);
}

/* --- text ---------------------------------------------------------------- */

static char text[8192];
static size_t text_length;

static void keep(void *ctx, char c) {
    (void)ctx;
    ck_assert_uint_lt(text_length, sizeof text - 1);
    text[text_length++] = c;
    text[text_length] = '\0';
}

static void clear_text(void) {
    text_length = 0;
    text[0] = '\0';
}

static bool contains(const char *part) {
    size_t length = strlen(part);

    for (size_t k = 0; k + length <= text_length; k++) {
        if (memcmp(&text[k], part, length) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned lines_starting(const char *start) {
    unsigned count = 0;

    for (size_t k = 0; k < text_length; k++) {
        if ((k == 0 || text[k - 1] == '\n') &&
            strncmp(&text[k], start, strlen(start)) == 0) {
            count++;
        }
    }
    return count;
}

static void list_state(void) {
    clear_text();
    mm_digest_print(&mm, keep, NULL);
}

/* --- the digest ---------------------------------------------------------- */

/** A history with holes, growth, and pages read but not written. */
static void some_history(void) {
    uint8_t *blocks[20];
    volatile uint8_t sink;

    for (size_t k = 0; k < 20; k++) {
        blocks[k] = kmalloc(&mm, 100 + 1000 * k);
        ck_assert_ptr_nonnull(blocks[k]);
    }
    for (size_t k = 0; k < 20; k += 3) {
        memset(blocks[k], (int)k, 100 + 1000 * k);
        kfree(&mm, blocks[k]);
    }
    sink = blocks[19][10000];
    (void)sink;
}

START_TEST(the_same_history_gives_the_same_digest)
{
    struct mm_digest first, second;
    char listing[sizeof text];

    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    machine_start(&mm, &config);
    some_history();
    first = mm_digest(&mm);
    list_state();
    memcpy(listing, text, sizeof text);
    machine_stop(&mm);

    machine_start(&mm, &config);
    some_history();
    second = mm_digest(&mm);
    list_state();
    ck_assert_str_eq(text, listing);
    ck_assert_hex_eq(second.tables, first.tables);
    ck_assert_hex_eq(second.frames, first.frames);
    ck_assert_hex_eq(second.blocks, first.blocks);
    ck_assert_hex_eq(second.all, first.all);
}
END_TEST

START_TEST(reading_the_digest_does_not_change_it)
{
    struct mm_digest first;

    machine_start(&mm, &config);
    some_history();
    first = mm_digest(&mm);
    list_state();
    ck_assert_hex_eq(mm_digest(&mm).all, first.all);
}
END_TEST

START_TEST(a_page_read_or_written_changes_the_tables_alone)
{
    volatile uint8_t *page = pointer_of(vaddr(MM_HEAP_BASE + 3 * PAGE_SIZE));
    struct mm_digest untouched, read, written;

    config.heap_backing = VMM_IMMEDIATE;
    machine_start(&mm, &config);
    untouched = mm_digest(&mm);
    (void)heap_alloc(&mm.heap, layout(1, 1)); /* moves blocks, no new page */
    read = mm_digest(&mm);
    ck_assert(read.blocks != untouched.blocks);
    ck_assert_hex_eq(read.tables, untouched.tables);
    ck_assert_hex_eq(read.frames, untouched.frames);

    untouched = read;
    ck_assert_ptr_nonnull(heap_alloc(&mm.heap, layout(5 * PAGE_SIZE, 16)));
    untouched = mm_digest(&mm);
    (void)*page; /* A */
    read = mm_digest(&mm);
    ck_assert(read.tables != untouched.tables);
    ck_assert(read.all != untouched.all);
    ck_assert_hex_eq(read.frames, untouched.frames);
    ck_assert_hex_eq(read.blocks, untouched.blocks);
    *page = 1; /* D */
    written = mm_digest(&mm);
    ck_assert(written.tables != read.tables);
    *page = 2; /* contents are left out */
    ck_assert_hex_eq(mm_digest(&mm).all, written.all);
}
END_TEST

START_TEST(a_frame_taken_changes_the_frames_alone)
{
    struct mm_digest before, after;
    pfn_t f;

    machine_start(&mm, &config);
    before = mm_digest(&mm);
    ck_assert_status(pmm_alloc(&mm.pmm, &f), MM_OK);
    after = mm_digest(&mm);
    ck_assert(after.frames != before.frames);
    ck_assert(after.all != before.all);
    ck_assert_hex_eq(after.tables, before.tables);
    ck_assert_hex_eq(after.blocks, before.blocks);
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
    ck_assert_hex_eq(mm_digest(&mm).all, before.all);
}
END_TEST

START_TEST(a_full_heap_and_an_empty_one_differ_in_their_blocks)
{
    struct mm_digest empty;

    config.heap_limit = config.heap_size;
    machine_start(&mm, &config);
    empty = mm_digest(&mm);
    ck_assert_ptr_nonnull(heap_alloc(&mm.heap, layout(config.heap_size, 16)));
    ck_assert(mm_digest(&mm).blocks != empty.blocks);
}
END_TEST

START_TEST(the_listing_has_a_line_for_everything_in_the_digest)
{
    uint8_t *p;

    config.heap_size = 4 * PAGE_SIZE;
    config.heap_backing = VMM_IMMEDIATE;
    machine_start(&mm, &config);
    p = heap_alloc(&mm.heap, layout(4096, 16));
    list_state();
    ck_assert_uint_eq(lines_starting("entry "), 3 + 4);
    ck_assert_uint_eq(lines_starting("entry 0x444444440000 level 1 "), 1);
    ck_assert_uint_eq(lines_starting("entry 0x444444400000 level 2 "), 1);
    ck_assert_uint_ge(lines_starting("frames "), 1);
    ck_assert(contains("run 0x444444440000 bytes 4096 used\n"));
    ck_assert(contains("run 0x444444441000 bytes 12288 free\n"));
    ck_assert_uint_eq(lines_starting("run "), 2);
    ck_assert_status(heap_free(&mm.heap, p, layout(4096, 16)), MM_OK);
    list_state();
    ck_assert(contains("run 0x444444440000 bytes 16384 free\n"));
}
END_TEST

/* doc/digest.md works this one out word by word. */
START_TEST(the_digest_of_one_page_in_one_block_is_the_documented_word)
{
    struct mm_digest seen;
    uint64_t all = HASH_START;

    config.heap_size = config.heap_limit = PAGE_SIZE;
    config.heap_backing = VMM_IMMEDIATE;
    machine_start(&mm, &config);
    ck_assert_ptr_nonnull(heap_alloc(&mm.heap, layout(PAGE_SIZE, 16)));
    seen = mm_digest(&mm);
    ck_assert_hex_eq(seen.blocks, UINT64_C(0xaa76f851467745bc));
    all = hash_add(hash_add(all, seen.tables), seen.frames);
    ck_assert_hex_eq(seen.all, hash_add(all, seen.blocks));
}
END_TEST

/** Collects the entries of the heap's window by hand. */
static void hash_by_hand(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    uint64_t *hash = ctx;

    *hash = hash_add(hash_add(hash_add(*hash, va.v), level), entry.v);
}

START_TEST(the_tables_word_is_over_address_level_and_entry)
{
    const struct vrange window = { vaddr(MM_HEAP_BASE), GIB };
    uint64_t by_hand = HASH_START;

    machine_start(&mm, &config);
    some_history();
    vmm_walk(&mm.space, window, hash_by_hand, &by_hand);
    ck_assert_hex_eq(mm_digest(&mm).tables, by_hand);
}
END_TEST

START_TEST(a_run_of_frames_up_to_the_end_of_ram_is_listed)
{
    struct pmm_run last;
    char line[64];
    uint64_t free;

    machine_start(&mm, &config);
    last = mm.pmm.runs[mm.pmm.run_count - 1];
    free = pmm_free_count(&mm.pmm);
    machine_leave_free(&mm.pmm, 0); /* all of them, the last too */
    list_state();
    ck_assert(pmm_is_used(&mm.pmm, pfn_add(last.first, last.count - 1)));
    fmt_format(line, sizeof line, "frames 0x%lx count %lu\n", last.first.v,
               last.count);
    ck_assert_msg(contains(line), "no line %s", line);
    machine_leave_free(&mm.pmm, free);
}
END_TEST

/* --- the story of a fault ------------------------------------------------ */

static void tell(uint64_t va, bool write) {
    struct trap_fault fault = { 0 };
    uint8_t value;
    bool done = write ? trap_try_write(vaddr(va), 1, &fault)
                      : trap_try_read(vaddr(va), &value, &fault);

    ck_assert(!done);
    clear_text();
    mm_explain_fault(&mm, fault.address, (unsigned)fault.error, keep, NULL);
}

START_TEST(a_fault_behind_the_heap_is_told_with_the_walk_that_failed)
{
    machine_start(&mm, &config);
    tell(MM_HEAP_BASE + MM_HEAP_SIZE, true);
    ck_assert(contains("write at 0x444444459000 by the kernel: the page is "
                       "not present\n"));
    ck_assert(contains("error code 0x2: write\n"));
    ck_assert(contains("it says: a write by the supervisor; an entry on the "
                       "way is not present\n"));
    ck_assert(contains("it does not say: which entry, and whether rights "
                       "would allow the access\n"));
    ck_assert(contains("region: none holds the address\n"));
    ck_assert(contains("verdict: MM_NO_REGION, no region holds"));
    ck_assert(contains("PML4E 136 0x"));
    ck_assert(contains("PDPTE 273 0x"));
    ck_assert(contains("PDE    34 0x"));
    ck_assert(contains("PTE    89 not present, the walk ends here\n"));
}
END_TEST

START_TEST(a_fault_where_no_table_is_is_told_from_the_top)
{
    machine_start(&mm, &config);
    tell(UINT64_C(0x440000000000), false);
    ck_assert(contains("read at 0x440000000000"));
    ck_assert(contains("PML4E 136 0x"));
    ck_assert(contains("PDPTE   0 not present, the walk ends here\n"));
    ck_assert(!contains("PDE "));
}
END_TEST

START_TEST(a_guard_is_named_in_the_story)
{ /* V19 */
    machine_start(&mm, &config);
    tell(MM_HEAP_BASE - 1, false);
    ck_assert(contains("region: \"guard below the heap\" 0x44444443f000 .. "
                       "0x44444443ffff, r--, guard\n"));
    ck_assert(contains("verdict: MM_REFUSED, a guard region"));
}
END_TEST

START_TEST(a_forbidden_write_is_told_with_all_four_entries)
{
    const struct vmm_region region = {
        .name = "constants",
        .range = { vaddr(UINT64_C(0x444480000000)), PAGE_SIZE },
        .access = VMM_READ,
        .backing = VMM_IMMEDIATE,
    };
    struct vmm_translation shown;

    machine_start(&mm, &config);
    ck_assert_status(vmm_region_add(&mm.space, region), MM_OK);
    shown = vmm_translate(&mm.space, region.range.base);
    tell(region.range.base.v + 8, true);
    ck_assert(contains("the rights of the page forbid it\n"));
    ck_assert(contains("error code 0x3: present write\n"));
    ck_assert(contains("region: \"constants\" 0x444480000000 .. "
                       "0x444480000fff, r--, filled from the start\n"));
    ck_assert_uint_eq(lines_starting("  P"), 4);
    ck_assert(!contains("the walk ends here"));
    ck_assert(contains(": table at 0x"));
    ck_assert(contains(": page at 0x"));
    ck_assert(contains(" <- R/W is 0\n"));
    ck_assert(!contains("no entry refuses it now"));
    ck_assert(contains("the page is there, R/W or SMAP refuses\n"));
    ck_assert_status(shown.status, MM_OK);
    ck_assert_status(vmm_region_remove(&mm.space, region.range.base), MM_OK);
}
END_TEST

START_TEST(the_words_for_a_fetch_by_a_user_through_a_damaged_entry)
{
    machine_start(&mm, &config);
    clear_text();
    mm_explain_fault(&mm, vaddr(MM_HEAP_BASE),
                     PF_PRESENT | PF_USER | PF_RESERVED | PF_FETCH | PF_KEY |
                         PF_SHADOW | PF_HLAT | PF_SGX,
                     keep, NULL);
    ck_assert(contains("instruction fetch at 0x444444440000 by a user: a "
                       "reserved bit is set in an entry\n"));
    ck_assert(contains("error code 0x80fd: present user reserved fetch key "
                       "shadow hlat sgx\n"));
    ck_assert(contains("rw-, filled on demand\n"));
}
END_TEST

/** The story of a fault at @va that did not happen. */
static void tell_error(uint64_t va, unsigned error) {
    clear_text();
    mm_explain_fault(&mm, vaddr(va), error, keep, NULL);
}

/** Have the first page of the heap filled; nobody owns a block of it. */
MM_NO_SANITIZE static void touch_heap(void) {
    (void)*(volatile uint8_t *)pointer_of(vaddr(MM_HEAP_BASE));
}

START_TEST(a_fault_that_the_tables_do_not_explain_is_told_as_such)
{
    machine_start(&mm, &config);
    touch_heap();
    tell_error(MM_HEAP_BASE, PF_WRITE);
    ck_assert(contains("  no entry refuses it now: a remembered translation "
                       "did, or the tables changed since\n"));
    tell_error(MM_HEAP_BASE, PF_PRESENT | PF_WRITE);
    ck_assert(contains("  no entry refuses it now: "));
    tell_error(MM_HEAP_BASE, PF_PRESENT | PF_KEY);
    ck_assert(contains("the page is there, its protection key refuses\n"));
    ck_assert(contains("does not say: which key, and whether other rights "
                       "refuse as well\n"));
    ck_assert(!contains("no entry refuses it now"));
}
END_TEST

START_TEST(a_refused_right_is_told_by_the_topmost_entry_that_lacks_it)
{
    static const struct {
        unsigned error;
        const char *mark, *says;
    } cases[] = {
        { PF_USER, " <- U/S is 0\n", "U/S refuses\n" },
        { PF_USER | PF_WRITE, " <- U/S is 0\n", "U/S or R/W refuses\n" },
        { PF_USER | PF_FETCH, " <- U/S is 0\n", "U/S or XD refuses\n" },
        { PF_FETCH, " <- XD is 1\n", "XD or SMEP refuses\n" },
        { 0, "no entry refuses it now", "SMAP refuses\n" },
    };

    machine_start(&mm, &config);
    touch_heap();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tell_error(MM_HEAP_BASE, PF_PRESENT | cases[i].error);
        ck_assert_msg(contains(cases[i].mark), "no '%s'", cases[i].mark);
        ck_assert_msg(contains(cases[i].says), "no '%s'", cases[i].says);
        ck_assert_msg(contains("it does not say: "), "nothing is open");
    }
}
END_TEST

START_TEST(a_user_page_that_the_kernel_may_not_touch_is_told_as_one)
{
    const uint64_t va = UINT64_C(0x444480000000);
    const struct vmm_region region = {
        .name = "user",
        .range = { vaddr(va), PAGE_SIZE },
        .access = VMM_READ | VMM_EXECUTE | VMM_USER,
        .backing = VMM_IMMEDIATE,
    };

    machine_start(&mm, &config);
    ck_assert_status(vmm_region_add(&mm.space, region), MM_OK);
    tell_error(va, PF_PRESENT);
    ck_assert(contains("  U/S is 1 in every entry: a user page, closed to the "
                       "kernel by SMAP\n"));
    tell_error(va, PF_PRESENT | PF_FETCH);
    ck_assert(contains("closed to the kernel by SMEP\n"));
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(va)), MM_OK);
}
END_TEST

START_TEST(a_fault_nobody_repairs_is_a_panic)
{
    machine_start(&mm, &config);
    *(volatile uint8_t *)pointer_of(mm.heap.end) = 1;
}
END_TEST

Suite *mm_digest_suite(void) {
    Suite *suite = suite_create("mm digest and faults");
    TCase *digest = tcase_create("digest");
    TCase *story = tcase_create("story");

    tcase_add_checked_fixture(digest, setup, stop);
    tcase_add_loop_test(digest, the_same_history_gives_the_same_digest, 0, 2);
    tcase_add_test(digest, reading_the_digest_does_not_change_it);
    tcase_add_test(digest, a_page_read_or_written_changes_the_tables_alone);
    tcase_add_test(digest, a_frame_taken_changes_the_frames_alone);
    tcase_add_test(digest, a_full_heap_and_an_empty_one_differ_in_their_blocks);
    tcase_add_test(digest, the_listing_has_a_line_for_everything_in_the_digest);
    tcase_add_test(digest,
                   the_digest_of_one_page_in_one_block_is_the_documented_word);
    tcase_add_test(digest, the_tables_word_is_over_address_level_and_entry);
    tcase_add_test(digest, a_run_of_frames_up_to_the_end_of_ram_is_listed);
    suite_add_tcase(suite, digest);
    tcase_add_checked_fixture(story, setup, stop);
    tcase_add_test(story,
                   a_fault_behind_the_heap_is_told_with_the_walk_that_failed);
    tcase_add_test(story, a_fault_where_no_table_is_is_told_from_the_top);
    tcase_add_test(story, a_guard_is_named_in_the_story);
    tcase_add_test(story, a_forbidden_write_is_told_with_all_four_entries);
    tcase_add_test(story,
                   the_words_for_a_fetch_by_a_user_through_a_damaged_entry);
    tcase_add_test(story,
                   a_fault_that_the_tables_do_not_explain_is_told_as_such);
    tcase_add_test(story,
                   a_refused_right_is_told_by_the_topmost_entry_that_lacks_it);
    tcase_add_test(story,
                   a_user_page_that_the_kernel_may_not_touch_is_told_as_one);
    machine_add_exit_test(story, a_fault_nobody_repairs_is_a_panic,
                          HW_EXIT_PANIC);
    suite_add_tcase(suite, story);
    return suite;
}
