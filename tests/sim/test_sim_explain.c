/*
 * A walk's result as a sentence.
 */
#include <string.h>

#include "hw/explain.h"
#include "sim/processor.h"
#include "sim/walk_story.h"

static void explains(const struct walk_control *c, uint64_t va,
                     enum sim_access access, bool user, const char *expected) {
    struct walk_result r = walk(&ram, c, vaddr(va), access, user);
    char text[300];

    walk_explain(&r, vaddr(va), access, text, sizeof text);
    ck_assert_str_eq(text, expected);
}

START_TEST(an_explanation_names_the_access_the_entry_and_the_bit)
{
    struct walk_control c = cpu_control(&cpu);
    const uint64_t va = UINT64_C(0x444444440008);
    paddr_t at = tables_map(&t, vaddr(va), 0x5000, 1, P | RW | NX);

    explains(&c, va, SIM_WRITE, false,
             "write to 0x444444440008: the PTE (level 1, 0x8000000000005003 at "
             "physical 0x203200) shows physical 0x5008 in a page of 4 KiB, "
             "supervisor, writable, no execute; D is 1 afterwards");
    explains(&c, va, SIM_FETCH, false,
             "fetch from 0x444444440008: the PTE (level 1, 0x8000000000005003 "
             "at physical 0x203200) forbids fetches: XD is 1");
    explains(&c, va, SIM_READ, true,
             "user read of 0x444444440008: the PTE (level 1, "
             "0x8000000000005003 at physical 0x203200) is not for user mode: "
             "U/S is 0");
    ram_store64(&ram, at, 0x5001);
    explains(&c, va, SIM_WRITE, false,
             "write to 0x444444440008: the PTE (level 1, 0x5001 at physical "
             "0x203200) is not writable: R/W is 0");
    explains(&c, va + TIB, SIM_READ, false,
             "read of 0x454444440008: the PML4E (level 4, 0x0 at physical "
             "0x200450) is not present: P is 0");
    explains(&c, UINT64_C(1) << 47, SIM_READ, false,
             "read of 0x800000000000: not canonical: bits 63:47 are not all "
             "equal");
}
END_TEST

START_TEST(an_explanation_tells_every_kind_of_reserved_bit)
{
    struct walk_control c = cpu_control(&cpu);
    const uint64_t va = UINT64_C(0x8000000000);
    const paddr_t pml4e = paddr_add(t.root, 8);
    const uint64_t table = t.root.v + PAGE_SIZE;
    const paddr_t pdpte = paddr(table);

    c.no_execute = false;
    tables_map(&t, vaddr(va), 0, 3, P);
    ram_store64(&ram, pml4e, table | P | PS | NX | UINT64_C(1) << 50);
    explains(&c, va, SIM_READ, false,
             "read of 0x8000000000: the PML4E (level 4, 0x8004000000201081 at "
             "physical 0x200008) has reserved bits set, 0x8004000000000080: "
             "XD while EFER.NXE is 0, address bits beyond MAXPHYADDR, PS, "
             "which no PML4E may have");
    ram_store64(&ram, pml4e, table | P);
    ram_store64(&ram, pdpte, 0x6000 | P | PS);
    explains(&c, va, SIM_READ, false,
             "read of 0x8000000000: the PDPTE (level 3, 0x6081 at physical "
             "0x201000) has reserved bits set, 0x6000: bits 29:13 of a leaf "
             "of 1024 MiB");
    c.huge_1gib = false;
    explains(&c, va, SIM_READ, false,
             "read of 0x8000000000: the PDPTE (level 3, 0x6081 at physical "
             "0x201000) has reserved bits set, 0x80: PS, but this processor "
             "has no 1 GiB pages");
    tables_map(&t, vaddr(2 * va), 0x202000, 2, P);
    explains(&c, 2 * va, SIM_READ, false,
             "read of 0x10000000000: the PDE (level 2, 0x202081 at physical "
             "0x203000) has reserved bits set, 0x2000: bits 20:13 of a leaf "
             "of 2 MiB");
}
END_TEST

START_TEST(an_explanation_tells_smep_smap_keys_and_what_an_update_lacks)
{
    struct walk_control c = cpu_control(&cpu);
    const uint64_t va = UINT64_C(0x444444440008);

    tables_map(&t, vaddr(va), 0x5000, 1, P | US | UINT64_C(5) << PTE_KEY_SHIFT);
    c.smep = true;
    explains(&c, va, SIM_FETCH, false,
             "fetch from 0x444444440008: the PTE (level 1, 0x2800000000005005 "
             "at physical 0x203200) shows a user page (U/S is 1 on all "
             "levels), from which CR4.SMEP forbids supervisor fetches");
    c.smap = true;
    explains(&c, va, SIM_READ, false,
             "read of 0x444444440008: the PTE (level 1, 0x2800000000005005 at "
             "physical 0x203200) shows a user page (U/S is 1 on all levels), "
             "in which CR4.SMAP forbids supervisor data while EFLAGS.AC is 0");
    explains(&c, va, SIM_RMW, true,
             "user update of 0x444444440008: the PTE (level 1, "
             "0x2800000000005005 at physical 0x203200) is not writable: R/W "
             "is 0");
    c.keys = true;
    c.pkru = UINT32_C(1) << 10;
    explains(&c, va, SIM_READ, true,
             "user read of 0x444444440008: the PTE (level 1, "
             "0x2800000000005005 at physical 0x203200) has protection key 5, "
             "for which PKRU forbids it");
}
END_TEST

START_TEST(an_explanation_tells_five_levels_bit_8_and_upper_entries)
{
    struct walk_control c = cpu_control(&cpu);
    struct walk_start start = { .table = t.root, .level = 3 };
    struct walk_result r;
    char text[300];

    c.phys_bits = 36;
    c.amd = true;
    ram_store64(&ram, t.root, UINT64_C(0x2040000101));
    explains(&c, 0, SIM_READ, false,
             "read of 0x0: the PML4E (level 4, 0x2040000101 at physical "
             "0x200000) has reserved bits set, 0x2000000100: address bits "
             "beyond MAXPHYADDR, bit 8, which AMD forbids above the leaf");
    c.five_levels = true;
    ram_store64(&ram, t.root, P | PS);
    explains(&c, 0, SIM_READ, false,
             "read of 0x0: the PML5E (level 5, 0x81 at physical 0x200000) has "
             "reserved bits set, 0x80: PS, which no PML5E may have");
    explains(&c, UINT64_C(1) << 60, SIM_READ, false,
             "read of 0x1000000000000000: not canonical: bits 63:56 are not "
             "all equal");
    ram_store64(&ram, t.root, P | PS | RW | US);
    r = walk_from(&ram, &c, start, vaddr(0), SIM_WRITE, false);
    walk_explain(&r, vaddr(0), SIM_WRITE, text, sizeof text);
    ck_assert_str_eq(text, "write to 0x0: the remembered PML4E (level 4) or "
                           "one above it is not writable: R/W is 0");
}
END_TEST

START_TEST(an_explanation_is_cut_to_fit_its_buffer)
{
    struct walk_control c = cpu_control(&cpu);
    struct walk_result r = walk(&ram, &c, VA, SIM_READ, false);
    char full[300];

    walk_explain(&r, VA, SIM_READ, full, sizeof full);
    for (size_t size = 1; size < sizeof full; size++) {
        char text[sizeof full];

        memset(text, '#', sizeof text);
        walk_explain(&r, VA, SIM_READ, text, size);
        ck_assert_uint_eq(strlen(text),
                          strlen(full) < size ? strlen(full) : size - 1);
        ck_assert_int_eq(strncmp(text, full, strlen(text)), 0);
        ck_assert_int_eq(text[size], '#');
    }
}
END_TEST

/* --- the story ---------------------------------------------------------- */

static char story[3000];
static size_t story_len;

static void keep(void *ctx, char c) {
    (void)ctx;
    ck_assert_uint_lt(story_len + 1, sizeof story);
    story[story_len++] = c;
    story[story_len] = '\0';
}

static void tell(struct walk_control c, uint64_t va, enum sim_access access,
                 bool user, const struct table_writes *writes) {
    struct walk_result r = walk(&ram, &c, vaddr(va), access, user);

    story_len = 0;
    walk_tell(&r, &c, (struct walk_asked){ vaddr(va), access, user }, writes,
              keep, NULL);
}

static void tells(const char *part) {
    ck_assert_msg(strstr(story, part) != NULL, "no '%s' in: %s", part, story);
}

START_TEST(a_story_marks_the_entry_that_decides_and_who_wrote_it)
{
    struct walk_control c = cpu_control(&cpu);
    paddr_t leaf = tables_map(&t, VA, OLD_FRAME, 1, P | US);
    struct table_writes writes;

    ck_assert(table_writes_init(&writes, 4));
    tell(c, VA.v, SIM_WRITE, true, &writes);
    tells(" PTE     0 at 0x");
    tells(": page at 0x400000, P U <- R/W is 0\n    written by: not known\n");
    tells("  error code 0x7: present write user\n");
    tells("    it says: a write by the user; the page is there, U/S or R/W "
          "refuses\n");
    tells("    it does not say: which of the two, and at which level\n");
    tells("  CR2: 0x444444400000\n");
    table_writes_add(&writes, (struct table_write){ .at = leaf,
                                                    .before = { 0x77 },
                                                    .cpu = 1,
                                                    .rip = 0x4011d6 });
    tell(c, VA.v, SIM_WRITE, true, &writes);
    tells("    written by: processor 1 at rip 0x4011d6, before: 0x77\n");
    table_writes_add(&writes,
                     (struct table_write){ .at = leaf, .before = { 0x99 } });
    tell(c, VA.v, SIM_WRITE, true, &writes);
    tells("    written by: not known; 0x99 before, as a walk saw\n");
    table_writes_destroy(&writes);
}
END_TEST

START_TEST(a_story_tells_what_each_reason_comes_from)
{
    struct walk_control c = cpu_control(&cpu);

    ck_assert_str_eq(paging_entry_name(6), "?");
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | US | NX | UINT64_C(3) << 59);
    tell(c, VA.v, SIM_WRITE, true, NULL);
    tells("P W U NX; sets A D\n");
    ck_assert_ptr_eq(strstr(story, "<-"), NULL);
    ck_assert_ptr_eq(strstr(story, "error code"), NULL);
    tell(c, VA.v, SIM_FETCH, true, NULL);
    tells(" <- XD is 1\n");
    c.smap = c.smep = c.keys = true;
    tell(c, VA.v, SIM_READ, false, NULL);
    tells(" <- U/S is 1, here and above\n");
    tells("it does not say: that it was SMAP, which has no bit");
    c.pkru = 3 << 6;
    tell(c, VA.v, SIM_READ, true, NULL);
    tells(" <- key 3\n");
    tells("  PKRU: 0xc0\n");
    tell(c, 0x123, SIM_READ, false, NULL);
    tells("0x0000000000000000: not present <- P is 0\n");
    tell(c, UINT64_C(1) << 47, SIM_READ, false, NULL);
    tells("  #GP(0), no page fault: no table is read, CR2 stays\n");
    c.stack = true;
    tell(c, UINT64_C(1) << 47, SIM_READ, false, NULL);
    tells("  #SS(0)");
    c.no_execute = c.smep = false;
    tell(c, 0x123, SIM_FETCH, false, NULL);
    tells("    nor that it was a fetch: EFER.NXE and CR4.SMEP are 0\n");
    tell(c, VA.v, SIM_READ, false, NULL);
    tells(" <- reserved: 0x8000000000000000\n");
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim explain");
    TCase *tc = tcase_create("explain");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_add_test(tc, an_explanation_names_the_access_the_entry_and_the_bit);
    tcase_add_test(tc, an_explanation_tells_every_kind_of_reserved_bit);
    tcase_add_test(
        tc, an_explanation_tells_smep_smap_keys_and_what_an_update_lacks);
    tcase_add_test(tc,
                   an_explanation_tells_five_levels_bit_8_and_upper_entries);
    tcase_add_test(tc, an_explanation_is_cut_to_fit_its_buffer);
    tcase_add_test(tc, a_story_marks_the_entry_that_decides_and_who_wrote_it);
    tcase_add_test(tc, a_story_tells_what_each_reason_comes_from);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
