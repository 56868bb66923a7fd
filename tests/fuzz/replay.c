/*
 * A fuzz target without a fuzzer: its corpus, and seeded random inputs, half of
 * them corpus files with some bytes changed.  Prints TAP.
 *
 *   fuzz_walk             the corpus in $top_srcdir/tests/data/fuzz/walk, then
 *                         FUZZ_INPUTS random inputs of FUZZ_SEED (1)
 *   fuzz_walk FILE ...    these inputs
 *
 * An input that fails is kept as fuzz_walk.failed.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

#define CORPUS_MAX 64

static struct corpus {
    size_t size;
    uint8_t bytes[FUZZ_BYTES_MAX];
} corpus[CORPUS_MAX], input;
static unsigned corpus_count;
static char failed_path[300];

/** The input under way is to blame: keep it. */
static void keep_input(int signal_number) {
    static const char note[] = "# the input is kept in fuzz_*.failed\n";
    int fd = open(failed_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t done = write(fd, input.bytes, input.size);

    done += write(STDERR_FILENO, note, sizeof(note) - 1);
    (void)done;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static bool read_file(struct corpus *into, const char *path) {
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        printf("Bail out! %s: %s\n", path, strerror(errno));
        return false;
    }
    into->size = fread(into->bytes, 1, sizeof(into->bytes), file);
    fclose(file);
    return true;
}

/** Every file of the folder; more than CORPUS_MAX are no small corpus. */
static bool read_corpus(const char *folder) {
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool good = dir != NULL;

    while (good && (entry = readdir(dir)) != NULL) {
        char path[600];

        if (entry->d_name[0] != '.' && corpus_count < CORPUS_MAX) {
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            good = read_file(&corpus[corpus_count++], path);
        }
    }
    if (dir == NULL) {
        printf("Bail out! %s: %s\n", folder, strerror(errno));
    } else {
        closedir(dir);
    }
    return good;
}

static uint64_t state;

static uint64_t any(uint64_t n) {
    state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(state) % n;
}

static void change_some(struct corpus *c) {
    for (uint64_t n = 1 + any(8); n > 0 && c->size > 0; n--) {
        uint8_t *byte = &c->bytes[any(c->size)];

        switch (any(4)) {
        case 0:
            *byte ^= (uint8_t)(1u << any(8));
            break;
        case 1:
            *byte = (uint8_t)any(256);
            break;
        case 2:
            *byte = c->bytes[any(c->size)];
            break;
        default:
            c->size -= any(4) == 0 ? any(c->size) : 0;
            break;
        }
    }
}

static void draw_input(void) {
    if (corpus_count > 0 && any(2) == 0) {
        input = corpus[any(corpus_count)];
        change_some(&input);
        return;
    }
    input.size = any(any(8) == 0 ? FUZZ_BYTES_MAX : 300);
    for (size_t i = 0; i < input.size; i++) {
        input.bytes[i] = (uint8_t)any(256);
    }
}

static uint64_t number_of(const char *variable, uint64_t fallback) {
    const char *value = getenv(variable);

    return value != NULL ? strtoull(value, NULL, 10) : fallback;
}

int main(int argc, char **argv) {
    const char *top = getenv("top_srcdir");
    uint64_t inputs = number_of("FUZZ_INPUTS", fuzz_inputs);
    char folder[300];

    snprintf(folder, sizeof(folder), "%s/tests/data/fuzz/%s",
             top != NULL ? top : ".", fuzz_name);
    snprintf(failed_path, sizeof(failed_path), "fuzz_%s.failed", fuzz_name);
    signal(SIGABRT, keep_input);
    signal(SIGSEGV, keep_input);
    for (int i = 1; i < argc; i++) {
        if (!read_file(&input, argv[i])) {
            return 1;
        }
        LLVMFuzzerTestOneInput(input.bytes, input.size);
    }
    if (argc > 1) {
        return 0;
    }
    puts("1..2");
    if (!read_corpus(folder)) {
        return 1;
    }
    for (unsigned i = 0; i < corpus_count; i++) {
        input = corpus[i];
        LLVMFuzzerTestOneInput(input.bytes, input.size);
    }
    printf("ok 1 - the corpus, %u inputs\n", corpus_count);
    state = number_of("FUZZ_SEED", 1);
    for (uint64_t i = 0; i < inputs; i++) {
        draw_input();
        LLVMFuzzerTestOneInput(input.bytes, input.size);
    }
    printf("ok 2 - %llu random inputs\n", (unsigned long long)inputs);
    return 0;
}
