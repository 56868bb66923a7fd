/*
 * conformance-kernel: runs cases and writes down what happened, in memory,
 * where the host reads it from the file that is this machine's RAM.
 *
 * Words on the command line:
 *   seed=S  controls=MASK          what to draw from
 *   FAMILY=COUNT                   that many cases of it, at random
 *   FAMILY=FIRST+COUNT             the cases from FIRST on, as many as there
 *                                  are
 *   e9=1                           send the records to port 0xe9 as well, for
 *                                  Bochs, whose RAM is no file, and switch off
 *
 * A family of which there is no case on this processor is skipped.
 *
 * Numbers are decimal, or hexadecimal after 0x.  A line says where each
 * family's records begin:
 *
 *   records FAMILY sample seed first count at bytes phys_bits 1gib controls
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "arch/x86_64/x86.h"
#include "base/fmt.h"
#include "boot/boot.h"
#include "conformance/guest_machine.h"

struct plan {
    uint64_t first, count;
    bool wanted, sample;
};

struct words {
    uint64_t seed, controls, e9;
    struct plan plans[CONF_FAMILY_COUNT];
};

static struct guest_machine guest;

static _Noreturn void bail_out(const char *why, const char *word) {
    machine_say("Bail out! %s%s\n", why, word);
    hw_exit(HW_EXIT_FAIL);
}

/** The number at *@text, which moves on behind it. */
static uint64_t take_number(const char **text) {
    uint64_t value = 0, base = 10, digit;

    if ((*text)[0] == '0' && (*text)[1] == 'x') {
        *text += 2;
        base = 16;
    }
    for (;; (*text)++) {
        char c = **text;

        digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a' + 10)
                                       : 16;
        if (digit >= base) {
            return value;
        }
        value = value * base + digit;
    }
}

static bool take_family(struct words *words, const char *word,
                        const char *value) {
    for (unsigned f = 0; f < CONF_FAMILY_COUNT; f++) {
        const char *name = conf_family_names[f];
        struct plan *plan = &words->plans[f];

        if (strncmp(word, name, strlen(name)) == 0 &&
            word[strlen(name)] == '=') {
            plan->wanted = true;
            plan->sample = true;
            plan->count = take_number(&value);
            if (*value == '+') {
                value++;
                plan->sample = false;
                plan->first = plan->count;
                plan->count = take_number(&value);
            }
            return *value == '\0';
        }
    }
    return false;
}

static void take_word(struct words *words, const char *word) {
    const char *value = word;

    while (*value != '\0' && *value++ != '=') {
    }
    if (strncmp(word, "seed=", 5) == 0) {
        words->seed = take_number(&value);
    } else if (strncmp(word, "controls=", 9) == 0) {
        words->controls = take_number(&value);
    } else if (strncmp(word, "e9=", 3) == 0) {
        words->e9 = take_number(&value);
    } else if (!take_family(words, word, value)) {
        bail_out("the kernel does not know the word ", word);
    }
}

static struct words take_words(char *line) {
    struct words words = { .seed = 1, .controls = ~UINT64_C(0) };

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

/** Run the cases of @plan and write their words from *@at on. */
static bool run_plan(const struct conf_features *features,
                     const struct words *words, enum conf_family family,
                     uint64_t *at) {
    const struct plan *plan = &words->plans[family];
    const uint64_t start = *at, total = conf_total(features, family);
    uint64_t count = plan->count;
    struct conf_case c;
    struct conf_record record;

    if (!plan->sample && conf_is_counted(family)) {
        const uint64_t left = plan->first < total ? total - plan->first : 0;

        count = count < left ? count : left;
    }
    for (uint64_t n = plan->first; n < plan->first + count; n++) {
        conf_generate(features, family, plan->sample, words->seed, n, &c);
        conf_run(&guest.machine, &c, 0, &record);
        if (*at + sizeof(record) > CONF_RECORDS_END) {
            return false;
        }
        for (unsigned i = 0; i <= record.touches; i++, *at += 8) {
            guest.machine.store(&guest.machine, *at, record.words[i]);
        }
    }
    machine_say("records %s %u 0x%jx %ju %ju 0x%jx %ju %u %u 0x%jx\n",
                conf_family_names[family], plan->sample, words->seed,
                plan->first, count, start, *at - start, features->phys_bits,
                features->huge_1gib, features->controls);
    return true;
}

static void send_text(uint16_t port, const char *text) {
    while (*text != '\0') {
        x86_out8(port, (uint8_t)*text++);
    }
}

/** What Bochs prints: a line that says how much follows, and all records. */
static void send_records(uint64_t end) {
    char line[64];

    fmt_format(line, sizeof(line), "\nmemtwin records %ju\n",
               (uintmax_t)(end - CONF_RECORDS));
    send_text(0xe9, line);
    for (uint64_t at = CONF_RECORDS; at < end; at += 8) {
        const uint64_t word = guest.machine.load(&guest.machine, at);

        for (unsigned i = 0; i < 64; i += 8) {
            x86_out8(0xe9, (uint8_t)(word >> i));
        }
    }
    send_text(0x8900, "Shutdown");
}

/** Is there a case of @family on a processor with @features? */
static bool there_are(const struct conf_features *features,
                      enum conf_family family) {
    return !conf_is_counted(family) || conf_total(features, family) != 0;
}

_Noreturn void kernel_main(const struct hw_boot *boot) {
    static char line[BOOT_CMDLINE_MAX];
    struct conf_features features = guest_features(boot);
    uint64_t at = CONF_RECORDS;
    struct words words;
    unsigned planned = 0, number = 0, failed = 0;

    memcpy(line, boot_cmdline(), sizeof(line));
    words = take_words(line);
    features.controls &= words.controls;
    for (unsigned f = 0; f < CONF_FAMILY_COUNT; f++) {
        planned += words.plans[f].wanted;
    }
    machine_say("1..%u\n", planned);
    guest_machine_start(&guest, boot);
    conf_prepare(&guest.machine);
    for (unsigned f = 0; f < CONF_FAMILY_COUNT; f++) {
        if (words.plans[f].wanted &&
            !there_are(&features, (enum conf_family)f)) {
            machine_say("ok %u - the cases of %s ran # SKIP this processor has "
                        "none of them\n",
                        ++number, conf_family_names[f]);
        } else if (words.plans[f].wanted) {
            bool good = run_plan(&features, &words, (enum conf_family)f, &at);

            failed += !good;
            machine_say("%s %u - the cases of %s ran\n", good ? "ok" : "not ok",
                        ++number, conf_family_names[f]);
        }
    }
    if (words.e9 != 0) {
        send_records(at);
    }
    hw_exit(failed == 0 ? HW_EXIT_PASS : HW_EXIT_FAIL);
}
