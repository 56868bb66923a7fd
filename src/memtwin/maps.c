/*
 * memtwin maps: what frames a memory map has.
 *
 *   FILE... or --ram  ->  entries  ->  runs of usable frames  ->  text or JSON
 *
 * All maps are read before anything is printed, so bad input leaves no half of
 * an answer.  The members of the JSON objects have the names of
 * tests/data/maps/expected.json.
 */
#include "memtwin/run.h"

#include "pmm/memmap.h"
#include "program/number.h"
#include "sim/mapfile.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#define WHY_MAX 400

enum key { KEY_RAM = 0x100, KEY_JSON };

struct maps_options {
    char **paths;
    size_t count;
    bool pc;      /* show the map of a PC ... */
    uint64_t ram; /* ... with so many bytes */
    bool json;
};

/** A map that was read, with what it is called. */
struct named_map {
    const char *name;
    struct mapfile map;
};

static const struct argp_option option_table[] = {
    { "ram", KEY_RAM, "SIZE", 0,
      "The map of QEMU's default PC with so much RAM, instead of files", 1 },
    { "json", KEY_JSON, 0, 0, "Print a JSON array, an object for each map", 1 },
    { 0 }
};

static const char doc[] =
    "Print the usable frames of memory maps: the ranges, sorted, joined and "
    "without partial frames, and what they amount to.\v"
    "A line of FILE is start and end (16 hexadecimal digits, end inclusive) "
    "and type (1: usable); '#' starts a comment.  A byte is usable when an "
    "entry of type 1 covers it and no entry of another type does.";

static error_t parse_ram(struct maps_options *o, const char *value) {
    if (!number_parse_size(value, &o->ram)) {
        complain("--ram: '%s' is not right; right would be a size, as 64M or "
                 "2G",
                 value);
        return EINVAL;
    }
    o->pc = true;
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct maps_options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case KEY_RAM:
        return parse_ram(o, value);
    case KEY_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        o->paths = state->argv + state->next;
        o->count = (size_t)(state->argc - state->next);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- the answer ------------------------------------------------------------
 */

static uint64_t last_byte(struct pmm_run run) {
    return paddr_of(pfn_add(run.first, run.count)).v - 1;
}

/** "127.4 GiB" */
static void print_size(uint64_t frames) {
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
    double size = (double)frames * 4;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        size /= 1024;
        unit++;
    }
    printf("%.1f %s", size, units[unit]);
}

static void print_text(const struct named_map *named) {
    const struct mapfile *map = &named->map;
    const struct memmap_figures sum = memmap_figures(map->entries, map->count);
    struct memmap_cursor cursor = { .at = 0 };
    struct pmm_run run;

    printf("%s: %zu entries, %" PRIu64 " usable frames, ", named->name,
           map->count, sum.frames);
    print_size(sum.frames);
    putchar('\n');
    while (memmap_next(map->entries, map->count, &cursor, &run)) {
        printf("  0x%013" PRIx64 " .. 0x%013" PRIx64 " %12" PRIu64 " frames, ",
               paddr_of(run.first).v, last_byte(run), run.count);
        print_size(run.count);
        putchar('\n');
    }
    printf("  below 1 MiB %" PRIu64 ", 16 MiB %" PRIu64 ", 4 GiB %" PRIu64
           " frames; whole blocks of 2 MiB %" PRIu64 ", of 1 GiB %" PRIu64
           "; highest frame 0x%" PRIx64 "\n",
           sum.below_1m, sum.below_16m, sum.below_4g, sum.blocks_2m,
           sum.blocks_1g, sum.highest.v);
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *ranges_array(const struct mapfile *map) {
    struct memmap_cursor cursor = { .at = 0 };
    json_t *ranges = json_array();
    struct pmm_run run;

    while (memmap_next(map->entries, map->count, &cursor, &run)) {
        json_array_append_new(
            ranges, json_pack("[o, o]",
                              json_sprintf("0x%" PRIx64, paddr_of(run.first).v),
                              json_sprintf("0x%" PRIx64, last_byte(run))));
    }
    return ranges;
}

static json_t *map_object(const struct named_map *named) {
    const struct mapfile *map = &named->map;
    const struct memmap_figures sum = memmap_figures(map->entries, map->count);
    json_t *o = json_object();

    json_object_set_new(o, "map", json_string(named->name));
    json_object_set_new(o, "entries", number(map->count));
    json_object_set_new(o, "ranges", ranges_array(map));
    json_object_set_new(o, "usable_frames", number(sum.frames));
    json_object_set_new(o, "usable_bytes", number(sum.frames * PAGE_SIZE));
    json_object_set_new(o, "frames_below_1MiB", number(sum.below_1m));
    json_object_set_new(o, "frames_below_16MiB", number(sum.below_16m));
    json_object_set_new(o, "frames_below_4GiB", number(sum.below_4g));
    json_object_set_new(o, "full_2MiB_blocks", number(sum.blocks_2m));
    json_object_set_new(o, "full_1GiB_blocks", number(sum.blocks_1g));
    json_object_set_new(o, "lowest_usable_frame", number(sum.lowest.v));
    json_object_set_new(o, "highest_usable_frame", number(sum.highest.v));
    return o;
}

static enum outcome_code print_json(const struct named_map *maps,
                                    size_t count) {
    json_t *all = json_array();
    enum outcome_code code = EXIT_GOOD;

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, map_object(&maps[i]));
    }
    /* Lost output is seen by main(), for every verb. */
    if (json_dumpf(all, stdout, JSON_INDENT(2)) != 0 && ferror(stdout) == 0) {
        complain("no memory for the JSON");
        code = EXIT_CANNOT;
    }
    putchar('\n');
    json_decref(all);
    return code;
}

static enum outcome_code print_maps(const struct named_map *maps, size_t count,
                                    bool json) {
    if (json) {
        return print_json(maps, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            putchar('\n');
        }
        print_text(&maps[i]);
    }
    return EXIT_GOOD;
}

/* --- the question ----------------------------------------------------------
 */

static bool read_maps(struct named_map *maps, const struct maps_options *o) {
    char why[WHY_MAX];
    bool good = true;

    if (o->pc) {
        maps[0].name = "pc";
        good = mapfile_pc(&maps[0].map, o->ram, why, sizeof(why));
    }
    for (size_t i = 0; good && i < o->count; i++) {
        maps[i].name = o->paths[i];
        good = mapfile_read(&maps[i].map, o->paths[i], why, sizeof(why));
    }
    if (!good) {
        complain("%s", why);
    }
    return good;
}

static bool fits(const struct maps_options *o) {
    if (o->pc && o->count > 0) {
        complain("maps: --ram is instead of files; '%s' is one", o->paths[0]);
        return false;
    }
    if (!o->pc && o->count == 0) {
        complain("maps: no memory map given; see 'memtwin maps --help'");
        return false;
    }
    return true;
}

enum outcome_code maps_verb(int argc, char **argv) {
    static const struct argp argp = { option_table, parse, "FILE...", doc,
                                      NULL,         NULL,  NULL };
    struct maps_options o = { .json = false };
    enum outcome_code code = EXIT_USAGE;
    struct named_map *maps;
    size_t count;

    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0 || !fits(&o)) {
        return EXIT_USAGE;
    }
    count = o.pc ? 1 : o.count;
    maps = calloc(count, sizeof(*maps));
    if (maps == NULL) {
        complain("no memory");
        return EXIT_CANNOT;
    }
    if (read_maps(maps, &o)) {
        code = print_maps(maps, count, o.json);
    }
    for (size_t i = 0; i < count; i++) {
        mapfile_destroy(&maps[i].map);
    }
    free(maps);
    return code;
}
