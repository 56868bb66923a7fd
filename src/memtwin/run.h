/**
 * @file run.h
 * The verbs of the program.
 */
#ifndef MEMTWIN_RUN_H
#define MEMTWIN_RUN_H

#include "program/say.h"

/** "memtwin run": argv[0] is the name to show, then the words after "run". */
enum outcome_code run_verb(int argc, char **argv);
/** "memtwin compare", likewise. */
enum outcome_code compare_verb(int argc, char **argv);
/** "memtwin maps", likewise. */
enum outcome_code maps_verb(int argc, char **argv);
/** "memtwin quiz", likewise. */
enum outcome_code quiz_verb(int argc, char **argv);
/** "memtwin record", likewise. */
enum outcome_code record_verb(int argc, char **argv);
/** "memtwin walk", likewise. */
enum outcome_code walk_verb(int argc, char **argv);

#endif
