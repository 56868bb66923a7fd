/*
 * What a page fault means: one table, asked from top to bottom; the first rule
 * whose facts all hold decides.
 *
 *   error code, tables, region  -->  facts  -->  rule  -->  action
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
 *
 * When no frame is left, pages that a pager keeps make room: evict.c.
 */
#include "vmm/regions.h"

enum fact {
    /* of the error code */
    RESERVED = 1 << 0,
    KEY = 1 << 1,
    SHADOW = 1 << 2,
    UNKNOWN = 1 << 3,
    /* of the tables */
    PERMITTED = 1 << 4, /* they permit the access by now */
    CLOSED = 1 << 5,    /* ... and did so when it faulted before */
    PRESENT = 1 << 6,
    MARKED = 1 << 7, /* lacks only W, and is to be copied first */
    LOST = 1 << 18,  /* nothing is shown, but the entry is not empty */
    /* of the region; for one that may grow to the page, of that */
    NONE = 1 << 8,
    BELOW = 1 << 9, /* the page lies below a stack */
    FULL = 1 << 10, /* ... which has reached its limit */
    NARROW = 1 << 11,
    GUARD = 1 << 12,
    USER = 1 << 13, /* forbids the access of the user, the write, the fetch */
    WRITE = 1 << 14,
    FETCH = 1 << 15,
    WHOLE = 1 << 16, /* all its pages should show a frame */
    PAGED = 1 << 17,
};

enum action { REFUSE, RETRY, COPY, GROW, LOAD, ZERO };

static const struct rule {
    unsigned facts; /* that hold, all of them */
    enum action action;
    enum mm_status status; /* of a refusal */
    const char *reason;
} rules[] = {
    { RESERVED, REFUSE, MM_REFUSED,
      "a reserved bit is set in a page-table entry" },
    { KEY, REFUSE, MM_REFUSED,
      "the protection key of the page forbids the access" },
    { SHADOW, REFUSE, MM_REFUSED,
      "a shadow-stack access: there are no shadow stacks here" },
    { UNKNOWN, REFUSE, MM_REFUSED,
      "the error code has a bit that nothing here handles" },
    { CLOSED, REFUSE, MM_REFUSED, "SMEP or SMAP: the page is the user's" },
    { PERMITTED, RETRY, MM_OK, "a stale translation was dropped" },
    { NONE, REFUSE, MM_NO_REGION, "no region holds the address" },
    { FULL, REFUSE, MM_NO_REGION, "the stack has reached its limit" },
    { NARROW, REFUSE, MM_NO_REGION,
      "the stack would touch what lies below it" },
    { GUARD, REFUSE, MM_REFUSED,
      "a guard region was touched: nothing is ever mapped there" },
    { USER, REFUSE, MM_REFUSED, "user mode touched a region of the kernel" },
    { WRITE, REFUSE, MM_REFUSED, "write to a read-only region" },
    { FETCH, REFUSE, MM_REFUSED,
      "instruction fetch from a region that is not executable" },
    { MARKED, COPY, MM_OK, "first write to a shared page" },
    { PRESENT, REFUSE, MM_REFUSED,
      "the page has fewer rights than its region" },
    /* A new frame would hide that the content of the old one is lost. */
    { LOST, REFUSE, MM_REFUSED,
      "an entry lost its P bit: it shows nothing, but is not empty, and the "
      "page's content is lost" },
    { WHOLE, REFUSE, MM_REFUSED,
      "the page of an immediate region was unmapped" },
    { PAGED, LOAD, MM_OK, "the pager brought the page" },
    { BELOW, GROW, MM_OK, "the stack grew" },
    { 0, ZERO, MM_OK, "first touch: a zeroed frame was mapped" },
};

/** A fault, and what is found out about it. */
struct fault {
    vaddr_t va;
    unsigned error;
    struct vmm_region *region; /* that holds it; or a stack above; or NULL */
    unsigned facts;            /* OR of enum fact */
};

/* --- facts ---------------------------------------------------------------- */

static unsigned fact_if(bool holds, enum fact fact) {
    return holds ? (unsigned)fact : 0u;
}

static unsigned facts_of_error(unsigned error) {
    const unsigned known = PF_PRESENT | PF_WRITE | PF_USER | PF_RESERVED |
                           PF_FETCH | PF_KEY | PF_SHADOW;

    return fact_if((error & PF_RESERVED) != 0, RESERVED) |
           fact_if((error & PF_KEY) != 0, KEY) |
           fact_if((error & PF_SHADOW) != 0, SHADOW) |
           fact_if((error & ~known) != 0, UNKNOWN);
}

/** The rights that an access with this error code needs. */
static unsigned rights_wanted(unsigned error) {
    unsigned wanted = 0;

    wanted |= (error & PF_WRITE) ? VMM_WRITE : 0u;
    wanted |= (error & PF_FETCH) ? VMM_EXECUTE : 0u;
    wanted |= (error & PF_USER) ? VMM_USER : 0u;
    return wanted;
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

static unsigned facts_of_tables(struct vmm_space *space,
                                const struct fault *fault) {
    const struct vmm_translation now = vmm_translate(space, fault->va);
    const unsigned denied = rights_wanted(fault->error) & ~now.access;

    if (now.status != MM_OK) {
        return fact_if(entry_get(table_walk(space, fault->va).entry).v != 0,
                       LOST);
    }
    if (denied == 0) {
        return PERMITTED | fact_if(forbidden_by_mode(space, fault->va,
                                                     fault->error, now.access),
                                   CLOSED);
    }
    return PRESENT |
           fact_if(denied == VMM_WRITE &&
                       pte_has(entry_get(table_walk(space, fault->va).entry),
                               LEAF_COPY),
                   MARKED);
}

static unsigned facts_of_region(const struct vmm_region *region,
                                unsigned error) {
    const unsigned denied = rights_wanted(error) & ~region->access;

    return fact_if(region->backing == VMM_GUARD, GUARD) |
           fact_if((denied & VMM_USER) != 0, USER) |
           fact_if((denied & VMM_WRITE) != 0, WRITE) |
           fact_if((denied & VMM_EXECUTE) != 0, FETCH) |
           fact_if(region->backing == VMM_IMMEDIATE ||
                       region->backing == VMM_DEVICE,
                   WHOLE) |
           fact_if(region->backing == VMM_PAGED, PAGED);
}

/** No region holds the page, which shows nothing. */
static unsigned facts_beside(struct vmm_space *space, struct fault *fault,
                             struct vmm_region *next) {
    const vaddr_t page = vaddr_page(fault->va);

    if (next == NULL || next->backing != VMM_STACK) {
        return NONE;
    }
    if (!stack_may_reach(next, page)) {
        return FULL;
    }
    if (!stack_has_room(space, next, page)) {
        return NARROW;
    }
    fault->region = next;
    return BELOW | facts_of_region(next, fault->error);
}

static void find_facts(struct vmm_space *space, struct fault *fault) {
    struct vmm_region *next = region_from(space, fault->va.v);

    fault->facts = facts_of_error(fault->error);
    if (fault->facts == 0) {
        fault->facts = facts_of_tables(space, fault);
    }
    if (next != NULL && vrange_holds(next->range, fault->va)) {
        fault->region = next;
        fault->facts |= facts_of_region(next, fault->error);
    } else if (fault->facts == 0) {
        fault->facts = facts_beside(space, fault, next);
    } else {
        fault->facts |= NONE;
    }
}

/* --- actions -------------------------------------------------------------- */

/** A zeroed frame for @page, which shows nothing; or more, around it. */
static enum mm_status fill(struct vmm_space *space, vaddr_t page,
                           const struct vmm_region *region) {
    /* No INVLPG: the fault itself dropped what was remembered of the page. */
    if (block_fill(space, page, region) == MM_OK) {
        return MM_OK;
    }
    return pages_map(space, (struct mapping){ .va = page,
                                              .pages = 1,
                                              .anonymous = true,
                                              .access = region->access,
                                              .largest = 1 });
}

static enum mm_status grow(struct vmm_space *space, vaddr_t page,
                           struct vmm_region *stack) {
    const enum mm_status status = fill(space, page, stack);

    if (status == MM_OK) {
        stack_grow(space, stack, page);
    }
    return status;
}

static void forget_stale(struct vmm_space *space, vaddr_t va) {
    hw_invlpg(va);
    space->stats.invlpgs++;
}

static struct vmm_verdict act(struct vmm_space *space,
                              const struct fault *fault,
                              const struct rule *rule) {
    const vaddr_t page = vaddr_page(fault->va);
    enum mm_status status = rule->status;
    const char *lack = rule->reason;

    switch (rule->action) {
    case REFUSE:
        break;
    case RETRY:
        forget_stale(space, fault->va);
        break;
    case COPY:
        status = page_unshare(space, page);
        lack = "no frame is left for a copy of the shared page";
        break;
    case GROW:
        status = grow(space, page, fault->region);
        lack = "no frame is left for the page or its tables";
        break;
    case LOAD:
        status = page_load(space, page, fault->region);
        lack = status == MM_NO_MEMORY
                   ? "no frame is left for the page or its tables"
                   : "the pager can not bring the page";
        break;
    case ZERO:
    default:
        status = fill(space, page, fault->region);
        lack = "no frame is left for the page or its tables";
        break;
    }
    return (struct vmm_verdict){ status, status == MM_OK ? rule->reason : lack,
                                 fault->region };
}

static struct vmm_verdict decide(struct vmm_space *space, vaddr_t va,
                                 unsigned error) {
    struct fault fault = { .va = va, .error = error };
    const struct rule *rule = rules;

    find_facts(space, &fault);
    while ((rule->facts & ~fault.facts) != 0) {
        rule++;
    }
    return act(space, &fault, rule);
}

struct vmm_verdict space_fault(struct vmm_space *space, vaddr_t va,
                               unsigned error) {
    struct vmm_verdict result;

    if (space->kernel->deciding) {
        hw_panic("a page fault while the vmm decides about another", __FILE__,
                 __LINE__);
    }
    space->kernel->deciding = true;
    space->stats.faults++;
    events_add(space->events, EVENT_FAULT, va.v, error);
    do {
        result = decide(space, va, error);
    } while (room_is_made(space, result.status));
    space->stats.faults_refused += result.status != MM_OK;
    space->kernel->deciding = false;
    return result;
}

struct vmm_verdict vmm_fault(struct vmm_space *space, vaddr_t va,
                             unsigned error) {
    return space_fault(vmm_space_at(space, va), va, error);
}
