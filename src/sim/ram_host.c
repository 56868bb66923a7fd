/*
 * Simulated RAM as the host sees it.
 *
 * On Linux it is a memfd, so that the live machine can show any frame at any
 * address by mapping the file at offset = physical address; elsewhere it is
 * anonymous memory, which is all that the functional machine needs.  Either way
 * only pages that were written take memory, so 16 TiB cost nothing.
 *
 * Mappings are made by system calls proper: sanitizers wrap mmap() and would
 * prepare shadow memory for all of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "base/fmt.h"
#include "sim/ram_host.h"

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0 /* a wish: the answer is checked */
#endif
#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/** A file of @size zero bytes that exists in memory only, or -1. */
static int memory_file(uint64_t size) {
#if defined(__linux__) && defined(SYS_memfd_create)
    const unsigned close_on_exec = 1;
    int fd = (int)syscall(SYS_memfd_create, "simulated-ram", close_on_exec);

    if (fd >= 0 && ftruncate(fd, (off_t)size) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
#else
    (void)size;
    return -1;
#endif
}

static void *map(void *at, size_t size, int flags, int fd) {
    const int prot = PROT_READ | PROT_WRITE;

#if defined(__linux__) && defined(SYS_mmap)
    return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, 0L);
#else
    return mmap(at, size, prot, flags, fd, 0);
#endif
}

static void unmap(void *at, size_t size) {
#if defined(__linux__) && defined(SYS_munmap)
    (void)syscall(SYS_munmap, at, size);
#else
    (void)munmap(at, size);
#endif
}

bool ram_host_map(struct sim_ram *ram, vaddr_t alias_base, char *why,
                  size_t why_size) {
    void *wanted = pointer_of(alias_base);
    int flags = MAP_NORESERVE;
    void *got;

    ram->memfd = memory_file(ram->size);
    flags |= ram->memfd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    if (wanted != NULL) {
        flags |= MAP_FIXED_NOREPLACE;
    }
    got = map(wanted, (size_t)ram->size, flags, ram->memfd);
    if (got != MAP_FAILED && (wanted == NULL || got == wanted)) {
        ram->alias = got;
        return true;
    }
    if (got != MAP_FAILED) {
        unmap(got, (size_t)ram->size);
        errno = EEXIST;
    }
    fmt_format(why, why_size,
               "cannot map the %ju MiB of simulated RAM at 0x%jx of this "
               "process: %s",
               (uintmax_t)(ram->size / MIB), (uintmax_t)alias_base.v,
               errno == EEXIST ? "something else is there" : strerror(errno));
    if (ram->memfd >= 0) {
        close(ram->memfd);
        ram->memfd = -1;
    }
    return false;
}

void ram_host_unmap(struct sim_ram *ram) {
    if (ram->alias != NULL) {
        unmap(ram->alias, (size_t)ram->size);
    }
    if (ram->memfd >= 0) {
        close(ram->memfd);
    }
}
