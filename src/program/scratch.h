/**
 * @file scratch.h
 * Files and folders for a while, where TMPDIR says, or in /tmp.
 */
#ifndef PROGRAM_SCRATCH_H
#define PROGRAM_SCRATCH_H

#include <stdbool.h>
#include <sys/types.h>

#define SCRATCH_PATH 1024

/** A fresh file, open for reading and writing.  @return -1 after a message */
int scratch_file(char path[SCRATCH_PATH], const char *name);
/** A fresh folder of this user.  @return false after a message */
bool scratch_folder(char path[SCRATCH_PATH], const char *name);
/** Remove a folder and all that is in it. */
void scratch_remove(const char *folder);

/** What is done in a fresh folder.  @return an exit code */
typedef int scratch_work(const char *folder, void *data);

/**
 * Do @work in a child, in a folder that is gone afterwards, as are all
 * processes that it started: also when it crashes, and when this process gets
 * SIGINT, SIGTERM or SIGHUP, of which it then dies.
 * @return what @work returned; EXIT_CANNOT after a message
 */
int scratch_do(const char *name, scratch_work *work, void *data);

/** In a child of @parent: die when it does, whatever it dies of. */
void scratch_die_with(pid_t parent);

#endif
