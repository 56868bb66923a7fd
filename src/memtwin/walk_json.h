/**
 * @file walk_json.h
 * A walk as a JSON object: doc/memtwin.1 names its members.
 */
#ifndef MEMTWIN_WALK_JSON_H
#define MEMTWIN_WALK_JSON_H

#include "sim/walk_story.h"

#include <jansson.h>

/** Addresses and entries are strings, "0x...". */
json_t *walk_object(const struct walk_result *result, struct walk_asked asked,
                    const struct table_writes *writes);

#endif
