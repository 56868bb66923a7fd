/*
 * Snapshots: see the header.  Restoring writes only pages that differ, and
 * forgets the junk of chunks that were touched since.
 */
#include "sim/snapshot.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_PAGES (RAM_CHUNK / PAGE_SIZE)

struct page {
    unsigned users; /* snapshots that keep it */
    uint8_t bytes[PAGE_SIZE];
};

struct chunk {
    uint64_t number;
    struct page *pages[CHUNK_PAGES]; /* NULL: no RAM there */
};

struct part {
    void *at, *copy;
    size_t size;
};

struct snapshot {
    struct sim_cpu *of[SNAPSHOT_CPUS_MAX]; /* the machine's */
    struct sim_cpu *cpus; /* as they were; tlb and upper are our own */
    unsigned cpu_count;
    struct sim_events events;
    uint64_t hole_accesses;
    struct chunk *chunks; /* ascending */
    size_t chunk_count, chunk_room;
    uint64_t page_count, own_pages;
    struct part parts[SNAPSHOT_PARTS_MAX];
    size_t part_count;
};

/* --- memory ------------------------------------------------------------- */

static uint64_t chunks_of(const struct sim_ram *ram) {
    return (ram->size + RAM_CHUNK - 1) / RAM_CHUNK;
}

/** The chunk of that number, or NULL; *@from: where to search, and found. */
static const struct chunk *chunk_at(const struct snapshot *s, uint64_t number,
                                    size_t *from) {
    while (s != NULL && *from < s->chunk_count &&
           s->chunks[*from].number < number) {
        ++*from;
    }
    return s != NULL && *from < s->chunk_count &&
                   s->chunks[*from].number == number
               ? &s->chunks[*from]
               : NULL;
}

/** A page with these bytes: @old, if it has them, or a new one, or NULL. */
static struct page *keep_page(struct snapshot *s, struct page *old,
                              const uint8_t *bytes) {
    struct page *page = old;

    if (old == NULL || memcmp(old->bytes, bytes, PAGE_SIZE) != 0) {
        page = malloc(sizeof(*page));
        if (page == NULL) {
            return NULL;
        }
        page->users = 0;
        memcpy(page->bytes, bytes, PAGE_SIZE);
        s->own_pages++;
    }
    page->users++;
    s->page_count++;
    return page;
}

static bool keep_chunk(struct snapshot *s, const struct sim_ram *ram,
                       uint64_t number, const struct chunk *old) {
    struct chunk *chunk;

    if (s->chunk_count == s->chunk_room) {
        size_t room = s->chunk_room != 0 ? 2 * s->chunk_room : 16;
        struct chunk *more = realloc(s->chunks, room * sizeof(*more));

        if (more == NULL) {
            return false;
        }
        s->chunks = more;
        s->chunk_room = room;
    }
    chunk = &s->chunks[s->chunk_count++];
    *chunk = (struct chunk){ .number = number };
    for (unsigned i = 0; i < CHUNK_PAGES; i++) {
        paddr_t pa = paddr(number * RAM_CHUNK + i * PAGE_SIZE);

        if (ram_holds(ram, pa, PAGE_SIZE)) {
            chunk->pages[i] = keep_page(s, old != NULL ? old->pages[i] : NULL,
                                        ram->alias + pa.v);
            if (chunk->pages[i] == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool keep_ram(struct snapshot *s, const struct sim_ram *ram,
                     const struct snapshot *like) {
    size_t at = 0;

    s->hole_accesses = ram->hole_accesses;
    for (uint64_t n = 0; n < chunks_of(ram); n++) {
        if (ram_is_ready(ram, n) &&
            !keep_chunk(s, ram, n, chunk_at(like, n, &at))) {
            return false;
        }
    }
    return true;
}

/** It is there again, though an older snapshot may have forgotten it. */
static void restore_chunk(const struct chunk *chunk, struct sim_ram *ram) {
    ram_touch(ram, (struct prange){ paddr(chunk->number * RAM_CHUNK), 1 });
    for (unsigned i = 0; i < CHUNK_PAGES; i++) {
        uint8_t *now = ram->alias + chunk->number * RAM_CHUNK + i * PAGE_SIZE;

        if (chunk->pages[i] != NULL &&
            memcmp(now, chunk->pages[i]->bytes, PAGE_SIZE) != 0) {
            memcpy(now, chunk->pages[i]->bytes, PAGE_SIZE);
        }
    }
}

static void restore_ram(const struct snapshot *s, struct sim_ram *ram) {
    size_t at = 0;

    ram->hole_accesses = s->hole_accesses;
    for (uint64_t n = 0; n < chunks_of(ram); n++) {
        const struct chunk *chunk = chunk_at(s, n, &at);

        if (chunk != NULL) {
            restore_chunk(chunk, ram);
        } else if (ram_is_ready(ram, n)) {
            ram_forget(ram, n);
        }
    }
}

/* --- processors --------------------------------------------------------- */

/** All but the lines of the front, which are last. */
#define CPU_BYTES offsetof(struct sim_cpu, front)

static bool keep_cpu(struct sim_cpu *to, const struct sim_cpu *from) {
    memcpy(to, from, CPU_BYTES);
    memset(&to->tlb, 0, sizeof(to->tlb));
    memset(&to->upper, 0, sizeof(to->upper));
    return tlb_keep(&to->tlb, &from->tlb) && tlb_keep(&to->upper, &from->upper);
}

static void restore_cpu(struct sim_cpu *to, const struct sim_cpu *from) {
    const struct tlb tlb = to->tlb, upper = to->upper;
    struct table_writes *writes = to->writes;
    struct injection *injection = to->injection;
    bool report_stale = to->report_stale;

    memcpy(to, from, CPU_BYTES);
    to->tlb = tlb;
    to->upper = upper;
    to->writes = writes;
    to->injection = injection;
    to->report_stale = report_stale;
    tlb_copy(&to->tlb, &from->tlb);
    tlb_copy(&to->upper, &from->upper);
}

/* --- the whole ---------------------------------------------------------- */

struct snapshot *snapshot_take(struct sim_cpu *const *cpus, unsigned count,
                               const struct snapshot *like) {
    struct snapshot *s =
        count <= SNAPSHOT_CPUS_MAX ? calloc(1, sizeof(*s)) : NULL;
    bool kept;

    if (s == NULL) {
        return NULL;
    }
    s->cpus = calloc(count, sizeof(*s->cpus));
    s->events = *cpus[0]->events;
    kept = s->cpus != NULL && keep_ram(s, cpus[0]->ram, like);
    while (kept && s->cpu_count < count) {
        unsigned n = s->cpu_count++;

        s->of[n] = cpus[n];
        kept = keep_cpu(&s->cpus[n], cpus[n]);
    }
    if (!kept) {
        snapshot_drop(s);
        return NULL;
    }
    return s;
}

bool snapshot_keep(struct snapshot *s, void *at, size_t size) {
    struct part *part = &s->parts[s->part_count];

    if (s->part_count == SNAPSHOT_PARTS_MAX ||
        (part->copy = malloc(size + 1)) == NULL) {
        return false;
    }
    part->at = at;
    part->size = size;
    memcpy(part->copy, at, size);
    s->part_count++;
    return true;
}

void snapshot_restore(const struct snapshot *s) {
    struct sim_events *events = s->of[0]->events;
    struct sim_watch *watches = events->watches;

    restore_ram(s, s->of[0]->ram);
    for (unsigned n = 0; n < s->cpu_count; n++) {
        restore_cpu(s->of[n], &s->cpus[n]);
    }
    *events = s->events;
    events->watches = watches;
    for (size_t i = 0; i < s->part_count; i++) {
        memcpy(s->parts[i].at, s->parts[i].copy, s->parts[i].size);
    }
}

static void drop_pages(struct chunk *chunk) {
    for (unsigned i = 0; i < CHUNK_PAGES; i++) {
        if (chunk->pages[i] != NULL && --chunk->pages[i]->users == 0) {
            free(chunk->pages[i]);
        }
    }
}

void snapshot_drop(struct snapshot *s) {
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->chunk_count; i++) {
        drop_pages(&s->chunks[i]);
    }
    for (unsigned n = 0; n < s->cpu_count; n++) {
        tlb_destroy(&s->cpus[n].tlb);
        tlb_destroy(&s->cpus[n].upper);
    }
    for (size_t i = 0; i < s->part_count; i++) {
        free(s->parts[i].copy);
    }
    free(s->chunks);
    free(s->cpus);
    free(s);
}

uint64_t snapshot_pages(const struct snapshot *s) {
    return s->page_count;
}

uint64_t snapshot_own_pages(const struct snapshot *s) {
    return s->own_pages;
}
