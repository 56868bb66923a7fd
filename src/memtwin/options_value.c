/*
 * Values of options: each is one name, or a number within bounds, or else one
 * line that says what would be right.
 */
#include "memtwin/options_inside.h"

#include "program/number.h"
#include "program/say.h"
#include "replay/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/** Of a PC; mapfile.h.  A map file can describe larger machines. */
#define RAM_MIN (8 * MIB)
#define RAM_MAX (1009 * GIB)

int option_is_bad(const char *option, const char *value, const char *right) {
    complain("--%s: '%s' is not right; right would be %s", option, value,
             right);
    return EINVAL;
}

int option_on(struct run_options *o, const char *value) {
    if (strcmp(value, "sim") == 0) {
        o->on = ON_SIM;
    } else if (strcmp(value, "qemu") == 0) {
        o->on = ON_QEMU;
    } else if (strcmp(value, "both") == 0) {
        o->on = ON_SIM | ON_QEMU;
    } else {
        return option_is_bad("on", value, "sim, qemu or both");
    }
    return 0;
}

/** "NAME" or "NAME:N", N the number of entries. */
static bool parse_tlb_size(const char *value, const char *name,
                           uint64_t *entries) {
    size_t len = strlen(name);

    if (strncmp(value, name, len) != 0) {
        return false;
    }
    value += len;
    return value[0] == '\0' ||
           (value[0] == ':' &&
            number_parse(value + 1, strlen(value + 1), entries) &&
            *entries >= SIM_TLB_MIN && *entries <= TLB_CAPACITY_MAX);
}

int option_tlb(struct run_options *o, const char *value) {
    uint64_t entries = TLB_CAPACITY_DEFAULT;
    char right[120];

    if (strcmp(value, "none") == 0) {
        complain("--tlb: without a TLB ('none') no compiled code can run; "
                 "lru:%d is the least",
                 SIM_TLB_MIN);
        return EINVAL;
    }
    if (strcmp(value, "hostile") == 0) {
        o->tlb_policy = TLB_HOSTILE;
    } else if (parse_tlb_size(value, "lru", &entries)) {
        o->tlb_policy = TLB_LRU;
    } else if (parse_tlb_size(value, "random", &entries)) {
        o->tlb_policy = TLB_RANDOM;
    } else {
        snprintf(right, sizeof(right),
                 "lru, lru:N, random or random:N with N from %d to %d, or "
                 "hostile",
                 SIM_TLB_MIN, TLB_CAPACITY_MAX);
        return option_is_bad("tlb", value, right);
    }
    o->tlb_capacity = (unsigned)entries;
    return 0;
}

int option_backing(struct run_options *o, const char *value) {
    o->immediate = strcmp(value, "immediate") == 0;
    return o->immediate || strcmp(value, "demand") == 0
               ? 0
               : option_is_bad("backing", value, "demand or immediate");
}

int option_heap(struct run_options *o, const char *value) {
    char names[160] = "one of:";
    size_t used = strlen(names);

    if (heap_class_by_name(value) != NULL && strlen(value) < REPLAY_NAME_MAX) {
        o->heap_class = value;
        return 0;
    }
    for (size_t i = 0; heap_classes[i] != NULL && used < sizeof(names); i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
                                 heap_classes[i]->name);
    }
    return option_is_bad("heap", value, names);
}

int option_pmm(struct run_options *o, const char *value) {
    char names[160] = "one of:";
    size_t used = strlen(names);

    if (pmm_class_by_name(value) != NULL && strlen(value) < REPLAY_NAME_MAX) {
        o->pmm_class = value;
        return 0;
    }
    for (size_t i = 0; pmm_classes[i] != NULL && used < sizeof(names); i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
                                 pmm_classes[i]->name);
    }
    return option_is_bad("pmm", value, names);
}

int option_pages(uint64_t *bytes, const char *option, const char *value) {
    return number_parse_size(value, bytes) && *bytes % PAGE_SIZE == 0 &&
                   *bytes != 0
               ? 0
               : option_is_bad(option, value,
                               "a size in whole pages, as 100K, 64M, 1G");
}

int option_ram(struct run_options *o, const char *value) {
    return number_parse_size(value, &o->ram) && o->ram % MIB == 0 &&
                   o->ram >= RAM_MIN && o->ram <= RAM_MAX
               ? 0
               : option_is_bad("ram", value,
                               "whole MiB from 8M to 1009G, as 64M or 2G");
}

int option_count(uint64_t *count, const char *option, const char *value,
                 uint64_t min, uint64_t max) {
    char right[80];

    if (number_parse(value, strlen(value), count) && *count >= min &&
        *count <= max) {
        return 0;
    }
    snprintf(right, sizeof(right), "a number from %" PRIu64 " to %" PRIu64, min,
             max);
    return option_is_bad(option, value, right);
}

/** @value  NULL: none is given */
int option_heap_debug(struct run_options *o, const char *value) {
    static const char *const modes[] = { "", "zones", "pages", "fenced" };

    for (unsigned i = 1; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (value == NULL || strcmp(value, modes[i]) == 0) {
            o->heap_debug = i;
            return 0;
        }
    }
    return option_is_bad("heap-debug", value, "zones, pages or fenced");
}

int option_base(struct run_options *o, const char *value) {
    return number_parse_address(value, &o->heap_base) &&
                   o->heap_base % PAGE_SIZE == 0 && o->heap_base != 0
               ? 0
               : option_is_bad("heap-base", value,
                               "a page-aligned address, as "
                               "0x8000000");
}

int option_walk(struct run_options *o, const char *value) {
    uint64_t va;

    if (o->walk_count == RUN_WALKS_MAX || !number_parse_address(value, &va)) {
        return option_is_bad("walk", value,
                             "at most 16 addresses, as 0x444444440000");
    }
    o->walk[o->walk_count++] = vaddr(va);
    return 0;
}
