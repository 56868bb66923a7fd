/*
 * Zones: what lies around a block, and shows that somebody wrote there.
 *
 *   start                at                                   start + bytes
 *   [ zone 0xfd ........ ][ bytes asked for ][ zone 0xfd ...... ]
 *     16, or the alignment                     16 .. 31
 *
 * with pages:
 *
 *   [ guard page? ][ zone ...... ][ bytes asked for ][ zone ][ guard page ]
 *                  low            at                   <    high
 *                                                      alignment
 *
 * The block ends as near to the guard page as its alignment lets it; what is
 * left over is a zone.  The first byte of a guard page is the first that
 * faults.  The memory here is nobody's, so no sanitizer looks on.
 */
#include "heap/debug_inside.h"

/** Bytes in front of the block: a multiple of its alignment. */
static uint64_t in_front(size_t align) {
    return align < HEAP_ZONE_MIN ? HEAP_ZONE_MIN : align;
}

static bool sum(uint64_t a, uint64_t b, uint64_t c, uint64_t *out) {
    return !__builtin_add_overflow(a, b, out) &&
           !__builtin_add_overflow(*out, c, out);
}

static bool place_with_pages(const struct heap_pages *pages,
                             struct layout asked, struct heap_record *record) {
    const uint64_t align = asked.align < PAGE_SIZE ? PAGE_SIZE : asked.align;
    const uint64_t front = pages->guard_in_front ? align : 0;
    uint64_t size;

    if (!align_up(asked.size, PAGE_SIZE, &size) ||
        !sum(front, size, PAGE_SIZE, &record->bytes)) {
        return false;
    }
    record->low = front;
    record->high = front + size;
    record->at = align_down(record->high - asked.size, asked.align);
    return true;
}

static bool place_with_zones(struct layout asked, struct heap_record *record) {
    const uint64_t front = in_front(asked.align);

    if (!sum(front + HEAP_ZONE_MIN, asked.size, HEAP_ALIGN_MIN - 1,
             &record->bytes)) {
        return false;
    }
    record->bytes = align_down(record->bytes, HEAP_ALIGN_MIN);
    record->low = 0;
    record->high = record->bytes;
    record->at = front;
    return true;
}

struct heap_ask zones_ask(const struct heap_debug *debug, struct layout asked,
                          struct heap_record *record) {
    const struct heap_pages *pages = debug->config.pages;
    const size_t least = pages != NULL ? PAGE_SIZE : HEAP_ALIGN_MIN;
    const bool fits = pages != NULL ? place_with_pages(pages, asked, record)
                                    : place_with_zones(asked, record);

    return (struct heap_ask){
        .asked = asked,
        .served = { .size = fits ? record->bytes /* else more than any has */
                                 : (size_t)1 << 63,
                    .align = asked.align < least ? least : asked.align },
        .offset = record->at,
    };
}

/* --- filling -------------------------------------------------------------- */

MM_NO_SANITIZE static void fill(uint64_t at, uint64_t bytes, uint8_t byte) {
    volatile uint8_t *p = pointer_of(vaddr(at));

    for (uint64_t i = 0; i < bytes; i++) {
        p[i] = byte;
    }
}

struct zone zone_in_front(const struct heap_record *record) {
    const uint64_t room = record->at - record->low;
    const uint64_t bytes = room < HEAP_ZONE_MAX ? room : HEAP_ZONE_MAX;

    return (struct zone){ record->at - bytes, bytes, HEAP_ZONE_BYTE,
                          HEAP_UNDERFLOW };
}

struct zone zone_behind(const struct heap_record *record) {
    const uint64_t end = record->at + record->asked.size;
    const uint64_t room = record->high - end;

    return (struct zone){ end, room < HEAP_ZONE_MAX ? room : HEAP_ZONE_MAX,
                          HEAP_ZONE_BYTE, HEAP_OVERFLOW };
}

struct zone zone_freed(const struct heap_record *record) {
    return (struct zone){ record->at, record->asked.size, HEAP_FREED_BYTE,
                          HEAP_USED_AFTER_FREE };
}

static void zone_fill(struct zone zone) {
    fill(zone.at, zone.bytes, zone.byte);
}

void zones_fill(const struct heap_record *record) {
    zone_fill(zone_in_front(record));
    fill(record->at, record->asked.size, HEAP_FRESH_BYTE);
    zone_fill(zone_behind(record));
}

void zones_fill_freed(const struct heap_record *record) {
    zone_fill(zone_freed(record));
    MM_POISON(pointer_of(vaddr(record->start)), record->bytes);
}

/* --- looking -------------------------------------------------------------- */

MM_NO_SANITIZE bool zone_is_intact(struct zone zone,
                                   struct heap_report *report) {
    const volatile uint8_t *p = pointer_of(vaddr(zone.at));

    report->changed = 0;
    for (uint64_t i = zone.bytes; i-- > 0;) {
        const uint8_t seen = p[i];

        if (seen != zone.byte) {
            report->first = zone.at + i;
            report->seen = seen;
            report->expected = zone.byte;
            report->changed++;
        }
    }
    return report->changed == 0;
}
