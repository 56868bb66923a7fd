/*
 * The TLB against a model: an unordered array that does everything the slow
 * way, driven by the same random operations.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/tables.h"
#include "sim/tlb.h"

static struct tlb tlb;
static const struct tlb_scope all = { .every_pcid = true, .globals = true };
static const struct tlb_scope all_but_global = { .every_pcid = true };

static struct tlb_entry entry_at(uint64_t page, unsigned shift, bool global) {
    return (struct tlb_entry){
        .page = vaddr(page),
        .page_shift = shift,
        .frame = paddr(page ^ UINT64_C(0x5550000000)),
        .rights = { .writable = true, .no_execute = true },
        .global = global,
    };
}

/* --- who is told -------------------------------------------------------- */

static uint64_t told[64];
static unsigned told_count;

static void tell(void *ctx, const struct tlb_entry *entry) {
    ck_assert_ptr_eq(ctx, &tlb);
    ck_assert(told_count < 64);
    told[told_count++] = entry->page.v;
}

static void start(enum tlb_policy policy, unsigned capacity) {
    ck_assert(tlb_init(&tlb, policy, capacity));
    tlb.on_drop = tell;
    tlb.on_drop_ctx = &tlb;
    told_count = 0;
}

/** _i: is anybody told?  Then entries go one by one. */
START_TEST(a_flush_puts_what_was_noted_of_entries_out_of_date)
{
    uint64_t before;

    start(TLB_LRU, 4);
    tlb.on_drop = _i != 0 ? tell : NULL;
    tlb_insert(&tlb, entry_at(0x1000, 12, false));
    tlb_insert(&tlb, entry_at(0x200000, 21, false));
    before = tlb.generation;
    tlb_drop_all(&tlb, all);
    ck_assert_uint_ne(tlb.generation, before);
    ck_assert_uint_eq(tlb.count, 0);
    ck_assert_ptr_null(tlb_find(&tlb, vaddr(0x1000), 0));
    tlb_insert(&tlb, entry_at(0x1000, 12, false)); /* and it goes on */
    ck_assert_ptr_nonnull(tlb_find(&tlb, vaddr(0x1000), 0));
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(every_entry_that_goes_is_told_of_but_not_at_the_end)
{
    start(TLB_LRU, 4);
    tlb_insert(&tlb, entry_at(0x1000, 12, false));
    tlb_insert(&tlb, entry_at(0x2000, 12, true));
    tlb_insert(&tlb, entry_at(0x3000, 12, false));
    ck_assert_uint_eq(told_count, 0);
    tlb_insert(&tlb, entry_at(0x1000, 12, false)); /* replaced */
    ck_assert_uint_eq(told_count, 1);
    tlb_drop_page(&tlb, vaddr(0x3fff), all); /* INVLPG */
    tlb_drop_page(&tlb, vaddr(0x4000), all); /* of nothing */
    ck_assert_uint_eq(told_count, 2);
    tlb_drop_all(&tlb, all_but_global); /* CR3 */
    ck_assert_uint_eq(told_count, 3);
    ck_assert_uint_eq(tlb.count, 1);
    tlb_drop_all(&tlb, all);
    ck_assert_uint_eq(told_count, 4);
    for (uint64_t i = 0; i < 5; i++) {
        tlb_insert(&tlb, entry_at(0x10000 + i * PAGE_SIZE, 12, false));
    }
    ck_assert_uint_eq(told_count, 5); /* evicted */
    ck_assert_hex_eq(told[0], 0x1000);
    ck_assert_hex_eq(told[1], 0x3000);
    ck_assert_hex_eq(told[2], 0x1000);
    ck_assert_hex_eq(told[3], 0x2000);
    ck_assert_hex_eq(told[4], 0x10000);
    tlb_destroy(&tlb);
    ck_assert_uint_eq(told_count, 5);
}
END_TEST

/* --- sizes -------------------------------------------------------------- */

START_TEST(a_large_page_replaces_the_small_ones_inside_it_and_vice_versa)
{
    start(TLB_LRU, 64);
    tlb_insert(&tlb, entry_at(0x1ff000, 12, false));
    tlb_insert(&tlb, entry_at(0x200000, 12, false));
    tlb_insert(&tlb, entry_at(0x3ff000, 12, true));
    tlb_insert(&tlb, entry_at(0x400000, 12, false));
    tlb_insert(&tlb, entry_at(0x200000, 21, false));
    ck_assert_uint_eq(tlb.count, 3);
    ck_assert_uint_eq(tlb_lookup(&tlb, vaddr(0x3ff123), 0)->page_shift, 21);
    tlb_insert(&tlb, entry_at(0x300000, 12, false));
    ck_assert_ptr_null(tlb_lookup(&tlb, vaddr(0x3ff123), 0));
    ck_assert_uint_eq(tlb_lookup(&tlb, vaddr(0x300123), 0)->page_shift, 12);
    tlb_insert(&tlb, entry_at(0, 30, false));
    ck_assert_uint_eq(tlb.count, 1);
    ck_assert_uint_eq(tlb_lookup(&tlb, vaddr(0x400000), 0)->page_shift, 30);
    tlb_insert(&tlb, entry_at(0x600000, 21, false));
    ck_assert_uint_eq(tlb.count, 1);
    ck_assert_uint_eq(told_count, 7);
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(dropping_any_address_of_a_large_page_drops_all_of_it)
{
    start(TLB_HOSTILE, 0);
    tlb_insert(&tlb, entry_at(0x40000000, 30, true));
    tlb_insert(&tlb, entry_at(0x200000, 21, true));
    tlb_drop_page(&tlb, vaddr(0x3fffff), all);
    ck_assert_ptr_null(tlb_lookup(&tlb, vaddr(0x200000), 0));
    tlb_drop_page(&tlb, vaddr(0x7fffffff), all);
    ck_assert_ptr_null(tlb_lookup(&tlb, vaddr(0x40000000), 0));
    ck_assert_uint_eq(tlb.count, 0);
    tlb_destroy(&tlb);
}
END_TEST

/* --- capacity ----------------------------------------------------------- */

START_TEST(the_entry_used_longest_ago_is_evicted)
{
    start(TLB_LRU, 3);
    tlb_insert(&tlb, entry_at(0x1000, 12, false));
    tlb_insert(&tlb, entry_at(0x2000, 12, false));
    tlb_insert(&tlb, entry_at(0x3000, 12, false));
    ck_assert_ptr_nonnull(tlb_lookup(&tlb, vaddr(0x1008), 0));
    tlb_insert(&tlb, entry_at(0x4000, 12, false));
    ck_assert_uint_eq(told_count, 1);
    ck_assert_hex_eq(told[0], 0x2000);
    ck_assert_hex_eq(tlb.evicted.v, 0x2000);
    ck_assert_uint_eq(tlb.evictions, 1);
    ck_assert_uint_eq(tlb.count, 3);
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(a_capacity_is_kept_between_one_and_the_maximum)
{
    start(TLB_LRU, 0);
    ck_assert_uint_eq(tlb.capacity, 1);
    tlb_destroy(&tlb);
    start(TLB_LRU, TLB_CAPACITY_MAX + 1);
    ck_assert_uint_eq(tlb.capacity, TLB_CAPACITY_MAX);
    tlb_destroy(&tlb);
    start(TLB_HOSTILE, 1);
    ck_assert_uint_eq(tlb.capacity, TLB_CAPACITY_MAX);
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(a_hostile_tlb_evicts_only_when_16384_are_held)
{
    start(TLB_HOSTILE, 0);
    for (uint64_t i = 0; i < TLB_CAPACITY_MAX; i++) {
        tlb_insert(&tlb, entry_at(i * PAGE_SIZE, 12, false));
    }
    ck_assert_uint_eq(told_count, 0);
    ck_assert_uint_eq(tlb.count, TLB_CAPACITY_MAX);
    tlb_insert(&tlb, entry_at(GIB, 12, false));
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(tlb.evictions, 1);
    ck_assert_hex_eq(told[0], 0);
    tlb_destroy(&tlb);
}
END_TEST

/* --- policies ----------------------------------------------------------- */

START_TEST(a_random_tlb_forgets_what_it_likes_and_the_same_for_equal_seeds)
{
    unsigned forgotten[3] = { 0, 0, 0 };

    for (unsigned run = 0; run < 3; run++) {
        start(TLB_RANDOM, 8);
        tlb.on_drop = NULL;
        tlb.random = run < 2 ? 5 : 6;
        for (unsigned n = 0; n < 1000; n++) {
            unsigned held;

            tlb_insert(&tlb, entry_at((n % 8) * PAGE_SIZE, 12, false));
            held = tlb.count;
            forgotten[run] =
                forgotten[run] * 31 +
                (tlb_lookup(&tlb, vaddr(n * 7 % 8 * PAGE_SIZE), 0) == NULL &&
                 tlb.count < held);
            ck_assert_uint_le(tlb.count, 8);
        }
        tlb_destroy(&tlb);
    }
    ck_assert_uint_eq(forgotten[0], forgotten[1]);
    ck_assert_uint_ne(forgotten[0], forgotten[2]);
}
END_TEST

START_TEST(a_full_random_tlb_evicts_any_of_its_entries)
{
    unsigned went[4] = { 0 };

    for (uint64_t seed = 1; seed <= 100; seed++) {
        start(TLB_RANDOM, 4);
        tlb.random = seed * UINT64_C(0x9e3779b97f4a7c15);
        for (uint64_t i = 0; i < 5; i++) {
            tlb_insert(&tlb, entry_at(i * PAGE_SIZE, 12, false));
        }
        ck_assert_uint_eq(tlb.count, 4);
        ck_assert_uint_eq(told_count, 1);
        ck_assert_hex_eq(tlb.evicted.v, told[0]);
        went[told[0] / PAGE_SIZE]++;
        tlb_destroy(&tlb);
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_ge(went[i], 10);
    }
}
END_TEST

START_TEST(without_a_tlb_nothing_is_found_again)
{
    start(TLB_NONE, 100);
    ck_assert_uint_eq(tlb.capacity, 1);
    tlb_insert(&tlb, entry_at(0x1000, 12, false));
    ck_assert_ptr_null(tlb_lookup(&tlb, vaddr(0x1000), 0));
    tlb_insert(&tlb, entry_at(0x2000, 12, false));
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(tlb.evictions, 0);
    ck_assert(!tlb_denial_stands(&tlb));
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(a_denial_stands_in_a_hostile_tlb_and_by_chance_in_a_random_one)
{
    unsigned stands = 0;

    start(TLB_LRU, 1);
    ck_assert(!tlb_denial_stands(&tlb));
    tlb_destroy(&tlb);
    start(TLB_HOSTILE, 1);
    ck_assert(tlb_denial_stands(&tlb));
    tlb_destroy(&tlb);
    start(TLB_RANDOM, 1);
    for (unsigned n = 0; n < 1000; n++) {
        stands += tlb_denial_stands(&tlb);
    }
    ck_assert_uint_ge(stands, 400);
    ck_assert_uint_le(stands, 600);
    tlb_destroy(&tlb);
}
END_TEST

/* --- upper entries, origins --------------------------------------------- */

/* PML4E, PDPTE and PDE of one address: the lowest one is found. */
START_TEST(nested_entries_lie_inside_one_another_and_the_smallest_is_found)
{
    const vaddr_t va = vaddr(UINT64_C(0x8040201000));

    start(TLB_HOSTILE, 1);
    tlb.nested = true;
    for (unsigned shift = 48; shift >= 21; shift -= 9) {
        tlb_insert(&tlb, entry_at(va.v >> shift << shift, shift, false));
        ck_assert_uint_eq(tlb_find(&tlb, va, 0)->page_shift, shift);
        ck_assert_ptr_null(tlb_find(&tlb, va, 1));
    }
    ck_assert_uint_eq(tlb.count, 4);
    tlb_insert(&tlb, entry_at(va.v >> 21 << 21, 21, false)); /* replaced */
    ck_assert_uint_eq(tlb.count, 4);
    ck_assert_uint_eq(told_count, 1);
    tlb_drop_page(&tlb, vaddr(va.v ^ UINT64_C(1) << 30), all);
    ck_assert_uint_eq(tlb.count, 2); /* those of 48 and 39 bits went */
    ck_assert_uint_eq(tlb_find(&tlb, va, 0)->page_shift, 21);
    tlb_destroy(&tlb);
}
END_TEST

START_TEST(an_origin_stays_with_its_entry_and_is_blank_in_a_new_one)
{
    struct tlb_entry *a, *b;

    start(TLB_LRU, 2);
    a = tlb_insert(&tlb, entry_at(0x1000, 12, false));
    ck_assert_ptr_null(tlb_origin_of(&tlb, a));
    ck_assert(tlb_keep_origins(&tlb));
    ck_assert(tlb_keep_origins(&tlb));
    b = tlb_insert(&tlb, entry_at(0x2000, 12, false));
    tlb_origin_of(&tlb, b)->count = 3;
    tlb_origin_of(&tlb, a)->count = 1;
    ck_assert_uint_eq(
        tlb_origin_of(&tlb, tlb_find(&tlb, vaddr(0x2000), 0))->count, 3);
    b = tlb_insert(&tlb, entry_at(0x2000, 12, false));
    ck_assert_uint_eq(tlb_origin_of(&tlb, b)->count, 0);
    ck_assert_uint_eq(tlb_origin_of(&tlb, a)->count, 1);
    tlb_destroy(&tlb);
}
END_TEST

/* --- the model ---------------------------------------------------------- */

#define MODEL_MAX 40

static struct {
    struct tlb_entry entry[MODEL_MAX];
    uint64_t used[MODEL_MAX]; /* time of the last use */
    unsigned count, capacity;
    uint64_t now;
} model;

static bool overlap(const struct tlb_entry *a, const struct tlb_entry *b) {
    uint64_t a_last = a->page.v + ((UINT64_C(1) << a->page_shift) - 1);
    uint64_t b_last = b->page.v + ((UINT64_C(1) << b->page_shift) - 1);

    return a->page.v <= b_last && b->page.v <= a_last;
}

static bool visible(const struct tlb_entry *e, unsigned pcid) {
    return e->global || e->pcid == pcid;
}

static bool in_scope(const struct tlb_entry *e, struct tlb_scope scope) {
    if (e->global) {
        return scope.globals;
    }
    return scope.every_pcid || e->pcid == scope.pcid;
}

static void model_remove(unsigned i) {
    model.count--;
    model.entry[i] = model.entry[model.count];
    model.used[i] = model.used[model.count];
}

static int model_find(uint64_t va, unsigned pcid) {
    struct tlb_entry byte = { .page = vaddr(va), .page_shift = 0 };

    for (unsigned i = 0; i < model.count; i++) {
        if (overlap(&model.entry[i], &byte) && visible(&model.entry[i], pcid)) {
            return (int)i;
        }
    }
    return -1;
}

static void model_insert(struct tlb_entry e) {
    for (unsigned i = model.count; i-- > 0;) {
        if (overlap(&model.entry[i], &e) &&
            (e.global || visible(&model.entry[i], e.pcid))) {
            model_remove(i);
        }
    }
    if (model.count == model.capacity) {
        unsigned oldest = 0;

        for (unsigned i = 1; i < model.count; i++) {
            oldest = model.used[i] < model.used[oldest] ? i : oldest;
        }
        model_remove(oldest);
    }
    model.entry[model.count] = e;
    model.used[model.count++] = model.now++;
}

static void model_drop(struct tlb_scope scope, const uint64_t *va) {
    struct tlb_entry byte = { .page = vaddr(va != NULL ? *va : 0) };

    for (unsigned i = model.count; i-- > 0;) {
        if (in_scope(&model.entry[i], scope) &&
            (va == NULL || overlap(&model.entry[i], &byte))) {
            model_remove(i);
        }
    }
}

static unsigned gone;
static void count_gone(void *ctx, const struct tlb_entry *entry) {
    (void)ctx;
    (void)entry;
    gone++;
}

static unsigned visited;
static void compare(void *ctx, const struct tlb_entry *entry) {
    int i = model_find(entry->page.v, entry->pcid);

    (void)ctx;
    visited++;
    if (i < 0 || model.entry[i].page.v != entry->page.v ||
        model.entry[i].page_shift != entry->page_shift ||
        model.entry[i].frame.v != entry->frame.v ||
        model.entry[i].pcid != entry->pcid ||
        model.entry[i].global != entry->global) {
        ck_abort_msg("0x%llx is not in the model",
                     (unsigned long long)entry->page.v);
    }
}

/** Few addresses, so that sizes meet: 16 pages in each of 2 x 4 large ones. */
static uint64_t random_address(void) {
    unsigned r = (unsigned)rand();

    return (uint64_t)(r & 1) * GIB + (uint64_t)(r >> 1 & 3) * 2 * MIB +
           (uint64_t)(r >> 3 & 15) * PAGE_SIZE + (r >> 7 & 0xfff);
}

START_TEST(the_tlb_does_what_an_unordered_array_does)
{
    unsigned inserted = 0;

    srand((unsigned)_i);
    memset(&model, 0, sizeof model);
    gone = 0;
    model.capacity = 1 + (unsigned)_i * 5;
    ck_assert(tlb_init(&tlb, TLB_LRU, model.capacity));
    tlb.on_drop = count_gone;
    for (unsigned n = 0; n < 30000; n++) {
        unsigned what = (unsigned)rand() % 100;
        uint64_t va = random_address();
        unsigned pcid = (unsigned)rand() % 3;
        int seen = model_find(va, pcid);
        struct tlb_scope scope = { .every_pcid = rand() % 4 == 0,
                                   .pcid = (unsigned)rand() % 3,
                                   .globals = rand() % 2 };

        if (what < 45) {
            unsigned shift = what < 38 ? 12 : what < 43 ? 21 : 30;
            struct tlb_entry e =
                entry_at(va >> shift << shift, shift, rand() % 3 == 0);

            e.pcid = (uint16_t)pcid;

            tlb_insert(&tlb, e);
            model_insert(e);
            inserted++;
        } else if (what < 90) {
            struct tlb_entry *e = tlb_lookup(&tlb, vaddr(va), pcid);

            if ((e != NULL) != (seen >= 0)) {
                ck_abort_msg("lookup of 0x%llx", (unsigned long long)va);
            }
            if (seen >= 0) {
                model.used[seen] = model.now++;
            }
        } else if (what < 98) {
            tlb_drop_page(&tlb, vaddr(va), scope);
            model_drop(scope, &va);
        } else {
            tlb_drop_all(&tlb, scope);
            model_drop(scope, NULL);
        }
        visited = 0;
        tlb_each(&tlb, compare, NULL);
        if (visited != model.count || tlb.count != model.count ||
            tlb.by_shift[0] + tlb.by_shift[1] + tlb.by_shift[2] != tlb.count ||
            inserted - gone != tlb.count) {
            ck_abort_msg("step %u: %u entries, the model has %u", n, visited,
                         model.count);
        }
    }
    tlb_destroy(&tlb);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim tlb");
    TCase *tc = tcase_create("tlb");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_flush_puts_what_was_noted_of_entries_out_of_date,
                        0, 2);
    tcase_add_test(tc, every_entry_that_goes_is_told_of_but_not_at_the_end);
    tcase_add_test(
        tc, a_large_page_replaces_the_small_ones_inside_it_and_vice_versa);
    tcase_add_test(tc, dropping_any_address_of_a_large_page_drops_all_of_it);
    tcase_add_test(tc, the_entry_used_longest_ago_is_evicted);
    tcase_add_test(tc, a_capacity_is_kept_between_one_and_the_maximum);
    tcase_add_test(tc, a_hostile_tlb_evicts_only_when_16384_are_held);
    tcase_add_test(
        tc, a_random_tlb_forgets_what_it_likes_and_the_same_for_equal_seeds);
    tcase_add_test(tc, a_full_random_tlb_evicts_any_of_its_entries);
    tcase_add_test(tc, without_a_tlb_nothing_is_found_again);
    tcase_add_test(
        tc, a_denial_stands_in_a_hostile_tlb_and_by_chance_in_a_random_one);
    tcase_add_test(
        tc, nested_entries_lie_inside_one_another_and_the_smallest_is_found);
    tcase_add_test(tc,
                   an_origin_stays_with_its_entry_and_is_blank_in_a_new_one);
    tcase_add_loop_test(tc, the_tlb_does_what_an_unordered_array_does, 0, 8);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
