/*
 * Reads a lab's folder.
 *
 *   category  = share of 100 points, where it has tests
 *   test      = its points / all points of its category, of that share
 *
 * Shares of categories without a test go to the others in proportion, so that
 * a lab is worth 100 points whatever it has.
 */
#include "grade/lab.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "program/say.h"

/** The next line of @file without comment and blanks at its ends. */
static char *next_line(FILE *file, char *line, size_t size, unsigned *number) {
    while (fgets(line, (int)size, file) != NULL) {
        char *end = strchr(line, '#');

        (*number)++;
        end = end != NULL ? end : line + strlen(line);
        while (end > line && strchr(" \t\r\n", end[-1]) != NULL) {
            end--;
        }
        *end = '\0';
        line += strspn(line, " \t");
        if (*line != '\0') {
            return line;
        }
    }
    return NULL;
}

typedef bool line_reader(struct lab *lab, const char *line);

static bool read_lines(struct lab *lab, const char *path, line_reader *reader,
                       const char *shape) {
    FILE *file = fopen(path, "r");
    char buffer[512], *line;
    unsigned number = 0;
    bool good = true;

    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    while (good && (line = next_line(file, buffer, sizeof buffer, &number))) {
        good = reader(lab, line);
        if (!good) {
            complain("%s:%u: '%.60s' is none of: %s", path, number, line,
                     shape);
        }
    }
    fclose(file);
    return good;
}

static bool read_conf(struct lab *lab, const char *line) {
    struct lab_file file = { .given = strncmp(line, "given ", 6) == 0 };
    char title[128];

    if (sscanf(line, "title %127[^\n]", title) == 1) {
        memcpy(lab->title, title, sizeof title);
        return true;
    }
    if (sscanf(line,
               file.given ? "given %63s replaces %63s"
                          : "file %63s replaces %63s",
               file.name, file.replaces) == 2 &&
        lab->file_count < LAB_FILES_MAX && strchr(file.name, '/') == NULL) {
        lab->files[lab->file_count++] = file;
        return true;
    }
    return sscanf(line, "seconds %u", &lab->seconds) == 1;
}

static unsigned category_number(const struct lab *lab, const char *name) {
    unsigned n = 0;

    while (n < lab->category_count &&
           strcmp(lab->categories[n].name, name) != 0) {
        n++;
    }
    return n;
}

static bool read_weight(struct lab *lab, const char *line) {
    struct lab_category category;
    struct lab_test test = { .points = 0 };
    char in[LAB_NAME];

    if (sscanf(line, "category %63s %lf", category.name, &category.share) ==
            2 &&
        category.share >= 0 && lab->category_count < LAB_CATEGORIES_MAX) {
        lab->categories[lab->category_count++] = category;
        return true;
    }
    if (sscanf(line, "%lf %63s %127s", &test.points, in, test.name) != 3 ||
        test.points < 0 || lab->test_count == LAB_TESTS_MAX) {
        return false;
    }
    test.category = category_number(lab, in);
    lab->tests[lab->test_count++] = test;
    return test.category < lab->category_count;
}

static void share_points(struct lab *lab) {
    double points[LAB_CATEGORIES_MAX] = { 0 }, shares = 0;

    for (unsigned i = 0; i < lab->test_count; i++) {
        points[lab->tests[i].category] += lab->tests[i].points;
    }
    for (unsigned c = 0; c < lab->category_count; c++) {
        shares += points[c] > 0 ? lab->categories[c].share : 0;
    }
    for (unsigned i = 0; i < lab->test_count; i++) {
        struct lab_test *test = &lab->tests[i];
        const double share = lab->categories[test->category].share;

        test->max =
            test->points > 0 && shares > 0
                ? 100 * share / shares * test->points / points[test->category]
                : 0;
    }
}

const struct script *script_in(const struct script *scripts, const char *name) {
    while (scripts != NULL && scripts->name != NULL) {
        if (strcmp(scripts->name, name) == 0) {
            return scripts;
        }
        scripts++;
    }
    return NULL;
}

/** The script of @test, in one of the rows of @lab. */
static void find_script(const struct lab *lab, struct lab_test *test) {
    for (const struct lab_scripts *s = lab_scripts; s->lab != NULL; s++) {
        if (strcmp(s->lab, lab->name) != 0) {
            continue;
        }
        test->script = script_in(s->open, test->name);
        if (test->script == NULL) {
            test->script = script_in(s->hidden, test->name);
            test->hidden = true;
        }
        if (test->script != NULL) {
            return;
        }
    }
}

/** Tests of the weights without a script here are hidden ones that were left
 *  out; they go, and so does their weight. */
static void find_scripts(struct lab *lab) {
    unsigned kept = 0;

    for (unsigned i = 0; i < lab->test_count; i++) {
        struct lab_test test = lab->tests[i];

        find_script(lab, &test);
        if (test.script != NULL) {
            lab->tests[kept++] = test;
        }
    }
    lab->test_count = kept;
}

static void read_hints(struct lab *lab, const char *path) {
    FILE *file = fopen(path, "r");
    struct lab_hint *hint = NULL;
    char line[512], id[LAB_NAME];
    FILE *text = NULL;
    size_t size;

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "[%63[^]]]", id) == 1 &&
            lab->hint_count < LAB_HINTS_MAX) {
            if (text != NULL) {
                fclose(text);
            }
            hint = &lab->hints[lab->hint_count++];
            memcpy(hint->id, id, sizeof id);
            text = open_memstream(&hint->text, &size);
        } else if (text != NULL && line[0] != '#') {
            fputs(line, text);
        }
    }
    if (text != NULL) {
        fclose(text);
    }
    if (file != NULL) {
        fclose(file);
    }
}

const char *lab_hint(const struct lab *lab, const char *id) {
    for (unsigned i = 0; id != NULL && i < lab->hint_count; i++) {
        if (strcmp(lab->hints[i].id, id) == 0) {
            return lab->hints[i].text;
        }
    }
    return NULL;
}

static bool has_conf(const char *folder) {
    char path[4200];
    struct stat info;

    snprintf(path, sizeof path, "%s/lab.conf", folder);
    return stat(path, &info) == 0;
}

/** "labs/1-frames", "1-frames" or "1". */
static bool find_folder(struct lab *lab, const char *labs, const char *where) {
    const size_t len = strlen(where);
    struct dirent *entry;
    DIR *folder;

    snprintf(lab->folder, sizeof lab->folder, "%s", where);
    if (has_conf(lab->folder)) {
        return true;
    }
    folder = opendir(labs);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, where) != 0 &&
            (strncmp(entry->d_name, where, len) != 0 ||
             entry->d_name[len] != '-')) {
            continue;
        }
        snprintf(lab->folder, sizeof lab->folder, "%s/%s", labs, entry->d_name);
        if (has_conf(lab->folder)) {
            closedir(folder);
            return true;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    complain("'%s' is no lab: neither a folder with a lab.conf, nor one in %s",
             where, labs);
    return false;
}

bool lab_read(struct lab *lab, const char *labs, const char *where,
              const char *weights) {
    char path[4200], whole[4096];
    const char *name;

    memset(lab, 0, sizeof *lab);
    lab->seconds = 10;
    if (!find_folder(lab, labs, where)) {
        return false;
    }
    if (realpath(lab->folder, whole) != NULL) {
        memcpy(lab->folder, whole, sizeof whole);
    }
    name = strrchr(lab->folder, '/');
    snprintf(lab->name, sizeof lab->name, "%.63s",
             name != NULL ? name + 1 : lab->folder);
    snprintf(path, sizeof path, "%s/lab.conf", lab->folder);
    if (!read_lines(lab, path, read_conf,
                    "title TEXT, file (or given) NAME replaces FLOOR/NAME.c, "
                    "seconds N")) {
        return false;
    }
    snprintf(path, sizeof path, "%s/weights", lab->folder);
    if (!read_lines(lab, weights != NULL ? weights : path, read_weight,
                    "category NAME SHARE, POINTS CATEGORY TEST")) {
        return false;
    }
    find_scripts(lab);
    share_points(lab);
    snprintf(path, sizeof path, "%s/hints", lab->folder);
    read_hints(lab, path);
    return true;
}
