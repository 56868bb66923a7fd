/*
 * Bits of an entry that are no address, and bits that are: what students mix
 * up.
 */
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

START_TEST(a_translation_keeps_every_address_bit_that_the_bus_has)
{ /* V17 of the labs */
    const uint64_t top = UINT64_C(1) << (m.space.phys_bits - 1);

    ck_assert_status(vmm_map(&m.space, page, pfn_of(paddr(top)), VMM_READ),
                     MM_OK);
    ck_assert_hex_eq(vmm_translate(&m.space, vaddr_add(page, 5)).pa.v, top + 5);
    unmap(page);
}
END_TEST

START_TEST(bit_7_of_a_level_1_entry_says_nothing_about_the_size)
{ /* V20 of the labs: there it is PAT */
    pte_t *entry;

    ck_assert_status(vmm_map(&m.space, page, pfn(0x2a), VMM_READ), MM_OK);
    entry = machine_entry(&m.space, page, 1);
    entry->v |= PTE_PAT_4K;
    ck_assert_hex_eq(vmm_translate(&m.space, vaddr_add(page, 5)).pa.v, 0x2a005);
    ck_assert_uint_eq(vmm_translate(&m.space, page).page_size, PAGE_SIZE);
    entry->v &= ~PTE_PAT_4K;
    unmap(page);
}
END_TEST

Suite *vmm_lessons_suite(void) {
    Suite *suite = suite_create("vmm_lessons");
    TCase *tc = tcase_create("entries");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_translation_keeps_every_address_bit_that_the_bus_has);
    tcase_add_test(tc, bit_7_of_a_level_1_entry_says_nothing_about_the_size);
    suite_add_tcase(suite, tc);
    return suite;
}
