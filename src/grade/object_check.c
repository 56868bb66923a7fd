/*
 * An object is refused for what it could do besides being the file it stands
 * for:
 *
 *   global names    only those that the reference's object defines, and all of
 *                   these: no main, no memcpy, no other floor's function
 *   sections        only those that a compiler writes for plain C: no
 *                   constructors, no linker's directives, no section of its own
 *   size            what fits beside the other floors
 *   symbols         no IFUNC (code at load time), no fixed addresses
 *
 * What it asks for by name and nobody has, the linker says.
 */
#include "grade/object_check.h"

#include <elf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"

#define SIZE_MOST (16 * MIB) /* code and variables */

struct object {
    const unsigned char *bytes;
    size_t size;
    const Elf64_Shdr *sections;
    unsigned section_count;
    const char *section_names;
    size_t section_names_size;
    const Elf64_Sym *symbols;
    size_t symbol_count;
    const char *names;
    size_t names_size;
};

struct complaints {
    char *text;
    size_t size;
    bool any;
};

static void refuse(struct complaints *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void refuse(struct complaints *c, const char *format, ...) {
    const size_t have = strlen(c->text);
    va_list args;

    va_start(args, format);
    vsnprintf(c->text + have, c->size - have, format, args);
    va_end(args);
    c->any = true;
}

static bool inside(const struct object *o, uint64_t offset, uint64_t len) {
    return offset <= o->size && len <= o->size - offset;
}

static bool find_symbols(struct object *o) {
    for (unsigned i = 0; i < o->section_count; i++) {
        const Elf64_Shdr *s = &o->sections[i], *names;

        if (s->sh_type != SHT_SYMTAB) {
            continue;
        }
        if (s->sh_link >= o->section_count ||
            !inside(o, s->sh_offset, s->sh_size)) {
            return false;
        }
        names = &o->sections[s->sh_link];
        if (!inside(o, names->sh_offset, names->sh_size)) {
            return false;
        }
        o->symbols = (const Elf64_Sym *)(const void *)(o->bytes + s->sh_offset);
        o->symbol_count = s->sh_size / sizeof(Elf64_Sym);
        o->names = (const char *)o->bytes + names->sh_offset;
        o->names_size = names->sh_size;
    }
    return true;
}

static bool open_object(struct object *o, const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const Elf64_Ehdr *head;
    struct stat info;
    void *at = MAP_FAILED;

    memset(o, 0, sizeof *o);
    if (fd >= 0 && fstat(fd, &info) == 0 &&
        info.st_size > (off_t)sizeof *head) {
        at = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (at == MAP_FAILED) {
        return false;
    }
    o->bytes = at;
    o->size = (size_t)info.st_size;
    head = at;
    if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_type != ET_REL ||
        !inside(o, head->e_shoff, head->e_shnum * sizeof(Elf64_Shdr)) ||
        head->e_shstrndx >= head->e_shnum) {
        return false;
    }
    o->sections = (const Elf64_Shdr *)(const void *)(o->bytes + head->e_shoff);
    o->section_count = head->e_shnum;
    if (!inside(o, o->sections[head->e_shstrndx].sh_offset,
                o->sections[head->e_shstrndx].sh_size)) {
        return false;
    }
    o->section_names =
        (const char *)o->bytes + o->sections[head->e_shstrndx].sh_offset;
    o->section_names_size = o->sections[head->e_shstrndx].sh_size;
    return find_symbols(o);
}

static void close_object(struct object *o) {
    if (o->bytes != NULL) {
        munmap((void *)(uintptr_t)o->bytes, o->size);
    }
}

static const char *text_at(const char *names, size_t size, size_t at) {
    return at < size && memchr(names + at, '\0', size - at) != NULL ? names + at
                                                                    : "?";
}

static const char *symbol_name(const struct object *o, const Elf64_Sym *s) {
    return text_at(o->names, o->names_size, s->st_name);
}

/** A name that the linker sees from outside. */
static bool is_defined_globally(const Elf64_Sym *s) {
    return ELF64_ST_BIND(s->st_info) != STB_LOCAL && s->st_shndx != SHN_UNDEF;
}

static bool defines(const struct object *o, const char *name) {
    for (size_t i = 0; i < o->symbol_count; i++) {
        if (is_defined_globally(&o->symbols[i]) &&
            strcmp(symbol_name(o, &o->symbols[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_symbols(const struct object *o,
                          const struct object *reference,
                          struct complaints *c) {
    for (size_t i = 0; i < o->symbol_count; i++) {
        const Elf64_Sym *s = &o->symbols[i];
        const char *name = symbol_name(o, s);

        if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC) {
            refuse(c,
                   "'%s' is an IFUNC: code that runs when a program is "
                   "loaded is not part of this lab\n",
                   name);
        } else if (s->st_shndx == SHN_ABS &&
                   ELF64_ST_TYPE(s->st_info) != STT_FILE) {
            refuse(c, "'%s' is a fixed address\n", name);
        } else if (is_defined_globally(s) && !defines(reference, name)) {
            refuse(c,
                   "'%s' is defined, but is no name of this file; make it "
                   "static%s\n",
                   name,
                   strcmp(name, "main") == 0 || strcmp(name, "_start") == 0
                       ? " (the grader has the program's start)"
                       : " (it could take the place of another part)");
        }
    }
    for (size_t i = 0; i < reference->symbol_count; i++) {
        const Elf64_Sym *s = &reference->symbols[i];

        if (is_defined_globally(s) && !defines(o, symbol_name(reference, s))) {
            refuse(c, "'%s' is missing: the file has to define it\n",
                   symbol_name(reference, s));
        }
    }
}

static bool starts(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

/** What plain C and -g make. */
static bool is_plain(const char *name) {
    static const char *const exact[] = { "",
                                         ".text",
                                         ".data",
                                         ".bss",
                                         ".rodata",
                                         ".comment",
                                         ".symtab",
                                         ".strtab",
                                         ".shstrtab",
                                         ".eh_frame",
                                         ".note.GNU-stack",
                                         ".note.gnu.property",
                                         ".text.unlikely",
                                         ".text.startup",
                                         ".text.hot",
                                         ".text.exit",
                                         ".data.rel.ro",
                                         ".data.rel.ro.local",
                                         ".data.rel.local",
                                         ".data.rel",
                                         ".llvm_addrsig" };

    while (starts(name, ".rela")) {
        name += 5;
    }
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        if (strcmp(name, exact[i]) == 0) {
            return true;
        }
    }
    return starts(name, ".debug_") || starts(name, ".rodata.str") ||
           starts(name, ".rodata.cst");
}

static void check_sections(const struct object *o, struct complaints *c) {
    uint64_t size = 0;

    for (unsigned i = 0; i < o->section_count; i++) {
        const Elf64_Shdr *s = &o->sections[i];
        const char *name =
            text_at(o->section_names, o->section_names_size, s->sh_name);

        if ((s->sh_flags & SHF_ALLOC) != 0 &&
            __builtin_add_overflow(size, s->sh_size, &size)) {
            size = UINT64_MAX;
        }
        if (s->sh_type == SHT_INIT_ARRAY || s->sh_type == SHT_FINI_ARRAY ||
            s->sh_type == SHT_PREINIT_ARRAY || starts(name, ".init") ||
            starts(name, ".fini") || starts(name, ".preinit") ||
            starts(name, ".ctors") || starts(name, ".dtors")) {
            refuse(c,
                   "section '%s': a constructor, code that runs before or "
                   "after the program\n",
                   name);
        } else if (!is_plain(name)) {
            refuse(c,
                   "section '%s': not one that plain C makes (linker "
                   "directives and sections of one's own are not part of "
                   "this lab)\n",
                   name);
        } else if (strcmp(name, ".note.GNU-stack") == 0 &&
                   (s->sh_flags & SHF_EXECINSTR) != 0) {
            refuse(c, "an executable stack is asked for\n");
        } else if ((s->sh_flags & SHF_WRITE) != 0 &&
                   (s->sh_flags & SHF_EXECINSTR) != 0) {
            refuse(c, "section '%s' is writable and executable\n", name);
        }
    }
    if (size > SIZE_MOST) {
        refuse(c,
               "code and variables take %lu MiB, which does not fit: %lu MiB "
               "are left for this file\n",
               size / MIB, SIZE_MOST / MIB);
    }
}

bool object_check(const char *path, const char *reference, char *why,
                  size_t why_size) {
    struct complaints c = { why, why_size, false };
    struct object o, r;

    if (!open_object(&o, path)) {
        refuse(&c, "the compiler did not make an ELF object of it\n");
    } else if (!open_object(&r, reference)) {
        refuse(&c, "the reference object %s is missing or damaged\n",
               reference);
        close_object(&r);
    } else {
        check_symbols(&o, &r, &c);
        check_sections(&o, &c);
        close_object(&r);
    }
    close_object(&o);
    return !c.any;
}
