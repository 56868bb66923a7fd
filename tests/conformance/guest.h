/**
 * @file guest.h
 * One access of the guest, at either privilege level (guest_touch.S).
 */
#ifndef CONFORMANCE_GUEST_H
#define CONFORMANCE_GUEST_H

#include <stdint.h>

#define GUEST_USER_STUBS 0x8000000000 /* PML4 slot 1 */
#define GUEST_USER_STACK_TOP 0x8000002000
#define GUEST_USER_CODE 0x33
#define GUEST_USER_DATA 0x2b

/** Go to the code at @stub with @va in rdi, @value in rax and RFLAGS @flags.
 *  @return rax as it was when the stub ended, or a trap brought us back */
uint64_t guest_touch(const void *stub, uint64_t va, uint64_t value,
                     uint64_t flags);
/** The same at CPL 3; @stub is an address in the user's copy. */
uint64_t guest_touch_user(const void *stub, uint64_t va, uint64_t value,
                          uint64_t flags);

/** Where a trap handler sends the processor to end the access, with this stack
 *  pointer. */
extern const char guest_landing[];
extern uint64_t guest_landing_rsp;

/** A stub per enum conf_access; the user's end in HLT, which traps. */
extern const char *const guest_stubs[], *const guest_user_stubs[];
extern const char guest_user_start[], guest_user_end[];
/** Where the user's stubs end. */
extern const char guest_user_hlt[];

#endif
