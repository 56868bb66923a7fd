/*
 * What the boot code hands to the kernel, looked at from inside.
 *
 *   PML4   0 ............ 255 256 ......... 510 511
 *          [ nothing        ][ direct map  ]   [ image at -2 GiB ]
 *
 * Only on bare metal: the simulator's firmware has tests of its own.
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/x86.h"
#include "boot/boot.h"
#include "kernel/runtime.h"
#include "support/asserts.h"
#include "support/machine.h"

#define CR0_WP_PG UINT64_C(0x80010000)
#define CR4_PAE_PGE UINT64_C(0xa0)
#define EFER_LME_LMA_NXE UINT64_C(0xd00)
#define LEAF (PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL)
#define ELSEWHERE UINT64_C(0x444480000000)

extern const uint8_t boot_guard_0[], boot_guard_1[],
    boot_guard_2[]; /* entry.S */

static void start(void) {
    machine_start_pages(&m);
}

static void stop(void) {
    machine_stop_pages(&m);
}

START_TEST(the_processor_runs_with_the_features_that_entry_switched_on)
{ /* A6 */
    ck_assert_hex_eq(x86_read_cr0() & CR0_WP_PG, CR0_WP_PG);
    ck_assert_hex_eq(x86_read_cr4() & CR4_PAE_PGE, CR4_PAE_PGE);
    ck_assert_hex_eq(x86_read_msr(MSR_EFER) & EFER_LME_LMA_NXE,
                     EFER_LME_LMA_NXE);
    ck_assert(m.boot->phys_bits >= 36 && m.boot->phys_bits <= 52);
}
END_TEST

START_TEST(the_lower_half_shows_nothing_at_the_start)
{
    const pte_t *root = boot_direct(m.boot, m.boot->root);

    ck_assert_hex_eq(hw_read_cr3().v, m.boot->root.v);
    for (unsigned i = 0; i < TABLE_ENTRIES / 2; i++) {
        ck_assert_hex_eq(root[i].v, 0);
    }
}
END_TEST

START_TEST(image_tables_and_stacks_lie_in_the_reserved_load_area)
{ /* P4 */
    const struct prange area = m.boot->reserved[0], tables = tables_frames();
    const uint64_t stack = vaddr_of_pointer(__builtin_frame_address(0)).v;

    ck_assert_hex_eq(area.base.v, MIB);
    ck_assert_hex_eq(area.base.v + area.len, 4 * MIB);
    ck_assert(prange_holds(area, paddr(stack - KERNEL_BASE)));
    ck_assert(prange_holds(area, m.boot->root));
    ck_assert(prange_holds(area, tables.base));
    ck_assert(prange_holds(area, paddr(tables.base.v + tables.len - 1)));
}
END_TEST

/* --- the direct map --------------------------------------------------------
 */

static bool is_read_only(paddr_t pa) {
    const vaddr_t va = vaddr_add(vaddr(KERNEL_BASE), pa.v);
    bool writable = true;

    for (size_t i = 0; i < m.boot->section_count; i++) {
        if (vrange_holds(m.boot->sections[i].range, va)) {
            writable = m.boot->sections[i].writable;
        }
    }
    return !writable;
}

static void look_at_leaf(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    const uint64_t pa = va.v - DIRECT_BASE;
    unsigned *leaves = ctx;

    if (pte_is_leaf(entry, level)) {
        (*leaves)++;
        ck_must((level > 1) == (pa >= LOAD_END),
                "0x%lx is shown by a leaf of level %u", va.v, level);
        ck_must(pte_has(entry, (LEAF & ~PTE_WRITABLE) | PTE_NO_EXECUTE),
                "the leaf at 0x%lx is 0x%lx", va.v, entry.v);
        ck_must(pte_has(entry, PTE_WRITABLE) || is_read_only(paddr(pa)),
                "the leaf at 0x%lx is 0x%lx", va.v, entry.v);
        ck_must(pte_leaf_address(entry, level).v == pa,
                "the leaf at 0x%lx is 0x%lx", va.v, entry.v);
    }
}

START_TEST(the_direct_map_is_writable_but_for_text_and_never_executable)
{
    const struct vrange direct = { vaddr(DIRECT_BASE), 256 * GIB };
    unsigned leaves = 0;

    vmm_walk(&m.space, direct, look_at_leaf, &leaves);
    ck_assert_uint_gt(leaves, 0);
}
END_TEST

static void assert_direct(paddr_t pa) {
    const vaddr_t va = vaddr_of_pointer(boot_direct(m.boot, pa));

    ck_assert_shows(&m.space, va, pfn_of(pa));
}

START_TEST(the_direct_map_shows_all_ram_of_the_map)
{
    for (size_t i = 0; i < m.boot->map_count; i++) {
        const struct memmap_entry *e = &m.boot->map[i];

        if (e->type == MEMMAP_USABLE) {
            assert_direct(e->range.base);
            assert_direct(paddr_add(e->range.base, e->range.len - 1));
        }
    }
}
END_TEST

START_TEST(a_whole_gib_of_usable_ram_is_one_leaf_where_the_processor_can)
{
    const uint64_t size = machine_has_1gib_pages() ? GIB : 2 * MIB;

    for (size_t i = 0; i < m.boot->map_count; i++) {
        const struct prange ram = m.boot->map[i].range;
        uint64_t pa = 0;

        ck_assert(align_up(ram.base.v, GIB, &pa));
        while (m.boot->map[i].type == MEMMAP_USABLE &&
               prange_holds(ram, paddr(pa)) &&
               prange_holds(ram, paddr(pa + GIB - 1))) {
            ck_assert_hex_eq(
                vmm_translate(&m.space, vaddr(DIRECT_BASE + pa)).page_size,
                size);
            pa += GIB;
        }
    }
}
END_TEST

START_TEST(the_module_is_reserved_and_readable)
{ /* P4 */
    const struct prange module = m.boot->module;
    bool reserved = module.len == 0;

    for (size_t i = 0; i < m.boot->reserved_count; i++) {
        reserved |= m.boot->reserved[i].base.v == module.base.v &&
                    m.boot->reserved[i].len == module.len;
    }
    ck_assert(reserved);
    if (module.len != 0) {
        assert_direct(module.base);
        assert_direct(paddr_add(module.base, module.len - 1));
        ck_assert(!pmm_is_managed(&m.pmm, pfn_of(module.base)));
    }
}
END_TEST

START_TEST(code_cannot_run_in_the_direct_map)
{
    const uint64_t code = (uint64_t)(uintptr_t)hw_read_cr3;
    const vaddr_t alias = vaddr(code - KERNEL_BASE + DIRECT_BASE);
    struct trap_fault fault = { 0 };

    ck_assert(trap_try_call(vaddr(code), &fault));
    ck_assert(!trap_try_call(alias, &fault));
    ck_assert_str_eq(trap_name(fault.vector), "#PF");
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
}
END_TEST

/* --- stacks ----------------------------------------------------------------
 */

START_TEST(the_pages_around_the_stacks_show_nothing)
{ /* V19 */
    const uint8_t *const guards[] = { boot_guard_0, boot_guard_1,
                                      boot_guard_2 };

    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
        ck_assert_unmapped(&m.space, vaddr_of_pointer(guards[i]));
        ck_assert_unmapped(&m.space,
                           vaddr_of_pointer(guards[i] + PAGE_SIZE - 1));
    }
}
END_TEST

/** Recurses for as long as *@arg says so: for ever. */
static void eat_stack(void *arg) {
    const volatile bool *go_on = arg;
    volatile uint8_t frame[1024];

    frame[0] = 1;
    if (*go_on) {
        eat_stack(arg);
    }
    frame[1] = frame[0]; /* no tail call */
}

START_TEST(an_overflow_of_the_boot_stack_is_a_double_fault)
{ /* A8, V19 */
    const uint64_t guard = vaddr_of_pointer(boot_guard_0).v;
    struct trap_fault fault = { 0 };
    bool go_on = true;

    ck_assert(!trap_try(eat_stack, &go_on, vaddr(0), &fault));
    ck_assert_str_eq(trap_name(fault.vector), "#DF");
    ck_assert_hex_eq(hw_read_cr2().v & ~(PAGE_SIZE - 1), guard);
}
END_TEST

START_TEST(every_ist_stack_has_8_kib_to_write_to)
{
    for (unsigned i = 0; i < HW_IST_COUNT; i++) {
        const vaddr_t top = m.boot->ist_top[i];

        for (uint64_t below = PAGE_SIZE; top.v != 0 && below <= 8 * KIB;
             below += PAGE_SIZE) {
            ck_assert_status(
                vmm_translate(&m.space, vaddr(top.v - below)).status, MM_OK);
        }
    }
    ck_assert(m.boot->ist_top[0].v != 0);
}
END_TEST

/* --- the test machine itself ------------------------------------------------
 */

/** Leaves a page, its tables and damage in the kernel half behind. */
START_TEST(the_next_machine_is_as_the_boot_loader_left_it)
{
    const uint64_t at_start = machine_tables_hash(&m.space);
    pte_t *root = boot_direct(m.boot, m.boot->root);
    struct trap_fault fault = { 0 };
    uint8_t byte;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, vaddr(ELSEWHERE), f, VMM_GLOBAL), MM_OK);
    ck_assert(trap_try_read(vaddr(ELSEWHERE), &byte, &fault)); /* in the TLB */
    root[300] = pte_make(f, PTE_PRESENT);

    machine_start_pages(&m);
    ck_assert(machine_tables_hash(&m.space) == at_start);
    ck_assert(!trap_try_read(vaddr(ELSEWHERE), &byte, &fault));
}
END_TEST

Suite *boot_suite(void) {
    Suite *suite = suite_create("boot");
    TCase *tc = tcase_create("boot");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc,
                   the_processor_runs_with_the_features_that_entry_switched_on);
    tcase_add_test(tc, the_lower_half_shows_nothing_at_the_start);
    tcase_add_test(tc, image_tables_and_stacks_lie_in_the_reserved_load_area);
    tcase_add_test(
        tc, the_direct_map_is_writable_but_for_text_and_never_executable);
    tcase_add_test(tc, the_direct_map_shows_all_ram_of_the_map);
    tcase_add_test(
        tc, a_whole_gib_of_usable_ram_is_one_leaf_where_the_processor_can);
    tcase_add_test(tc, the_module_is_reserved_and_readable);
    tcase_add_test(tc, code_cannot_run_in_the_direct_map);
    tcase_add_test(tc, the_pages_around_the_stacks_show_nothing);
    tcase_add_test(tc, an_overflow_of_the_boot_stack_is_a_double_fault);
    tcase_add_test(tc, every_ist_stack_has_8_kib_to_write_to);
    tcase_add_test(tc, the_next_machine_is_as_the_boot_loader_left_it);
    suite_add_tcase(suite, tc);
    return suite;
}
