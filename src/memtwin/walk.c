/*
 * memtwin walk: why does that address go there, or nowhere?
 *
 *   image (raw or ELF core) + registers + access --> walk --> text or JSON
 *
 * Registers come from the command line, else from the dump, else they are those
 * of a 64-bit kernel: WP, PAE, PGE, NXE.  CR3 has no such value: a raw image
 * needs --cr3.
 */
#include "memtwin/run.h"

#include "memtwin/image.h"
#include "memtwin/walk_json.h"
#include "program/number.h"
#include "sim/cpu.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RFLAGS_AC (UINT64_C(1) << 18)

enum key {
    KEY_IMAGE = 0x100,
    KEY_ACCESS,
    KEY_USER,
    KEY_CR0,
    KEY_CR3,
    KEY_CR4,
    KEY_EFER,
    KEY_PKRU,
    KEY_AC,
    KEY_CPU,
    KEY_PHYS_BITS,
    KEY_NO_1G,
    KEY_JSON,
};

enum reg { CR0, CR3, CR4, EFER, PKRU, REGS };

struct walk_options {
    const char *image;
    enum sim_access access;
    bool user, ac, amd, no_1g, json;
    unsigned phys_bits;
    bool given[REGS];
    uint64_t reg[REGS];
    char **words; /* the addresses */
    size_t count;
};

static const struct argp_option option_table[] = {
    { 0, 0, 0, 0, "The memory:", 1 },
    { "image", KEY_IMAGE, "FILE", 0,
      "Physical memory: raw (the offset is the address), or an ELF core of "
      "QEMU's dump-guest-memory, which brings the registers",
      1 },
    { 0, 0, 0, 0, "The access:", 2 },
    { "access", KEY_ACCESS, "read|write|fetch|update", 0,
      "What is done there (default read); an update reads and writes", 2 },
    { "user", KEY_USER, 0, 0, "At CPL 3 (default: by the kernel)", 2 },
    { 0, 0, 0, 0, "The processor:", 3 },
    { "cr3", KEY_CR3, "VALUE", 0,
      "Where the tables begin; no bits beyond --phys-bits", 3 },
    { "cr0", KEY_CR0, "VALUE", 0, "For WP (default: the dump's, or set)", 3 },
    { "cr4", KEY_CR4, "VALUE", 0,
      "For SMEP, SMAP, PKE, LA57 (default: the dump's, or all off)", 3 },
    { "efer", KEY_EFER, "VALUE", 0, "For NXE (default: set)", 3 },
    { "pkru", KEY_PKRU, "VALUE", 0, "Rights of protection keys (default 0)",
      3 },
    { "ac", KEY_AC, 0, 0, "EFLAGS.AC is 1, which lifts SMAP", 3 },
    { "cpu", KEY_CPU, "intel|amd", 0,
      "Whose rule for bit 8 above the leaf (default intel)", 3 },
    { "phys-bits", KEY_PHYS_BITS, "N", 0,
      "MAXPHYADDR, 36 to 52 (default 46); address bits above are reserved", 3 },
    { "no-1g", KEY_NO_1G, 0, 0, "The processor has no 1 GiB pages", 3 },
    { 0, 0, 0, 0, "The answer:", 4 },
    { "json", KEY_JSON, 0, 0, "Print a JSON array, an object per address", 4 },
    { 0, 0, 0, 0, "Other:", -1 },
    { 0 }
};

static const char doc[] =
    "Walk the page tables in an image of physical memory and tell, for each "
    "ADDRESS, the entries that translate it, or which of them refuses and by "
    "which bit.\v"
    "Exit status: 0 every address was walked, whether it is mapped or not, 2 "
    "bad input or usage, 77 this host cannot.";

static error_t bad(const char *option, const char *value, const char *right) {
    complain("--%s: '%s' is not right; right would be %s", option, value,
             right);
    return EINVAL;
}

static error_t parse_reg(struct walk_options *o, enum reg reg, const char *name,
                         const char *value) {
    o->given[reg] = true;
    if (!number_parse_address(value, &o->reg[reg])) {
        return bad(name, value, "a number, as 0x80050033");
    }
    if (reg == PKRU && o->reg[reg] > UINT32_MAX) {
        return bad(name, value, "a number of 32 bits, two for each key");
    }
    return 0;
}

static error_t parse_access(struct walk_options *o, const char *value) {
    for (unsigned a = SIM_READ; a <= SIM_RMW; a++) {
        if (strcmp(value, walk_access_name((enum sim_access)a)) == 0) {
            o->access = (enum sim_access)a;
            return 0;
        }
    }
    return bad("access", value, "read, write, fetch or update");
}

static error_t parse_phys_bits(struct walk_options *o, const char *value) {
    uint64_t bits = 0;

    if (!number_parse(value, strlen(value), &bits) || bits < 36 || bits > 52) {
        return bad("phys-bits", value, "a number from 36 to 52");
    }
    o->phys_bits = (unsigned)bits;
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct walk_options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case KEY_IMAGE:
        o->image = value;
        return 0;
    case KEY_ACCESS:
        return parse_access(o, value);
    case KEY_USER:
        o->user = true;
        return 0;
    case KEY_CR0:
        return parse_reg(o, CR0, "cr0", value);
    case KEY_CR3:
        return parse_reg(o, CR3, "cr3", value);
    case KEY_CR4:
        return parse_reg(o, CR4, "cr4", value);
    case KEY_EFER:
        return parse_reg(o, EFER, "efer", value);
    case KEY_PKRU:
        return parse_reg(o, PKRU, "pkru", value);
    case KEY_AC:
        o->ac = true;
        return 0;
    case KEY_CPU:
        o->amd = strcmp(value, "amd") == 0;
        return o->amd || strcmp(value, "intel") == 0
                   ? 0
                   : bad("cpu", value, "intel or amd");
    case KEY_PHYS_BITS:
        return parse_phys_bits(o, value);
    case KEY_NO_1G:
        o->no_1g = true;
        return 0;
    case KEY_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        o->words = state->argv + state->next;
        o->count = (size_t)(state->argc - state->next);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- the processor ------------------------------------------------------ */

static void take_registers(struct walk_options *o, const struct image *image) {
    const uint64_t value[REGS] = {
        [CR0] = image->has_registers ? image->cr0 : CR0_PG | CR0_WP | CR0_PE,
        [CR3] = image->cr3,
        [CR4] = image->has_registers ? image->cr4 : CR4_PAE | CR4_PGE,
        [EFER] = EFER_LME | EFER_LMA | EFER_NXE,
    };

    for (unsigned r = 0; r < REGS; r++) {
        o->reg[r] = o->given[r] ? o->reg[r] : value[r];
    }
    o->ac |= (image->rflags & RFLAGS_AC) != 0;
}

/** @return false after a message: that is no processor in 64-bit mode */
static bool make_control(const struct walk_options *o,
                         const struct image *image,
                         struct walk_control *control) {
    if (!o->given[CR3] && !image->has_registers) {
        return complain_at((struct place){ image->path, 0 },
                           "does not say where its tables begin; give --cr3");
    }
    if ((o->reg[CR0] & CR0_PG) == 0 || (o->reg[CR4] & CR4_PAE) == 0 ||
        (o->reg[EFER] & EFER_LME) == 0) {
        complain("no 64-bit paging: CR0.PG is %d, CR4.PAE is %d, EFER.LME is "
                 "%d, and all must be 1",
                 (o->reg[CR0] & CR0_PG) != 0, (o->reg[CR4] & CR4_PAE) != 0,
                 (o->reg[EFER] & EFER_LME) != 0);
        return false;
    }
    if ((o->reg[CR3] & PTE_ADDRESS_MASK) >> o->phys_bits != 0 ||
        (o->reg[CR3] & ~CR3_NOFLUSH) >> 52 != 0) {
        complain("CR3 is 0x%" PRIx64 ", with bits beyond the %u of a physical "
                 "address (--phys-bits); no processor takes that",
                 o->reg[CR3], o->phys_bits);
        return false;
    }
    *control = (struct walk_control){
        .root = paddr(o->reg[CR3] & PTE_ADDRESS_MASK),
        .write_protect = (o->reg[CR0] & CR0_WP) != 0,
        .no_execute = (o->reg[EFER] & EFER_NXE) != 0,
        .huge_1gib = !o->no_1g,
        .phys_bits = o->phys_bits,
        .five_levels = (o->reg[CR4] & CR4_LA57) != 0,
        .smep = (o->reg[CR4] & CR4_SMEP) != 0,
        .smap = (o->reg[CR4] & CR4_SMAP) != 0,
        .ac = o->ac,
        .keys = (o->reg[CR4] & CR4_PKE) != 0,
        .pkru = (uint32_t)o->reg[PKRU],
        .amd = o->amd,
    };
    return true;
}

/* --- the answers -------------------------------------------------------- */

static void put(void *ctx, char c) {
    fputc(c, ctx);
}

static bool walk_one(struct image *image, const struct walk_options *o,
                     const struct walk_control *control, size_t i,
                     json_t *all) {
    struct walk_asked asked = { .access = o->access, .user = o->user };
    struct walk_result result;

    (void)number_parse_address(o->words[i], &asked.va.v);
    if (!image_walk(image, control, asked.va, asked.access, asked.user,
                    &result)) {
        return false;
    }
    if (o->json) {
        json_array_append_new(all, walk_object(&result, asked, NULL));
    } else {
        walk_tell(&result, control, asked, NULL, put, stdout);
    }
    return true;
}

static enum outcome_code walk_all(struct image *image,
                                  const struct walk_options *o,
                                  const struct walk_control *control) {
    json_t *all = json_array();
    bool good = true;

    for (size_t i = 0; good && i < o->count; i++) {
        good = walk_one(image, o, control, i, all);
    }
    if (good && o->json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
    return good ? EXIT_GOOD : EXIT_CANNOT;
}

static bool words_are_addresses(const struct walk_options *o) {
    uint64_t va;

    if (o->image == NULL) {
        complain("walk: no --image given; see 'memtwin walk --help'");
        return false;
    }
    if (o->count == 0) {
        complain("walk: no address given; see 'memtwin walk --help'");
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        if (!number_parse_address(o->words[i], &va)) {
            complain("walk: '%s' is no address; right would be 0x444444440000",
                     o->words[i]);
            return false;
        }
    }
    return true;
}

enum outcome_code walk_verb(int argc, char **argv) {
    static const struct argp argp = { option_table, parse, "ADDRESS...", doc,
                                      NULL,         NULL,  NULL };
    struct walk_options o = { .phys_bits = CPU_PHYS_BITS };
    enum outcome_code code = EXIT_USAGE;
    struct walk_control control;
    struct image image;

    if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0 ||
        !words_are_addresses(&o) || !image_open(&image, o.image)) {
        return EXIT_USAGE;
    }
    take_registers(&o, &image);
    if (make_control(&o, &image, &control)) {
        code = walk_all(&image, &o, &control);
    }
    image_close(&image);
    return code;
}
