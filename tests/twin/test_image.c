/*
 * The kernel's own memory by section: text, read-only data, data and stacks on
 * bare metal; on the host what lies in the machine's memory, the stacks.
 *
 *   [ text r-x ][ rodata r-- ][ data rw- ] [ guard ][ stack rw- ][ guard ]
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static void setup(void) {
    machine_start(&mm, NULL);
}
static void teardown(void) {
    machine_stop(&mm);
}

static bool is_stack(const struct hw_section *section) {
    return strcmp(section->name, "boot stack") == 0 ||
           strcmp(section->name, "double-fault stack") == 0;
}

static unsigned rights_of(const struct hw_section *section) {
    return (section->writable ? VMM_WRITE : 0u) |
           (section->executable ? VMM_EXECUTE : 0u) | VMM_GLOBAL;
}

START_TEST(every_page_of_a_section_has_the_sections_rights)
{ /* V20 */
    ck_assert_uint_gt(mm.boot->section_count, 1);
    for (size_t i = 0; i < mm.boot->section_count; i++) {
        const struct hw_section *section = &mm.boot->sections[i];

        ck_assert_uint_gt(section->range.len, 0);
        for (uint64_t at = 0; at < section->range.len; at += PAGE_SIZE) {
            const struct vmm_translation t =
                vmm_translate(&mm.space, vaddr_add(section->range.base, at));

            ck_must(t.status == MM_OK && t.access == rights_of(section),
                    "page 0x%lx of \"%s\" has the rights 0x%x, expected 0x%x",
                    (unsigned long)(section->range.base.v + at), section->name,
                    t.access, rights_of(section));
        }
    }
}
END_TEST

START_TEST(what_a_section_forbids_the_direct_map_forbids)
{ /* V20 V24: no other address of read-only memory can be written */
    for (size_t i = 0; i < mm.boot->section_count; i++) {
        const struct hw_section *section = &mm.boot->sections[i];

        for (uint64_t at = 0; at < section->range.len; at += PAGE_SIZE) {
            const vaddr_t va = vaddr_add(section->range.base, at);
            const vaddr_t other = vaddr_of_pointer(
                boot_direct(mm.boot, vmm_translate(&mm.space, va).pa));
            const struct vmm_translation t = vmm_translate(&mm.space, other);
            struct trap_fault fault = { 0 };

            ck_must(((t.access & VMM_WRITE) != 0) == section->writable,
                    "a page of \"%s\" has the rights 0x%x at 0x%lx",
                    section->name, t.access, (unsigned long)other.v);
            if (!section->writable) {
                ck_must(!trap_try_write(other, 0, &fault) &&
                            fault.error == (PF_PRESENT | PF_WRITE),
                        "0x%lx can be written", (unsigned long)other.v);
            }
        }
    }
}
END_TEST

struct seen {
    vaddr_t both; /* a page that is writable and executable; 0: none */
};

static void see_leaf(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct seen *seen = ctx;

    if (pte_is_leaf(entry, level) && pte_has(entry, PTE_WRITABLE) &&
        !pte_has(entry, PTE_NO_EXECUTE)) {
        seen->both = va;
    }
}

START_TEST(nothing_is_both_writable_and_executable)
{ /* V20, V24: the direct map as well */
    const struct vrange everything = { vaddr(0), UINT64_MAX };
    struct seen seen = { vaddr(0) };

    vmm_walk(&mm.space, everything, see_leaf, &seen);
    ck_assert_hex_eq(seen.both.v, 0);
}
END_TEST

START_TEST(a_section_refuses_what_it_forbids_with_the_right_code)
{ /* V20: a write to text and to read-only data, a call of data */
    for (size_t i = 0; i < mm.boot->section_count; i++) {
        const struct hw_section *section = &mm.boot->sections[i];
        const vaddr_t va = section->range.base;
        struct trap_fault fault = { 0 };
        uint8_t value = 0;

        ck_assert(trap_try_read(va, &value, &fault));
        ck_assert_msg(trap_try_write(va, value, &fault) == section->writable,
                      "\"%s\" can be written to: %d", section->name,
                      !section->writable);
        if (!section->writable) {
            ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
            ck_assert_hex_eq(fault.address.v, va.v);
        }
        if (!section->executable) {
            ck_assert_msg(!trap_try_call(va, &fault), "\"%s\" was executed",
                          section->name);
            ck_assert_str_eq(trap_name(fault.vector), "#PF");
            ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
        }
    }
}
END_TEST

START_TEST(a_guard_lies_below_and_above_every_stack)
{ /* V19 V20 */
    unsigned stacks = 0;

    for (size_t i = 0; i < mm.boot->section_count; i++) {
        const struct hw_section *section = &mm.boot->sections[i];
        const vaddr_t top = vaddr_add(section->range.base, section->range.len);

        if (is_stack(section)) {
            stacks++;
            ck_assert_unmapped(&mm.space,
                               vaddr_add(section->range.base, -PAGE_SIZE));
            ck_assert_unmapped(&mm.space, top);
        }
    }
    ck_assert_uint_eq(stacks, 2);
}
END_TEST

/* --- the words for it --------------------------------------------------------
 */

static char text[4096];

static void put(void *ctx, char c) {
    size_t *len = ctx;

    if (*len < sizeof(text) - 1) {
        text[(*len)++] = c;
    }
}

static bool text_has(const char *words) {
    const char *at = text;

    while (*at != '\0' && strncmp(at, words, strlen(words)) != 0) {
        at++;
    }
    return *at != '\0';
}

START_TEST(a_fault_in_the_kernels_own_memory_names_the_section)
{ /* V18 V20 */
    const struct hw_section *section =
        &mm.boot->sections[mm.boot->section_count - 1];
    size_t len = 0;

    mm_explain_fault(&mm, section->range.base, PF_PRESENT | PF_FETCH, put,
                     &len);
    text[len] = '\0';
    ck_assert_msg(text_has("  the kernel's own \"double-fault stack\" 0x") &&
                      text_has(", rw-\n"),
                  "%s", text);
}
END_TEST

Suite *image_suite(void) {
    Suite *suite = suite_create("image");
    TCase *tc = tcase_create("sections");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_page_of_a_section_has_the_sections_rights);
    tcase_add_test(tc, what_a_section_forbids_the_direct_map_forbids);
    tcase_add_test(tc, nothing_is_both_writable_and_executable);
    tcase_add_test(tc, a_section_refuses_what_it_forbids_with_the_right_code);
    tcase_add_test(tc, a_guard_lies_below_and_above_every_stack);
    tcase_add_test(tc, a_fault_in_the_kernels_own_memory_names_the_section);
    suite_add_tcase(suite, tc);
    return suite;
}
