/*
 * memtwin quiz: exercises on x86-64 page tables, with answers.
 *
 *   seed -> tables in simulated RAM -> the text: registers, entries, questions
 *                |
 *                +-> walk() and a TLB that forgets nothing -> the answers
 *
 * No answer is written down here: each is what the simulator does with the same
 * tables.  The same seed makes the same quiz everywhere.
 */
#include "memtwin/run.h"

#include "base/hash.h"
#include "memtwin/quiz_tables.h"
#include "program/number.h"
#include "sim/cpu.h"
#include "sim/walk_story.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ACCESSES 6
#define FLUSHES 3
#define COUNTS 2

struct quiz {
    struct quiz_tables tables;
    struct sim_events events;
    struct sim_cpu cpu;
    uint64_t seed;
    bool answers;
    unsigned number; /* of the exercise */
};

static void exercise(struct quiz *q) {
    printf("\n%u. ", ++q->number);
}

/* --- what does an access do? ---------------------------------------------- */

static const char *const access_words[] = { [SIM_READ] = "reads",
                                            [SIM_WRITE] = "writes",
                                            [SIM_FETCH] =
                                                "fetches an instruction at" };

static void print_outcome(const struct walk_result *r, vaddr_t va,
                          enum sim_access access) {
    char text[300];

    walk_explain(r, va, access, text, sizeof(text));
    if (r->reason == WALK_OK) {
        printf("   Answer: physical address 0x%" PRIx64
               ", in a page of %u KiB.\n",
               r->pa.v, 1u << (r->page_shift - 10));
    } else {
        printf("   Answer: exception %u, error code 0x%x, CR2 0x%" PRIx64
               ".\n   %s.\n",
               r->vector, r->error, va.v, text);
    }
}

static void ask_access(struct quiz *q, unsigned n) {
    const struct quiz_page *page = &q->tables.pages[n];
    /* The first two translate; of the others anything may be asked. */
    const bool plain = n < 2;
    const bool user = plain ? page->user : quiz_draw(&q->tables, 2) == 1;
    const enum sim_access access =
        plain ? SIM_READ : (enum sim_access)quiz_draw(&q->tables, 3);
    const vaddr_t va =
        vaddr_add(page->va, quiz_draw(&q->tables, level_size(page->level)));
    const struct walk_control control = cpu_control(&q->cpu);

    exercise(q);
    printf("%s %s 0x%016" PRIx64 ". Which physical address is that, or which "
           "exception with which error code, and which bit of which entry "
           "decides?\n",
           user ? "A user program" : "The kernel", access_words[access], va.v);
    if (q->answers) {
        const struct walk_result r =
            walk(&q->tables.ram, &control, va, access, user);

        print_outcome(&r, va, access);
    }
}

/* --- what must be flushed? ------------------------------------------------ */

static const struct change {
    const char *text;
    uint64_t before, after; /* bits of the PTE beside its address */
} changes[] = {
    { "makes the page read-only", PTE_PRESENT | PTE_WRITABLE, PTE_PRESENT },
    { "makes the page writable", PTE_PRESENT, PTE_PRESENT | PTE_WRITABLE },
    { "takes the page away", PTE_PRESENT | PTE_WRITABLE, 0 },
    { "takes the page away, which is global",
      PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL, 0 },
    { "maps a page where there was none", 0, PTE_PRESENT | PTE_WRITABLE },
    { "forbids the execution of the page", PTE_PRESENT,
      PTE_PRESENT | PTE_NO_EXECUTE },
};

/** Which access tells whether the old translation is still in use. */
static bool probe(struct quiz *q, vaddr_t va, const struct change *c) {
    struct sim_fault fault;
    uint8_t byte;
    uint64_t value;

    if ((c->after & PTE_NO_EXECUTE) != 0) {
        return cpu_fetch(&q->cpu, va, &byte, &fault);
    }
    if ((c->before | c->after) & PTE_WRITABLE) {
        return cpu_store(&q->cpu, va, 1, 0, &fault);
    }
    return cpu_load(&q->cpu, va, 1, &value, &fault);
}

#define CHANGES (sizeof(changes) / sizeof(changes[0]))

enum flush { FLUSH_NONE, FLUSH_CR3, FLUSH_INVLPG };

/** After which access is the change obeyed when @flush was done, by a processor
 *  that forgets nothing it need not forget?  0: after none */
static unsigned obeyed(struct quiz *q, const struct change *c,
                       enum flush flush) {
    const struct quiz_page *page = &q->tables.pages[0];
    const uint64_t address = page->pa.v;
    const bool wanted =
        (c->after & PTE_PRESENT) != 0 &&
        ((c->after & PTE_WRITABLE) != 0 ||
         ((c->before & PTE_WRITABLE) == 0 && (c->after & PTE_NO_EXECUTE) == 0));
    struct sim_fault fault;
    uint64_t value;

    ram_store64(&q->tables.ram, page->entry, address | c->before);
    cpu_invlpg(&q->cpu, page->va);
    (void)probe(q, page->va, c); /* sets D where it can; a refusal forgets */
    (void)cpu_load(&q->cpu, page->va, 1, &value, &fault);
    ram_store64(&q->tables.ram, page->entry,
                c->after == 0 ? 0 : address | c->after);
    if (flush == FLUSH_CR3) {
        (void)cpu_write_cr3(&q->cpu, q->cpu.cr3);
    } else if (flush == FLUSH_INVLPG) {
        cpu_invlpg(&q->cpu, page->va);
    }
    for (unsigned n = 1; n <= 3; n++) {
        if (probe(q, page->va, c) == wanted) {
            return n;
        }
    }
    return 0;
}

static void answer_flush(struct quiz *q, const struct change *c) {
    const unsigned none = obeyed(q, c, FLUSH_NONE);
    const unsigned cr3 = obeyed(q, c, FLUSH_CR3);

    printf("   Answer: ");
    if (none == 1) {
        printf("nothing: what the processor may remember does no harm.\n");
    } else if (none > 1) {
        printf("nothing: at worst the old right is remembered, and the page "
               "fault that this brings ends it.\n");
    } else {
        printf("INVLPG 0x%" PRIx64 "; writing CR3 %s.\n",
               q->tables.pages[0].va.v,
               cr3 == 1 ? "would do as well, and costs all other translations"
                        : "would not do, since it keeps global translations");
    }
}

static void ask_flush(struct quiz *q, const struct change *c) {
    const struct quiz_page *page = &q->tables.pages[0];
    const uint64_t before = ram_load64(&q->tables.ram, page->entry);

    exercise(q);
    printf("The kernel has used the page at 0x%016" PRIx64
           ", and now %s: its PTE at 0x%" PRIx64 " was 0x%" PRIx64
           " and becomes 0x%" PRIx64
           ". What must it tell this processor before the change counts?\n",
           page->va.v, c->text, page->entry.v,
           c->before == 0 ? 0 : page->pa.v | c->before,
           c->after == 0 ? 0 : page->pa.v | c->after);
    if (q->answers) {
        answer_flush(q, c);
        ram_store64(&q->tables.ram, page->entry, before);
        cpu_invlpg(&q->cpu, page->va);
    }
}

/* --- how many frames? ----------------------------------------------------- */

static void ask_count(struct quiz *q) {
    const uint64_t pages = 1 + quiz_draw(&q->tables, 2000);
    const vaddr_t va = quiz_address(&q->tables);

    exercise(q);
    printf("A new address space maps %" PRIu64
           " pages of 4 KiB from 0x%016" PRIx64
           " on, and nothing else. How many frames do its page tables take?\n",
           pages, va.v);
    if (q->answers) {
        printf("   Answer: %u, the PML4 included.\n",
               quiz_count_tables(va, pages));
    }
}

/* --- the whole -------------------------------------------------------------
 */

static bool start(struct quiz *q) {
    char why[200];

    if (!quiz_tables_make(&q->tables, q->seed, why, sizeof(why))) {
        complain("%s", why);
        return false;
    }
    if (!cpu_init(&q->cpu, &q->tables.ram, &q->events, TLB_HOSTILE, 0)) {
        complain("no memory for the processor");
        quiz_tables_destroy(&q->tables);
        return false;
    }
    (void)cpu_write_cr4(&q->cpu, q->cpu.cr4 | CR4_SMEP | CR4_SMAP);
    (void)cpu_write_cr3(&q->cpu, q->tables.root);
    return true;
}

static void print_quiz(struct quiz *q) {
    uint64_t change;

    printf("Quiz %" PRIu64 "\n\nCR3 is 0x%" PRIx64
           ". CR0.WP, CR4.SMEP, CR4.SMAP and EFER.NXE are 1, EFLAGS.AC is 0; "
           "physical addresses have %u bits. Of the page tables all entries "
           "that are not 0:\n",
           q->seed, q->cpu.cr3.v, q->cpu.phys_bits);
    quiz_tables_print(&q->tables);
    for (unsigned n = 0; n < ACCESSES; n++) {
        ask_access(q, n);
    }
    change = quiz_draw(&q->tables, CHANGES);
    for (unsigned n = 0; n < FLUSHES; n++) {
        ask_flush(q, &changes[(change + n) % CHANGES]);
    }
    for (unsigned n = 0; n < COUNTS; n++) {
        ask_count(q);
    }
}

enum key { KEY_SEED = 0x100, KEY_ANSWERS };

static const struct argp_option option_table[] = {
    { "seed", KEY_SEED, "N", 0, "Which quiz (1)", 1 },
    { "answers", KEY_ANSWERS, 0, 0, "Print the answers, too", 1 },
    { 0 }
};

static const char doc[] =
    "Print exercises on page tables: translate, which bit faults with which "
    "error code, what must be flushed, how many frames.\v"
    "The answers are what the simulator does with the same tables.";

static error_t parse(int key, char *value, struct argp_state *state) {
    struct quiz *q = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case KEY_SEED:
        if (!number_parse(value, strlen(value), &q->seed)) {
            complain("--seed: '%s' is not right; right would be a number",
                     value);
            return EINVAL;
        }
        return 0;
    case KEY_ANSWERS:
        q->answers = true;
        return 0;
    case ARGP_KEY_ARG:
        complain("quiz: '%s' is too much; see 'memtwin quiz --help'", value);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum outcome_code quiz_verb(int argc, char **argv) {
    static const struct argp argp = { option_table, parse, NULL, doc,
                                      NULL,         NULL,  NULL };
    struct quiz *q = calloc(1, sizeof(*q));
    enum outcome_code code = EXIT_USAGE;

    if (q == NULL) {
        complain("no memory");
        return EXIT_CANNOT;
    }
    q->seed = 1;
    if (argp_parse(&argp, argc, argv, 0, NULL, q) == 0) {
        code = EXIT_CANNOT;
        if (start(q)) {
            print_quiz(q);
            cpu_destroy(&q->cpu);
            quiz_tables_destroy(&q->tables);
            code = EXIT_GOOD;
        }
    }
    free(q);
    return code;
}
