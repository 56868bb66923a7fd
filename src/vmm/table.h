/**
 * @file table.h
 * Inside the vmm: page tables reached through the direct map, and frames taken
 * ahead of a change.
 */
#ifndef VMM_TABLE_H
#define VMM_TABLE_H

#include "vmm/vmm.h"

/* Every right, so that the leaf alone decides: the processor ANDs R/W and U/S
 * over the levels and ORs XD.  Intel SDM vol. 3A, "Determination of Access
 * Rights". */
#define TABLE_BITS (PTE_PRESENT | PTE_WRITABLE | PTE_USER)

/** Ours, of the bits that the processor ignores: the frame has other owners, so
 *  it is copied before the first write; such a leaf is never writable. */
#define LEAF_COPY (UINT64_C(1) << 11)

/** The bits of a leaf that its rights decide, which leaf_bits() gives. */
static inline uint64_t leaf_mask(unsigned level) {
    return PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_WRITE_THROUGH |
           PTE_CACHE_DISABLE | PTE_GLOBAL | PTE_NO_EXECUTE | LEAF_COPY |
           (level > 1 ? PTE_HUGE : 0);
}

/** May a processor that still believes @old do what @new forbids? */
static inline bool access_is_taken(unsigned old, unsigned new) {
    const unsigned taken = old & ~new;

    return (taken & ~(unsigned)VMM_UNCACHED) != 0 ||
           ((old ^ new) & VMM_UNCACHED) != 0;
}

/** Entries written ever. */
static inline uint64_t space_changes(const struct vmm_space *space) {
    return space->stats.maps + space->stats.unmaps + space->changes;
}

/** Where the direct map shows frame @f, for tables and for clearing. */
static inline void *frame_bytes(const struct vmm_space *space, pfn_t f) {
    return pointer_of(vaddr_add(space->direct_base, paddr_of(f).v));
}

/* --- reach.c: without the direct map ---------------------------------------
 */

/** A page that shows @f, until REACH_PAGES - 1 others were asked for. */
void *reach_frame(const struct vmm_space *space, pfn_t f);
/** The table of @level at @pa, which translates @va. */
pte_t *reach_table(const struct vmm_space *space, vaddr_t va, unsigned level,
                   paddr_t pa);
/** @count frames from @f go back to the pmm: no page shows them any more. */
void reach_forget(const struct vmm_space *space, pfn_t f, uint64_t count);
static inline void frames_forget(const struct vmm_space *space, pfn_t f,
                                 uint64_t count) {
    if (space->reach != NULL) {
        reach_forget(space, f, count);
    }
}

/** The bytes of a frame that is a table or in a chain. */
static inline void *frame_reach(const struct vmm_space *space, pfn_t f) {
    return __builtin_expect(space->reach == NULL, 1) ? frame_bytes(space, f)
                                                     : reach_frame(space, f);
}
/** The 512 entries of the table at @pa. */
static inline pte_t *table_at(const struct vmm_space *space, paddr_t pa) {
    return frame_reach(space, pfn_of(pa));
}
/** The same of the table of @level that translates @va. */
static inline pte_t *table_of(const struct vmm_space *space, vaddr_t va,
                              unsigned level, paddr_t pa) {
    return __builtin_expect(space->reach == NULL, 1)
               ? frame_bytes(space, pfn_of(pa))
               : reach_table(space, va, level, pa);
}
/** Is @entry of the kernel's root the recursive slot? */
static inline bool entry_is_recursive(const struct vmm_space *space,
                                      unsigned level, pte_t entry) {
    return level == PAGING_LEVELS &&
           pte_address(entry).v == space->kernel->root.v;
}

/** The processor reads and writes entries too: one load, one store each. */
static inline pte_t entry_get(const pte_t *entry) {
    return pte(__atomic_load_n(&entry->v, __ATOMIC_RELAXED));
}
static inline void entry_set(pte_t *entry, pte_t value) {
    __atomic_store_n(&entry->v, value.v, __ATOMIC_RELAXED);
}

/** Where the walk for an address ends: at level 1, at a large leaf, or at an
 *  entry that is not present. */
struct slot {
    pte_t *entry;
    unsigned level;
};
/** As far as an entry of @level, 1..4, if not sooner. */
static inline struct slot table_walk_to(const struct vmm_space *space,
                                        vaddr_t va, unsigned level) {
    paddr_t table = space->root;

    for (unsigned l = PAGING_LEVELS;; l--) {
        pte_t *entry = &table_of(space, va, l, table)[table_index(va, l)];
        const pte_t seen = entry_get(entry);

        if (l == level || !pte_is_present(seen) || pte_is_leaf(seen, l)) {
            return (struct slot){ entry, l };
        }
        table = pte_address(seen);
    }
}

/** Of one leaf; a space without a ring does not pay for one. */
static inline void leaf_event(const struct vmm_space *space,
                              enum event_kind kind, vaddr_t va, pfn_t f) {
    if (__builtin_expect(space->events != NULL, 0)) {
        events_add(space->events, kind, va.v, f.v);
    }
}

/* The page table that was walked to last is remembered, since the next page is
 * often in it.  Only addresses that were checked are; whoever takes a page
 * table out of the tree forgets it. */
#define NEAR_NOWHERE UINT64_MAX

static inline bool near_holds(const struct vmm_space *space, vaddr_t va) {
    return va.v >> level_shift(2) == space->near_at;
}
/** The entry for the page at @va, if its table is near and @va is aligned. */
static inline pte_t *near_entry(const struct vmm_space *space, vaddr_t va) {
    return near_holds(space, va) && vaddr_is_page_aligned(va)
               ? &space->near[table_index(va, 1)]
               : NULL;
}
/** @entry, of level 1, translates @va, which is the space's own. */
static inline void near_note(struct vmm_space *space, vaddr_t va,
                             pte_t *entry) {
    if (space->reach == NULL) { /* else the pointer does not hold */
        space->near = entry - table_index(va, 1);
        space->near_at = va.v >> level_shift(2);
    }
}
static inline void near_note_slot(struct vmm_space *space, vaddr_t va,
                                  struct slot slot) {
    if (slot.level == 1) {
        near_note(space, va, slot.entry);
    }
}
static inline void near_forget(struct vmm_space *space) {
    space->near_at = NEAR_NOWHERE;
}

/** As table_walk_to(); a near table is no walk. */
static inline struct slot table_walk_near(const struct vmm_space *space,
                                          vaddr_t va, unsigned level) {
    if (level == 1 && near_holds(space, va)) {
        return (struct slot){ &space->near[table_index(va, 1)], 1 };
    }
    return table_walk_to(space, va, level);
}
static inline struct slot table_walk(const struct vmm_space *space,
                                     vaddr_t va) {
    return table_walk_near(space, va, 1);
}

/** Pages of 4 KiB that an entry of @level covers. */
static inline uint64_t level_pages(unsigned level) {
    return level_size(level) >> PAGE_SHIFT;
}

/** The entries of a table of @level from the one for @va on that lie wholly
 *  within @pages pages; 0: not even the first. */
static inline uint64_t row_entries(vaddr_t va, unsigned level, uint64_t pages) {
    const uint64_t behind = TABLE_ENTRIES - table_index(va, level);
    const uint64_t fit = pages >> (level_shift(level) - PAGE_SHIFT);

    return fit < behind ? fit : behind;
}

/** The entries of a range that stand in one page table; or large leaves beside
 *  each other in one table; or an entry above that is not present.  None where
 * a leaf reaches out of the range. */
struct row {
    pte_t *entry;
    vaddr_t va;
    unsigned level;
    uint64_t entries;
};
/** Step to the next row of the range of *@left pages at *@va; false: there is
 *  none.  unmap.c */
bool row_next(const struct vmm_space *space, vaddr_t *va, uint64_t *left,
              struct row *row);

/** What the entries of a row have in common. */
struct row_bits {
    uint64_t all, any; /* ANDed, ORed */
};
static inline struct row_bits row_bits(const pte_t *row, uint64_t entries) {
    struct row_bits bits = { UINT64_MAX, 0 };

#pragma GCC unroll 8
    for (uint64_t n = 0; n < entries; n++) {
        const uint64_t seen = entry_get(&row[n]).v;

        bits.all &= seen;
        bits.any |= seen;
    }
    return bits;
}

/** Pages from @va to the end of what the entry at @slot covers, at most
 *  @limit: a loop over pages steps over absent tables at once. */
static inline uint64_t slot_pages(struct slot slot, vaddr_t va,
                                  uint64_t limit) {
    const uint64_t size = level_size(slot.level);
    const uint64_t left = (size - (va.v & (size - 1))) >> PAGE_SHIFT;

    return left < limit ? left : limit;
}

/** May this space's calls change what @va shows? */
static inline bool space_owns(const struct vmm_space *space, vaddr_t va) {
    return space == space->kernel || vmm_is_private(va);
}
/** The part of the tables that this space's calls change. */
static inline struct vrange space_part(const struct vmm_space *space) {
    return (struct vrange){ vaddr(0), space == space->kernel
                                          ? UINT64_MAX
                                          : VMM_PRIVATE_SIZE };
}

/** MM_OK, MM_NOT_CANONICAL, MM_NOT_ALIGNED, or MM_BAD_RANGE: not a page of
 *  this space's own. */
static inline enum mm_status page_check(const struct vmm_space *space,
                                        vaddr_t va) {
    if (!vaddr_is_canonical(va)) {
        return MM_NOT_CANONICAL;
    }
    if (!vaddr_is_page_aligned(va)) {
        return MM_NOT_ALIGNED;
    }
    return space_owns(space, va) ? MM_OK : MM_BAD_RANGE;
}
/** page_check(), and MM_BAD_RANGE when @count pages from @va are none, wrap,
 *  leave the canonical half of @va or the space's own part. */
enum mm_status pages_check(const struct vmm_space *space, vaddr_t va,
                           uint64_t count);

/** @to if any of @bits is set in @value. */
static inline uint64_t bit_if(uint64_t value, uint64_t bits, uint64_t to) {
    return (value & bits) != 0 ? to : 0;
}
/** The bits of a leaf of @level with the rights @access. */
static inline uint64_t leaf_bits(unsigned access, unsigned level) {
    return PTE_PRESENT | bit_if(access, VMM_WRITE, PTE_WRITABLE) |
           bit_if(~access, VMM_EXECUTE, PTE_NO_EXECUTE) |
           bit_if(access, VMM_USER, PTE_USER) |
           bit_if(access, VMM_UNCACHED, PTE_CACHE_DISABLE | PTE_WRITE_THROUGH) |
           bit_if(access, VMM_GLOBAL, PTE_GLOBAL) | (level > 1 ? PTE_HUGE : 0);
}
static inline unsigned leaf_access(pte_t leaf) {
    return (unsigned)(bit_if(leaf.v, PTE_WRITABLE, VMM_WRITE) |
                      bit_if(~leaf.v, PTE_NO_EXECUTE, VMM_EXECUTE) |
                      bit_if(leaf.v, PTE_USER, VMM_USER) |
                      bit_if(leaf.v, PTE_CACHE_DISABLE, VMM_UNCACHED) |
                      bit_if(leaf.v, PTE_GLOBAL, VMM_GLOBAL));
}
/** MM_OK, MM_BAD_ARGUMENT: rights that are none, or not for a page at @va, or
 *  MM_REFUSED: writable and executable. */
static inline enum mm_status access_check(const struct vmm_space *space,
                                          vaddr_t va, unsigned access) {
    const unsigned both = VMM_WRITE | VMM_EXECUTE;

    if ((access & ~(unsigned)VMM_ACCESS_ALL) != 0 ||
        ((access & VMM_GLOBAL) != 0 && vmm_is_private(va))) {
        return MM_BAD_ARGUMENT;
    }
    return (access & both) == both && !space->write_execute ? MM_REFUSED
                                                            : MM_OK;
}
/** MM_OK, or MM_BAD_ARGUMENT: frames beyond the bus. */
static inline enum mm_status frames_check(const struct vmm_space *space,
                                          pfn_t f, uint64_t count) {
    const uint64_t limit = UINT64_C(1) << (space->phys_bits - PAGE_SHIFT);

    return f.v < limit && count <= limit - f.v ? MM_OK : MM_BAD_ARGUMENT;
}

/* --- space.c -------------------------------------------------------------- */

/** Set an entry that may lead to a table.  An entry of the kernel's root that
 *  all spaces share is set in all of them. */
void upper_set(struct vmm_space *space, pte_t *entry, unsigned level,
               pte_t value);
/** Can the processor remember translations of the own part of @space? */
static inline bool space_is_cached(const struct vmm_space *space) {
    return space == space->kernel || space == space->kernel->current;
}

/* --- region.c: stacks ----------------------------------------------------- */

/** May @stack grow down to @page, by its limit, with a page free below? */
bool stack_may_reach(const struct vmm_region *stack, vaddr_t page);
/** Is what it would grow over free, and the page below? */
bool stack_has_room(struct vmm_space *space, const struct vmm_region *stack,
                    vaddr_t page);
void stack_grow(struct vmm_space *space, struct vmm_region *stack,
                vaddr_t page);
/** Give @region a record of its own; its pages are as they should be.
 *  @return MM_OK or MM_NO_MEMORY */
enum mm_status region_insert(struct vmm_space *space, struct vmm_region region);

/* --- fault.c -------------------------------------------------------------- */

/** vmm_fault() for an address of @space, in force or not. */
struct vmm_verdict space_fault(struct vmm_space *space, vaddr_t va,
                               unsigned error);

/* --- chain.c and others: frames outside the tables ------------------------ */

/** Frames that nobody else knows: the first eight bytes of each hold the
 *  address of the next. */
struct frame_chain {
    paddr_t first;
    uint64_t count;
};

/* --- large.c -------------------------------------------------------------- */

/** Take 2 MiB pieces of RAM from the pmm, onto @chain, for @range: as many as
 *  fit in, or fewer.  @return how many */
uint64_t blocks_take(struct vmm_space *space, struct vrange range,
                     struct frame_chain *chain);
void blocks_give_back(struct vmm_space *space, struct frame_chain *chain);
/** Take one out and clear it.  @chain is not empty. */
pfn_t block_pop_zeroed(const struct vmm_space *space,
                       struct frame_chain *chain);
/** One zeroed 2 MiB page around @page.  MM_OK, or why there is none. */
enum mm_status block_fill(struct vmm_space *space, vaddr_t page,
                          const struct vmm_region *region);
/** Let @range, part of a region, show small pages only.
 *  @return MM_OK or MM_NO_MEMORY: some are small now */
enum mm_status region_split_leaves(struct vmm_space *space,
                                   struct vrange range);

/* --- evict.c -------------------------------------------------------------- */

/** Let the pager of @region bring @page, which shows nothing.
 *  @return MM_OK, MM_NO_MEMORY, or what the pager said; then nothing changed */
enum mm_status page_load(struct vmm_space *space, vaddr_t page,
                         const struct vmm_region *region);
/** The pager of @region need not keep its pages any more. */
void pager_end(const struct vmm_region *region);
/** Did @status say that frames are short, and did vmm_evict() take a page of
 *  @space or of another of its family away?  Then it may be tried again, from
 *  its beginning: any page of a paged region may be gone. */
bool room_is_made(struct vmm_space *space, enum mm_status status);

/* --- chain.c: frames outside the tables, strung through their own bytes -- */

void chain_push(const struct vmm_space *space, struct frame_chain *chain,
                pfn_t f);
/** Take a frame out and clear it.  @chain is not empty. */
pfn_t chain_pop_zeroed(const struct vmm_space *space,
                       struct frame_chain *chain);
/** Take a frame from the pmm for the page at @va, or for a table of it. */
enum mm_status chain_take(struct vmm_space *space, struct frame_chain *chain,
                          vaddr_t va, bool for_table);
/** Give all of @chain to the pmm. */
void chain_give_back(struct vmm_space *space, struct frame_chain *chain);

/* --- range.c: all or none ------------------------------------------------ */

/** Do @count pages at @va show nothing?  MM_OK, MM_ALREADY_MAPPED or
 *  MM_HUGE_PAGE. */
enum mm_status pages_survey(const struct vmm_space *space, vaddr_t va,
                            uint64_t count);

/** What is to be mapped, from va on. */
struct mapping {
    vaddr_t va;
    uint64_t pages; /* of 4 KiB */
    pfn_t f;        /* of the first page */
    bool anonymous; /* onto a zeroed frame each, not onto f and so on */
    unsigned access;
    unsigned largest; /* level of the largest leaves */
    /** Anonymous, @largest 2: 2 MiB pieces of RAM for the first places where
     *  they fit, as many as there are. */
    struct frame_chain *blocks;
    uint64_t block_count;
};
/** Map all or none, with leaves as large as fit; the range, the frames and the
 *  rights are checked. */
enum mm_status pages_map(struct vmm_space *space, struct mapping mapping);
/** Unmap what is mapped among @count pages at @va, flush, and only then give
 *  the frames back, if @give_back.  A leaf that reaches out of the range stays.
 */
void pages_drop(struct vmm_space *space, vaddr_t va, uint64_t count,
                bool give_back);
/** The entry of level 1 for @va, where no large leaf stands, with the tables
 *  above it made.  @return MM_OK, or MM_NO_MEMORY: nothing changed */
enum mm_status entry_make(struct vmm_space *space, vaddr_t va, pte_t **entry);

/* --- share.c: frames with several owners --------------------------------- */

static inline bool frame_is_shared(const struct vmm_space *space, pfn_t f) {
    return space->pmm->books.of != NULL && pmm_owners(space->pmm, f) > 1;
}
/** @leaf, to be copied before the next write instead of written. */
static inline pte_t leaf_shared(pte_t leaf) {
    return pte((leaf.v & ~PTE_WRITABLE) | LEAF_COPY);
}
/** @seen, a leaf of @level, with the rights @access. */
static inline pte_t leaf_with(const struct vmm_space *space, pte_t seen,
                              unsigned level, unsigned access) {
    const pte_t leaf =
        pte((seen.v & ~leaf_mask(level)) | leaf_bits(access, level));

    return (access & VMM_WRITE) != 0 &&
                   frame_is_shared(space, pfn_of(pte_leaf_address(seen, level)))
               ? leaf_shared(leaf)
               : leaf;
}
/** Let all writable pages among @count at @va whose frames are shared be copied
 *  before the next write. */
struct vmm_token pages_share(struct vmm_space *space, vaddr_t va,
                             uint64_t count);
/** A write to the page at @va, which is marked LEAF_COPY. */
enum mm_status page_unshare(struct vmm_space *space, vaddr_t va);

/* --- empty.c: tables that hold nothing ----------------------------------- */

/** Is the table at @pa of @level one of the pmm's, and does nothing show
 *  below it? */
bool table_is_vacant(const struct vmm_space *space, paddr_t pa, unsigned level);
/** Unlink a vacant table and all below it, onto @unlinked; the processor may
 *  still walk them until it is flushed. */
void table_unlink(struct vmm_space *space, paddr_t pa, unsigned level,
                  struct frame_chain *unlinked);
/** Make the processor forget the way to unlinked tables, and give them back. */
void tables_give_back(struct vmm_space *space, struct frame_chain *unlinked);

/* --- sound.c: of one space ------------------------------------------------ */

/** Is each of @count frames from @f in use, or none of the pmm's? */
bool frames_are_used(const struct vmm_space *space, pfn_t f, uint64_t count);

/* --- trees.c, remembered.c: of all spaces together ----------------------- */

/** Does the direct map show what it shows at @va? */
static inline bool in_direct_map(const struct vmm_space *space, vaddr_t va) {
    return range_holds(space->direct_base.v, space->pmm->frames << PAGE_SHIFT,
                       va.v);
}

/** What does not hold of the trees of all spaces, or NULL. */
const char *trees_complaint(const struct vmm_space *kernel);
/** What does not hold of what processors remember, or NULL. */
const char *remembered_complaint(const struct vmm_space *kernel);

/* --- flush.c ------------------------------------------------------------- */

/** A word for the number of a token, so that sums of different tokens differ.
 */
static inline uint64_t token_word(uint64_t id) {
    const uint64_t word = (id & 0xffff) * UINT64_C(0x9e3779b97f4a7c15);

    return word ^ (word >> 32);
}
/** A debt of @pages pages of @level from @va, counted until it is paid. */
static inline struct vmm_token token_owe(struct vmm_space *space, vaddr_t va,
                                         unsigned level, uint64_t pages,
                                         bool global) {
    const uint64_t id = ++space->tokens;

    space->ids_owed += token_word(id);
    return vmm_token_make(space, id, va, level, pages, global);
}

/** Take the leaf of @level away that stands at @leaf, for @va. */
static inline struct vmm_unmapped leaf_take(struct vmm_space *space, vaddr_t va,
                                            pte_t *leaf, unsigned level) {
    const pte_t seen = entry_get(leaf);
    const pfn_t f = pfn_of(pte_leaf_address(seen, level));

    entry_set(leaf, pte(0));
    space->stats.unmaps++;
    leaf_event(space, EVENT_VMM_UNMAPS, va, f);
    return (struct vmm_unmapped){
        .status = MM_OK,
        .frame = f,
        .token = token_owe(space, va, level, 1, pte_has(seen, PTE_GLOBAL)),
    };
}

#endif
