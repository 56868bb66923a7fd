/*
 * Calls in words.
 *
 * One row per call says how it reads in a failure message; the letters stand
 * for in[], and behind the '>' for out[]:
 *
 *   f  frame     a  address    n  number    s  (first) the status
 *   p  space     h  heap       w  access    v  level of a leaf
 *   b  backing   e  error code of a page fault
 */
#include <string.h>

#include "grade/test.h"
#include "hw/paging.h"

static const struct {
    const char *name, *shape;
} rows[ASK_COUNT] = {
    [ASK_BOOT] = { "boot", ">s" },
    [ASK_MEMMAP_USABLE] = { "memmap_usable", "nn>n" },
    [ASK_MEMMAP_RESERVE] = { "memmap_reserve", "nnaa>n" },
    [ASK_PMM_INIT] = { "pmm_init", "n>s" },
    [ASK_PMM_ALLOC] = { "pmm_alloc", ">sf" },
    [ASK_PMM_ALLOC_RUN] = { "pmm_alloc_run", "nnf>sf" },
    [ASK_PMM_FREE] = { "pmm_free", "f>s" },
    [ASK_PMM_FREE_RUN] = { "pmm_free_run", "fn>s" },
    [ASK_PMM_IS_USED] = { "pmm_is_used", "f>n" },
    [ASK_PMM_STATS] = { "pmm_stats", ">nnnnn" },
    [ASK_PMM_IS_SOUND] = { "pmm_is_sound", ">n" },
    [ASK_PMM_KEEP_BOOKS] = { "pmm_keep_books", ">s" },
    [ASK_PMM_FAIL] = { "(no more frames after)", "n>" },
    [ASK_VMM_ADOPT] = { "vmm_space_adopt", "p>" },
    [ASK_VMM_CREATE] = { "vmm_space_create", "p>s" },
    [ASK_VMM_SWITCH] = { "vmm_space_switch", "p>" },
    [ASK_VMM_DESTROY] = { "vmm_space_destroy", "p>s" },
    [ASK_VMM_FORK] = { "vmm_space_fork", "pp>s" },
    [ASK_VMM_MAP] = { "vmm_map_leaf", "pafwv>s" },
    [ASK_VMM_MAP_PAGE] = { "vmm_map", "pafw>s" },
    [ASK_VMM_MAP_LARGE] = { "vmm_map_large", "pafnw>s" },
    [ASK_VMM_UNMAP_PAGE] = { "vmm_unmap", "pa>sf" },
    [ASK_VMM_MAP_RANGE] = { "vmm_map_range", "pafnw>s" },
    [ASK_VMM_UNMAP] = { "vmm_unmap_leaf", "pav>sf" },
    [ASK_VMM_UNMAP_RANGE] = { "vmm_unmap_range", "pan>s" },
    [ASK_VMM_PROTECT] = { "vmm_protect_leaf", "pawv>s" },
    [ASK_VMM_PROTECT_RANGE] = { "vmm_protect_range", "panw>s" },
    [ASK_VMM_UPDATE] = { "vmm_update", "pafw>sf" },
    [ASK_VMM_SPLIT] = { "vmm_split", "pav>s" },
    [ASK_VMM_MERGE] = { "vmm_merge", "pav>s" },
    [ASK_VMM_TRANSLATE] = { "vmm_translate", "pa>sanw" },
    [ASK_VMM_RECLAIM] = { "vmm_reclaim_tables", "paa>n" },
    [ASK_VMM_FAULT] = { "vmm_fault", "pae>s" },
    [ASK_VMM_REGION_ADD] = { "vmm_region_add", "paawbn>s" },
    [ASK_VMM_REGION_EXTEND] = { "vmm_region_extend", "paa>s" },
    [ASK_VMM_REGION_SPLIT] = { "vmm_region_split", "pa>s" },
    [ASK_VMM_REGION_PROTECT] = { "vmm_region_protect", "paw>s" },
    [ASK_VMM_REGION_REMOVE] = { "vmm_region_remove", "pa>s" },
    [ASK_VMM_REGION_FIND] = { "vmm_region_find", "paaaa>sa" },
    [ASK_VMM_REGION_AT] = { "vmm_region_at", "pa>saawb" },
    [ASK_VMM_COPY_IN] = { "vmm_copy_in", "pan>sn" },
    [ASK_VMM_COPY_OUT] = { "vmm_copy_out", "pan>sn" },
    [ASK_VMM_STATS] = { "vmm_stats", "p>" },
    [ASK_VMM_IS_SOUND] = { "vmm_all_are_sound", "p>n" },
    [ASK_HEAP_INIT] = { "heap_init", "hnaann>s" },
    [ASK_HEAP_ALLOC] = { "heap_alloc", "hnn>a" },
    [ASK_HEAP_ZEROED] = { "heap_alloc_zeroed", "hnn>a" },
    [ASK_HEAP_FREE] = { "heap_free", "hann>s" },
    [ASK_HEAP_REALLOC] = { "heap_realloc", "hannn>a" },
    [ASK_HEAP_STATS] = { "heap_stats", "h>nnnna" },
    [ASK_HEAP_WALK] = { "heap_walk", "h>n" },
    [ASK_HEAP_IS_SOUND] = { "heap_is_sound", "h>n" },
    [ASK_HEAP_POISON] = { "heap_set_poison", "hn>" },
    [ASK_HEAP_FAIL] = { "(no growth after)", "hn>" },
    [ASK_HEAP_ON_NO_MEMORY] = { "(heap.on_no_memory is)", "hn>" },
};
/** The names of results, in order, where numbers alone say little. */
static const char *const names_of_results[ASK_COUNT] = {
    [ASK_PMM_STATS] = "total reserved allocated peak free",
    [ASK_HEAP_STATS] = "blocks bytes failures grown end",
};

struct word {
    uint64_t bit;
    const char *word;
};

/** The words of the bits that are set, or @none. */
static void put_words(FILE *out, const struct word *words, const char *none,
                      uint64_t v) {
    const char *between = "";

    for (; words->word != NULL; words++) {
        if ((v & words->bit) != 0) {
            fprintf(out, "%s%s", between, words->word);
            between = "|";
        }
    }
    fputs(*between == '\0' ? none : "", out);
}

static const struct word access_words[] = {
    { VMM_WRITE, "write" },   { VMM_EXECUTE, "execute" },
    { VMM_USER, "user" },     { VMM_UNCACHED, "uncached" },
    { VMM_GLOBAL, "global" }, { 0, NULL }
};
static const struct word error_words[] = {
    { PF_PRESENT, "present" },   { PF_WRITE, "write" }, { PF_USER, "user" },
    { PF_RESERVED, "reserved" }, { PF_FETCH, "fetch" }, { 0, NULL }
};

static const char *backing_word(uint64_t v) {
    static const char *const words[] = {
        [VMM_GUARD] = "guard",         [VMM_DEMAND] = "on demand",
        [VMM_IMMEDIATE] = "immediate", [VMM_DEVICE] = "device",
        [VMM_STACK] = "stack",         [VMM_PAGED] = "paged",
    };

    return v < sizeof words / sizeof words[0] ? words[v] : "?";
}

static void put_value(FILE *out, char shape, uint64_t v) {
    switch (shape) {
    case 'f':
        fprintf(out, v == UINT64_MAX ? "no frame" : "frame 0x%lx", v);
        break;
    case 'a':
        fprintf(out, "0x%lx", v);
        break;
    case 'p':
        fprintf(out, "space %lu", v);
        break;
    case 'h':
        fprintf(out, "heap %lu", v);
        break;
    case 'v':
        fprintf(out, "level %lu", v);
        break;
    case 'w':
        put_words(out, access_words, "read", v);
        break;
    case 'e':
        put_words(out, error_words, "read, not present", v);
        break;
    case 'b':
        fputs(backing_word(v), out);
        break;
    default:
        fprintf(out, "%lu", v);
    }
}

/** The results, each by its name where it has one. */
static void put_results(FILE *out, const struct call *call, const char *shape,
                        const char *names) {
    const char *between = " -> ";

    for (unsigned n = 0; *shape != '\0'; shape++) {
        const int len = names != NULL ? (int)strcspn(names, " ") : 0;

        fputs(between, out);
        between = ", ";
        if (*shape == 's') {
            fputs(mm_status_name((enum mm_status)call->status), out);
            continue;
        }
        if (len > 0) {
            fprintf(out, "%.*s ", len, names);
            names += len + (names[len] == ' ');
        }
        put_value(out, *shape, call->out[n++]);
    }
}

void call_text(const struct call *call, char *text, size_t size) {
    const bool known = call->ask < ASK_COUNT;
    const char *shape = known ? rows[call->ask].shape : ">";
    FILE *out = fmemopen(text, size, "w");

    if (out == NULL) {
        return;
    }
    fprintf(out, "%s(", known ? rows[call->ask].name : "?");
    for (unsigned n = 0; *shape != '>'; shape++, n++) {
        fputs(n > 0 ? ", " : "", out);
        put_value(out, *shape, call->in[n]);
    }
    fputs(")", out);
    put_results(out, call, shape + 1,
                known ? names_of_results[call->ask] : NULL);
    fclose(out);
}
