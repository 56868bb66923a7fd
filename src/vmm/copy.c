/*
 * Copies that cannot fault: each page is looked up in the tables, filled by its
 * region's policy when it shows nothing, and reached through the direct map.
 *
 *   from   [ page .... | page ............ | pag ]
 *   to        [ page ........ | page ............ | ]
 *   pieces    [       ][      ][           ]...      up to the nearer page end
 *
 * What the user may not touch, the kernel does not touch for him: U/S of every
 * level is asked, and R/W for the destination.  The processor does not see
 * these accesses, so A and D are set here as it would set them.
 *
 * While one page is at hand another may be touched that has to be brought when
 * frames are short: the one at hand is not taken away for it (kept).
 */
#include "vmm/table.h"

#include "base/bytes.h"

/** Bytes of one page that can be touched, or why they can't. */
struct reached {
    enum mm_status status;
    uint8_t *bytes;
    uint64_t len; /* up to the end of the page */
};

static bool permits(const struct vmm_translation *t, bool write) {
    const unsigned wanted = VMM_USER | (write ? VMM_WRITE : 0u);

    return t->status == MM_OK && (wanted & ~t->access) == 0;
}

static void note_access(const struct vmm_space *space, vaddr_t va, bool write) {
    const struct slot slot = table_walk(space, va);
    const uint64_t bits = PTE_ACCESSED | (write ? PTE_DIRTY : 0);

    entry_set(slot.entry, pte(entry_get(slot.entry).v | bits));
}

/** The bytes at @va of @space's private part. */
static struct reached reach(struct vmm_space *space, vaddr_t va, bool write) {
    struct vmm_translation t;

    if (!vmm_is_private(va)) {
        return (struct reached){ .status = MM_BAD_RANGE };
    }
    t = vmm_translate(space, va);
    while (!permits(&t, write)) {
        const unsigned error = PF_USER | (write ? PF_WRITE : 0u) |
                               (t.status == MM_OK ? PF_PRESENT : 0u);
        const struct vmm_verdict verdict = space_fault(space, va, error);

        if (verdict.status != MM_OK) {
            return (struct reached){ .status = verdict.status };
        }
        /* As a processor does: a table may forbid what the region allows. */
        t = vmm_translate(space, va);
    }
    if (!pmm_is_managed(space->pmm, pfn_of(t.pa))) {
        return (struct reached){ .status = MM_NOT_MANAGED };
    }
    note_access(space, va, write);
    return (struct reached){
        .status = MM_OK,
        .bytes = pointer_of(vaddr_add(space->direct_base, t.pa.v)),
        .len = PAGE_SIZE - (va.v & (PAGE_SIZE - 1)),
    };
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/** Until it is said again, vmm_evict() leaves the frame of @page alone: what is
 *  touched next may fault, and frames may be short. */
static void keep(const struct vmm_space *space, const struct reached *page) {
    const vaddr_t bytes = vaddr_of_pointer(page->bytes);

    space->kernel->kept = paddr(vaddr_page(bytes).v - space->direct_base.v);
}
static void keep_none(const struct vmm_space *space) {
    space->kernel->kept = paddr(0);
}

struct vmm_copied vmm_copy(struct vmm_space *to_space, vaddr_t to,
                           struct vmm_space *from_space, vaddr_t from,
                           uint64_t len) {
    struct vmm_copied done = { MM_OK, 0 };

    while (done.bytes < len) {
        const struct reached a =
            reach(from_space, vaddr_add(from, done.bytes), false);
        struct reached b = { 0 };
        uint64_t piece;

        if (a.status == MM_OK) {
            keep(from_space, &a);
            b = reach(to_space, vaddr_add(to, done.bytes), true);
            keep_none(from_space);
        }
        done.status = a.status != MM_OK ? a.status : b.status;
        if (done.status != MM_OK) {
            break;
        }
        piece = least(least(a.len, b.len), len - done.bytes);
        bytes_copy(b.bytes, a.bytes, piece);
        done.bytes += piece;
    }
    return done;
}

/** Between @space and kernel memory; one of @in and @out is NULL. */
static struct vmm_copied copy_kernel(struct vmm_space *space, vaddr_t va,
                                     uint8_t *in, const uint8_t *out,
                                     uint64_t len) {
    struct vmm_copied done = { MM_OK, 0 };

    while (done.bytes < len) {
        const struct reached page =
            reach(space, vaddr_add(va, done.bytes), out != NULL);
        const uint64_t piece = least(page.len, len - done.bytes);

        if (page.status != MM_OK) {
            done.status = page.status;
            break;
        }
        keep(space, &page); /* kernel memory may be there on demand */
        if (out != NULL) {
            bytes_copy(page.bytes, out + done.bytes, piece);
        } else {
            bytes_copy(in + done.bytes, page.bytes, piece);
        }
        keep_none(space);
        done.bytes += piece;
    }
    return done;
}

struct vmm_copied vmm_copy_in(void *to, struct vmm_space *space, vaddr_t from,
                              uint64_t len) {
    return copy_kernel(space, from, to, NULL, len);
}

struct vmm_copied vmm_copy_out(struct vmm_space *space, vaddr_t to,
                               const void *from, uint64_t len) {
    return copy_kernel(space, to, NULL, from, len);
}
