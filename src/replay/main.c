/*
 * The kernel's main function: module in, lines out, machine off.
 *
 *   module [ header ][ ops ... ]  --->  replay_init() --->  replay_run()
 *          read through the direct map      |                 |
 *                                           v                 v
 *                              "replay: error ..."    "replay: result ..."
 *                                           \________________/
 *                                      "replay: verdict good | bad"
 *
 * The module comes from outside, so nothing in it is believed unchecked.
 */
#include "replay/replay.h"

static bool refuse(const char *what) {
    replay_say("replay: error at start: %s\n", what);
    return false;
}

/** Names are padded with '\0' to the end of their field. */
static bool is_ended(const char *name) {
    return name[REPLAY_NAME_MAX - 1] == '\0';
}

/** @return the header of a whole module, or NULL after saying why not */
static const struct replay_header *find_header(const struct hw_boot *boot) {
    const struct replay_header *h;
    uint64_t ops_bytes;

    if (boot->module.len < sizeof(*h)) {
        refuse("there is no module with a trace");
        return NULL;
    }
    h = boot_direct(boot, boot->module.base);
    ops_bytes = boot->module.len - sizeof(*h);
    if (h->magic != REPLAY_MAGIC || h->id_count > REPLAY_ID_MAX ||
        h->op_count > ops_bytes / sizeof(struct replay_op) ||
        !is_ended(h->heap_class) || !is_ended(h->pmm_class)) {
        refuse("the module is no trace, or cut short");
        return NULL;
    }
    return h;
}

static bool read_config(const struct replay_header *h,
                        struct mm_config *config) {
    *config = (struct mm_config){
        .pmm_class = pmm_class_by_name(h->pmm_class),
        .heap_class = heap_class_by_name(h->heap_class),
        .heap_base = vaddr(h->heap_base),
        .heap_size = h->heap_size,
        .heap_limit = h->heap_limit,
        .heap_backing = h->immediate != 0 ? VMM_IMMEDIATE : VMM_DEMAND,
        .heap_debug = (enum mm_heap_debug)h->heap_debug,
    };
    if (h->heap_debug > MM_DEBUG_FENCED) {
        return refuse("the module names no debug mode of this kernel");
    }
    if (config->pmm_class == NULL) {
        return refuse("the module names no frame allocator of this kernel");
    }
    if (config->heap_class == NULL) {
        return refuse("the module names no heap class of this kernel");
    }
    return true;
}

static bool replay_with(struct mm *mm, const struct replay_header *h) {
    struct replay r;
    bool good = replay_init(&r, mm, (const struct replay_op *)(h + 1),
                            h->op_count, h->id_count);

    if (good) {
        r.sound_every = h->sound_every;
        r.list_state = h->list_state != 0;
        good = replay_run(&r);
        replay_report(&r);
    } else {
        refuse(r.error);
    }
    return replay_fini(&r) && good;
}

bool replay_module(struct mm *mm, const struct hw_boot *boot) {
    const struct replay_header *h = find_header(boot);
    struct mm_config config;
    struct mm_init_result init;

    if (h == NULL || !read_config(h, &config)) {
        return false;
    }
    init = mm_init_frames(mm, boot, &config);
    if (init.status != MM_OK) {
        replay_say("replay: error at start: no %s: %s\n", init.step,
                   mm_status_name(init.status));
        return false;
    }
    return replay_with(mm, h);
}

void replay_main(const struct hw_boot *boot) {
    struct mm mm;
    bool good = replay_module(&mm, boot);

    replay_say("replay: verdict %s\n", good ? "good" : "bad");
    hw_exit(good ? HW_EXIT_PASS : HW_EXIT_FAIL);
}
