/*
 * Regions by address: a binary search tree, balanced by height (AVL).
 *
 *                [ heap ]                 first .. last: bytes from the lowest
 *               /        \                region below a record to the highest
 *         [ guard ]    [ stack ]          hole: the largest between two of them
 *              \
 *            [ device ]                   heights of two siblings differ by 1
 *
 * Each record knows the largest hole below it, so the search for the lowest
 * hole of a size leaves out whole branches: like all that is done here it looks
 * at no more records than the tree is high, twice; that is 1.44 log2(records).
 *
 * The trees of a header of macros (BSD sys/tree.h) would do, but for what each
 * record knows of those below it: they tell the parent of a change, not the way
 * up to the root.
 */
#include "vmm/regions.h"

static unsigned height(const struct vmm_record *record) {
    return record == NULL ? 0 : record->height;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static struct span own_span(const struct vmm_record *record) {
    return span_of(record->region.range);
}

/** What @record knows of itself and its two branches. */
static void update(struct vmm_record *record) {
    const struct vmm_record *low = record->child[0], *high = record->child[1];
    const struct span own = own_span(record);

    record->first = own.first;
    record->last = own.last;
    record->hole = 0;
    record->height = 1 + (unsigned)larger(height(low), height(high));
    if (low != NULL) {
        record->first = low->first;
        record->hole = larger(low->hole, own.first - low->last - 1);
    }
    if (high != NULL) {
        record->last = high->last;
        record->hole = larger(record->hole,
                              larger(high->hole, high->first - own.last - 1));
    }
}

/** The child on @side takes the place of @record, which becomes its child. */
static struct vmm_record *lift(struct vmm_record *record, unsigned side) {
    struct vmm_record *up = record->child[side];

    record->child[side] = up->child[!side];
    up->child[!side] = record;
    update(record);
    update(up);
    return up;
}

/** The branch at @record, whose two branches differ by no more than 2. */
static struct vmm_record *balance(struct vmm_record *record) {
    for (unsigned side = 0; side < 2; side++) {
        struct vmm_record *tall = record->child[side];

        if (height(tall) > height(record->child[!side]) + 1) {
            if (height(tall->child[!side]) > height(tall->child[side])) {
                record->child[side] = lift(tall, !side);
            }
            return lift(record, side);
        }
    }
    update(record);
    return record;
}

/** On which side of @record is @other? */
static unsigned side_of(const struct vmm_record *record,
                        const struct vmm_record *other) {
    return other->region.range.base.v > record->region.range.base.v;
}

struct vmm_record *tree_insert(struct vmm_record *root,
                               struct vmm_record *record) {
    unsigned side;

    if (root == NULL) {
        record->child[0] = record->child[1] = NULL;
        update(record);
        return record;
    }
    side = side_of(root, record);
    root->child[side] = tree_insert(root->child[side], record);
    return balance(root);
}

/** The branch without its lowest record. */
static struct vmm_record *take_lowest(struct vmm_record *branch,
                                      struct vmm_record **lowest) {
    if (branch->child[0] == NULL) {
        *lowest = branch;
        return branch->child[1];
    }
    branch->child[0] = take_lowest(branch->child[0], lowest);
    return balance(branch);
}

struct vmm_record *tree_remove(struct vmm_record *root,
                               const struct vmm_record *record) {
    struct vmm_record *next, *higher;
    unsigned side;

    if (root != record) {
        side = side_of(root, record);
        root->child[side] = tree_remove(root->child[side], record);
        return balance(root);
    }
    if (root->child[1] == NULL) {
        return root->child[0];
    }
    higher = take_lowest(root->child[1], &next);
    next->child[0] = root->child[0];
    next->child[1] = higher;
    return balance(next);
}

void tree_refresh(struct vmm_record *root, const struct vmm_record *record) {
    if (root != record) {
        tree_refresh(root->child[side_of(root, record)], record);
    }
    update(root);
}

/* --- searches ------------------------------------------------------------- */

struct vmm_record *tree_from(struct vmm_record *root, uint64_t first,
                             uint64_t *steps) {
    struct vmm_record *lowest = NULL;

    while (root != NULL) {
        ++*steps;
        if (own_span(root).last >= first) {
            lowest = root;
            root = root->child[0];
        } else {
            root = root->child[1];
        }
    }
    return lowest;
}

uint64_t tree_hole(const struct vmm_record *root, uint64_t from, uint64_t want,
                   uint64_t *steps) {
    const struct vmm_record *low, *high;
    uint64_t hole;

    if (root == NULL || root->hole < want || root->last < from) {
        return 0;
    }
    ++*steps;
    low = root->child[0];
    high = root->child[1];
    hole = tree_hole(low, from, want, steps);
    if (hole != 0) {
        return hole;
    }
    if (low != NULL && low->last >= from &&
        own_span(root).first - low->last - 1 >= want) {
        return low->last + 1;
    }
    if (high != NULL && own_span(root).last >= from &&
        high->first - own_span(root).last - 1 >= want) {
        return own_span(root).last + 1;
    }
    return tree_hole(high, from, want, steps);
}

bool tree_fits(const struct vmm_record *root) {
    struct vmm_record fresh;
    unsigned low, high;

    if (root == NULL) {
        return true;
    }
    low = height(root->child[0]);
    high = height(root->child[1]);
    fresh = *root;
    update(&fresh);
    return fresh.first == root->first && fresh.last == root->last &&
           fresh.hole == root->hole && fresh.height == root->height &&
           low <= high + 1 && high <= low + 1 && tree_fits(root->child[0]) &&
           tree_fits(root->child[1]);
}
