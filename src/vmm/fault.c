/*
 * What a page fault means.  Asked from top to bottom, the first line that
 * holds decides:
 *
 *   reserved bit in an entry                     refuse: a table is damaged
 *   key, shadow stack or another bit of its own  refuse: not by our tables
 *   kernel, the user's page, as permitted, again refuse: SMEP or SMAP
 *   the tables permit the access by now          retry, stale entry dropped
 *   no region, but a stack next above            it grows, and retry; or
 *                                                refuse (MM_NO_REGION): limit,
 *                                                or something below it
 *   no region holds the address                  refuse (MM_NO_REGION)
 *   a guard region                               refuse
 *   user access, kernel region                   refuse
 *   write, read-only region                      refuse
 *   fetch, region that is not executable         refuse
 *   a write, the page is marked to be copied     a frame of its own, and retry
 *   the page shows a frame, with fewer rights    refuse: never replaced
 *   immediate or device region                   refuse: the page was taken
 *   demand region or stack                       a zeroed frame, and retry
 *
 * The tables are believed, not the error code's P: a processor may fault by a
 * translation that it remembers and that is no longer so.  Intel SDM vol. 3A,
 * "Optional Invalidation": a stale translation may cost a fault, and that
 * fault must be survived; "Operations that Invalidate TLBs and
 * Paging-Structure Caches": the fault drops it.
 *
 * A kernel's write to a page of the user's that the tables permit may be stale
 * or may be forbidden by SMAP; the error code is the same.  So it is retried
 * once: when the same fault comes again although no entry was changed in
 * between, it was not stale.
 */
#include "vmm/table.h"

/** The rights that an access with this error code needs. */
static unsigned rights_wanted(unsigned error) {
    unsigned wanted = 0;

    wanted |= (error & PF_WRITE) ? VMM_WRITE : 0u;
    wanted |= (error & PF_FETCH) ? VMM_EXECUTE : 0u;
    wanted |= (error & PF_USER) ? VMM_USER : 0u;
    return wanted;
}

static struct vmm_verdict verdict(enum mm_status status,
                                  const struct vmm_region *region,
                                  const char *reason) {
    return (struct vmm_verdict){ status, reason, region };
}

/** What @region has against an access that lacks @denied of its rights. */
static const char *objection(const struct vmm_region *region, unsigned denied) {
    if (region->backing == VMM_GUARD) {
        return "a guard region was touched: nothing is ever mapped there";
    }
    if (denied & VMM_USER) {
        return "user mode touched a region of the kernel";
    }
    if (denied & VMM_WRITE) {
        return "write to a read-only region";
    }
    if (denied & VMM_EXECUTE) {
        return "instruction fetch from a region that is not executable";
    }
    return NULL;
}

/** A zeroed frame for @page, which shows nothing. */
static enum mm_status fill(struct vmm_space *space, vaddr_t page,
                           const struct vmm_region *region) {
    /* No INVLPG: the fault itself dropped what was remembered of the page. */
    return pages_map(space, (struct mapping){ .va = page,
                                              .pages = 1,
                                              .anonymous = true,
                                              .access = region->access,
                                              .largest = 1 });
}

/** The page shows a frame, with fewer rights than the region permits. */
static struct vmm_verdict repair_present(struct vmm_space *space, vaddr_t page,
                                         const struct vmm_region *region,
                                         unsigned denied) {
    const struct slot slot = table_walk(space, page);

    if (denied != VMM_WRITE || !pte_has(entry_get(slot.entry), LEAF_COPY)) {
        return verdict(MM_REFUSED, region,
                       "the page has fewer rights than its region");
    }
    if (page_unshare(space, page) != MM_OK) {
        return verdict(MM_NO_MEMORY, region,
                       "no frame is left for a copy of the shared page");
    }
    return verdict(MM_OK, region, "first write to a shared page");
}

static struct vmm_verdict repair_absent(struct vmm_space *space, vaddr_t page,
                                        const struct vmm_region *region) {
    enum mm_status status;

    if (region->backing == VMM_IMMEDIATE || region->backing == VMM_DEVICE) {
        return verdict(MM_REFUSED, region,
                       "the page of an immediate region was unmapped");
    }
    status = fill(space, page, region);
    if (status != MM_OK) {
        return verdict(status, region,
                       "no frame is left for the page or its tables");
    }
    return verdict(MM_OK, region, "first touch: a zeroed frame was mapped");
}

/** No region holds @page; it may lie where a stack grows to. */
static struct vmm_verdict beyond_regions(struct vmm_space *space, vaddr_t page,
                                         unsigned wanted) {
    struct vmm_region *stack = stack_above(space, page);
    const char *reason;
    enum mm_status status;

    if (stack == NULL) {
        return verdict(MM_NO_REGION, NULL, "no region holds the address");
    }
    reason = stack_objection(space, stack, page);
    if (reason != NULL) {
        return verdict(MM_NO_REGION, NULL, reason);
    }
    reason = objection(stack, wanted & ~stack->access);
    if (reason != NULL) {
        return verdict(MM_REFUSED, stack, reason);
    }
    status = fill(space, page, stack);
    if (status != MM_OK) {
        return verdict(status, stack,
                       "no frame is left for the page or its tables");
    }
    stack_grow(space, stack, page);
    return verdict(MM_OK, stack, "the stack grew");
}

/** What the tables have no say in, or NULL. */
static const char *beyond_tables(unsigned error) {
    const unsigned known =
        PF_PRESENT | PF_WRITE | PF_USER | PF_RESERVED | PF_FETCH;

    if (error & PF_RESERVED) {
        return "a reserved bit is set in a page-table entry";
    }
    if (error & PF_KEY) {
        return "the protection key of the page forbids the access";
    }
    if (error & PF_SHADOW) {
        return "a shadow-stack access: there are no shadow stacks here";
    }
    return (error & ~known) != 0
               ? "the error code has a bit that nothing here handles"
               : NULL;
}

/** The kernel may not touch this page of the user's, whatever the tables say:
 *  the same fault came before, and no entry was changed since. */
static bool forbidden_by_mode(struct vmm_space *space, vaddr_t va,
                              unsigned error, unsigned access) {
    const struct vmm_retry now = { va, error, space_changes(space) };
    const struct vmm_retry before = space->retry;

    if ((error & (PF_PRESENT | PF_USER)) != PF_PRESENT ||
        (access & VMM_USER) == 0) {
        return false;
    }
    space->retry = now;
    return before.va.v == va.v && before.error == error &&
           before.changes == now.changes;
}

static struct vmm_verdict decide(struct vmm_space *space, vaddr_t va,
                                 unsigned error) {
    const struct vmm_region *region = vmm_region_at(space, va);
    const struct vmm_translation now = vmm_translate(space, va);
    const bool mapped = now.status == MM_OK;
    const unsigned wanted = rights_wanted(error);
    const char *reason = beyond_tables(error);

    if (reason != NULL) {
        return verdict(MM_REFUSED, region, reason);
    }
    if (mapped && (wanted & ~now.access) == 0) {
        if (forbidden_by_mode(space, va, error, now.access)) {
            return verdict(MM_REFUSED, region,
                           "SMEP or SMAP: the page is the user's");
        }
        hw_invlpg(va);
        space->stats.invlpgs++;
        return verdict(MM_OK, region, "a stale translation was dropped");
    }
    if (region == NULL && !mapped) {
        return beyond_regions(space, vaddr_page(va), wanted);
    }
    if (region == NULL) {
        return verdict(MM_NO_REGION, NULL, "no region holds the address");
    }
    reason = objection(region, wanted & ~region->access);
    if (reason != NULL) {
        return verdict(MM_REFUSED, region, reason);
    }
    if (mapped) {
        return repair_present(space, vaddr_page(va), region,
                              wanted & ~now.access);
    }
    return repair_absent(space, vaddr_page(va), region);
}

struct vmm_verdict space_fault(struct vmm_space *space, vaddr_t va,
                               unsigned error) {
    struct vmm_verdict result;

    space->stats.faults++;
    events_add(space->events, EVENT_FAULT, va.v, error);
    result = decide(space, va, error);
    space->stats.faults_refused += result.status != MM_OK;
    return result;
}

struct vmm_verdict vmm_fault(struct vmm_space *space, vaddr_t va,
                             unsigned error) {
    return space_fault(vmm_space_at(space, va), va, error);
}
