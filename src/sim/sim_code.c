/*
 * Naming code of this process, at report time only.
 *
 *   rip --dladdr()--> file, place in it --addr2line--> function, source, line
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

/** The lines of an answer as one: who was compiled into whom. */
static void join_lines(char *text) {
    static const char inlined[] = "\n (inlined by) ";
    char *at;

    while ((at = strstr(text, inlined)) != NULL) {
        memcpy(at, ", in ", 5);
        memmove(at + 5, at + sizeof inlined - 1,
                strlen(at + sizeof inlined - 1) + 1);
    }
    text[strcspn(text, "\n")] = '\0';
}

/** What addr2line says, or false: it is not there, or knows nothing. */
static bool ask_addr2line(const char *file, uint64_t place, char *text,
                          size_t size) {
    char command[512];
    FILE *answer;
    size_t len;

    if (strchr(file, '\'') != NULL ||
        (size_t)snprintf(command, sizeof command,
                         "addr2line -i -f -s -p -e '%s' 0x%lx 2>/dev/null",
                         file, place) >= sizeof command) {
        return false;
    }
    answer = popen(command, "r");
    if (answer == NULL) {
        return false;
    }
    len = fread(text, 1, size - 1, answer);
    text[len] = '\0';
    join_lines(text);
    return pclose(answer) == 0 && text[0] != '\0' && text[0] != '?';
}

void sim_code_name(uint64_t rip, char *text, size_t size) {
    Dl_info info = { 0 };
    uint64_t place;

    if (dladdr((const void *)(uintptr_t)rip, &info) == 0 ||
        info.dli_fname == NULL) {
        snprintf(text, size, "0x%lx", rip);
        return;
    }
    place = rip - (uint64_t)(uintptr_t)info.dli_fbase;
    if (!ask_addr2line(info.dli_fname, place, text, size)) {
        snprintf(text, size, "%s+0x%lx", info.dli_fname, place);
    }
}
