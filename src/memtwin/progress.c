/*
 *   simulator  [##########..............................]  26 %
 */
#include "memtwin/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 40

bool progress_wanted(void) {
    return isatty(STDERR_FILENO) != 0;
}

void progress_show(const char *machine, uint64_t done, uint64_t total) {
    char bar[WIDTH + 1];
    size_t full = total == 0 ? WIDTH : (size_t)(done * WIDTH / total);
    unsigned percent = total == 0 ? 100 : (unsigned)(done * 100 / total);

    memset(bar, '.', WIDTH);
    memset(bar, '#', full > WIDTH ? WIDTH : full);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%-10s [%s] %3u %%", machine, bar, percent);
}

void progress_clear(void) {
    fprintf(stderr, "\r%*s\r", WIDTH + 20, "");
}
