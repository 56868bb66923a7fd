/*
 * A machine with frames and pages but no heap, and what must hold after any
 * test of them.
 *
 *   test's own:  traps --> vmm_fault() --> pmm       no mm, no heap
 */
#include <check.h>

#include "support/machine.h"

static bool handle(struct trap_hook *hook, struct trap_frame *frame) {
    struct machine_pages *m = (struct machine_pages *)hook; /* hook is first */

    return frame->vector == TRAP_PAGE_FAULT &&
           vmm_fault(&m->space, hw_read_cr2(), (unsigned)frame->error).status ==
               MM_OK;
}

enum machine_tables machine_tables;

static void reach_tables(struct machine_pages *m) {
    m->reach = (struct vmm_reach){
        .window = vaddr(MACHINE_WINDOW),
        .slot = machine_tables == TABLES_RECURSIVE ? MACHINE_SLOT : 0,
    };
    ck_assert_int_eq(vmm_reach_by(&m->space, &m->reach), MM_OK);
}

void machine_start_pages(struct machine_pages *m) {
    const struct hw_boot *boot = machine_power_on();
    const char *why = "";

    machine_forget_held();
    *m = (struct machine_pages){ .hook = { .handle = handle } };
    trap_init(&m->hook, boot);
    ck_assert_int_eq(pmm_init(&m->pmm, boot, &pmm_bitmap), MM_OK);
    vmm_space_adopt(&m->space, &m->pmm, boot);
    m->space.write_execute = true; /* tests try all rights */
    m->boot = boot;
    m->pmm.events = &m->events;
    m->space.events = &m->events;
    ck_assert_msg(vmm_all_are_sound(&m->space, &why), "at the start: %s", why);
    m->free_at_start = pmm_free_count(&m->pmm);
    if (machine_tables != TABLES_DIRECT) {
        reach_tables(m);
    }
    m->tables_at_start = machine_tables_hash(&m->space);
}

void machine_stop_pages(struct machine_pages *m) {
    const struct vrange everything = { vaddr(0), UINT64_MAX };
    const char *why = "";

    machine_give_back(&m->pmm);
    ck_assert_msg(pmm_is_sound(&m->pmm), "after the test: pmm is not sound");
    ck_assert_msg(vmm_all_are_sound(&m->space, &why), "after the test: %s",
                  why);
    while (m->space.region_count > 0) {
        ck_assert_int_eq(
            vmm_region_remove(&m->space, m->space.regions->region.range.base),
            MM_OK);
    }
    vmm_reclaim_tables(&m->space, everything);
    ck_assert_msg(machine_tables_hash(&m->space) == m->tables_at_start,
                  "the page tables are not as at the start");
    if (m->space.reach != NULL) {
        vmm_reach_directly(&m->space);
        vmm_reclaim_tables(&m->space, everything);
    }
    machine_tables = TABLES_DIRECT;
    ck_assert_msg(pmm_is_sound(&m->pmm), "after the end: pmm is not sound");
    ck_assert_msg(vmm_all_are_sound(&m->space, &why), "after the end: %s", why);
    ck_assert_msg(pmm_free_count(&m->pmm) == m->free_at_start,
                  "a leak: %lu frames free at the start, %lu at the end",
                  (unsigned long)m->free_at_start,
                  (unsigned long)pmm_free_count(&m->pmm));
    machine_power_off();
}

pte_t *machine_entry(struct vmm_space *space, vaddr_t va, unsigned level) {
    uint64_t table = space->root.v;

    if (level > 1) {
        vmm_tables_edited(space); /* a test looks there to edit */
    }

    for (unsigned l = 4;; l--) {
        uint64_t *entries = pointer_of(vaddr_add(space->direct_base, table));
        uint64_t *entry = &entries[va.v >> (12 + 9 * (l - 1)) & 511];

        if (l == level) {
            return (pte_t *)entry;
        }
        if ((*entry & PTE_PRESENT) == 0 || (*entry & PTE_HUGE) != 0) {
            return NULL;
        }
        table = *entry & PTE_ADDRESS_MASK;
    }
}
