/*
 * A page fault as a story:
 *
 *   write at 0x444444459000 by the kernel: the page is not present
 *     error code 0x2: write
 *       it says: a write by the supervisor; an entry on the way is not present
 *       it does not say: which entry, and whether rights would allow the access
 *     region: none holds the address
 *     verdict: MM_NO_REGION, ...
 *     PML4E 136 0x0000000000105023: table at 0x105000, P W A
 *     PDPTE 273 ...
 *     PDE    34 ...
 *     PTE    89 not present, the walk ends here
 *
 * Of a page that is there, the topmost entry whose rights refuse the access is
 * marked "<- R/W is 0".
 */
#include "hw/explain.h"
#include "mm/mm.h"

struct printer {
    fmt_sink *sink;
    void *ctx;
    vaddr_t va;
    unsigned error;
    unsigned level; /* of the entry that the walk needs next */
    bool user;      /* U/S is 1 in all entries so far */
    bool decided;   /* an entry was found that refuses the access */
};

/** Did the rights of a page refuse it, and no reserved bit or key? */
static bool rights_refused(unsigned error) {
    return (error & PF_PRESENT) != 0 && (error & (PF_RESERVED | PF_KEY)) == 0;
}

static const char *cause(unsigned error) {
    if ((error & PF_RESERVED) != 0) {
        return "a reserved bit is set in an entry";
    }
    if ((error & PF_KEY) != 0) {
        return "the protection key of the page forbids it";
    }
    return (error & PF_PRESENT) != 0 ? "the rights of the page forbid it"
                                     : "the page is not present";
}

static const char *backing_name(enum vmm_backing backing) {
    switch (backing) {
    case VMM_GUARD:
        return "guard";
    case VMM_DEMAND:
        return "filled on demand";
    case VMM_DEVICE:
        return "a device";
    case VMM_STACK:
        return "a stack";
    case VMM_PAGED:
        return "brought by a pager";
    default:
        return "filled from the start";
    }
}

/** No region holds the address; perhaps a part of the kernel itself does. */
static void print_section(const struct printer *out,
                          const struct hw_boot *boot) {
    fmt_print(out->sink, out->ctx, "  region: none holds the address\n");
    for (size_t i = 0; i < boot->section_count; i++) {
        const struct hw_section *section = &boot->sections[i];

        if (vrange_holds(section->range, out->va)) {
            fmt_print(out->sink, out->ctx,
                      "  the kernel's own \"%s\" 0x%lx .. 0x%lx, r%c%c\n",
                      section->name, section->range.base.v,
                      section->range.base.v + section->range.len - 1,
                      section->writable ? 'w' : '-',
                      section->executable ? 'x' : '-');
        }
    }
}

static void print_region(const struct printer *out,
                         const struct vmm_region *region,
                         const struct hw_boot *boot) {
    if (region == NULL) {
        print_section(out, boot);
        return;
    }
    fmt_print(out->sink, out->ctx,
              "  region: \"%s\" 0x%lx .. 0x%lx, r%c%c, %s\n", region->name,
              region->range.base.v,
              region->range.base.v + region->range.len - 1,
              (region->access & VMM_WRITE) != 0 ? 'w' : '-',
              (region->access & VMM_EXECUTE) != 0 ? 'x' : '-',
              backing_name(region->backing));
}

static void print_place(const struct printer *out, unsigned level) {
    fmt_print(out->sink, out->ctx, "  %-5s %3u ", paging_entry_name(level),
              table_index(out->va, level));
}

static void print_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct printer *out = ctx;
    const char *refusal = NULL;

    (void)va;
    print_place(out, level);
    paging_print_entry(out->sink, out->ctx, entry, level);
    if (rights_refused(out->error) && !out->decided) {
        refusal = paging_refusal(entry, out->error);
    }
    if (refusal != NULL) {
        fmt_print(out->sink, out->ctx, " <- %s", refusal);
        out->decided = true;
    }
    out->sink(out->ctx, '\n');
    out->level = pte_is_leaf(entry, level) ? 0 : level - 1;
    out->user &= pte_has(entry, PTE_USER);
}

/** After the walk: what decided, if no entry was marked. */
static void print_decision(struct printer *out) {
    bool data = (out->error & PF_FETCH) == 0;

    if (out->level > 0) {
        print_place(out, out->level);
        fmt_print(out->sink, out->ctx, "not present, the walk ends here\n");
    } else if (rights_refused(out->error) && !out->decided &&
               (out->error & PF_USER) == 0 && out->user) {
        fmt_print(out->sink, out->ctx,
                  "  U/S is 1 in every entry: a user page, closed to the "
                  "kernel by %s\n",
                  data ? "SMAP" : "SMEP");
    } else if ((out->error & (PF_RESERVED | PF_KEY)) == 0 && !out->decided) {
        fmt_print(out->sink, out->ctx,
                  "  no entry refuses it now: a remembered translation did, "
                  "or the tables changed since\n");
    }
}

static void print_walk(const struct mm *mm, struct printer *out) {
    const struct vrange page = { vaddr_page(out->va), PAGE_SIZE };

    out->level = PAGING_LEVELS;
    out->user = true;
    vmm_walk(vmm_space_at(&mm->space, out->va), page, print_entry, out);
    print_decision(out);
}

void mm_explain_fault(const struct mm *mm, vaddr_t va, unsigned error,
                      fmt_sink *sink, void *ctx) {
    struct printer out = { .sink = sink, .ctx = ctx, .va = va, .error = error };

    fmt_print(sink, ctx, "%s at 0x%lx by %s: %s\n", paging_error_access(error),
              va.v, (error & PF_USER) != 0 ? "a user" : "the kernel",
              cause(error));
    paging_print_error(sink, ctx, 2, error);
    print_region(&out, vmm_region_at(vmm_space_at(&mm->space, va), va),
                 mm->boot);
    heap_debug_explain(&mm->heap, va, sink, ctx);
    fmt_print(sink, ctx, "  verdict: %s, %s\n",
              mm_status_name(mm->verdict.status),
              mm->verdict.reason != NULL ? mm->verdict.reason : "not asked");
    print_walk(mm, &out);
}
