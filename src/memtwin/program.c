/*
 * The first bytes of a program tell whether the dynamic linker will see it, and
 * with it LD_PRELOAD:
 *
 *   7f 'E' 'L' 'F' class ...   64-bit, with a program header PT_INTERP
 *   #! PROGRAM ...             that program, then
 */
#include "memtwin/program.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/say.h"

#define PATH_MAX_HERE 4096
#define SCRIPTS_MAX 4 /* a script for a script; as many as Linux follows */

/** @name in the folders of PATH, when it names none itself. */
static bool find(const char *name, char path[PATH_MAX_HERE]) {
    const char *folder = getenv("PATH");
    size_t len;

    if (strchr(name, '/') != NULL || folder == NULL) {
        return snprintf(path, PATH_MAX_HERE, "%s", name) < PATH_MAX_HERE;
    }
    for (; *folder != '\0'; folder += len + (folder[len] == ':')) {
        len = strcspn(folder, ":");
        if (len > 0 &&
            snprintf(path, PATH_MAX_HERE, "%.*s/%s", (int)len, folder, name) <
                PATH_MAX_HERE &&
            access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/** Does a program header ask for a dynamic linker? */
static bool has_linker(int fd, const Elf64_Ehdr *elf) {
    for (unsigned n = 0; n < elf->e_phnum; n++) {
        Elf64_Phdr part;
        const off_t at = (off_t)(elf->e_phoff + (uint64_t)n * elf->e_phentsize);

        if (pread(fd, &part, sizeof(part), at) == sizeof(part) &&
            part.p_type == PT_INTERP) {
            return true;
        }
    }
    return false;
}

static bool elf_can(int fd, const Elf64_Ehdr *elf, const char *name) {
    struct stat seen;

    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64) {
        complain("%s is no 64-bit program of this machine; only such can be "
                 "recorded",
                 name);
        return false;
    }
    if (!has_linker(fd, elf)) {
        complain("%s is linked statically; only programs that are linked to "
                 "the C library dynamically can be recorded",
                 name);
        return false;
    }
    if (fstat(fd, &seen) == 0 &&
        (((seen.st_mode & S_ISUID) != 0 && seen.st_uid != geteuid()) ||
         ((seen.st_mode & S_ISGID) != 0 && seen.st_gid != getegid()))) {
        complain("%s gets the rights of another user, so nothing can stand in "
                 "front of it",
                 name);
        return false;
    }
    return true;
}

/** What stands after "#!", up to a blank. @return false: nothing does */
static bool script_program(char head[PATH_MAX_HERE], char **program) {
    char *at = head + 2;

    at += strspn(at, " \t");
    at[strcspn(at, " \t\n")] = '\0';
    *program = at;
    return at[0] != '\0';
}

bool program_can_be_recorded(const char *name) {
    char path[PATH_MAX_HERE], head[PATH_MAX_HERE];
    char *program = (char *)name;
    bool can = true;

    for (int scripts = 0; scripts <= SCRIPTS_MAX; scripts++) {
        Elf64_Ehdr elf;
        ssize_t len;
        int fd;

        if (!find(program, path) ||
            (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
            return true;
        }
        len = pread(fd, head, sizeof(head) - 1, 0);
        head[len > 0 ? len : 0] = '\0';
        memcpy(&elf, head, sizeof(elf));
        if (len >= (ssize_t)EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0) {
            can = elf_can(fd, &elf, path);
        }
        close(fd);
        if (strncmp(head, "#!", 2) != 0 || !script_program(head, &program)) {
            return can;
        }
    }
    return true;
}
