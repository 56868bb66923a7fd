/*
 * A case and what came of it, for people.
 */
#include "conformance/say.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const tables[CONF_TABLE_COUNT] = {
    "PML4", "PDPT", "PD", "PT", "second PDPT", "second PD", "second PT",
};

const char *say_access(unsigned access) {
    static const char *const names[CONF_ACCESS_COUNT] = {
        "read",     "write",           "fetch",
        "exchange", "read through SS", "write through SS",
    };

    return names[access];
}

static void say_control(uint64_t control) {
    static const char *const names[CONF_CONTROL_BITS] = {
        "WP", "NXE", "CPL 3", "SMEP", "SMAP", "AC", "PKE",
    };

    printf("#     controls:");
    for (unsigned b = 0; b < CONF_CONTROL_BITS; b++) {
        if ((control >> b & 1) != 0) {
            printf(" %s", names[b]);
        }
    }
    if ((control & CONF_PKE) != 0) {
        printf(" PKRU 0x%" PRIx64, control >> 32);
    }
    printf("\n");
}

void say_case(const struct conf_case *c) {
    for (unsigned i = 0; i < c->count; i++) {
        const struct conf_step *s = &c->steps[i];

        switch (s->op) {
        case CONF_POKE:
            printf("#     %s[0x%x] = 0x%016" PRIx64 "\n", tables[s->table],
                   s->index, s->value);
            break;
        case CONF_CONTROL:
            say_control(s->value);
            break;
        case CONF_INVLPG:
            printf("#     INVLPG 0x%" PRIx64 "\n", s->value);
            break;
        case CONF_RELOAD:
            printf("#     MOV to CR3\n");
            break;
        case CONF_TOGGLE:
            printf("#     CR4.PGE off and on\n");
            break;
        default:
            printf("#     %s 0x%" PRIx64 "\n", say_access(s->access), s->value);
            break;
        }
    }
}

static void say_touch(uint64_t word) {
    static const char *const cr2[] = { "CR2 as before", "CR2 is the address",
                                       "CR2 is the next page",
                                       "CR2 is something else" };
    const unsigned vector = (unsigned)(word & 0xff);

    if (vector != 0) {
        printf("vector %u error 0x%x, %s", vector,
               (unsigned)(word >> 8 & 0xffff), cr2[word >> 24 & 3]);
        if (word >> 32 != 0) {
            printf(", yet stored");
        }
    } else {
        printf("arrives at 0x%" PRIx64, word >> 32);
    }
}

void say_record(const char *who, const struct conf_case *c,
                const struct conf_record *record) {
    struct conf_step slots[CONF_SLOTS_MAX];
    const unsigned count = conf_slots(c, slots);

    printf("#   %s:", who);
    for (unsigned i = 0; i < record->touches; i++) {
        printf(" ");
        say_touch(record->words[i]);
        printf(";");
    }
    for (unsigned i = 0; i < count; i++) {
        const uint64_t byte = record->words[record->touches] >> (8 * i) & 0xff;

        printf(" %s%s%s%s%s", i == 0 ? "" : "| ", tables[slots[i].table],
               (byte & 1) != 0 ? " A" : "", (byte & 2) != 0 ? " D" : "",
               (byte & 0x80) != 0 ? " changed" : "");
    }
    printf("\n");
}
