/**
 * @file object_check.h
 * What an object of a submission may define and carry.
 */
#ifndef GRADE_OBJECT_CHECK_H
#define GRADE_OBJECT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Look at the object @path, which is to replace @reference.
 *
 * @why  a line for each thing that is refused or missing, at the end of what
 *       is there
 * @return false: refused
 */
bool object_check(const char *path, const char *reference, char *why,
                  size_t why_size);

#endif
