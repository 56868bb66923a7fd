/*
 * memtwin-record.so: stands before the C library's allocator in a program and
 * notes every call (LD_PRELOAD).
 *
 *   program --malloc()--> here --__libc_malloc()--> C library
 *                          |
 *                          +--> struct call in a mapped file
 *
 * An allocation is noted after it was made, a free before, a reallocation under
 * the lock as a whole: so a block is never noted as handed out again before it
 * was noted as freed, whichever thread did either.
 *
 * Only the process that was started is recorded.  A child of fork() has the
 * same mapping and another number, and writes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memtwin/calls.h"

#define WINDOW_CALLS 32768
#define WINDOW_BYTES (WINDOW_CALLS * sizeof(struct call))

extern char **environ;

/* The C library's own, under the names that it keeps for such as us. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static struct {
    pthread_mutex_t lock;
    bool decided, on;
    pid_t process;
    int file;
    struct call *window;
    size_t used;   /* calls in the window */
    uint64_t left; /* calls to note yet */
} recorder = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool next_window(void) {
    struct stat seen;
    void *window;

    if (recorder.window != NULL) {
        munmap(recorder.window, WINDOW_BYTES);
        recorder.window = NULL;
    }
    if (fstat(recorder.file, &seen) != 0 ||
        ftruncate(recorder.file, seen.st_size + (off_t)WINDOW_BYTES) != 0) {
        return false;
    }
    window = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                  recorder.file, seen.st_size);
    if (window == MAP_FAILED) {
        return false;
    }
    recorder.window = window;
    recorder.used = 0;
    return true;
}

static void put(struct call call) {
    if (recorder.left == 0 ||
        (recorder.used == WINDOW_CALLS && !next_window())) {
        recorder.on = false;
        return;
    }
    recorder.left--;
    recorder.window[recorder.used++] = call;
}

/** Is it this process that is meant, and where to?  Once there is an
 * environment to ask, with the lock held. */
static void decide(void) {
    const char *file = getenv(CALLS_FILE), *process = getenv(CALLS_PROCESS);
    const char *most = getenv(CALLS_MOST);

    recorder.decided = true;
    recorder.process = getpid();
    if (file == NULL || process == NULL || most == NULL ||
        strtol(process, NULL, 10) != recorder.process) {
        return;
    }
    recorder.file = open(file, O_RDWR | O_CLOEXEC);
    recorder.left = strtoull(most, NULL, 10);
    recorder.on = recorder.file >= 0 && next_window();
    if (recorder.on) {
        put((struct call){ .kind = CALL_START });
    }
}

/** Take the lock, if there is anything to note.  errno stays as it was. */
static bool begin(void) {
    const int saved = errno;

    if (recorder.decided && (!recorder.on || recorder.process != getpid())) {
        return false;
    }
    pthread_mutex_lock(&recorder.lock);
    if (!recorder.decided && environ != NULL) {
        decide();
        errno = saved;
    }
    if (!recorder.on) {
        pthread_mutex_unlock(&recorder.lock);
    }
    return recorder.on;
}

static void end(void) {
    pthread_mutex_unlock(&recorder.lock);
}

static void note(struct call call) {
    const int saved = errno;

    if (begin()) {
        put(call);
        end();
    }
    errno = saved;
}

/** @return @p, noted unless it is NULL */
static void *made(void *p, enum call_kind kind, size_t size, size_t align) {
    if (p != NULL) {
        note((struct call){
            .at = (uint64_t)(uintptr_t)p,
            .size = size,
            .kind = kind,
            .align_shift = align == 0 ? 0 : (uint32_t)__builtin_ctzl(align) });
    }
    return p;
}

/* --- in place of the C library's ----------------------------------------- */

void *malloc(size_t size) {
    return made(__libc_malloc(size), CALL_ALLOC, size, 0);
}

void *calloc(size_t count, size_t size) {
    return made(__libc_calloc(count, size), CALL_ZEROED, count * size, 0);
}

void free(void *p) {
    if (p != NULL) {
        note((struct call){ .at = (uint64_t)(uintptr_t)p, .kind = CALL_FREE });
    }
    __libc_free(p);
}

void *realloc(void *p, size_t size) {
    void *q;
    bool noted;

    if (p == NULL) {
        return malloc(size);
    }
    if (size == 0) {
        free(p);
        return NULL;
    }
    noted = begin();
    q = __libc_realloc(p, size);
    if (noted) {
        if (q != NULL) {
            put((struct call){ .at = (uint64_t)(uintptr_t)q,
                               .old = (uint64_t)(uintptr_t)p,
                               .size = size,
                               .kind = CALL_REALLOC });
        }
        end();
    }
    return q;
}

void *reallocarray(void *p, size_t count, size_t size) {
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, bytes);
}

void *memalign(size_t align, size_t size) {
    /* As there: what is no power of two becomes the next one. */
    size_t power = 1;

    while (power < align && power << 1 != 0) {
        power <<= 1;
    }
    return made(__libc_memalign(align, size), CALL_ALLOC, size, power);
}

void *aligned_alloc(size_t align, size_t size) {
    return memalign(align, size);
}

int posix_memalign(void **p, size_t align, size_t size) {
    const int saved = errno;
    void *q;

    if (align % sizeof(void *) != 0 || align == 0 ||
        (align & (align - 1)) != 0) {
        return EINVAL;
    }
    q = memalign(align, size);
    errno = saved; /* which it does not set */
    if (q == NULL) {
        return ENOMEM;
    }
    *p = q;
    return 0;
}

void *valloc(size_t size) {
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

void *pvalloc(size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes;

    if (__builtin_add_overflow(size, page - 1, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return memalign(page, bytes & ~(page - 1));
}
