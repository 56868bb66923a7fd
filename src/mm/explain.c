/*
 * A page fault as a story:
 *
 *   write at 0x444444459000 by the kernel: the page is not present
 *     error code 0x2: write
 *     region: none holds the address
 *     verdict: MM_NO_REGION, ...
 *     PML4E 136 0x0000000000105023: table at 0x105000, P W A
 *     PDPTE 273 ...
 *     PDE    34 ...
 *     PTE    89 not present, the walk ends here
 */
#include "mm/mm.h"

struct printer {
    fmt_sink *sink;
    void *ctx;
    vaddr_t va;
    unsigned level; /* of the entry that the walk needs next */
};

static const char *access_name(unsigned error) {
    if ((error & PF_FETCH) != 0) {
        return "instruction fetch";
    }
    return (error & PF_WRITE) != 0 ? "write" : "read";
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
    default:
        return "filled from the start";
    }
}

static void print_error(const struct printer *out, unsigned error) {
    static const struct {
        unsigned bit;
        const char *name;
    } bits[] = {
        { PF_PRESENT, "present" },   { PF_WRITE, "write" }, { PF_USER, "user" },
        { PF_RESERVED, "reserved" }, { PF_FETCH, "fetch" }, { PF_KEY, "key" },
        { PF_SHADOW, "shadow" },     { PF_HLAT, "hlat" },   { PF_SGX, "sgx" },
    };

    fmt_print(out->sink, out->ctx, "  error code 0x%x:", error);
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if ((error & bits[i].bit) != 0) {
            fmt_print(out->sink, out->ctx, " %s", bits[i].name);
        }
    }
    out->sink(out->ctx, '\n');
}

static void print_region(const struct printer *out,
                         const struct vmm_region *region) {
    if (region == NULL) {
        fmt_print(out->sink, out->ctx, "  region: none holds the address\n");
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

static const char *entry_name(unsigned level) {
    static const char *const names[PAGING_LEVELS + 1] = {
        "?", "PTE", "PDE", "PDPTE", "PML4E",
    };

    return names[level];
}

static void print_bits(const struct printer *out, pte_t entry, unsigned level) {
    static const struct {
        uint64_t bit;
        const char *name;
    } bits[] = {
        { PTE_PRESENT, "P" },
        { PTE_WRITABLE, "W" },
        { PTE_USER, "U" },
        { PTE_WRITE_THROUGH, "PWT" },
        { PTE_CACHE_DISABLE, "PCD" },
        { PTE_ACCESSED, "A" },
        { PTE_DIRTY, "D" },
        { PTE_GLOBAL, "G" },
        { PTE_NO_EXECUTE, "NX" },
    };
    bool leaf = pte_is_leaf(entry, level);
    paddr_t shown = leaf ? pte_leaf_address(entry, level) : pte_address(entry);

    fmt_print(out->sink, out->ctx, " 0x%016lx: %s at 0x%lx,", entry.v,
              leaf ? "page" : "table", shown.v);
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (pte_has(entry, bits[i].bit)) {
            fmt_print(out->sink, out->ctx, " %s", bits[i].name);
        }
    }
    out->sink(out->ctx, '\n');
}

static void print_place(const struct printer *out, unsigned level) {
    fmt_print(out->sink, out->ctx, "  %-5s %3u", entry_name(level),
              table_index(out->va, level));
}

static void print_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct printer *out = ctx;

    (void)va;
    print_place(out, level);
    print_bits(out, entry, level);
    out->level = pte_is_leaf(entry, level) ? 0 : level - 1;
}

static void print_walk(const struct mm *mm, struct printer *out) {
    const struct vrange page = { vaddr_page(out->va), PAGE_SIZE };

    out->level = PAGING_LEVELS;
    vmm_walk(&mm->space, page, print_entry, out);
    if (out->level > 0) {
        print_place(out, out->level);
        fmt_print(out->sink, out->ctx, " not present, the walk ends here\n");
    }
}

void mm_explain_fault(const struct mm *mm, vaddr_t va, unsigned error,
                      fmt_sink *sink, void *ctx) {
    struct printer out = { sink, ctx, va, 0 };

    fmt_print(sink, ctx, "%s at 0x%lx by %s: %s\n", access_name(error), va.v,
              (error & PF_USER) != 0 ? "a user" : "the kernel", cause(error));
    print_error(&out, error);
    print_region(&out, vmm_region_at(&mm->space, va));
    fmt_print(sink, ctx, "  verdict: %s, %s\n",
              mm_status_name(mm->verdict.status),
              mm->verdict.reason != NULL ? mm->verdict.reason : "not asked");
    print_walk(mm, &out);
}
