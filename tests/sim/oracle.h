/**
 * @file oracle.h
 * A second opinion on the page walk, for its tests.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include "sim/walk.h"

/** What the manual says of one access, from one table on. */
struct oracle {
    enum walk_reason reason;
    uint32_t error;
    unsigned level; /* of the entry that stopped the walk, or of the leaf */
    uint64_t pa;
    bool writable, user, no_execute;
    unsigned key;
    bool global, dirty;       /* of the leaf, before the access */
    uint64_t at[5], entry[5]; /* entries read, by level - 1 */
};

/** Where the oracle begins: a table whose entries are of @level, and the rights
 *  over the levels above. */
struct oracle_start {
    unsigned level;
    uint64_t table;
    bool writable, user, no_execute;
};
struct oracle_start oracle_root(const struct walk_control *c);
struct oracle oracle_walk(struct sim_ram *ram, const struct walk_control *c,
                          struct oracle_start start, uint64_t va,
                          enum sim_access access, bool user);
/** May an access with those rights be made?  The error code, when not. */
enum walk_reason oracle_rights(const struct walk_control *c,
                               const struct oracle *o, enum sim_access access,
                               bool user);
uint32_t oracle_rights_error(const struct walk_control *c,
                             const struct oracle *o, enum sim_access access,
                             bool user);
bool oracle_is_canonical(const struct walk_control *c, uint64_t va);

/** Are two walks the same in all that they tell, and right about sets_flags? */
bool oracle_same_walk(const struct walk_result *a, const struct walk_result *b);

/** walk(), with every field held against the oracle, and against the walk
 *  without its short cut; the test fails when they differ. */
struct walk_result walk_as_oracle(struct sim_ram *ram,
                                  const struct walk_control *c, uint64_t va,
                                  enum sim_access access, bool user);

#endif
