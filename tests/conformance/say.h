/**
 * @file say.h
 * Cases and records in words.
 */
#ifndef CONFORMANCE_SAY_H
#define CONFORMANCE_SAY_H

#include "conformance/case.h"

/** Print the steps of @c, a line each, as TAP comments. */
void say_case(const struct conf_case *c);
/** Print @record beside @c's touches and entries. */
void say_record(const char *who, const struct conf_case *c,
                const struct conf_record *record);
/** "read", "write" ... */
const char *say_access(unsigned access);

#endif
