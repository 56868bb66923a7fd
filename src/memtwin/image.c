/*
 * An image becomes the RAM of a simulated machine, frame by frame:
 *
 *   walk --> a table in a frame not read yet? --> read it, walk again
 *        --> all its tables are read: the answer
 *
 * So at most five frames are read for an address.  Nothing in the file is
 * believed: every offset and size is held against the file's.
 */
#include "memtwin/image.h"

#include "program/say.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/** QEMU's note of a processor's state: where registers stand in it. */
#define NOTE_NAME "QEMU"
#define NOTE_RFLAGS (8 + 17 * 8)
#define NOTE_CR0 (8 + 18 * 8 + 10 * 24)
#define NOTE_MIN (NOTE_CR0 + 5 * 8)
#define NOTE_MAX (UINT64_C(1) << 20)
#define PHYSICAL_MAX (UINT64_C(1) << 52)

static bool refuse(const struct image *image, const char *why) {
    return complain_at((struct place){ image->path, 0 }, "%s", why);
}

/** @len bytes at @at; false after a message. */
static bool read_at(struct image *image, uint64_t at, void *to, uint64_t len) {
    if (at > image->file_size || len > image->file_size - at) {
        return refuse(image, "the file is cut short");
    }
    if (fseeko(image->file, (off_t)at, SEEK_SET) != 0 ||
        fread(to, 1, len, image->file) != len) {
        return refuse(image,
                      errno != 0 ? strerror(errno) : "the file is cut short");
    }
    return true;
}

/* --- ELF ---------------------------------------------------------------- */

static bool add_segment(struct image *image, const Elf64_Phdr *p) {
    struct image_segment *s = &image->segments[image->segment_count];

    if (p->p_filesz == 0) {
        return true;
    }
    if (image->segment_count == IMAGE_SEGMENTS_MAX) {
        return refuse(image, "more than 256 segments of memory");
    }
    if (p->p_paddr >= PHYSICAL_MAX || p->p_filesz > PHYSICAL_MAX - p->p_paddr) {
        return refuse(image, "a segment lies beyond physical memory");
    }
    if (p->p_offset > image->file_size ||
        p->p_filesz > image->file_size - p->p_offset) {
        return refuse(image, "a segment goes on after the end of the file");
    }
    *s = (struct image_segment){ p->p_paddr, p->p_filesz, p->p_offset };
    image->segment_count++;
    return true;
}

static uint64_t word(const uint8_t *bytes) {
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t aligned(uint64_t size) {
    return (size + 3) & ~UINT64_C(3);
}

/** Look through the notes for the first processor. */
static void find_registers(struct image *image, const uint8_t *notes,
                           uint64_t len) {
    uint64_t at = 0;

    while (!image->has_registers && len - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        uint64_t name, body;

        memcpy(&note, notes + at, sizeof(note));
        name = at + sizeof(note);
        body = name + aligned(note.n_namesz);
        if (body > len || note.n_descsz > len - body) {
            return;
        }
        if (note.n_namesz == sizeof(NOTE_NAME) && note.n_descsz >= NOTE_MIN &&
            memcmp(notes + name, NOTE_NAME, sizeof(NOTE_NAME)) == 0) {
            image->has_registers = true;
            image->rflags = word(notes + body + NOTE_RFLAGS);
            image->cr0 = word(notes + body + NOTE_CR0);
            image->cr3 = word(notes + body + NOTE_CR0 + 24);
            image->cr4 = word(notes + body + NOTE_CR0 + 32);
        }
        at = body + aligned(note.n_descsz);
        at = at < len ? at : len;
    }
}

static bool read_notes(struct image *image, const Elf64_Phdr *p) {
    uint8_t *notes;
    bool good;

    if (p->p_filesz > NOTE_MAX) {
        return refuse(image, "the notes are larger than 1 MiB");
    }
    notes = malloc(p->p_filesz + 1);
    if (notes == NULL) {
        return refuse(image, "no memory for the notes");
    }
    good = read_at(image, p->p_offset, notes, p->p_filesz);
    if (good) {
        find_registers(image, notes, p->p_filesz);
    }
    free(notes);
    return good;
}

static bool read_elf(struct image *image) {
    Elf64_Ehdr e;

    if (!read_at(image, 0, &e, sizeof(e))) {
        return false;
    }
    if (e.e_ident[EI_CLASS] != ELFCLASS64 ||
        e.e_ident[EI_DATA] != ELFDATA2LSB || e.e_type != ET_CORE ||
        e.e_machine != EM_X86_64 || e.e_phentsize != sizeof(Elf64_Phdr)) {
        return refuse(image, "an ELF file, but no memory dump of an x86-64 "
                             "machine");
    }
    for (unsigned i = 0; i < e.e_phnum; i++) {
        Elf64_Phdr p;

        if (!read_at(image, e.e_phoff + i * sizeof(p), &p, sizeof(p)) ||
            (p.p_type == PT_LOAD && !add_segment(image, &p)) ||
            (p.p_type == PT_NOTE && !read_notes(image, &p))) {
            return false;
        }
    }
    return image->segment_count > 0 ||
           refuse(image, "a dump without any memory in it");
}

/* --- any image ---------------------------------------------------------- */

static bool read_head(struct image *image) {
    char magic[SELFMAG] = "";
    off_t size;

    errno = 0;
    if (fseeko(image->file, 0, SEEK_END) != 0 ||
        (size = ftello(image->file)) < 0) {
        return refuse(image, strerror(errno));
    }
    image->file_size = (uint64_t)size;
    if (size < (off_t)PAGE_SIZE) {
        return refuse(image, "less than one frame; this is no memory image");
    }
    if (!read_at(image, 0, magic, sizeof(magic))) { /* a folder fails here */
        return false;
    }
    if (image->file_size > PHYSICAL_MAX) {
        return refuse(image, "no file that can be an image");
    }
    if (memcmp(magic, ELFMAG, SELFMAG) == 0) {
        return read_elf(image);
    }
    image->segments[0] = (struct image_segment){ 0, image->file_size, 0 };
    image->segment_count = 1;
    return true;
}

bool image_open(struct image *image, const char *path) {
    *image = (struct image){ .path = path, .file = fopen(path, "rb") };
    if (image->file == NULL) {
        return refuse(image, strerror(errno));
    }
    if (!read_head(image)) {
        image_close(image);
        return false;
    }
    return true;
}

void image_close(struct image *image) {
    if (image->file != NULL) {
        fclose(image->file);
    }
    image->file = NULL;
}

/** The bytes of the frame at @frame that the image has; ones else. */
static bool read_frame(struct image *image, uint64_t frame, uint8_t *bytes) {
    memset(bytes, 0xff, PAGE_SIZE);
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];
        uint64_t from = frame > s->pa ? frame : s->pa;
        uint64_t to = frame + PAGE_SIZE;

        to = s->pa + s->len < to ? s->pa + s->len : to;
        if (from < to && !read_at(image, s->at + (from - s->pa),
                                  bytes + (from - frame), to - from)) {
            return false;
        }
    }
    return true;
}

/** A machine with nothing but the frames of @tables. */
static bool load(struct image *image, const uint64_t *tables, unsigned count,
                 struct sim_ram *ram) {
    struct memmap_entry map[WALK_LEVELS_MAX + 1] = { { { { 0 }, PAGE_SIZE },
                                                       MEMMAP_USABLE } };
    uint8_t bytes[PAGE_SIZE];
    char why[200];

    for (unsigned i = 0; i < count; i++) {
        map[i] = (struct memmap_entry){ { paddr(tables[i]), PAGE_SIZE },
                                        MEMMAP_USABLE };
    }
    if (!ram_init(ram, map, count == 0 ? 1 : count, 1, vaddr(0), why,
                  sizeof(why))) {
        return refuse(image, why);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!read_frame(image, tables[i], bytes)) {
            ram_destroy(ram);
            return false;
        }
        for (unsigned at = 0; at < PAGE_SIZE; at += 8) {
            ram_store64(ram, paddr(tables[i] + at), word(bytes + at));
        }
    }
    return true;
}

/** Is there a byte of it in the image?  A frame that is not reads as a hole. */
static bool is_there(const struct image *image, uint64_t frame) {
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segments[i];

        if (frame + PAGE_SIZE > s->pa && frame < s->pa + s->len) {
            return true;
        }
    }
    return false;
}

/** The first table of the walk that is in the image and not in @tables.
 *  @return false: none */
static bool next_table(const struct image *image, const struct walk_result *r,
                       const uint64_t *tables, unsigned count,
                       uint64_t *frame) {
    for (unsigned i = 0; i < r->step_count; i++) {
        bool known = false;

        *frame = align_down(r->steps[i].at.v, PAGE_SIZE);
        for (unsigned t = 0; t < count; t++) {
            known |= tables[t] == *frame;
        }
        if (!known && *frame < RAM_SIZE_MAX && is_there(image, *frame)) {
            return true;
        }
    }
    return false;
}

bool image_walk(struct image *image, const struct walk_control *control,
                vaddr_t va, enum sim_access access, bool user,
                struct walk_result *result) {
    uint64_t tables[WALK_LEVELS_MAX];
    unsigned count = 0;
    struct sim_ram *ram = malloc(sizeof(*ram));
    bool good = ram != NULL || refuse(image, "no memory for a machine");
    bool more = true;

    while (good && more) {
        good = load(image, tables, count, ram);
        if (good) {
            *result = walk(ram, control, va, access, user);
            ram_destroy(ram);
            more = count < WALK_LEVELS_MAX &&
                   next_table(image, result, tables, count, &tables[count]);
            count += more;
        }
    }
    free(ram);
    return good;
}
