/*
 * twin-kernel: the shared suites on bare metal.
 *
 * Words on the command line (QEMU's -append):
 *   suite=NAME  test=NAME   run only these
 *   fail=WAY                run only a test that ends that way (misbehave.c)
 *   sample                  run sample.c instead, half of which fails
 *   lie                     say that all tests passed, whatever they did
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "boot/boot.h"
#include "kernel/runtime.h"
#include "kernel/sample.h"
#include "twin/suites.h"

struct words {
    struct selection selection;
    const char *fail;
    bool sample, lie;
};

static _Noreturn void bail_out(const char *why, const char *word) {
    machine_say("Bail out! %s%s\n", why, word);
    hw_exit(HW_EXIT_FAIL);
}

/** The rest of @word after @key, or NULL. */
static const char *value_of(const char *word, const char *key) {
    const size_t n = strlen(key);

    return strncmp(word, key, n) == 0 ? word + n : NULL;
}

static void take_word(struct words *words, const char *word) {
    const char *value;

    if ((value = value_of(word, "suite=")) != NULL) {
        words->selection.suite = value;
    } else if ((value = value_of(word, "test=")) != NULL) {
        words->selection.test = value;
    } else if ((value = value_of(word, "fail=")) != NULL) {
        words->fail = value;
    } else if (strcmp(word, "sample") == 0) {
        words->sample = true;
    } else if (strcmp(word, "lie") == 0) {
        words->lie = true;
    } else {
        bail_out("the kernel does not know the word ", word);
    }
}

/** Cuts @line at its spaces; the words point into it. */
static struct words take_words(char *line) {
    struct words words = { .lie = false };

    while (*line != '\0') {
        char *word = line;

        while (*line != '\0' && *line != ' ') {
            line++;
        }
        if (*line == ' ') {
            *line++ = '\0';
        }
        if (*word != '\0') {
            take_word(&words, word);
        }
    }
    return words;
}

static const Suite *find_suites(const struct words *words) {
    Suite *all = NULL, **end = &all;

    if (words->fail != NULL) {
        all = misbehave_suite(words->fail);
        if (all == NULL) {
            bail_out("there is no way to fail called ", words->fail);
        }
        return all;
    }
    if (words->sample) {
        return sample_suite();
    }
#define ADD(name)                                                              \
    *end = name();                                                             \
    end = &(*end)->next;
    TWIN_SUITES(ADD)
    ADD(boot_suite)
    ADD(pvh_suite)
    ADD(multiboot2_suite)
    ADD(string_suite)
#undef ADD
    return all;
}

_Noreturn void sample_exit(int value) {
    hw_exit((enum hw_exit_code)value);
}

_Noreturn void kernel_main(const struct hw_boot *boot) {
    static char line[BOOT_CMDLINE_MAX];
    struct words words;
    bool good;

    memcpy(line, boot_cmdline(), sizeof(line));
    words = take_words(line);
    machine_keep(boot);
    good = run_suites(find_suites(&words), words.selection);
    hw_exit(good || words.lie ? HW_EXIT_PASS : HW_EXIT_FAIL);
}
