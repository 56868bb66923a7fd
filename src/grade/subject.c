/*
 * The loop of the subject, and the machine as the submission sees it.
 *
 * The processor is the judge's: INVLPG and loads of CR3 are told, in the order
 * in which they came, together with what the floors say they did.
 */
#include "grade/subject.h"

#include <string.h>

struct subject *subject_now;

void subject_post(struct subject *subject, uint32_t kind, uint64_t a,
                  uint64_t b) {
    struct talk *talk = subject->talk;

    if (talk->event_count >= TALK_EVENTS) {
        subject->tell(subject, TURN_EVENTS);
        talk->event_count = 0;
    }
    talk->events[talk->event_count++] =
        (struct talk_event){ kind, talk->now, a, b };
}

static void hear(struct events_ear *ear, enum event_kind kind, uint64_t a,
                 uint64_t b) {
    (void)ear;
    subject_post(subject_now, TALK_KERNEL + kind, a, b);
}

static bool permits(struct events_ear *ear, enum event_kind kind) {
    struct subject *subject = subject_now;

    (void)ear;
    if (kind != EVENT_PMM_GIVES || subject->frames_left == UINT64_MAX) {
        return true;
    }
    if (subject->frames_left == 0) {
        return false;
    }
    subject->frames_left--;
    return true;
}

static bool boot(struct subject *subject) {
    struct talk *talk = subject->talk;
    bool shown = true;

    for (uint64_t i = 0; i < talk->ram_count && i < TALK_MAP; i++) {
        shown =
            shown &&
            subject->show(talk->boot.direct_base.v + talk->ram[i].base.v,
                          talk->ram[i].len, TALK_FD_RAM, talk->ram[i].base.v);
    }
    talk->boot.map = talk->map;
    talk->boot.ear = NULL;
    subject->cr3 = talk->boot.root;
    subject->ear = (struct events_ear){ hear, permits };
    subject->events.ear = &subject->ear;
    subject->frames_left = UINT64_MAX;
    subject->irqs_on = true;
    return shown;
}

static void carry_out(struct subject *subject, struct call *call) {
    if (call->ask == ASK_BOOT) {
        call->status = boot(subject) ? MM_OK : MM_REFUSED;
    } else if (!subject_pmm(subject, call) && !subject_vmm(subject, call)) {
        subject_heap(subject, call);
    }
}

void subject_serve(struct subject *subject) {
    struct talk *talk = subject->talk;

    for (uint32_t i = 0; i < talk->call_count && i < TALK_CALLS; i++) {
        talk->now = i;
        carry_out(subject, &talk->calls[i]);
    }
}

/* --- hw.h ---------------------------------------------------------------- */

void hw_putc(char c) {
    struct talk *talk = subject_now->talk;

    if (talk->text_len < TALK_TEXT) {
        talk->text[talk->text_len++] = c;
    }
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

_Noreturn void hw_exit(enum hw_exit_code code) {
    fmt_print(put, NULL, "the machine was switched off (%d)", (int)code);
    for (;;) {
        subject_now->tell(subject_now, TURN_PANIC);
    }
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    subject_now->talk->text_len = 0;
    fmt_print(put, NULL, "%s (%s:%d)", what, file, line);
    for (;;) {
        subject_now->tell(subject_now, TURN_PANIC);
    }
}

paddr_t hw_read_cr3(void) {
    return subject_now->cr3;
}
void hw_write_cr3(paddr_t root) {
    subject_now->cr3 = root;
    subject_post(subject_now, TALK_CR3, root.v, 0);
}
vaddr_t hw_read_cr2(void) {
    return subject_now->cr2;
}
void hw_invlpg(vaddr_t va) {
    subject_post(subject_now, TALK_INVLPG, va.v, 0);
}
void hw_flush_all(void) {
    subject_post(subject_now, TALK_FLUSH_ALL, 0, 0);
}

/** The judge knows, and tells nobody. */
bool hw_remembered(uint64_t n, struct hw_remembered *seen) {
    (void)n, (void)seen;
    return false;
}

bool hw_irq_save(void) {
    bool were_on = subject_now->irqs_on;

    subject_now->irqs_on = false;
    return were_on;
}
void hw_irq_restore(bool were_on) {
    subject_now->irqs_on = were_on;
}

unsigned hw_cpu(void) {
    return 0;
}
void hw_pause(void) {
    hw_panic("deadlock: one processor waits for another, but there is none",
             "hw_pause", 0);
}
void *hw_local(void) {
    return subject_now->local;
}
void hw_set_local(void *local) {
    subject_now->local = local;
}
void hw_load_traps(const struct hw_traps *traps) {
    (void)traps; /* the judge takes the faults, and calls vmm_fault() */
}
