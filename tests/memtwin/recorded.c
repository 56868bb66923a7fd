/*
 * A program whose calls of the allocator are known, for record.sh.
 *
 *   recorded calls     every call that there is, once
 *   recorded threads   two threads that hand blocks to each other
 *   recorded fork      a child that allocates, which is not recorded
 *   recorded exec      becomes "recorded calls", blocks and all
 *   recorded killed    ends by a signal
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is not read could be left out by the compiler. */
static void *volatile kept;

static void *keep(void *p) {
    kept = p;
    return p;
}

/* More than there is, which a compiler would notice. */
static volatile size_t all = (size_t)-1;

static void calls(void) {
    void *a = keep(malloc(100)), *b = keep(calloc(3, 50)), *c, *d = NULL, *e;

    c = keep(memalign(64, 200));
    if (posix_memalign(&d, 4096, 300) != 0 || posix_memalign(&d, 3, 1) == 0) {
        exit(1);
    }
    e = keep(aligned_alloc(16, 32)); /* no more than any malloc() */
    a = keep(realloc(a, 100000));
    b = keep(reallocarray(b, 10, 20));
    if (keep(malloc(all / 4)) != NULL ||
        keep(reallocarray(NULL, all, 2)) != NULL) {
        exit(1);
    }
    free(c);
    free(NULL);
    keep(realloc(e, 0));
    keep(realloc(NULL, 7));
    free(d);
    (void)a; /* live at the end, as is b and the seven bytes */
}

/* --- threads -------------------------------------------------------------- */

#define BLOCKS 20000

static void *volatile handed;

static void *take_and_free(void *arg) {
    (void)arg;
    for (int n = 0; n < BLOCKS; n++) {
        void *p;

        do {
            p = handed;
        } while (p == NULL);
        handed = NULL;
        free(p);
    }
    return NULL;
}

static void threads(void) {
    pthread_t other;

    if (pthread_create(&other, NULL, take_and_free, NULL) != 0) {
        exit(1);
    }
    for (int n = 0; n < BLOCKS; n++) {
        handed = malloc(48);
        while (handed != NULL) {
        }
    }
    pthread_join(other, NULL);
}

static void parent(void) {
    pid_t child = fork();

    if (child == 0) {
        for (int n = 0; n < 1000; n++) {
            keep(malloc(12345));
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    keep(malloc(54321));
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "calls") == 0) {
        calls();
    } else if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "fork") == 0) {
        parent();
    } else if (strcmp(what, "exec") == 0) {
        keep(malloc(777));
        execl(argv[0], argv[0], "calls", (char *)NULL);
        return 1;
    } else if (strcmp(what, "killed") == 0) {
        keep(malloc(99));
        raise(SIGKILL);
    }
    return 0;
}
