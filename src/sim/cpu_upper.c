/*
 * Remembered upper entries: the paging-structure caches.
 *
 *   CR3 --> [PML4E] --> [PDPTE] --> [PDE] --> [PTE] --> byte
 *              |           |          |
 *              +-----------+----------+---> cpu->upper, under the address and
 *                                           the PCID, with the AND of the
 * rights
 *
 * One for each level that a successful walk went through; the next walk begins
 * at the lowest that fits, and reads nothing above it.  So a changed parent
 * stays unseen even by pages that were never accessed, until
 *
 *   INVLPG of any address      all of the current PCID
 *   INVPCID of an address      those of that address
 *   a page fault               those of its address, under the current PCID
 *   MOV to CR3 and the rest    as in the TLB; none is global
 *
 * A processor need not do so; TLB_HOSTILE does.  Intel SDM vol. 3A,
 * "Paging-Structure Caches".
 */
#include "sim/cpu_inside.h"

struct walk_start cpu_walk_start(struct sim_cpu *cpu,
                                 const struct walk_control *control, vaddr_t va,
                                 const struct tlb_entry **entry) {
    *entry = cpu->upper.count != 0 ? tlb_lookup(&cpu->upper, va, cpu_pcid(cpu))
                                   : NULL;
    if (*entry == NULL) {
        return (struct walk_start){
            .table = control->root,
            .level = walk_levels(control),
            .rights = { .writable = true, .user = true },
        };
    }
    return (struct walk_start){
        .table = (*entry)->frame,
        .level = ((*entry)->page_shift - PAGE_SHIFT) / 9,
        .rights = (*entry)->rights,
    };
}

void cpu_remember_upper(struct sim_cpu *cpu, vaddr_t va,
                        const struct cpu_found *found) {
    const struct walk_result *walk = &found->walk;
    struct walk_rights rights = found->start.rights;

    if (cpu->tlb.policy != TLB_HOSTILE) {
        return;
    }
    for (unsigned i = 0; i + 1 < walk->step_count; i++) {
        unsigned level = walk->top - i;
        pte_t e = walk->steps[i].after;
        struct tlb_entry entry = {
            .page = vaddr(align_down(va.v, level_size(level))),
            .page_shift = level_shift(level),
            .frame = pte_address(e),
            .pcid = (uint16_t)cpu_pcid(cpu),
        };
        const struct tlb_entry *kept;

        rights.writable &= pte_has(e, PTE_WRITABLE);
        rights.user &= pte_has(e, PTE_USER);
        rights.no_execute |= pte_has(e, PTE_NO_EXECUTE);
        entry.rights = rights;
        kept = tlb_insert(&cpu->upper, entry);
        if (cpu->report_stale) {
            cpu_note_origin(&cpu->upper, kept, found, level);
        }
    }
}
