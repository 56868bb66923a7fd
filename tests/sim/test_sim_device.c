/*
 * Holes of the memory map, and devices in them.  I1
 */
#include <string.h>

#include "sim/processor.h"

#define DEVICE UINT64_C(0xa0000) /* in the hole below 1 MiB */

static struct {
    unsigned loads, stores, bytes;
    uint64_t offset, value;
} seen;

static uint64_t on_load(void *ctx, uint64_t offset, unsigned bytes) {
    ck_assert_ptr_eq(ctx, &seen);
    seen.loads++;
    seen.offset = offset;
    seen.bytes = bytes;
    return UINT64_C(0x1122334455667788);
}
static void on_store(void *ctx, uint64_t offset, unsigned bytes,
                     uint64_t value) {
    ck_assert_ptr_eq(ctx, &seen);
    seen.stores++;
    seen.offset = offset;
    seen.bytes = bytes;
    seen.value = value;
}

static const struct ram_device device = {
    "timer", { { DEVICE }, 2 * PAGE_SIZE }, on_load, on_store, &seen
};

static void start(void) {
    setup();
    memset(&seen, 0, sizeof seen);
    ck_assert(ram_add_device(&ram, device));
    tables_map(&t, VA, DEVICE + PAGE_SIZE, 1, P | RW);
}

START_TEST(loads_and_stores_reach_the_device_with_offset_and_size)
{
    uint64_t value;

    ck_assert(cpu_load(&cpu, vaddr_add(VA, 0x10), 4, &value, &fault));
    ck_assert_hex_eq(value, 0x55667788);
    ck_assert_uint_eq(seen.loads, 1);
    ck_assert_uint_eq(seen.bytes, 4);
    ck_assert_hex_eq(seen.offset, PAGE_SIZE + 0x10);
    ck_assert(cpu_store(&cpu, vaddr_add(VA, 0x20), 2,
                        UINT64_C(0xffffffffffffabcd), &fault));
    ck_assert_hex_eq(seen.value, 0xabcd);
    ck_assert_hex_eq(seen.offset, PAGE_SIZE + 0x20);
    ck_assert_hex_eq(load(VA), UINT64_C(0x1122334455667788));
    store(VA, 7);
    ck_assert_uint_eq(seen.loads, 2);
    ck_assert_uint_eq(seen.stores, 2);
    ck_assert_uint_eq(seen.bytes, 8);
    ck_assert_hex_eq(seen.value, 7);
}
END_TEST

START_TEST(an_access_to_a_device_is_an_event_and_no_hole)
{
    const struct sim_event *newest;

    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_DEVICE], 1);
    newest = &events.ring[(events.total - 1) % SIM_EVENTS_KEPT];
    ck_assert_hex_eq(newest->a, DEVICE + PAGE_SIZE);
    ck_assert_uint_eq(newest->b, 0);
    store(VA, 1);
    newest = &events.ring[(events.total - 1) % SIM_EVENTS_KEPT];
    ck_assert_uint_eq(newest->b, 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 0);
    ck_assert_uint_eq(ram.hole_accesses, 0);
}
END_TEST

START_TEST(a_hole_beside_it_reads_as_ones_and_is_reported)
{
    tables_map(&t, SECOND, DEVICE + 2 * PAGE_SIZE, 1, P | RW);
    ck_assert_hex_eq(load(SECOND), ~UINT64_C(0));
    store(SECOND, 0);
    ck_assert_hex_eq(load(SECOND), ~UINT64_C(0));
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 3);
    ck_assert_uint_eq(ram.hole_accesses, 3);
    ck_assert_uint_eq(seen.loads + seen.stores, 0);
}
END_TEST

START_TEST(a_device_without_calls_reads_as_ones)
{
    struct ram_device dead = { .name = "dead",
                               .range = { { 0xc0000 }, PAGE_SIZE } };

    ck_assert(ram_add_device(&ram, dead));
    ck_assert_hex_eq(ram_load(&ram, paddr(0xc0002), 2), 0xffff);
    ram_store64(&ram, paddr(0xc0000), 0);
    ck_assert_hex_eq(ram_load64(&ram, paddr(0xc0000)), ~UINT64_C(0));
    ck_assert_uint_eq(ram.hole_accesses, 0);
    ck_assert_str_eq(ram_device_at(&ram, paddr(0xc0fff))->name, "dead");
    ck_assert_ptr_null(ram_device_at(&ram, paddr(0xc1000)));
}
END_TEST

static const struct prange refused[] = {
    { { 0xb0000 }, 0 },        { { 0xb0800 }, PAGE_SIZE },
    { { 0xb0000 }, 0x800 },    { { 0x9f000 }, 2 * PAGE_SIZE }, /* RAM */
    { { DEVICE }, PAGE_SIZE }, { { 0xff000 }, 2 * PAGE_SIZE },
    { { 0 }, 64 * MIB },
};

START_TEST(a_device_where_something_is_already_is_refused)
{
    struct ram_device other = device;

    other.range = refused[_i];
    ck_assert(!ram_add_device(&ram, other));
    ck_assert_uint_eq(ram.device_count, 1);
}
END_TEST

START_TEST(one_device_too_many_is_refused)
{
    struct ram_device other = device;

    for (unsigned i = 1; i < RAM_DEVICES_MAX; i++) {
        other.range.base = paddr(64 * MIB + i * MIB);
        ck_assert(ram_add_device(&ram, other));
    }
    other.range.base = paddr(128 * MIB);
    ck_assert(!ram_add_device(&ram, other));
}
END_TEST

START_TEST(tables_in_a_device_are_read_from_it)
{
    tables_map(&t, SECOND, 0, 1, 0);
    ram_store64(&ram, tables_slot(&t, SECOND, 2, 0), DEVICE | P | RW);
    /* 0x1122334455667788 is not present */
    faults(SECOND, SIM_READ, 0);
    ck_assert_uint_eq(seen.loads, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_device");
    TCase *tc = tcase_create("device");

    tcase_add_checked_fixture(tc, start, power_off);
    tcase_add_test(tc, loads_and_stores_reach_the_device_with_offset_and_size);
    tcase_add_test(tc, an_access_to_a_device_is_an_event_and_no_hole);
    tcase_add_test(tc, a_hole_beside_it_reads_as_ones_and_is_reported);
    tcase_add_test(tc, a_device_without_calls_reads_as_ones);
    tcase_add_loop_test(tc, a_device_where_something_is_already_is_refused, 0,
                        sizeof refused / sizeof refused[0]);
    tcase_add_test(tc, one_device_too_many_is_refused);
    tcase_add_test(tc, tables_in_a_device_are_read_from_it);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
