/*
 * Are two outcomes the same?  Nothing the replay says depends on time or on the
 * machine, so every result line must be there twice with one value: page faults
 * too, since the same accesses meet the same page tables.
 */
#include "memtwin/outcome.h"

#include <stdio.h>
#include <string.h>

/** Every fact of @a is one of @b's. */
static bool has_all(const struct outcome *a, const struct outcome *b,
                    char *text, size_t size) {
    size_t i;

    for (i = 0; i < a->fact_count; i++) {
        const struct fact *f = &a->facts[i];
        const char *other = outcome_fact(b, f->key);

        if (other == NULL) {
            snprintf(text, size, "%s is %s (%s), not reported (%s)", f->key,
                     f->value, a->machine, b->machine);
            return false;
        }
        if (strcmp(f->value, other) != 0) {
            snprintf(text, size, "%s is %s (%s), %s (%s)", f->key, f->value,
                     a->machine, other, b->machine);
            return false;
        }
    }
    return true;
}

bool outcome_equal(const struct outcome *a, const struct outcome *b, char *text,
                   size_t size) {
    if (outcome_fact(a, "digest") == NULL) {
        snprintf(text, size, "no digest (%s)", a->machine);
        return false;
    }
    return has_all(a, b, text, size) && has_all(b, a, text, size);
}

bool outcome_failed_alike(const struct outcome *a, const struct outcome *b) {
    return outcome_fact(a, "digest") == NULL &&
           outcome_fact(b, "digest") == NULL &&
           a->error_place == ERROR_AT_START &&
           b->error_place == ERROR_AT_START && strcmp(a->error, b->error) == 0;
}

bool outcome_state_equal(const struct outcome *a, const struct outcome *b,
                         char *text, size_t size) {
    size_t i = 0;

    while (i < a->state_count && i < b->state_count &&
           strcmp(a->state[i], b->state[i]) == 0) {
        i++;
    }
    if (i == a->state_count && i == b->state_count) {
        return true;
    }
    snprintf(text, size, "line %zu of the state is '%s' (%s), '%s' (%s)", i + 1,
             i < a->state_count ? a->state[i] : "(nothing)", a->machine,
             i < b->state_count ? b->state[i] : "(nothing)", b->machine);
    return false;
}
