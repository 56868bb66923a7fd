/*
 * A heap behind the kernel's image, with an unmapped page between.
 *
 *   [ image ........ ][ guard page ][ heap ]
 */
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define IMAGE UINT64_C(0x444480000000)

/** The heap of @config works, and the page in front of it faults. */
static void expect_heap(const struct mm_config *config) {
    const vaddr_t base = config->heap_base;
    struct trap_fault fault;
    uint8_t value;
    void *p;

    mm.config = *config;
    ck_assert_status(mm_init_heap(&mm).status, MM_OK);
    ck_assert(!trap_try_read(vaddr(base.v - 1), &value, &fault));
    ck_assert(!trap_try_read(vaddr(base.v - PAGE_SIZE), &value, &fault));
    ck_assert(trap_try_read(base, &value, &fault));
    p = kmalloc(&mm, 1000);
    ck_assert_ptr_nonnull(p);
    ck_assert(range_holds(base.v, config->heap_size, vaddr_of_pointer(p).v));
    kfree(&mm, p);
    mm_teardown(&mm);
}

static void setup(void) {
    machine_start(&mm, NULL);
    mm_teardown(&mm);
}

static void stop(void) {
    machine_stop(&mm);
}

START_TEST(between_an_image_and_the_heap_behind_it_a_page_shows_nothing)
{ /* H23: an image of any length */
    const uint64_t length = (uint64_t)_i * 1365 + 1;
    struct mm_config config = mm_default_config;
    const struct vmm_region image = {
        .name = "image",
        .range = { vaddr(IMAGE), pages_for(length) * PAGE_SIZE },
        .backing = VMM_IMMEDIATE,
    };
    struct trap_fault fault;
    uint8_t value;

    ck_assert_status(vmm_region_add(&mm.space, image), MM_OK);
    ck_assert(mm_heap_behind(&config, (struct vrange){ vaddr(IMAGE), length }));
    ck_assert_hex_eq(config.heap_base.v, IMAGE + image.range.len + PAGE_SIZE);
    ck_assert(trap_try_read(vaddr(IMAGE + length - 1), &value, &fault));
    expect_heap(&config);
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(IMAGE)), MM_OK);
}
END_TEST

START_TEST(the_heap_can_be_behind_the_kernels_own_image)
{ /* H23: where the kernel lies in the upper half; a process on the host has
     none there */
    struct mm_config config = mm_default_config;
    const struct vrange image = mm_image(mm.boot);

    for (size_t i = 0; i < mm.boot->section_count; i++) {
        const struct vrange range = mm.boot->sections[i].range;

        ck_assert(vrange_holds(image, range.base));
        ck_assert_uint_le(range.base.v + range.len, image.base.v + image.len);
    }
    ck_assert(mm_heap_behind(&config, image));
    ck_assert_hex_eq(config.heap_base.v, image.base.v + image.len + PAGE_SIZE);
    if (image.base.v >> 63 != 0) {
        expect_heap(&config);
    }
}
END_TEST

START_TEST(a_heap_that_would_wrap_is_not_placed)
{ /* H23 */
    static const struct vrange images[] = {
        { { UINT64_MAX - 10 }, 20 },
        { { UINT64_MAX - 10 }, 10 },
        { { UINT64_MAX - 2 * PAGE_SIZE + 1 }, PAGE_SIZE },
        { { UINT64_MAX - GIB }, PAGE_SIZE },
    };
    struct mm_config config = mm_default_config;

    for (size_t k = 0; k < sizeof images / sizeof images[0]; k++) {
        ck_assert(!mm_heap_behind(&config, images[k]));
        ck_assert_hex_eq(config.heap_base.v, MM_HEAP_BASE);
    }
}
END_TEST

Suite *mm_place_suite(void) {
    Suite *suite = suite_create("mm place");
    TCase *tc = tcase_create("behind the image");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_loop_test(
        tc, between_an_image_and_the_heap_behind_it_a_page_shows_nothing, 0, 7);
    tcase_add_test(tc, the_heap_can_be_behind_the_kernels_own_image);
    tcase_add_test(tc, a_heap_that_would_wrap_is_not_placed);
    suite_add_tcase(suite, tc);
    return suite;
}
