/*
 * One call: what the model expects, the call, what the model is then.
 */
#include "programs/program.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static uint64_t below(uint64_t *dice, uint64_t limit) {
    *dice = hash_mix(*dice);
    return *dice % limit;
}

struct op op_draw(uint64_t *dice) {
    static const uint8_t often[OP_KINDS] = { 24, 4, 14, 12, 6, 8, 12, 1,
                                             40, 2, 1,  4,  2, 3, 2,  4 };
    uint64_t pick = below(dice, 139);
    struct op op = { .kind = OP_MAP };

    while (pick >= often[op.kind]) {
        pick -= often[op.kind];
        op.kind++;
    }
    op.space = (unsigned)below(dice, SPACES);
    op.other = 1 + (unsigned)below(dice, SPACES - 1);
    op.count = below(dice, 32) == 0 ? 512 : 1 + below(dice, 12);
    op.page = op.count == 512 ? below(dice, 2) * 512
                              : below(dice, PAGES - op.count + 1);
    if (below(dice, 4) != 0 && op.count < 512) {
        op.page %= 32; /* where others were before */
    }
    op.frame = op.count == 512 ? below(dice, 2) * (512 - below(dice, 2))
                               : below(dice, PAGES - op.count + 1);
    op.access = (unsigned)below(dice, VMM_ACCESS_ALL + 1);
    if (below(dice, 4) != 0) {
        op.access = op.access & VMM_USER ? VMM_WRITE | VMM_USER : VMM_WRITE;
    }
    op.write = below(dice, 2) != 0;
    op.word = *dice;
    if (op.kind >= OP_REGION || (op.kind == OP_TOUCH && below(dice, 2) == 0)) {
        op.page = REGIONS_AT + below(dice, CELLS);
    }
    if (op.kind == OP_MAP && op.count == 512) {
        op.access = VMM_WRITE; /* so that it can be merged */
    }
    if (op.kind == OP_MAP_LARGE || op.kind == OP_MERGE) {
        op.page = op.page / 512 % 2 * 512;
        op.count = 512;
        op.frame = op.frame / 512 * 512;
    }
    return op;
}

/* --- what the model expects ------------------------------------------------
 */

static enum mm_status access_status(unsigned space, unsigned access) {
    const unsigned both = VMM_WRITE | VMM_EXECUTE;

    if ((access & VMM_GLOBAL) != 0 && space != 0) {
        return MM_BAD_ARGUMENT;
    }
    return (access & both) == both ? MM_REFUSED : MM_OK;
}

static bool is_large(const struct page *page) {
    return page->frame != NOTHING && page->level == 2;
}

static enum mm_status map_status(const struct page *pages, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        if (pages[n].frame != NOTHING) {
            return is_large(&pages[n]) ? MM_HUGE_PAGE : MM_ALREADY_MAPPED;
        }
    }
    return MM_OK;
}

static enum mm_status edit_status(const struct page *pages,
                                  const struct op *op) {
    const uint64_t end = op->page + op->count;

    return (op->page % 512 != 0 && is_large(&pages[op->page])) ||
                   (end % 512 != 0 && is_large(&pages[end]))
               ? MM_HUGE_PAGE
               : MM_OK;
}

static enum mm_status merge_status(const struct page *one) {
    if (is_large(one)) {
        return MM_HUGE_PAGE;
    }
    for (uint64_t n = 0; n < 512; n++) {
        if (one[n].frame == NOTHING) {
            return MM_NOT_MAPPED;
        }
        if (one[n].frame != one->frame + n || one[n].access != one->access) {
            return MM_REFUSED;
        }
    }
    return one->frame % 512 == 0 ? MM_OK : MM_REFUSED;
}

static void show(struct page *pages, const struct op *op, unsigned level) {
    for (uint64_t n = 0; n < op->count; n++) {
        pages[n] = (struct page){ op->frame + n, op->access, level };
    }
}

static bool expect(enum mm_status seen, enum mm_status expected) {
    if (seen != expected) {
        snprintf(world.why, sizeof world.why, "%s, expected %s",
                 mm_status_name(seen), mm_status_name(expected));
    }
    return seen == expected;
}

/* --- the mapper --------------------------------------------------------------
 */

static bool run_map(const struct op *op, struct page *pages) {
    struct vmm_space *space = &world.s[op->space];
    const vaddr_t va = at(op->space, op->page);
    const bool large = op->kind == OP_MAP_LARGE && op->count == 512;
    enum mm_status want = access_status(op->space, op->access), seen;

    pages += op->page;
    want = want == MM_OK ? map_status(pages, op->count) : want;
    seen =
        large
            ? vmm_map_large(space, va, frame(op->frame), op->count, op->access)
            : vmm_map_range(space, va, frame(op->frame), op->count, op->access);
    if (want == MM_OK) {
        show(pages, op, large ? 2 : 1);
    }
    if (large && want == MM_HUGE_PAGE) {
        want = MM_ALREADY_MAPPED; /* asked for no smaller one */
    }
    return expect(seen, want);
}

static bool run_edit(const struct op *op, struct page *pages) {
    struct vmm_space *space = &world.s[op->space];
    const vaddr_t va = at(op->space, op->page);
    enum mm_status want = edit_status(pages, op);
    struct vmm_changed seen;

    if (op->kind == OP_UNMAP) {
        seen = vmm_unmap_range(space, va, op->count);
    } else {
        want = want == MM_OK ? access_status(op->space, op->access) : want;
        seen = vmm_protect_range(space, va, op->count, op->access);
    }
    vmm_flush(seen.token);
    for (uint64_t n = op->page; n < op->page + op->count && want == MM_OK;
         n++) {
        if (op->kind == OP_UNMAP) {
            pages[n].frame = NOTHING;
        } else {
            pages[n].access = op->access;
        }
    }
    return expect(seen.status, want);
}

static bool run_update(const struct op *op, struct page *page) {
    enum mm_status want = page->frame == NOTHING ? MM_NOT_MAPPED
                          : is_large(page)       ? MM_HUGE_PAGE
                                                 : MM_OK;
    struct vmm_unmapped old;

    want = want == MM_OK ? access_status(op->space, op->access) : want;
    old = vmm_update(&world.s[op->space], at(op->space, op->page),
                     frame(op->frame), op->access);
    vmm_flush(old.token);
    if (want == MM_OK) {
        *page = (struct page){ op->frame, op->access, 1 };
    }
    return expect(old.status, want);
}

static bool run_size(const struct op *op, struct page *pages) {
    const vaddr_t va = at(op->space, op->page);
    struct page *one = &pages[op->page / 512 * 512];
    const bool split = op->kind == OP_SPLIT;
    const enum mm_status want = !split ? merge_status(one)
                                : pages[op->page].frame == NOTHING
                                    ? MM_NOT_MAPPED
                                    : MM_OK;
    const enum mm_status seen = split ? vmm_split(&world.s[op->space], va, 1)
                                      : vmm_merge(&world.s[op->space], va, 2);

    for (uint64_t n = 0; n < 512 && want == MM_OK; n++) {
        one[n].level = split ? 1 : 2;
    }
    return expect(seen, want);
}

static bool run_by_hand(const struct op *op) {
    struct page *pages = world.model.pages[op->space];

    switch (op->kind) {
    case OP_MAP:
    case OP_MAP_LARGE:
        return run_map(op, pages);
    case OP_UNMAP:
    case OP_PROTECT:
        return run_edit(op, pages);
    case OP_UPDATE:
        return run_update(op, &pages[op->page]);
    case OP_SPLIT:
    case OP_MERGE:
        return run_size(op, pages);
    default:
        vmm_reclaim_tables(&world.s[op->space],
                           (struct vrange){ at(op->space, 0), 32 * MIB });
        return true;
    }
}

/* --- spaces and regions -------------------------------------------------- */

static void model_forget(unsigned space) {
    struct model *model = &world.model;

    for (uint64_t n = 0; n < PAGES; n++) {
        model->pages[space][n].frame = NOTHING;
    }
    memset(model->regions[space], 0, sizeof model->regions[space]);
    memset(model->cells[space], 0, sizeof model->cells[space]);
}

static bool run_destroy(const struct op *op) {
    const bool refused = world.model.current == op->other;

    if (!refused) {
        model_forget(op->other);
        world.model.live[op->other] = false;
    }
    return expect(vmm_space_destroy(&world.s[op->other]),
                  refused ? MM_REFUSED : MM_OK);
}

static bool run_fork(const struct op *op) {
    struct model *model = &world.model;

    if (op->space == 0) {
        return true; /* what is the kernel's is not inherited */
    }
    model_forget(op->other);
    memcpy(model->regions[op->other], model->regions[op->space],
           sizeof model->regions[0]);
    memcpy(model->cells[op->other], model->cells[op->space],
           sizeof model->cells[0]);
    model->live[op->other] = true;
    return expect(vmm_space_fork(&world.s[op->other], &world.s[op->space]),
                  MM_OK);
}

static bool run_space(const struct op *op) {
    struct model *model = &world.model;
    const bool live = model->live[op->other];

    switch (op->kind) {
    case OP_CREATE:
        model->live[op->other] = true;
        return live ||
               expect(vmm_space_create(&world.s[op->other], &world.s[0]),
                      MM_OK);
    case OP_DESTROY:
        return !live || run_destroy(op);
    case OP_FORK:
        return live || run_fork(op);
    default:
        model->current = op->space;
        vmm_space_switch(&world.s[op->space]);
        return true;
    }
}

static bool run_region(const struct op *op) {
    const uint64_t cell = op->page - REGIONS_AT, r = cell / REGION_PAGES;
    const vaddr_t base = at(op->space, REGIONS_AT + r * REGION_PAGES);
    bool *has = &world.model.regions[op->space][r];
    const bool had = *has;
    const struct vmm_region region = {
        .name = "cells",
        .range = { base, REGION_PAGES * PAGE_SIZE },
        .access = VMM_WRITE | VMM_USER,
        .backing = VMM_DEMAND,
    };

    *has = op->kind == OP_REGION;
    if (!*has) {
        memset(&world.model.cells[op->space][r * REGION_PAGES], 0,
               REGION_PAGES * sizeof(uint64_t));
        return expect(vmm_region_remove(&world.s[op->space], base),
                      had ? MM_OK : MM_NO_REGION);
    }
    return expect(vmm_region_add(&world.s[op->space], region),
                  had ? MM_OVERLAP : MM_OK);
}

/** From cell @frame of @other to the cell at @page. */
static bool run_copy(const struct op *op) {
    struct model *model = &world.model;
    const uint64_t to = op->page - REGIONS_AT, from = op->frame % CELLS;
    const bool can = model->regions[op->space][to / REGION_PAGES] &&
                     model->regions[op->other][from / REGION_PAGES];
    struct vmm_copied seen;

    if (op->space == 0 || !model->live[op->other] ||
        (op->space == op->other && to == from)) {
        return true;
    }
    seen = vmm_copy(&world.s[op->space], at(op->space, op->page),
                    &world.s[op->other], at(op->other, REGIONS_AT + from), 8);
    if (can) {
        model->cells[op->space][to] = model->cells[op->other][from];
    }
    return expect(seen.status, can ? MM_OK : MM_NO_REGION);
}

/* --- one call ---------------------------------------------------------------
 */

/** The pages at and around both ends, and the ones of another space. */
static bool around_agrees(const struct op *op) {
    const uint64_t last = op->page + op->count - 1;
    const uint64_t near[] = { op->page, op->page - 1, last, last + 1,
                              (op->page + last) / 2 };

    for (unsigned n = 0; n < sizeof near / sizeof near[0]; n++) {
        const bool cell = near[n] >= REGIONS_AT && near[n] < REGIONS_AT + CELLS;

        if (near[n] < PAGES || cell) {
            if (!page_agrees(op->space, near[n]) ||
                (world.model.live[op->other] &&
                 !page_agrees(op->other, near[n]))) {
                return false;
            }
        }
    }
    return true;
}

bool op_run(const struct op *op) {
    const struct model *model = &world.model;
    bool right = true;

    if (op->kind == OP_CREATE || op->kind == OP_DESTROY) {
        return run_space(op);
    }
    if (!model->live[op->space]) {
        return true;
    }
    if (op->kind <= OP_RECLAIM) {
        right = run_by_hand(op);
    } else if (op->kind == OP_TOUCH) {
        right = (op->space != 0 && op->space != model->current) ||
                touch(op->space, op->page, op->write, op->word);
    } else if (op->kind <= OP_FORK) {
        right = run_space(op);
    } else if (op->kind == OP_COPY) {
        right = run_copy(op);
    } else {
        right = run_region(op);
    }
    return right && around_agrees(op);
}

/* --- as C --------------------------------------------------------------------
 */

static const char *const names[OP_KINDS] = {
    "OP_MAP",    "OP_MAP_LARGE", "OP_UNMAP",   "OP_PROTECT",
    "OP_UPDATE", "OP_SPLIT",     "OP_MERGE",   "OP_RECLAIM",
    "OP_TOUCH",  "OP_CREATE",    "OP_DESTROY", "OP_SWITCH",
    "OP_FORK",   "OP_REGION",    "OP_REMOVE",  "OP_COPY",
};

void op_print(const struct op *op, char *line, size_t size) {
    const struct {
        const char *name;
        unsigned long value;
    } fields[] = {
        { "space", op->space }, { "other", op->other },
        { "page", op->page },   { "count", op->count },
        { "frame", op->frame }, { "access", op->access },
        { "write", op->write }, { "word", op->word },
    };
    size_t length =
        (size_t)snprintf(line, size, "ck_assert(op_run(OP(%s", names[op->kind]);

    for (unsigned n = 0; n < sizeof fields / sizeof fields[0]; n++) {
        if (fields[n].value != 0 && length < size) {
            length +=
                (size_t)snprintf(line + length, size - length, ", .%s = 0x%lx",
                                 fields[n].name, fields[n].value);
        }
    }
    if (length < size) {
        snprintf(line + length, size - length, ")));");
    }
}
