/*
 *   [ struct replay_header | struct replay_op [op_count] ]
 *
 * Little-endian as the processor has it: the machine that replays the module
 * is the kind that made it, so the structs are copied as they are.
 */
#include "memtwin/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool module_make(struct module *module, const struct trace *trace,
                 const struct run_options *options) {
    size_t ops_bytes = (size_t)trace->op_count * sizeof(struct replay_op);
    struct replay_header *h = malloc(sizeof(*h) + ops_bytes);

    *module = (struct module){ h, sizeof(*h) + ops_bytes };
    if (h == NULL) {
        complain("no memory for a module of %zu bytes", module->size);
        return false;
    }
    *h = (struct replay_header){
        .magic = REPLAY_MAGIC,
        .op_count = trace->op_count,
        .id_count = trace->id_count,
        .heap_base = options->heap_base,
        .heap_size = options->heap_size,
        .heap_limit = options->heap_limit,
        .immediate = options->immediate,
        .heap_debug = options->heap_debug,
        .sound_every = (uint32_t)options->sound_every,
    };
    /* The options hold names that fit; the rest of each field is zero. */
    memcpy(h->heap_class, options->heap_class, strlen(options->heap_class));
    memcpy(h->pmm_class, options->pmm_class, strlen(options->pmm_class));
    if (ops_bytes != 0) {
        memcpy(h + 1, trace->ops, ops_bytes);
    }
    return true;
}

enum outcome_code module_save(const struct module *module, const char *path) {
    FILE *file = fopen(path, "wb");
    bool whole;

    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    whole = fwrite(module->header, 1, module->size, file) == module->size;
    if (fclose(file) != 0 || !whole) {
        complain("%s: the module could not be written to its end", path);
        return EXIT_WRONG;
    }
    return EXIT_GOOD;
}

void module_destroy(struct module *module) {
    free(module->header);
    module->header = NULL;
}
