/*
 * What must hold of the processors' memory of the tables: no way in it leads to
 * a frame that is free.
 *
 *   TLB                       [ va -> frame ]       the frame is in use
 *   paging-structure caches   [ va.. -> table ]     so is the table
 *
 * The next owner of such a frame would share it with whoever goes that way.
 * Tables can't show this mistake, they are right already; only a machine that
 * can be asked what it remembers shows it, so on bare metal nothing is said.
 * The direct map shows free frames on purpose.
 *
 * Intel SDM vol. 3A, "Recommended Invalidation".
 */
#include "vmm/table.h"

const char *remembered_complaint(const struct vmm_space *kernel) {
    struct hw_remembered seen;

    for (uint64_t n = 0; hw_remembered(n, &seen); n++) {
        if (seen.is_table && !frames_are_used(kernel, seen.f, 1)) {
            return "a processor remembers the way to a page table that was "
                   "freed";
        }
        if (!seen.is_table && !in_direct_map(kernel, seen.va) &&
            !frames_are_used(kernel, seen.f, seen.pages)) {
            return "a processor remembers a page of a frame that was freed";
        }
    }
    return NULL;
}
