/*
 * From an address to where it leads: golden numbers, all page sizes, and the
 * visit of a whole tree.
 */
#include <check.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static void unmap(vaddr_t va) {
    struct vmm_unmapped gone = vmm_unmap(&m.space, va);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
}

/*
 *   0x803FE7F5CE    PML4 1, PDPT 0, PD 511, PT 127, byte 0x5ce
 *   of the page at frame 3: physical 0x35ce
 */
START_TEST(the_address_of_the_textbook_leads_where_the_textbook_says)
{
    const vaddr_t va = vaddr(UINT64_C(0x803FE7F5CE)); /* A2 */
    const unsigned indices[] = { 127, 511, 0, 1 };

    for (unsigned level = 1; level <= PAGING_LEVELS; level++) {
        ck_assert_uint_eq(table_index(va, level), indices[level - 1]);
    }
    ck_assert_unmapped(&m.space, va);
    ck_assert_status(vmm_map(&m.space, vaddr_page(va), pfn(3), VMM_WRITE),
                     MM_OK);
    ck_assert_hex_eq(vmm_translate(&m.space, va).pa.v, 0x35ce);
    ck_assert_uint_eq(vmm_translate(&m.space, va).page_size, 4 * KIB);
    unmap(vaddr_page(va));
}
END_TEST

START_TEST(bit_47_is_copied_into_the_bits_above)
{ /* A2 */
    const uint64_t low = UINT64_C(0x00007fffffffffff);
    const uint64_t high = UINT64_C(0xffff800000000000);

    ck_assert(vaddr_is_canonical(vaddr(low)));
    ck_assert(!vaddr_is_canonical(vaddr(low + 1)));
    ck_assert(!vaddr_is_canonical(vaddr(high - 1)));
    ck_assert(vaddr_is_canonical(vaddr(high)));
    ck_assert(!vaddr_is_canonical(vaddr(high & ~(UINT64_C(1) << 47))));
    ck_assert_hex_eq(vaddr_sign_extend(vaddr(low + 1)).v, high);
    ck_assert_hex_eq(vaddr_sign_extend(vaddr(low)).v, low);
}
END_TEST

START_TEST(an_entry_is_put_together_and_taken_apart_again)
{ /* A1 A3 */
    const uint64_t bits[] = { PTE_PRESENT,       PTE_WRITABLE,
                              PTE_USER,          PTE_WRITE_THROUGH,
                              PTE_CACHE_DISABLE, PTE_ACCESSED,
                              PTE_DIRTY,         PTE_HUGE,
                              PTE_GLOBAL,        PTE_NO_EXECUTE };
    const pfn_t f = pfn(UINT64_C(0xedcba98765)); /* 40 bits */

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        const pte_t e = pte_make(f, bits[i]);

        ck_assert_hex_eq(pfn_of(pte_address(e)).v, f.v);
        for (size_t j = 0; j < sizeof(bits) / sizeof(bits[0]); j++) {
            ck_assert_int_eq(pte_has(e, bits[j]), i == j);
        }
    }
    /* Bit 7 is a large leaf at levels 2 and 3 alone; bit 12 is PAT there. */
    ck_assert(pte_is_leaf(pte(PTE_PAT_4K), 1) && pte_is_leaf(pte(0), 1));
    ck_assert(pte_is_leaf(pte(PTE_HUGE), 2) && !pte_is_leaf(pte(0), 2));
    ck_assert(pte_is_leaf(pte(PTE_HUGE), 3) && !pte_is_leaf(pte(0), 3));
    ck_assert(!pte_is_leaf(pte(PTE_HUGE), 4));
    ck_assert_hex_eq(pte_leaf_address(pte(0x600000 | PTE_PAT_HUGE), 2).v,
                     0x600000);
}
END_TEST

/*
 * A PD or PDPT entry is made a leaf by hand, with PAT set, which is bit 12 and
 * no part of the address.
 */
START_TEST(a_large_page_translates_with_its_long_offset)
{ /* A3 V6 */
    const unsigned level = (unsigned)_i;
    const uint64_t size = level_size(level), offset = size - 0x123;
    const vaddr_t start = vaddr(align_down(page.v, size));
    struct vmm_translation t;
    pte_t *entry, kept;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    entry = machine_entry(&m.space, page, level);
    kept = *entry;
    *entry = pte(size | PTE_PRESENT | PTE_HUGE | PTE_PAT_HUGE | PTE_GLOBAL |
                 PTE_NO_EXECUTE);
    t = vmm_translate(&m.space, vaddr_add(start, offset));
    ck_assert_status(t.status, MM_OK);
    ck_assert_hex_eq(t.pa.v, size + offset);
    ck_assert_uint_eq(t.page_size, size);
    ck_assert_uint_eq(t.access, VMM_GLOBAL); /* read-only */
    *entry = kept;
    hw_invlpg(page);
    unmap(page);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(an_upper_level_takes_rights_away_from_all_below)
{ /* V3 V6 */
    static const struct {
        uint64_t clear, set;
        unsigned access;
    } cases[] = {
        { PTE_WRITABLE, 0, VMM_EXECUTE | VMM_USER },
        { PTE_USER, 0, VMM_WRITE | VMM_EXECUTE },
        { 0, PTE_NO_EXECUTE, VMM_WRITE | VMM_USER },
        { 0, PTE_GLOBAL | PTE_CACHE_DISABLE, /* the leaf's business */
          VMM_WRITE | VMM_EXECUTE | VMM_USER },
    };
    const unsigned all = VMM_WRITE | VMM_EXECUTE | VMM_USER;

    ck_assert_status(vmm_map(&m.space, page, pfn(300), all), MM_OK);
    for (unsigned level = 2; level <= 4; level++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            pte_t *entry = machine_entry(&m.space, page, level);
            const pte_t kept = *entry;

            entry->v = (kept.v & ~cases[i].clear) | cases[i].set;
            ck_assert_uint_eq(vmm_translate(&m.space, page).access,
                              cases[i].access);
            *entry = kept;
        }
    }
    unmap(page);
}
END_TEST

/* --- visiting ------------------------------------------------------------- */

struct seen {
    uint64_t leaves, tables, last_va;
    unsigned last_level;
    bool in_order;
};

static void see(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct seen *seen = ctx;

    ck_assert(pte_is_present(entry));
    if (seen->leaves + seen->tables > 0) {
        seen->in_order &= va.v > seen->last_va ||
                          (va.v == seen->last_va && level < seen->last_level);
    }
    seen->last_va = va.v;
    seen->last_level = level;
    seen->leaves += pte_is_leaf(entry, level);
    seen->tables += !pte_is_leaf(entry, level);
}

static struct seen visit(uint64_t base, uint64_t len) {
    struct seen seen = { .in_order = true };

    vmm_walk(&m.space, (struct vrange){ vaddr(base), len }, see, &seen);
    ck_assert(seen.in_order);
    return seen;
}

/*
 *   pages   0x4444_4444_0000 (two of them)      the last two below 2^64
 */
START_TEST(a_visit_sees_every_entry_of_the_range_in_order)
{ /* V6 */
    const uint64_t last = UINT64_C(0xffffffffffffe000);
    const struct seen start = visit(0, UINT64_MAX);
    struct seen seen;

    ck_assert_status(vmm_map_range(&m.space, page, pfn(300), 2, 0), MM_OK);
    ck_assert_status(vmm_map_range(&m.space, vaddr(last), pfn(300), 2, 0),
                     MM_OK);
    seen = visit(0, UINT64_MAX);
    ck_assert_uint_eq(seen.leaves, start.leaves + 4);
    ck_assert_uint_eq(seen.tables, m.space.stats.tables);

    seen = visit(page.v, PAGE_SIZE);
    ck_assert_uint_eq(seen.leaves, 1);
    ck_assert_uint_eq(seen.tables, 3);
    ck_assert_uint_eq(visit(page.v + 0xfff, 2).leaves, 2);
    ck_assert_uint_eq(visit(page.v - 1, 1).leaves, 0);
    ck_assert_uint_eq(visit(page.v, 0).tables, 0);
    ck_assert_uint_eq(visit(last, 2 * PAGE_SIZE).leaves, 2);
    ck_assert_uint_eq(visit(last, UINT64_MAX).leaves, 2); /* cut at 2^64 */
    /* From inside the hole to inside the hole: nothing translates there. */
    ck_assert_uint_eq(visit(UINT64_C(1) << 48, UINT64_C(1) << 60).tables, 0);
    /* From the hole up, and from below into the hole. */
    ck_assert_uint_ge(visit(UINT64_C(1) << 48, UINT64_MAX).leaves, 2);
    ck_assert_uint_eq(visit(page.v, (UINT64_C(1) << 60) - page.v).leaves, 2);
    unmap(page);
    unmap(vaddr_add(page, PAGE_SIZE));
    unmap(vaddr(last));
    unmap(vaddr(last + PAGE_SIZE));
}
END_TEST

/* Random pages over four 1 GiB areas against a list kept beside. */
#define PAGES 64
START_TEST(random_maps_and_unmaps_translate_as_a_list_says)
{ /* V6 */
    uint64_t frames[PAGES] = { 0 };

    for (uint64_t step = 0; step < 600; step++) {
        const uint64_t draw = hash_mix(step), n = draw % PAGES;
        const vaddr_t va = vaddr(page.v + (n % 4) * GIB + (n / 4) * 2 * MIB);

        if (frames[n] == 0) {
            frames[n] = 1 + (draw >> 32) % 1000;
            ck_assert_status(vmm_map(&m.space, va, pfn(frames[n]), 0), MM_OK);
        } else {
            struct vmm_unmapped gone = vmm_unmap(&m.space, va);

            ck_assert_status(gone.status, MM_OK);
            ck_assert_uint_eq(gone.frame.v, frames[n]);
            vmm_flush(gone.token);
            frames[n] = 0;
        }
    }
    for (uint64_t n = 0; n < PAGES; n++) {
        const vaddr_t va = vaddr(page.v + (n % 4) * GIB + (n / 4) * 2 * MIB);

        if (frames[n] == 0) {
            ck_assert_unmapped(&m.space, va);
        } else {
            ck_assert_shows(&m.space, va, pfn(frames[n]));
            unmap(va);
        }
    }
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

Suite *vmm_translate_suite(void) {
    Suite *suite = suite_create("vmm_translate");
    TCase *tc = tcase_create("translate");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc,
                   the_address_of_the_textbook_leads_where_the_textbook_says);
    tcase_add_test(tc, bit_47_is_copied_into_the_bits_above);
    tcase_add_test(tc, an_entry_is_put_together_and_taken_apart_again);
    tcase_add_loop_test(tc, a_large_page_translates_with_its_long_offset, 2, 4);
    tcase_add_test(tc, an_upper_level_takes_rights_away_from_all_below);
    tcase_add_test(tc, a_visit_sees_every_entry_of_the_range_in_order);
    tcase_add_test(tc, random_maps_and_unmaps_translate_as_a_list_says);
    suite_add_tcase(suite, tc);
    return suite;
}
