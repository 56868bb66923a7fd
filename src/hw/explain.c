/*
 * What the bits of entries and error codes mean, in words.
 *
 * The error code tells less than it seems to: P=0 names no level, P=1 with a
 * write may be R/W or U/S, and SMEP and SMAP have no bit at all.  So beside
 * what it says we print what it does not say.
 */
#include "hw/explain.h"

struct bit_name {
    uint64_t bit;
    const char *name;
};

static void print_names(fmt_sink *sink, void *ctx, const struct bit_name *names,
                        size_t count, uint64_t value) {
    for (size_t i = 0; i < count; i++) {
        if ((value & names[i].bit) != 0) {
            fmt_print(sink, ctx, " %s", names[i].name);
        }
    }
}

/* --- entries ------------------------------------------------------------ */

const char *paging_entry_name(unsigned level) {
    static const char *const names[] = { "?",     "PTE",   "PDE",
                                         "PDPTE", "PML4E", "PML5E" };

    return names[level < sizeof names / sizeof names[0] ? level : 0];
}

void paging_print_entry(fmt_sink *sink, void *ctx, pte_t entry,
                        unsigned level) {
    static const struct bit_name bits[] = {
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

    if (!pte_is_present(entry)) {
        fmt_print(sink, ctx, "0x%016jx: not present", (uintmax_t)entry.v);
        return;
    }
    fmt_print(sink, ctx, "0x%016jx: %s at 0x%jx,", (uintmax_t)entry.v,
              leaf ? "page" : "table", (uintmax_t)shown.v);
    print_names(sink, ctx, bits, sizeof bits / sizeof bits[0], entry.v);
}

const char *paging_refusal(pte_t entry, uint32_t error) {
    if ((error & PF_USER) != 0 && !pte_has(entry, PTE_USER)) {
        return "U/S is 0";
    }
    if ((error & PF_WRITE) != 0 && !pte_has(entry, PTE_WRITABLE)) {
        return "R/W is 0";
    }
    if ((error & PF_FETCH) != 0 && pte_has(entry, PTE_NO_EXECUTE)) {
        return "XD is 1";
    }
    return NULL;
}

/* --- error codes -------------------------------------------------------- */

const char *paging_error_access(uint32_t error) {
    if ((error & PF_FETCH) != 0) {
        return "instruction fetch";
    }
    return (error & PF_WRITE) != 0 ? "write" : "read";
}

/** What can refuse that access to a page that is there. */
static const char *refusing_rights(uint32_t error) {
    bool user = (error & PF_USER) != 0;

    if ((error & PF_FETCH) != 0) {
        return user ? "U/S or XD" : "XD or SMEP";
    }
    if ((error & PF_WRITE) != 0) {
        return user ? "U/S or R/W" : "R/W or SMAP";
    }
    return user ? "U/S" : "SMAP";
}

void paging_print_says(fmt_sink *sink, void *ctx, uint32_t error) {
    fmt_print(sink, ctx, "%s %s by the %s; ",
              (error & PF_FETCH) != 0 ? "an" : "a", paging_error_access(error),
              (error & PF_USER) != 0 ? "user" : "supervisor");
    if ((error & PF_RESERVED) != 0) {
        fmt_print(sink, ctx, "a present entry has a reserved bit set");
    } else if ((error & PF_PRESENT) == 0) {
        fmt_print(sink, ctx, "an entry on the way is not present");
    } else if ((error & PF_KEY) != 0) {
        fmt_print(sink, ctx, "the page is there, its protection key refuses");
    } else {
        fmt_print(sink, ctx, "the page is there, %s refuses",
                  refusing_rights(error));
    }
}

const char *paging_error_hides(uint32_t error) {
    if ((error & PF_RESERVED) != 0) {
        return "which entry, and which of its bits";
    }
    if ((error & PF_PRESENT) == 0) {
        return "which entry, and whether rights would allow the access";
    }
    if ((error & PF_KEY) != 0) {
        return "which key, and whether other rights refuse as well";
    }
    if ((error & PF_USER) != 0) {
        return (error & (PF_WRITE | PF_FETCH)) != 0
                   ? "which of the two, and at which level"
                   : "at which level";
    }
    return (error & (PF_WRITE | PF_FETCH)) != 0
               ? "which of the two, and at which level: SMAP and SMEP have no "
                 "bit"
               : "that it was SMAP, which has no bit; nothing else is left";
}

void paging_print_error(fmt_sink *sink, void *ctx, unsigned indent,
                        uint32_t error) {
    static const struct bit_name bits[] = {
        { PF_PRESENT, "present" },   { PF_WRITE, "write" }, { PF_USER, "user" },
        { PF_RESERVED, "reserved" }, { PF_FETCH, "fetch" }, { PF_KEY, "key" },
        { PF_SHADOW, "shadow" },     { PF_HLAT, "hlat" },   { PF_SGX, "sgx" },
    };

    fmt_print(sink, ctx, "%*serror code 0x%x:", (int)indent, "", error);
    print_names(sink, ctx, bits, sizeof bits / sizeof bits[0], error);
    fmt_print(sink, ctx, "\n%*s  it says: ", (int)indent, "");
    paging_print_says(sink, ctx, error);
    fmt_print(sink, ctx, "\n%*s  it does not say: %s\n", (int)indent, "",
              paging_error_hides(error));
}
