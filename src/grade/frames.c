/*
 * An oracle of frames: one byte each, by rules of its own.
 *
 * A byte of RAM is usable when the map calls it so and no other entry claims
 * it.  A frame may be handed out when all its bytes are usable and nothing of
 * it is reserved; below 1 MiB none may.
 */
#include <stdlib.h>
#include <string.h>

#include "grade/test.h"

#define SIGNS "-RfU"
#define LINE 32u

static void mark(struct frames *frames, uint64_t first_byte, uint64_t last_byte,
                 enum frame_state state) {
    const uint64_t last = last_byte >> PAGE_SHIFT;

    for (uint64_t f = first_byte >> PAGE_SHIFT; f <= last && f < frames->count;
         f++) {
        frames->state[f] = (uint8_t)state;
    }
}

static uint64_t last_of(struct prange r) {
    return r.len - 1 > UINT64_MAX - r.base.v ? UINT64_MAX
                                             : r.base.v + r.len - 1;
}

/** How many bytes of frame @f some usable entry covers: entries may overlap or
 *  meet inside the frame, so byte by byte where one covers only a part. */
static bool covered(const struct machine_want *want, uint64_t f) {
    static uint8_t bytes[PAGE_SIZE];
    const uint64_t base = f << PAGE_SHIFT, end = base + PAGE_SIZE - 1;
    bool any = false;

    for (size_t i = 0; i < want->map_count; i++) {
        const struct prange r = want->map[i].range;
        uint64_t from, to;

        if (want->map[i].type != MEMMAP_USABLE || r.len == 0 ||
            r.base.v > end || last_of(r) < base) {
            continue;
        }
        from = r.base.v > base ? r.base.v - base : 0;
        to = last_of(r) < end ? last_of(r) - base : PAGE_SIZE - 1;
        if (from == 0 && to == PAGE_SIZE - 1) {
            return true;
        }
        if (!any) {
            memset(bytes, 0, sizeof bytes);
            any = true;
        }
        memset(bytes + from, 1, (size_t)(to - from + 1));
    }
    return any && memchr(bytes, 0, sizeof bytes) == NULL;
}

static void note_usable(struct frames *frames, const struct machine_want *want,
                        struct prange run) {
    for (uint64_t f = run.base.v >> PAGE_SHIFT; f <= last_of(run) >> PAGE_SHIFT;
         f++) {
        if (covered(want, f)) {
            frames->state[f] = FRAME_FREE;
        }
    }
}

void frames_of_machine(struct test *t, struct frames *frames) {
    const struct hw_boot *boot = &t->pc.boot;
    const struct sim_ram *ram = &t->pc.ram;

    frames->count = ram->size >> PAGE_SHIFT;
    frames->state = calloc(1, (size_t)frames->count + 1);
    must(t, frames->state != NULL, NULL, "no memory");
    for (size_t i = 0; i < ram->run_count; i++) {
        note_usable(frames, &t->want, ram->runs[i]);
    }
    for (size_t i = 0; i < t->want.map_count; i++) {
        const struct memmap_entry *e = &t->want.map[i];

        if (e->type != MEMMAP_USABLE && e->range.len != 0) {
            mark(frames, e->range.base.v, last_of(e->range), FRAME_HOLE);
        }
    }
    mark(frames, 0, MIB - 1, FRAME_RESERVED);
    for (size_t i = 0; i < boot->reserved_count; i++) {
        if (boot->reserved[i].len != 0) {
            mark(frames, boot->reserved[i].base.v, last_of(boot->reserved[i]),
                 FRAME_RESERVED);
        }
    }
    frames->free = 0;
    for (uint64_t f = 0; f < frames->count; f++) {
        frames->free += frames->state[f] == FRAME_FREE;
    }
}

const char *frames_picture(struct test *t, const struct frames *frames,
                           uint64_t f) {
    static char text[4 * LINE + 400];
    const uint64_t from = f / LINE * LINE;
    FILE *out = fmemopen(text, sizeof text, "w");

    (void)t;
    if (out == NULL) {
        return "";
    }
    fprintf(out, "    frame 0x%-8lx", from);
    for (uint64_t n = from; n < from + LINE; n++) {
        fprintf(out, "%s%c", n % 8 == 0 ? " " : "",
                n < frames->count ? SIGNS[frames->state[n] & 3] : '-');
    }
    fprintf(out, "\n    %14s %*s^ frame 0x%lx\n", "",
            (int)(f - from + (f - from) / 8) + 1, "", f);
    fprintf(out, "    (f free, U handed out, R reserved, - no usable RAM)\n");
    fclose(out);
    return text;
}

void frames_given(struct test *t, struct frames *frames, uint64_t first,
                  uint64_t count) {
    static const char *const seen[] = {
        [FRAME_HOLE] = "the memory map does not call it usable",
        [FRAME_RESERVED] = "it is reserved: below 1 MiB, or the boot loader "
                           "said that it is in use",
        [FRAME_USED] = "it was handed out before and not given back",
    };
    static const char *const ids[] = { [FRAME_HOLE] = "hole",
                                       [FRAME_RESERVED] = "reserved",
                                       [FRAME_USED] = "twice" };

    for (uint64_t f = first; f - first < count; f++) {
        const unsigned state =
            f < frames->count ? frames->state[f] : FRAME_HOLE;

        if (state != FRAME_FREE) {
            fail(t, f == 0 ? "zero" : ids[state],
                 "frame 0x%lx was handed out, but %s.\n%s", f, seen[state],
                 frames_picture(t, frames, f));
        }
        frames->state[f] = FRAME_USED;
        frames->free--;
    }
}

void frames_taken_back(struct test *t, struct frames *frames, uint64_t first,
                       uint64_t count) {
    for (uint64_t f = first; f - first < count; f++) {
        must(t, f < frames->count && frames->state[f] == FRAME_USED, NULL,
             "the script gave back frame 0x%lx, which it did not have", f);
        frames->state[f] = FRAME_FREE;
        frames->free++;
    }
}
