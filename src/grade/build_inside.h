/**
 * @file build_inside.h
 * What the parts of a build share.
 */
#ifndef GRADE_BUILD_INSIDE_H
#define GRADE_BUILD_INSIDE_H

#include "grade/grade.h"

/** Add to what the student is told. */
void build_say(struct build *build, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- a tool's command line: build_tool.c --- */

#define TOOL_WORDS_MAX 400
struct tool {
    char *words[TOOL_WORDS_MAX];
    unsigned count;
};
void tool_add(struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** @words ends with NULL. */
void tool_add_all(struct tool *tool, const char *const words[]);
/** The kit's files that are like @pattern, but for those that a file of @lab
 *  replaces. */
void tool_add_kit(struct tool *tool, const struct kit *kit,
                  const struct lab *lab, const char *pattern);
/** Run a compiler or linker in its cage, in the build's folder; what it says
 *  goes to the student.  Frees the words.  @return it had nothing against it */
bool tool_run(struct build *build, const struct kit *kit, struct tool *tool);

/* --- what was handed in: build_file.c --- */

/** Copy a plain file, not a link to what the grader may read and they may not.
 *  @return false after a word to the student */
bool build_copy(struct build *build, const char *from, const char *name);
/** "pmm/bitmap.c" -> "pmm-bitmap.o", the kit's name for it */
void object_name(const char *replaces, char name[LAB_NAME]);

#endif
