/*
 * A test under way: its machine, its turns, its verdict.
 *
 * A turn carries out the queue.  What comes back is copied once and judged from
 * the copy; what the submission did to the processor is done to the judge's, in
 * the same order.
 */
#include "grade/test.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "sim/mapfile.h"

#define RAM_MAX (256 * MIB)

uint64_t draw(struct test *t, uint64_t below) {
    t->random = hash_add(t->random + 1, 0x6d656d7477696e);
    return (t->random >> 11) % (below == 0 ? 1 : below);
}

/* --- the verdict --------------------------------------------------------- */

static void print_calls(const struct test *t, FILE *out) {
    const uint64_t from =
        t->told_count > CALLS_TOLD ? t->told_count - CALLS_TOLD : 0;
    char text[200];

    if (t->told_count == 0) {
        return;
    }
    fprintf(out, "\nthe last calls, of %lu:\n", t->told_count);
    for (uint64_t n = from; n < t->told_count; n++) {
        call_text(&t->told[n % CALLS_TOLD], text, sizeof text);
        fprintf(out, "    %s\n", text);
    }
}

_Noreturn void test_end(struct test *t, enum verdict_is is) {
    t->transport->stop(t);
    if (t->talk != NULL && t->talk->text_len > 0) {
        snprintf(t->verdict->output, sizeof t->verdict->output, "%.*s",
                 (int)(t->talk->text_len % (TALK_TEXT + 1)), t->talk->text);
    }
    t->verdict->calls = t->told_count;
    t->verdict->is = is;
    if (t->transport->ended != NULL) {
        t->transport->ended(t->verdict);
    }
    fflush(NULL);
    _exit(0);
}

_Noreturn void fail(struct test *t, const char *mistake, const char *format,
                    ...) {
    struct verdict *v = t->verdict;
    FILE *out = fmemopen(v->text, sizeof v->text - 1, "w");
    va_list args;

    if (out != NULL) {
        va_start(args, format);
        vfprintf(out, format, args);
        va_end(args);
        fprintf(out, "\n%s", t->notes);
        print_calls(t, out);
        fclose(out);
    }
    snprintf(v->mistake, sizeof v->mistake, "%s", mistake ? mistake : "");
    test_end(t, VERDICT_FAILED);
}

_Noreturn void test_died(struct test *t, const char *mistake,
                         const char *what) {
    char text[200] = "between two calls";

    if (t->talk != NULL && t->queued > 0) {
        const uint32_t now = t->talk->now;

        call_text(&t->answers[now < t->queued ? now : 0], text, sizeof text);
        if (strstr(text, " -> ") != NULL) {
            *strstr(text, " -> ") = '\0';
        }
        note(t, "in the call %s\n", text);
    }
    fail(t, mistake, "%s", what);
}

/** What was called last, without what came back. */
static void last_call(const struct test *t, char *text, size_t size) {
    char *answer;

    snprintf(text, size, "the last call");
    if (t->told_count > 0) {
        call_text(&t->told[(t->told_count - 1) % CALLS_TOLD], text, size);
    }
    answer = strstr(text, " -> ");
    if (answer != NULL) {
        *answer = '\0';
    }
}

void must_status(struct test *t, const char *mistake, enum mm_status status,
                 enum mm_status want) {
    char text[200];

    if (status != want) {
        last_call(t, text, sizeof text);
        fail(t, mistake, "%s\n  expected   %s\n  seen       %s", text,
             mm_status_name(want), mm_status_name(status));
    }
}

void note(struct test *t, const char *format, ...) {
    const size_t have = strlen(t->notes);
    va_list args;

    va_start(args, format);
    vsnprintf(t->notes + have, sizeof t->notes - have, format, args);
    va_end(args);
}

void note_clear(struct test *t) {
    t->notes[0] = '\0';
}

void credit(struct test *t, unsigned percent) {
    t->verdict->credit = percent < 99 ? percent : 99;
}

_Noreturn void skip(struct test *t, const char *why) {
    snprintf(t->verdict->text, sizeof t->verdict->text, "%s", why);
    test_end(t, VERDICT_SKIPPED);
}

/* --- turns --------------------------------------------------------------- */

void test_events(struct test *t) {
    uint32_t count = t->talk->event_count;

    count = count < TALK_EVENTS ? count : TALK_EVENTS;
    memcpy(t->events, t->talk->events, count * sizeof t->events[0]);
    t->event_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct talk_event e = t->events[i];
        struct sim_cpu *cpu = &t->pc.cpu;

        if (e.kind == TALK_INVLPG) {
            cpu_invlpg(cpu, vaddr(e.a));
        } else if (e.kind == TALK_CR3) {
            must(t, cpu_write_cr3(cpu, paddr(e.a)), NULL,
                 "CR3 was loaded with 0x%lx, which has a bit beyond the "
                 "processor's physical addresses: #GP",
                 e.a);
        } else if (e.kind == TALK_FLUSH_ALL) {
            (void)(cpu_write_cr4(cpu, cpu->cr4 & ~CR4_PGE) &&
                   cpu_write_cr4(cpu, cpu->cr4 | CR4_PGE));
        } else if (e.kind == TALK_KERNEL + EVENT_PMM_TAKES && e.b < RAM_MAX &&
                   !t->want.bare) {
            cpu_frames_freed(cpu,
                             (struct prange){ paddr(e.a << PAGE_SHIFT),
                                              (e.b + 1) << PAGE_SHIFT },
                             (struct vrange){ t->talk->boot.direct_base, TIB });
        }
    }
}

/** Is the question as it was put?  The subject has no business there. */
static void must_be_untouched(struct test *t) {
    const struct talk *talk = t->talk;
    bool same = talk->call_count == t->queued &&
                talk->event_count <= TALK_EVENTS && talk->text_len <= TALK_TEXT;

    for (unsigned i = 0; same && i < t->queued; i++) {
        same = talk->calls[i].ask == t->answers[i].ask &&
               memcmp(talk->calls[i].in, t->answers[i].in,
                      sizeof t->answers[i].in) == 0;
    }
    if (!same) {
        test_died(t, "talk", "the submission wrote into the grader's memory");
    }
}

void test_turn(struct test *t) {
    t->talk->event_count = 0;
    t->talk->call_count = t->queued;
    t->steps = 0;
    t->transport->turn(t);
    must_be_untouched(t);
    for (unsigned i = 0; i < t->queued; i++) {
        const struct call answer = t->talk->calls[i];

        t->answers[i].status = answer.status; /* what was asked, we know */
        memcpy(t->answers[i].out, answer.out, sizeof answer.out);
        t->told[t->told_count++ % CALLS_TOLD] = t->answers[i];
    }
    test_events(t);
    t->queued = 0;
    t->count = false;
}

unsigned events_of_turn(const struct test *t, const struct talk_event **at) {
    *at = t->events;
    return t->event_count;
}

void count_next(struct test *t, uint64_t most) {
    t->count = true;
    t->count_most = most;
}

uint64_t counted(const struct test *t) {
    return t->steps;
}

/* --- the machine --------------------------------------------------------- */

/** RAM of the map as runs of the direct map, all of it junk by now. */
static void lay_out_ram(struct test *t) {
    struct sim_ram *ram = &t->pc.ram;
    uint64_t sum = 0;
    char why[200];

    if (!ram_init(ram, t->want.map, t->want.map_count, t->random | 1, vaddr(0),
                  why, sizeof why)) {
        skip(t, why);
    }
    t->talk->ram_count = ram->run_count < TALK_MAP ? ram->run_count : TALK_MAP;
    for (size_t i = 0; i < t->talk->ram_count; i++) {
        sum += ram->runs[i].len;
        must(t, sum <= RAM_MAX, NULL, "the script wants more than 256 MiB");
        t->talk->ram[i] = ram->runs[i];
        ram_touch(ram, ram->runs[i]);
    }
}

/** The map as the submission gets it, and as the firmware needs it. */
static void set_map(struct test *t) {
    struct mapfile pc;
    char why[200];

    if (t->want.map == NULL) {
        if (!mapfile_pc(&pc, t->want.ram != 0 ? t->want.ram : 16 * MIB, why,
                        sizeof why)) {
            skip(t, why);
        }
        t->want.map = pc.entries;
        t->want.map_count = pc.count;
    }
    must(t, t->want.map_count <= TALK_MAP, NULL,
         "the script's map has too many entries");
    memcpy(t->talk->map, t->want.map, t->want.map_count * sizeof *t->want.map);
}

static void set_boot(struct test *t) {
    struct hw_boot *boot = &t->pc.boot;

    boot->map_count = t->want.map_count;
    boot->machine = "grader";
    boot->direct_base = vaddr(PC_DIRECT_BASE);
    boot->phys_bits = t->pc.cpu.phys_bits;
    boot->processors = 1;
    for (unsigned i = 0; i < 4 && t->want.reserved[i].len != 0; i++) {
        boot->reserved[boot->reserved_count++] = t->want.reserved[i];
    }
    t->talk->boot = *boot;
}

void machine_on(struct test *t, struct machine_want want) {
    struct pc *pc = &t->pc;

    if (t->is_on) {
        t->transport->stop(t);
        ram_destroy(&pc->ram);
        cpu_destroy(&pc->cpu);
    }
    memset(pc, 0, sizeof *pc);
    t->want = want;
    t->queued = 0;
    t->handler = true;
    set_map(t);
    lay_out_ram(t);
    if (!cpu_init(&pc->cpu, &pc->ram, &pc->events, want.tlb, 512)) {
        skip(t, "no memory for the TLB");
    }
    pc->cpu.phys_bits = want.phys_bits != 0 ? want.phys_bits : CPU_PHYS_BITS;
    if (!want.bare && !pc_boot(pc)) {
        skip(t, "no RAM for boot tables at 1 MiB");
    }
    set_boot(t);
    t->transport->start(t);
    t->is_on = true;
    must_ok(t, (enum mm_status)ask(t, ASK_BOOT)->status);
}

struct sim_cpu *processor(struct test *t) {
    return &t->pc.cpu;
}

uint8_t *physical(struct test *t, uint64_t pa) {
    must(t, ram_holds(&t->pc.ram, paddr(pa), 1), NULL,
         "physical address 0x%lx is no RAM", pa);
    return t->pc.ram.alias + pa;
}

uint8_t *window(struct test *t, uint64_t va) {
    must(t, va - TALK_WINDOW_BASE < TALK_WINDOW_SIZE, NULL,
         "0x%lx is not in the heap's window (0x%lx, %lu MiB)", va,
         TALK_WINDOW_BASE, TALK_WINDOW_SIZE / MIB);
    return t->window + (va - TALK_WINDOW_BASE);
}
