/*
 * Naming privileged instructions, for a sentence instead of a bare #GP.
 *
 * The kernel side may not use them: the same object files run in a process.
 * Intel SDM vol. 2, opcode maps; only what a kernel would plausibly try.
 */
#include "sim/live.h"

struct opcode {
    uint8_t escape; /* 0: one byte; 0x0f: two */
    uint8_t code;
    const char *name;
};

static const struct opcode opcodes[] = {
    { 0, 0xfa, "cli" },
    { 0, 0xfb, "sti" },
    { 0, 0xf4, "hlt" },
    { 0, 0xe4, "in" },
    { 0, 0xe5, "in" },
    { 0, 0xec, "in" },
    { 0, 0xed, "in" },
    { 0, 0xe6, "out" },
    { 0, 0xe7, "out" },
    { 0, 0xee, "out" },
    { 0, 0xef, "out" },
    { 0, 0xcf, "iretq" },
    { 0x0f, 0x06, "clts" },
    { 0x0f, 0x08, "invd" },
    { 0x0f, 0x09, "wbinvd" },
    { 0x0f, 0x20, "mov from a control register" },
    { 0x0f, 0x21, "mov from a debug register" },
    { 0x0f, 0x22, "mov to a control register" },
    { 0x0f, 0x23, "mov to a debug register" },
    { 0x0f, 0x30, "wrmsr" },
    { 0x0f, 0x32, "rdmsr" },
};

/** 0f 00 and 0f 01: the ModRM byte says which. */
static const char *group_name(uint8_t code, uint8_t modrm) {
    static const char *const group_6[8] = { NULL, NULL, "lldt", "ltr" };
    static const char *const group_7[8] = { NULL, NULL, "lgdt", "lidt",
                                            NULL, NULL, "lmsw", "invlpg" };

    if (code == 0x01 && modrm == 0xca) {
        return "clac";
    }
    if (code == 0x01 && modrm == 0xcb) {
        return "stac";
    }
    if (code == 0x01 && modrm == 0xf8) {
        return "swapgs";
    }
    return (code == 0x00 ? group_6 : group_7)[modrm >> 3 & 7];
}

const char *privileged_name(const uint8_t *code) {
    uint8_t escape = 0;

    while (*code == 0x66 || *code == 0xf3 || *code == 0xf2 ||
           (*code & 0xf0) == 0x40) { /* operand size, rep, REX */
        code++;
    }
    if (*code == 0x0f) {
        escape = *code++;
        if (*code == 0x00 || *code == 0x01) {
            return group_name(code[0], code[1]);
        }
    }
    for (size_t i = 0; i < sizeof opcodes / sizeof opcodes[0]; i++) {
        if (opcodes[i].escape == escape && opcodes[i].code == *code) {
            return opcodes[i].name;
        }
    }
    return NULL;
}
