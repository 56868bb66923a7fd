/*
 * Which areas have how much room: a tree of bitmaps per class of fullness.
 *
 *   level 2   [ 1 . . . ]                         one node, the root
 *   level 1   [ 1 . . 1 ....... ]                 a bit per node below
 *   level 0   [ . . 1 . ][     ]...[ 1 1 . . ]    a bit per area
 *
 * A node holds a word for each class, so it is one cache line, and a change of
 * class touches one line unless a word became or ceased to be zero.  Finding,
 * adding and removing take as many steps as there are levels: three for 512
 * GiB, five for 2 PiB.
 *
 * Nodes are written when their first area is opened and are junk before.  Areas
 * are opened in order, so a node of level k is new when the number of the area
 * is a multiple of 64^(k+1).
 */
#include <string.h>

#include "pmm/areas.h"

#define FANOUT_SHIFT 6

static uint64_t nodes_for(uint64_t below) {
    return (below + WORD_BITS - 1) >> FANOUT_SHIFT;
}

uint64_t area_index_nodes(uint64_t areas) {
    uint64_t nodes = areas, sum = 0;

    while (nodes > 1 || (nodes == 1 && sum == 0)) {
        nodes = nodes_for(nodes);
        sum += nodes;
    }
    return sum;
}

void area_index_place(struct pmm_zone *zone, struct pmm_area_node *nodes) {
    uint64_t count = zone->count;

    zone->levels = 0;
    do {
        count = nodes_for(count);
        zone->level[zone->levels++] = nodes;
        nodes += count;
    } while (count > 1);
}

void area_index_open(struct pmm_zone *zone, uint64_t n) {
    for (unsigned k = 0; k < zone->levels; k++) {
        memset(&zone->level[k][n >> FANOUT_SHIFT], 0,
               sizeof(struct pmm_area_node));
        n >>= FANOUT_SHIFT;
        if (n % WORD_BITS != 0) {
            break; /* the node above is there already */
        }
    }
}

void area_index_add(struct pmm_zone *zone, uint64_t n, unsigned class) {
    for (unsigned k = 0; k < zone->levels; k++) {
        uint64_t *word = &zone->level[k][n >> FANOUT_SHIFT].in[class];
        const uint64_t before = *word;

        *word = before | UINT64_C(1) << (n % WORD_BITS);
        if (before != 0) {
            break;
        }
        n >>= FANOUT_SHIFT;
    }
}

void area_index_remove(struct pmm_zone *zone, uint64_t n, unsigned class) {
    for (unsigned k = 0; k < zone->levels; k++) {
        uint64_t *word = &zone->level[k][n >> FANOUT_SHIFT].in[class];

        *word &= ~(UINT64_C(1) << (n % WORD_BITS));
        if (*word != 0) {
            break;
        }
        n >>= FANOUT_SHIFT;
    }
}

/** Are areas from @n on described, on level @k? */
static bool is_open(const struct pmm_zone *zone, unsigned k, uint64_t n) {
    return n << (FANOUT_SHIFT * k) < zone->opened;
}

/** Down from node @n of level @k to the lowest area below it. */
static uint64_t lowest_below(const struct pmm_zone *zone, unsigned class,
                             unsigned k, uint64_t n) {
    while (k-- > 0) {
        const uint64_t bits = zone->level[k][n].in[class];

        n = n << FANOUT_SHIFT | (uint64_t)__builtin_ctzll(bits);
    }
    return n;
}

uint64_t area_index_fullest(const struct pmm_zone *zone) {
    const struct pmm_area_node *root = zone->level[zone->levels - 1];

    for (unsigned c = 0; zone->opened > 0 && c < PMM_AREA_CLASSES; c++) {
        if (root->in[c] != 0) {
            return lowest_below(zone, c, zone->levels, 0);
        }
    }
    return zone->count;
}

/*
 * Up until a word has a bit at or behind the place, then down to the lowest.
 */
uint64_t area_index_next(const struct pmm_zone *zone, unsigned class,
                         uint64_t from) {
    uint64_t n = from;
    unsigned k = 0;

    for (;; k++) {
        uint64_t bits;

        if (k == zone->levels || !is_open(zone, k, n)) {
            return zone->count;
        }
        bits = zone->level[k][n >> FANOUT_SHIFT].in[class] >> (n % WORD_BITS);
        if (bits != 0) {
            n += (uint64_t)__builtin_ctzll(bits);
            break;
        }
        n = (n >> FANOUT_SHIFT) + 1;
    }
    return lowest_below(zone, class, k, n);
}

bool area_index_has(const struct pmm_zone *zone, uint64_t n, unsigned class) {
    return bit_is_set(&zone->level[0][n >> FANOUT_SHIFT].in[class],
                      n % WORD_BITS);
}

bool area_index_is_sound(const struct pmm_zone *zone) {
    for (unsigned k = 1; k < zone->levels; k++) {
        for (uint64_t n = 0; is_open(zone, k, n); n++) {
            for (unsigned c = 0; c < PMM_AREA_CLASSES; c++) {
                const uint64_t above = zone->level[k][n >> FANOUT_SHIFT].in[c];

                if ((above >> (n % WORD_BITS) & 1) !=
                    (zone->level[k - 1][n].in[c] != 0)) {
                    return false;
                }
            }
        }
    }
    return true;
}
