/*
 * The kit where the user who compiles can read it.
 *
 * Root compiles as nobody, who does not come into every folder: then there is a
 * copy in the folder that is built in.
 */
#include "config.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grade/grade.h"
#include "program/say.h"
#include "program/scratch.h"

static bool copy(const char *from, const char *to) {
    const pid_t me = getpid(), pid = fork();
    int status;

    if (pid == 0) {
        scratch_die_with(me);
        execlp("cp", "cp", "-R", from, to, (char *)NULL);
        _exit(1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

bool kit_reach(struct kit *kit, const char *scratch) {
    char stamp[sizeof kit->copy + 16];

    snprintf(stamp, sizeof stamp, "%.1000s/stamp", kit->folder);
    if (!cage_is_root() || cage_can_read(stamp)) {
        return true;
    }
    snprintf(kit->copy, sizeof kit->copy, "%.1000s/kit", scratch);
    if (!copy(kit->folder, kit->copy)) {
        complain("%s: neither can nobody, who compiles, read it, nor could it "
                 "be copied",
                 kit->folder);
        return false;
    }
    kit->folder = kit->copy;
    return true;
}
