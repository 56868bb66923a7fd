/*
 * Coverage builds only: send the counters out of a machine without files.
 *
 * The same bytes as in a .gcda file go to port 0xe9, which QEMU writes to a
 * file; tools/unpack-counts makes .gcda files of them again.  Records:
 *
 *   'F' name '\0'           the file that the next data are for
 *   'D' length (32 bits, little-endian) bytes
 *   'E'                     the end: the dump is whole
 *
 * libgcov uses the red zone, so interrupts must be off; they are, at exit.
 */
#include <gcov.h>
#include <stddef.h>
#include <stdint.h>

#define DEBUG_CONSOLE 0xe9
#define POOL_SIZE (64 * 1024)

/* Where the linker put the pointers of -fprofile-info-section=gcov_info. */
extern const struct gcov_info *const __start_gcov_info[] __attribute__((weak));
extern const struct gcov_info *const __stop_gcov_info[] __attribute__((weak));

void gcov_dump(void);
void __gcov_merge_add(void *counters, unsigned count);
void abort(void);
void *mmap(void *at, size_t size, int prot, int flags, int fd, long offset);

static void put(uint8_t byte) {
    __asm__ volatile("outb %0, %1"
                     :
                     : "a"(byte), "Nd"((uint16_t)DEBUG_CONSOLE));
}

static void put_name(const char *name, void *arg) {
    (void)arg;
    put('F');
    do {
        put((uint8_t)*name);
    } while (*name++ != '\0');
}

static void put_data(const void *data, unsigned length, void *arg) {
    const uint8_t *bytes = data;

    (void)arg;
    put('D');
    for (unsigned shift = 0; shift < 32; shift += 8) {
        put((uint8_t)(length >> shift));
    }
    for (unsigned i = 0; i < length; i++) {
        put(bytes[i]);
    }
}

static _Alignas(16) uint8_t pool[POOL_SIZE];
static size_t pool_used;

static void *get_memory(unsigned length, void *arg) {
    const size_t size = ((size_t)length + 15) & ~(size_t)15;
    void *piece = pool + pool_used;

    (void)arg;
    if (size > POOL_SIZE - pool_used) {
        return NULL;
    }
    pool_used += size;
    return piece;
}

void gcov_dump(void) {
    const struct gcov_info *const *info;

    for (info = __start_gcov_info; info < __stop_gcov_info; info++) {
        pool_used = 0;
        __gcov_info_to_gcda(*info, put_name, put_data, get_memory, NULL);
    }
    put('E');
}

/* What libgcov would bring with all of stdio behind it; never called here. */
void __gcov_merge_add(void *counters, unsigned count) {
    (void)counters;
    (void)count;
}

void abort(void) {
    for (;;) {
        __asm__ volatile("hlt");
    }
}

void *mmap(void *at, size_t size, int prot, int flags, int fd, long offset) {
    (void)at;
    (void)size;
    (void)prot;
    (void)flags;
    (void)fd;
    (void)offset;
    return NULL;
}
