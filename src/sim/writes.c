#include "sim/writes.h"

#include <stdlib.h>
#include <string.h>

#define SET_BY_WALKS (PTE_ACCESSED | PTE_DIRTY)

bool table_writes_init(struct table_writes *writes, size_t capacity) {
    memset(writes, 0, sizeof(*writes));
    writes->capacity = capacity;
    writes->ring = calloc(capacity, sizeof(*writes->ring));
    return writes->ring != NULL;
}

void table_writes_destroy(struct table_writes *writes) {
    free(writes->ring);
    memset(writes, 0, sizeof(*writes));
}

bool table_writes_copy(struct table_writes *copy,
                       const struct table_writes *writes) {
    if (!table_writes_init(copy, writes->capacity)) {
        return false;
    }
    memcpy(copy->ring, writes->ring, writes->capacity * sizeof(*copy->ring));
    copy->total = writes->total;
    copy->name_code = writes->name_code;
    return true;
}

void table_writes_add(struct table_writes *writes, struct table_write write) {
    writes->ring[writes->total++ % writes->capacity] = write;
}

const struct table_write *table_writes_last(const struct table_writes *writes,
                                            paddr_t at) {
    uint64_t word = align_down(at.v, 8);
    uint64_t kept =
        writes->total < writes->capacity ? writes->total : writes->capacity;

    for (uint64_t n = writes->total; n > writes->total - kept; n--) {
        const struct table_write *w = &writes->ring[(n - 1) % writes->capacity];

        if (w->at.v == word) {
            return w;
        }
    }
    return NULL;
}

static bool same_but_flags(uint64_t a, uint64_t b) {
    return ((a ^ b) & ~SET_BY_WALKS) == 0;
}

bool table_writes_notice(struct table_writes *writes, paddr_t at, pte_t value,
                         unsigned cpu) {
    struct table_seen *seen = &writes->seen[at.v / 8 & (TABLE_WRITES_SEEN - 1)];
    struct table_seen before = *seen;
    const struct table_write *last;

    if (writes->on_table != NULL) {
        writes->on_table(writes->on_table_ctx, at);
    }
    *seen = (struct table_seen){ at.v + 1, value.v };
    if (before.at != at.v + 1 || same_but_flags(before.value, value.v)) {
        return false;
    }
    last = table_writes_last(writes, at);
    if (last == NULL || !same_but_flags(last->after.v, value.v)) {
        table_writes_add(writes, (struct table_write){
                                     .at = at,
                                     .before = pte(before.value),
                                     .after = value,
                                     .cpu = cpu,
                                 });
    }
    return true;
}
