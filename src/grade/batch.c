/*
 * A folder of submissions, N at a time.
 *
 *   class/anna/     --> class.grades/anna.json
 *   class/ben/      --> class.grades/ben.json
 *                       class.grades/grades.csv     a line for each
 *                       class.grades/mistakes.txt   the most common first
 *
 * One process grades one submission and writes its result by a rename, so a run
 * that was broken off has whole results or none, and the next one goes on.
 * Which machine wrote a result does not matter: GNU parallel may.
 */
#include "config.h"

#include "grade/batch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/hash.h"
#include "grade/export.h"
#include "program/say.h"
#include "program/scratch.h"

#define PATH_SIZE 4400
#define MISTAKES_MAX 512

/* --- keys ---------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text) {
    for (; *text != '\0'; text++) {
        hash = hash_add(hash, (unsigned char)*text);
    }
    return hash_add(hash, 256);
}

#define HANDED_IN_MOST (2 * MIB) /* larger files are not read at all */

/** The first bytes of a plain file; a pipe would keep us waiting. */
static uint64_t add_file(uint64_t hash, const char *folder, const char *name,
                         uint64_t most) {
    char path[PATH_SIZE], bytes[4096];
    struct stat info;
    uint64_t sum = 0;
    ssize_t got = 0;
    int file;

    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        most = 0;
    }
    for (; sum < most && (got = read(file, bytes, sizeof bytes)) > 0;
         sum += (uint64_t)got) {
        for (ssize_t i = 0; i < got; i++) {
            hash = hash_add(hash, (unsigned char)bytes[i]);
        }
    }
    if (file >= 0) {
        close(file);
    }
    return hash_add(hash, most != 0 ? 257 : 258);
}

void grade_key(const struct grade_want *want, char key[GRADE_KEY]) {
    static uint64_t program; /* of this program's bytes; they stay */
    const struct lab *lab = want->lab;
    uint64_t hash;

    if (program == 0) {
        program = add_file(HASH_START, "", "/proc/self/exe", UINT64_MAX);
    }
    hash = add_text(program, want->salt);
    hash = add_text(hash, want->student);
    hash = add_text(hash, want->only != NULL ? want->only : "");
    hash = add_file(hash, want->kit->folder, "stamp", UINT64_MAX);
    hash = add_file(hash, lab->folder, "lab.conf", UINT64_MAX);
    hash = add_file(hash, lab->folder, "hints", UINT64_MAX);
    for (unsigned i = 0; i < lab->test_count; i++) {
        hash = add_text(hash, lab->tests[i].name);
        hash = hash_add(hash, (uint64_t)(lab->tests[i].max * 1000));
    }
    for (unsigned i = 0; i < lab->file_count; i++) {
        hash = add_file(hash, want->submission, lab->files[i].name,
                        HANDED_IN_MOST);
    }
    snprintf(key, GRADE_KEY, "%016lx", hash);
}

/* --- one submission ------------------------------------------------------ */

static void result_path(const struct batch *batch, const char *name,
                        char path[PATH_SIZE]) {
    snprintf(path, PATH_SIZE, "%.4000s/%.255s.json", batch->results, name);
}

static json_t *read_result(const struct batch *batch, const char *name) {
    char path[PATH_SIZE];

    result_path(batch, name, path);
    return json_load_file(path, 0, NULL);
}

static bool has_result(const struct batch *batch,
                       const struct grade_want *want) {
    json_t *o = read_result(batch, want->student);
    const char *have = json_string_value(json_object_get(o, "key"));
    char key[GRADE_KEY];
    bool same;

    grade_key(want, key);
    same = have != NULL && strcmp(have, key) == 0;
    json_decref(o);
    return same;
}

static bool grade_one(const struct batch *batch,
                      const struct grade_want *want) {
    struct grade *grade = grade_make(want);
    char path[PATH_SIZE];
    bool good;

    if (grade == NULL) {
        return false;
    }
    result_path(batch, want->student, path);
    good = grade_write(grade, path, export_json);
    printf("%-24s %6.1f of %.1f\n", want->student, grade->score, grade->max);
    fflush(stdout);
    grade_destroy(grade);
    return good;
}

/* --- all of them --------------------------------------------------------- */

struct names {
    char **at;
    unsigned count;
};

static int is_folder(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static bool list(const struct batch *batch, struct names *names) {
    struct dirent **entries;
    const int count = scandir(batch->folder, &entries, is_folder, alphasort);
    struct stat info;
    char path[PATH_SIZE];

    *names = (struct names){ NULL, 0 };
    if (count < 0) {
        complain("%s: %s", batch->folder, strerror(errno));
        return false;
    }
    names->at = calloc((size_t)count + 1, sizeof *names->at);
    for (int i = 0; names->at != NULL && i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", batch->folder, entries[i]->d_name);
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            names->at[names->count++] = strdup(entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return names->at != NULL;
}

/** Wait until no more than @most are at work.  @return how many failed */
static unsigned wait_for(unsigned *working, unsigned most) {
    unsigned failed = 0;
    int status;

    while (*working > most) {
        if (wait(&status) > 0) {
            failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
            (*working)--;
        } else if (errno != EINTR) {
            *working = 0;
        }
    }
    return failed;
}

static unsigned grade_all(const struct batch *batch,
                          const struct names *names) {
    const pid_t me = getpid();
    unsigned working = 0, failed = 0;

    for (unsigned i = 0; i < names->count; i++) {
        struct grade_want want = *batch->each;
        char path[PATH_SIZE];
        pid_t pid;

        snprintf(path, sizeof path, "%s/%s", batch->folder, names->at[i]);
        want.submission = path;
        want.student = names->at[i];
        if (has_result(batch, &want)) {
            continue;
        }
        failed += wait_for(&working, batch->jobs - 1);
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
            scratch_die_with(me);
            _exit(grade_one(batch, &want) ? 0 : 1);
        }
        working += pid > 0;
        failed += pid < 0;
    }
    return failed + wait_for(&working, 0);
}

/* --- the class ------------------------------------------------------------ */

struct mistake {
    char id[MISTAKE_ID], test[128];
    unsigned students;
};
struct mistakes {
    struct mistake at[MISTAKES_MAX];
    unsigned count;
};

/** Once for each submission: @first is where its own begin. */
static void add_mistake(struct mistakes *m, const char *id, const char *test) {
    unsigned i = 0;

    while (i < m->count && strcmp(m->at[i].id, id) != 0) {
        i++;
    }
    if (i == MISTAKES_MAX) {
        return;
    }
    if (i == m->count) {
        m->count++;
        snprintf(m->at[i].id, sizeof m->at[i].id, "%s", id);
        snprintf(m->at[i].test, sizeof m->at[i].test, "%s", test);
        m->at[i].students = 0;
    }
    m->at[i].students++;
}

static const char *text_of(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL ? text : "";
}

/** The mistakes of one result, each once; what has no id counts by its test. */
static void add_result(struct mistakes *all, const json_t *tests) {
    static struct mistakes own;
    size_t i;
    json_t *test;

    own.count = 0;
    json_array_foreach(tests, i, test) {
        const char *id = text_of(test, "mistake");

        if (strcmp(text_of(test, "status"), "failed") == 0) {
            add_mistake(&own, *id != '\0' ? id : text_of(test, "name"),
                        text_of(test, "name"));
        }
    }
    for (unsigned n = 0; n < own.count; n++) {
        add_mistake(all, own.at[n].id, own.at[n].test);
    }
}

static int by_students(const void *a, const void *b) {
    const struct mistake *x = a, *y = b;

    return x->students != y->students ? (x->students < y->students ? 1 : -1)
                                      : strcmp(x->id, y->id);
}

static void put_mistakes(struct mistakes *m, const struct lab *lab, FILE *out) {
    qsort(m->at, m->count, sizeof m->at[0], by_students);
    for (unsigned i = 0; i < m->count; i++) {
        const char *hint = lab_hint(lab, m->at[i].id);

        fprintf(out, "%5u  %-24s first in %s\n", m->at[i].students, m->at[i].id,
                m->at[i].test);
        if (hint != NULL) {
            fprintf(out, "       %.*s\n", (int)strcspn(hint, "\n"), hint);
        }
    }
}

static void put_csv_head(const struct lab *lab, FILE *out) {
    fputs("student,build,score,max", out);
    for (unsigned i = 0; i < lab->test_count; i++) {
        fprintf(out, ",%s", lab->tests[i].name);
    }
    fputs("\r\n", out);
}

static void put_csv_line(const json_t *o, FILE *out) {
    size_t i;
    json_t *test;

    fprintf(out, "\"%s\",%s,%.3f,%.3f", text_of(o, "student"),
            text_of(json_object_get(o, "build"), "status"),
            json_number_value(json_object_get(o, "score")),
            json_number_value(json_object_get(o, "max")));
    json_array_foreach(json_object_get(o, "tests"), i, test) {
        fprintf(out, ",%.3f",
                json_number_value(json_object_get(test, "score")));
    }
    fputs("\r\n", out);
}

static FILE *open_result(const struct batch *batch, const char *name) {
    char path[PATH_SIZE];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", batch->results, name);
    out = fopen(path, "w");
    if (out == NULL) {
        complain("%s: %s", path, strerror(errno));
    }
    return out;
}

static bool sum_up(const struct batch *batch, const struct names *names) {
    static struct mistakes mistakes;
    FILE *csv = open_result(batch, "grades.csv");
    FILE *text = open_result(batch, "mistakes.txt");
    bool good;

    if (csv == NULL || text == NULL) {
        return false;
    }
    put_csv_head(batch->each->lab, csv);
    for (unsigned i = 0; i < names->count; i++) {
        json_t *o = read_result(batch, names->at[i]);

        if (o != NULL) {
            put_csv_line(o, csv);
            add_result(&mistakes, json_object_get(o, "tests"));
            json_decref(o);
        }
    }
    put_mistakes(&mistakes, batch->each->lab, text);
    good = fclose(csv) == 0;
    return fclose(text) == 0 && good;
}

int batch_run(const struct batch *asked) {
    char results[PATH_SIZE];
    struct batch batch = *asked;
    struct names names;
    unsigned failed;
    bool good;

    if (batch.results == NULL) {
        size_t len = strlen(batch.folder);

        len -= len > 1 && batch.folder[len - 1] == '/';
        snprintf(results, sizeof results, "%.*s.grades", (int)len,
                 batch.folder);
        batch.results = results;
    }
    if (mkdir(batch.results, 0700) != 0 && errno != EEXIST) {
        complain("%s: %s", batch.results, strerror(errno));
        return EXIT_CANNOT;
    }
    if (!list(&batch, &names)) {
        return EXIT_USAGE;
    }
    failed = grade_all(&batch, &names);
    good = sum_up(&batch, &names) && failed == 0;
    for (unsigned i = 0; i < names.count; i++) {
        free(names.at[i]);
    }
    free(names.at);
    if (failed > 0) {
        complain("%u submissions have no result: this host failed", failed);
    }
    return good ? EXIT_GOOD : EXIT_CANNOT;
}
