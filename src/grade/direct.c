/*
 * The submission in the judge's own process, for a debugger: no protection, but
 * a step leads from the script into the student's code.  The same scripts, the
 * same calls.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "grade/judge.h"
#include "grade/lab.h"
#include "grade/subject.h"
#include "grade/test.h"

static struct subject subject;
static struct test *test;

static void tell(struct subject *s, enum talk_turn turn) {
    char what[TALK_TEXT + 40];

    if (turn == TURN_EVENTS) {
        test_events(test);
        return;
    }
    snprintf(what, sizeof what, "the kernel panicked: %.*s",
             (int)s->talk->text_len, s->talk->text);
    s->talk->text_len = 0;
    test_died(test, "panic", what);
}

static bool show(uint64_t at, uint64_t len, enum talk_fd fd, uint64_t offset) {
    const int file = fd == TALK_FD_RAM ? test->pc.ram.memfd : test->window_fd;
    void *wanted = pointer_of(vaddr(at));

    return mmap(wanted, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                file, (off_t)offset) == wanted;
}

static void direct_start(struct test *t) {
    memset(&subject, 0, sizeof subject);
    subject.talk = t->talk;
    subject.tell = tell;
    subject.show = show;
    subject_now = &subject;
    test = t;
}

static void direct_turn(struct test *t) {
    (void)t;
    subject_serve(&subject);
}

static void direct_stop(struct test *t) {
    for (uint64_t i = 0; t->talk != NULL && i < t->talk->ram_count; i++) {
        munmap(pointer_of(vaddr_add(t->talk->boot.direct_base,
                                    t->talk->ram[i].base.v)),
               t->talk->ram[i].len);
    }
}

static void direct_ended(const struct verdict *verdict) {
    printf("%s\n%s", verdict->is == VERDICT_PASSED ? "passed" : "FAILED",
           verdict->text);
    if (verdict->output[0] != '\0') {
        printf("printed: %s\n", verdict->output);
    }
    fflush(stdout);
    _exit(verdict->is == VERDICT_PASSED ? 0 : 1);
}

const struct transport direct = { direct_start, direct_turn, direct_stop,
                                  direct_ended };

int main(int argc, char **argv) {
    static struct verdict verdict;

    for (const struct lab_scripts *s = lab_scripts; argc > 1 && s->lab != NULL;
         s++) {
        const struct script *script = script_in(s->open, argv[1]);

        script = script != NULL ? script : script_in(s->hidden, argv[1]);
        if (script != NULL) {
            judge(script, &direct, NULL, seed_of("", "", argv[1]), 0, &verdict);
        }
    }
    fprintf(stderr, "usage: %s TEST\n", argc > 0 ? argv[0] : "subject");
    return 2;
}
