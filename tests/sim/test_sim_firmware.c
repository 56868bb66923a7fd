/*
 * Firmware, and starting a kernel: what the boot loader leaves, where.
 */
#include "sim/live_machine.h"

/* --- firmware and sim_run() ---------------------------------------------- */

static uint64_t ran_on;

static void small_kernel(const struct hw_boot *boot) {
    volatile uint64_t local = 1;

    ran_on = (uint64_t)(uintptr_t)&local;
    ck_assert_str_eq(boot->machine, "sim");
    hw_exit(HW_EXIT_PASS);
}

START_TEST(a_kernel_runs_on_the_boot_stack_and_ends_by_hw_exit)
{
    ck_assert_int_eq(sim_run(sim, small_kernel), HW_EXIT_PASS);
    ck_assert_uint_lt(ran_on, sim->boot_stack_top.v);
    ck_assert_uint_gt(ran_on, sim->boot_stack_top.v - 256 * KIB);
    ck_assert_int_eq(sim_run(sim, small_kernel), HW_EXIT_PASS);
}
END_TEST

static void returning_kernel(const struct hw_boot *boot) {
    (void)boot;
}

static void wild_kernel(const struct hw_boot *boot) {
    (void)boot;
    (void)*at(SIM_DIRECT_BASE + 0xa0000); /* in a 2 MiB leaf, but no RAM */
}

START_TEST(a_kernel_that_stops_tells_its_reason)
{
    ck_assert_int_eq(sim_run(sim, returning_kernel), HW_EXIT_FAIL);
    ck_assert_ptr_nonnull(strstr(sim_stop_reason(sim), "returned"));
    ck_assert_int_eq(sim_run(sim, wild_kernel), HW_EXIT_FAIL);
    ck_assert_ptr_nonnull(strstr(sim_stop_reason(sim), "no RAM"));
}
END_TEST

START_TEST(the_direct_map_shows_all_ram_as_data_only)
{
    struct trap_fault fault = { 0 };
    volatile uint8_t *last =
        (volatile uint8_t *)direct(paddr(sim->ram.size - 1));

    *last = 0x77;
    ck_assert_uint_eq(sim->ram.alias[sim->ram.size - 1], 0x77);
    ck_assert(!trap_try_call(vaddr_of_pointer(direct(paddr(FRAME))), &fault));
    ck_assert_uint_eq(fault.error, PF_PRESENT | PF_FETCH);
}
END_TEST

START_TEST(a_module_lies_at_the_top_of_ram)
{
    struct sim_config config = sim_default_config;
    static const char text[] = "module";
    char why[256] = "";

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.module = text;
    config.module_size = sizeof text;
    ck_assert_int_eq(sim_create(&sim, &config, why, sizeof why), SIM_OK);
    ck_assert_str_eq(boot_direct(&sim->boot, sim->boot.module.base), text);
    ck_assert_uint_eq(sim->boot.module.base.v, 32 * MIB - 128 * KIB - 4096);
    ck_assert_uint_eq(sim->boot.reserved_count, 2);
}
END_TEST

/*
 *   usable    [1 MiB ................................. 16 MiB)
 *   reserved                [8 MiB ... 9 MiB)  [15 MiB ...... )
 *   module                                  [..]   below the highest obstacle
 */
START_TEST(a_module_goes_around_what_is_reserved)
{
    static const struct memmap_entry claims[] = {
        { { { MIB }, 15 * MIB }, MEMMAP_USABLE },
        { { { 15 * MIB }, 2 * MIB }, MEMMAP_RESERVED },
        { { { 8 * MIB }, MIB }, MEMMAP_BAD },
    };
    static uint8_t bytes[7 * MIB];
    struct sim_config config = sim_default_config;
    char why[256] = "";

    power_off();
    config.map = claims;
    config.map_count = 3;
    config.module = bytes;
    config.module_size = 4096;
    ck_assert_int_eq(sim_create(&sim, &config, why, sizeof why), SIM_OK);
    ck_assert_uint_eq(sim->boot.module.base.v, 15 * MIB - 4096);
    sim_destroy(sim);
    config.module_size = 6 * MIB + 1; /* only below 8 MiB, and not there */
    ck_assert_int_eq(sim_create(&sim, &config, why, sizeof why), SIM_BAD_MAP);
    config.module_size = 4 * MIB; /* between the load area and 8 MiB */
    ck_assert_int_eq(sim_create(&sim, &config, why, sizeof why), SIM_OK);
    ck_assert_uint_eq(sim->boot.module.base.v, 11 * MIB);
    sim_destroy(sim);
    power_on();
}
END_TEST

START_TEST(a_map_without_room_for_a_kernel_is_refused)
{
    static const struct memmap_entry small[] = {
        { { { 0 }, 0x9fc00 }, MEMMAP_USABLE },
        { { { 0x100000 }, MIB }, MEMMAP_USABLE },
    };
    struct sim_config config = sim_default_config;
    struct sim *other = NULL;
    char why[256] = "";

    power_off();
    config.map = small;
    config.map_count = 2;
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why), SIM_BAD_MAP);
    ck_assert_ptr_nonnull(strstr(why, "3 MiB"));
    power_on();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_firmware");
    TCase *tc = tcase_create("boot");

    tcase_add_checked_fixture(tc, power_on, power_off);
    tcase_add_test(tc, a_kernel_runs_on_the_boot_stack_and_ends_by_hw_exit);
    tcase_add_test(tc, a_kernel_that_stops_tells_its_reason);
    tcase_add_test(tc, the_direct_map_shows_all_ram_as_data_only);
    tcase_add_test(tc, a_module_lies_at_the_top_of_ram);
    tcase_add_test(tc, a_module_goes_around_what_is_reserved);
    tcase_add_test(tc, a_map_without_room_for_a_kernel_is_refused);
    suite_add_tcase(suite, tc);
    return run(suite);
}
