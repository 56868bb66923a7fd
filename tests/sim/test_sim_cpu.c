/*
 * Loads, stores and fetches: one page, two pages, no page, no memory.  _i is
 * the policy: TLB_LRU or TLB_HOSTILE.
 */
#include <string.h>

#include "sim/processor.h"

/* --- one translation ---------------------------------------------------- */

START_TEST(a_translation_names_the_entry_that_is_remembered)
{
    struct tlb_entry *entry = NULL, *again = NULL;
    paddr_t pa;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 2, P | RW | US | NX | G);
    ck_assert(cpu_translate(&cpu, vaddr_add(VA, 0x54321), SIM_READ, &pa, &entry,
                            &fault));
    ck_assert_hex_eq(pa.v, OLD_FRAME + 0x54321);
    ck_assert_hex_eq(entry->page.v, VA.v);
    ck_assert_hex_eq(entry->frame.v, OLD_FRAME);
    ck_assert_uint_eq(entry->page_shift, 21);
    ck_assert(entry->rights.writable && entry->rights.user);
    ck_assert(entry->rights.no_execute && entry->global && !entry->dirty);
    ck_assert(cpu_translate(&cpu, VA, SIM_WRITE, &pa, &again, &fault));
    ck_assert_hex_eq(pa.v, OLD_FRAME);
    ck_assert_ptr_eq(again, entry);
    ck_assert(entry->dirty);
}
END_TEST

START_TEST(a_fetch_asks_for_the_right_to_execute)
{
    uint8_t byte;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | NX);
    ck_assert(!cpu_fetch(&cpu, VA, &byte, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
    ck_assert(cpu_write_efer(&cpu, cpu.efer & ~EFER_NXE));
    ck_assert(!cpu_fetch(&cpu, VA, &byte, &fault)); /* a reserved bit now */
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_RESERVED);
    ck_assert(cpu_write_efer(&cpu, cpu.efer | EFER_NXE));
    tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert(cpu_fetch(&cpu, vaddr_add(VA, 7), &byte, &fault));
    ck_assert_uint_eq(byte, OLD >> 56);
}
END_TEST

/* --- accesses over two pages: rule 19 ----------------------------------- */

START_TEST(a_straddling_access_meets_both_pages)
{ /* I5: every access is a call */
    for (unsigned bytes = 2; bytes <= 8; bytes++) {
        for (unsigned first = 1; first < bytes; first++) {
            vaddr_t va = vaddr(SECOND.v - first);
            uint64_t mask = UINT64_MAX >> (64 - 8 * bytes);
            uint64_t value = 0;

            setup_policy(_i);
            tables_map(&t, VA, OLD_FRAME, 1, P | RW);
            tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
            ck_assert(cpu_store(&cpu, va, bytes, OLD, &fault));
            ck_assert(cpu_load(&cpu, va, bytes, &value, &fault));
            ck_assert_hex_eq(value, OLD & mask);
            ck_assert_hex_eq(ram_load8(&ram, paddr(OLD_FRAME + 0xfff)),
                             OLD >> (8 * (first - 1)) & 0xff);
            ck_assert_hex_eq(ram_load8(&ram, paddr(NEW_FRAME)),
                             OLD >> (8 * first) & 0xff);
        }
    }
}
END_TEST

START_TEST(a_straddling_store_that_faults_stores_nothing_and_sets_no_flag)
{
    paddr_t first, second;
    vaddr_t va = vaddr(SECOND.v - 3);

    setup_policy(_i);
    first = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    second = tables_map(&t, SECOND, NEW_FRAME, 1, P);
    ram_store64(&ram, paddr(OLD_FRAME + 0xff8), OLD);
    ck_assert(!cpu_store(&cpu, va, 8, UINT64_MAX, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_hex_eq(fault.address.v, SECOND.v);
    ck_assert_hex_eq(cpu.cr2.v, SECOND.v);
    ck_assert_hex_eq(ram_load64(&ram, paddr(OLD_FRAME + 0xff8)), OLD);
    ck_assert_hex_eq(ram_load64(&ram, paddr(NEW_FRAME)), NEW);
    ck_assert_hex_eq(ram_load64(&ram, first), OLD_FRAME | P | RW);
    ck_assert_hex_eq(ram_load64(&ram, second), NEW_FRAME | P);
    ck_assert_uint_eq(cpu.tlb.count, 0);
    /* the first page absent: its fault comes first, at the access itself */
    ram_store64(&ram, first, 0);
    ck_assert(!cpu_store(&cpu, va, 8, UINT64_MAX, &fault));
    ck_assert_hex_eq(fault.error, PF_WRITE);
    ck_assert_hex_eq(cpu.cr2.v, va.v);
}
END_TEST

START_TEST(a_straddling_access_works_with_a_single_translation_remembered)
{
    uint64_t value;

    power_off();
    power_on(TLB_LRU, 1);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(cpu_store(&cpu, vaddr(SECOND.v - 1 - i), 8, OLD + i, &fault));
        ck_assert(cpu_load(&cpu, vaddr(SECOND.v - 1 - i), 8, &value, &fault));
        ck_assert_hex_eq(value, OLD + i);
        ck_assert_uint_eq(cpu.tlb.count, 1);
    }
    ck_assert_uint_eq(events.counts[SIM_EVENT_EVICT], cpu.tlb.evictions);
    ck_assert(cpu.tlb.evictions >= 7);
}
END_TEST

START_TEST(pages_meet_at_both_ends_of_the_address_space)
{
    const vaddr_t top = vaddr(UINT64_MAX - 4095);
    uint64_t value;

    tables_map(&t, top, OLD_FRAME, 1, P | RW);
    tables_map(&t, vaddr(0), NEW_FRAME, 1, P | RW);
    ck_assert(cpu_store(&cpu, vaddr(UINT64_MAX - 3), 8, OLD, &fault));
    ck_assert(cpu_load(&cpu, vaddr(UINT64_MAX - 3), 8, &value, &fault));
    ck_assert_hex_eq(value, OLD);
    ck_assert_hex_eq(ram_load(&ram, paddr(NEW_FRAME), 4), OLD >> 32);
}
END_TEST

/* --- no page fault: rule 20 --------------------------------------------- */

START_TEST(an_address_that_is_not_canonical_raises_gp_and_leaves_cr2)
{
    static const uint64_t bad[] = {
        UINT64_C(0x800000000000),     UINT64_C(0xffff7fffffffffff),
        UINT64_C(0x8000444444400000), UINT64_C(0x7ffffffffffd), /* straddles */
        UINT64_C(0xffff7ffffffffffc),
    };
    uint64_t value;

    setup_policy(_i);
    faults(VA, SIM_READ, 0);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!cpu_load(&cpu, vaddr(bad[i]), 8, &value, &fault));
        ck_assert_uint_eq(fault.vector, 13);
        ck_assert_uint_eq(fault.error, 0);
        ck_assert_int_eq(fault.walk.reason, WALK_NOT_CANONICAL);
        ck_assert(!cpu_store(&cpu, vaddr(bad[i]), 8, 0, &fault));
        ck_assert_uint_eq(fault.vector, 13);
    }
    ck_assert_hex_eq(cpu.cr2.v, VA.v);
}
END_TEST

/* --- who flushes notices nothing ---------------------------------------- */

/*
 * 32 pages change at random; each change is followed by the INVLPG it needs.
 * Then a processor with a TLB, of whatever policy and size, answers every
 * access as the walk alone would.
 */
START_TEST(with_every_invalidation_done_no_tlb_can_be_noticed)
{
    uint64_t x = 88172645463325252u + (uint64_t)_i;

    power_off();
    power_on(_i & 1 ? TLB_HOSTILE : TLB_LRU, 1u << _i);
    for (unsigned n = 0; n < 20000; n++) {
        vaddr_t page, va;
        enum sim_access access;
        struct walk_control control;
        struct walk_result expected;
        paddr_t pa;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        page = vaddr_add(VA, (x & 31) * PAGE_SIZE);
        if (x >> 5 & 1) {
            uint64_t rights = P | RW | US | NX | G | A | D;

            tables_map(&t, page, (x >> 8 & 7) * PAGE_SIZE, 1,
                       (x >> 16 | (x >> 6 & 1) | x << 40) & rights);
            cpu_invlpg(&cpu, page);
        }
        va = vaddr_add(VA, x >> 20 & 0x1ffff);
        access = (enum sim_access)((x >> 40 & 3) % 3);
        cpu.cpl = x >> 42 & 1 ? 3 : 0;
        ck_assert(cpu_write_cr0(&cpu, x >> 43 & 1 ? cpu.cr0 | CR0_WP
                                                  : cpu.cr0 & ~CR0_WP));
        control = cpu_control(&cpu);
        expected = walk(&ram, &control, va, access, cpu.cpl == 3);
        if (cpu_translate(&cpu, va, access, &pa, NULL, &fault)) {
            if (expected.reason != WALK_OK || expected.pa.v != pa.v) {
                ck_abort_msg("step %u: 0x%llx", n, (unsigned long long)va.v);
            }
        } else if (fault.error != expected.error ||
                   expected.reason == WALK_OK) {
            ck_abort_msg("step %u: error 0x%x", n, fault.error);
        }
    }
}
END_TEST

/* --- repeated hits ------------------------------------------------------ */

/* Whatever makes repeated hits quick: each of these is obeyed by the next. */
START_TEST(a_repeated_access_obeys_whatever_changed_in_between)
{
    uint64_t value;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | US);
    for (unsigned n = 0; n < 3; n++) {
        store(VA, n);
        ck_assert_hex_eq(load(VA), n);
    }
    cpu.cpl = 3;
    store(VA, OLD);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMAP | CR4_PKE));
    ck_assert_hex_eq(load(VA), OLD);
    cpu.pkru = 2;
    ck_assert(!cpu_store(&cpu, VA, 8, 0, &fault));
    ck_assert_hex_eq(load(VA), OLD);
    cpu.pkru = 1;
    ck_assert(!cpu_load(&cpu, VA, 8, &value, &fault));
    cpu.pkru = 0;
    ck_assert_hex_eq(load(VA), OLD);
    cpu.cpl = 0;
    ck_assert(!cpu_load(&cpu, VA, 8, &value, &fault));
    cpu.ac = true;
    ck_assert_hex_eq(load(VA), OLD);
    store(VA, OLD);
    cpu.ac = false;
    ck_assert(!cpu_store(&cpu, VA, 8, 0, &fault));
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_SMAP));
    store(VA, NEW);
    ck_assert_hex_eq(load(VA), NEW);
    tables_map(&t, VA, OLD_FRAME, 1, P | US | D);
    cpu_invlpg(&cpu, VA);
    ck_assert_hex_eq(load(VA), NEW);
    ck_assert(!cpu_store(&cpu, VA, 8, 0, &fault));
    ck_assert(cpu_write_cr0(&cpu, cpu.cr0 & ~CR0_WP));
    store(VA, OLD);
    store(VA, OLD);
    ck_assert(cpu_write_cr0(&cpu, cpu.cr0 | CR0_WP));
    ck_assert(!cpu_store(&cpu, VA, 8, 0, &fault));
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert(cpu_write_cr3(&cpu, tables_take(&t)));
    ck_assert(!cpu_load(&cpu, VA, 8, &value, &fault));
}
END_TEST

START_TEST(a_repeated_access_of_any_size_meets_its_own_bytes_only)
{
    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, vaddr_add(VA, GIB), NEW_FRAME, 1, P | RW);
    for (unsigned bytes = 1; bytes <= 8; bytes++) {
        uint64_t mask = UINT64_MAX >> (64 - 8 * bytes);
        uint64_t value = 0;

        for (unsigned n = 0; n < 2; n++) {
            store(vaddr_add(VA, 24), OLD);
            store(vaddr_add(VA, 32), OLD);
            store(vaddr_add(VA, GIB + 24), OLD);
            ck_assert(cpu_store(&cpu, vaddr_add(VA, 24), bytes, NEW, &fault));
            ck_assert(cpu_load(&cpu, vaddr_add(VA, 24), bytes, &value, &fault));
            ck_assert_hex_eq(value, NEW & mask);
            ck_assert_hex_eq(load(vaddr_add(VA, 24)),
                             (OLD & ~mask) | (NEW & mask));
            ck_assert_hex_eq(load(vaddr_add(VA, 32)), OLD);
            ck_assert_hex_eq(load(vaddr_add(VA, GIB + 24)), OLD);
        }
    }
}
END_TEST

START_TEST(a_repeated_access_is_a_use)
{
    const vaddr_t third = vaddr_add(VA, 2 * PAGE_SIZE);
    uint64_t walks;

    power_off();
    power_on(TLB_LRU, 2);
    tables_map(&t, VA, OLD_FRAME, 1, P);
    tables_map(&t, SECOND, OLD_FRAME, 1, P);
    tables_map(&t, third, OLD_FRAME, 1, P);
    for (unsigned n = 0; n < 3; n++) {
        (void)load(VA);
        (void)load(SECOND);
    }
    (void)load(VA);    /* so SECOND was used longest ago */
    (void)load(third); /* and goes */
    walks = events.counts[SIM_EVENT_WALK];
    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], walks);
    (void)load(SECOND);
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], walks + 1);
}
END_TEST

/** RAM and a hole, shown by one large page. */
START_TEST(a_hole_in_a_large_page_stays_one)
{
    setup_policy(_i);
    tables_map(&t, VA, 0, 2, P | RW); /* the hole begins at 0xa0000 */
    for (unsigned n = 1; n <= 3; n++) {
        store(vaddr_add(VA, 0x9fff8), n);
        ck_assert_hex_eq(load(vaddr_add(VA, 0x9fff8)), n);
        ck_assert_hex_eq(load(vaddr_add(VA, 0xa0000)), UINT64_MAX);
        ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], n);
    }
}
END_TEST

/* [4 KiB .......][4 KiB ...]  of one page of 2 MiB
 *           [ load ]                                */
START_TEST(an_access_inside_a_large_page_remembers_it_once)
{
    setup_policy(_i);
    tables_map(&t, VA, 0, 2, P | RW);
    (void)load(vaddr_add(VA, 0x2ffd));
    ck_assert_uint_eq(cpu.tlb.count, 1);
}
END_TEST

/* --- holes and events: I1, I7 ------------------------------------------- */

START_TEST(an_access_to_a_hole_reads_ones_and_is_an_event)
{
    setup_policy(_i);
    tables_map(&t, VA, 0xb8000, 1, P | RW);
    store(VA, 1);
    ck_assert_hex_eq(load(VA), UINT64_MAX);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 2);
    ck_assert_hex_eq(events.ring[(events.total - 1) % SIM_EVENTS_KEPT].a,
                     0xb8000);
    /* a table in a hole */
    ram_store64(&ram, tables_slot(&t, SECOND, 2, 0), 0xc0000 | P | RW);
    cpu_invlpg(&cpu, VA);
    faults(SECOND, SIM_READ, PF_PRESENT | PF_RESERVED);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 3);
}
END_TEST

START_TEST(what_the_machine_does_is_counted)
{
    setup_policy(_i);
    memset(&events, 0, sizeof events);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, vaddr(GIB), 0, 3, P | RW);
    (void)load(VA);                      /* walk, 4 reads, fill */
    (void)load(VA);                      /* hit */
    store(VA, OLD);                      /* walk for D, 4 reads, fill */
    (void)load(vaddr(GIB));              /* walk, 2 reads, fill */
    faults(vaddr(3 * TIB), SIM_READ, 0); /* walk, 1 read, fault */
    cpu_invlpg(&cpu, VA);
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE));
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], 4);
    /* a remembered PDE spares three of the four reads of the second walk */
    ck_assert_uint_eq(events.walk_reads, _i == TLB_HOSTILE ? 8 : 11);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FILL], 3);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FAULT], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_INVLPG], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_CR3], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FLUSH_ALL], 1);
    ck_assert_uint_eq(events.total, 11);
    for (int kind = 0; kind < SIM_EVENT_KIND_COUNT; kind++) {
        ck_assert_str_ne(sim_event_name((enum sim_event_kind)kind), "?");
    }
    ck_assert_str_eq(sim_event_name(SIM_EVENT_KIND_COUNT), "?");
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim cpu");
    TCase *tc = tcase_create("cpu");

    tcase_add_checked_fixture(tc, setup, power_off);
    BOTH(tc, a_translation_names_the_entry_that_is_remembered);
    EACH(tc, a_fetch_asks_for_the_right_to_execute);
    EACH(tc, a_straddling_access_meets_both_pages);
    BOTH(tc, a_straddling_store_that_faults_stores_nothing_and_sets_no_flag);
    tcase_add_test(
        tc, a_straddling_access_works_with_a_single_translation_remembered);
    tcase_add_test(tc, pages_meet_at_both_ends_of_the_address_space);
    EACH(tc, a_repeated_access_obeys_whatever_changed_in_between);
    EACH(tc, a_repeated_access_of_any_size_meets_its_own_bytes_only);
    tcase_add_test(tc, a_repeated_access_is_a_use);
    EACH(tc, a_hole_in_a_large_page_stays_one);
    BOTH(tc, an_access_inside_a_large_page_remembers_it_once);
    EACH(tc, an_address_that_is_not_canonical_raises_gp_and_leaves_cr2);
    tcase_add_loop_test(tc, with_every_invalidation_done_no_tlb_can_be_noticed,
                        0, 6);
    BOTH(tc, an_access_to_a_hole_reads_ones_and_is_an_event);
    BOTH(tc, what_the_machine_does_is_counted);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
