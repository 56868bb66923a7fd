/*
 * One access, at CPL 0 or at CPL 3.
 *
 *   guest_touch        saves registers --> stub ---------------> guest_landing
 *   guest_touch_user   saves registers --iretq--> user's stub
 *                                                   hlt: #GP --> guest_landing
 *   a trap in either                     --> trap handler -----> guest_landing
 *
 * rdi = address, rax = value.  A fetch jumps there; the mark says which address
 * it is, in eax, and jumps back to rsi.
 */
        .macro  accesses prefix, end
\prefix\()_read:
        movq    (%rdi), %rax
        \end
\prefix\()_write:
        movq    %rax, (%rdi)
        \end
\prefix\()_fetch:
        leaq    1f(%rip), %rsi
        jmp     *%rdi
1:      \end
\prefix\()_rmw:
        xchgq   %rax, (%rdi)
        \end
\prefix\()_stack_read:
        movq    %rdi, %rbp
        movq    (%rbp), %rax
        \end
\prefix\()_stack_write:
        movq    %rdi, %rbp
        movq    %rax, (%rbp)
        \end
        .endm

        .macro  table name, prefix
        .globl  \name
\name:
        .quad   \prefix\()_read, \prefix\()_write, \prefix\()_fetch
        .quad   \prefix\()_rmw, \prefix\()_stack_read, \prefix\()_stack_write
        .endm

        .macro  save
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, guest_landing_rsp(%rip)
        movq    %rdi, %r11
        movq    %rsi, %rdi
        movq    %rdx, %rax
        .endm

        .text
        .globl  guest_touch
guest_touch:
        save
        pushq   %rcx
        popfq
        jmp     *%r11

        .globl  guest_touch_user
guest_touch_user:
        save
        movabsq $0x8000002000, %rdx     /* GUEST_USER_STACK_TOP */
        pushq   $0x2b                   /* GUEST_USER_DATA */
        pushq   %rdx
        pushq   %rcx
        pushq   $0x33                   /* GUEST_USER_CODE */
        pushq   %r11
        iretq

        .globl  guest_landing
guest_landing:
        movq    guest_landing_rsp(%rip), %rsp
        pushq   $2                      /* nothing but the bit that is 1 */
        popfq
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret

        accesses kernel, "jmp guest_landing"

/* Copied to a page of the user's. */
        .balign 64
        .globl  guest_user_start
guest_user_start:
        accesses user, "jmp guest_user_hlt"
        .globl  guest_user_hlt
guest_user_hlt:
        hlt
        .globl  guest_user_end
guest_user_end:

        .section .data.rel.ro, "aw", @progbits
        .balign 8
        table   guest_stubs, kernel
        table   guest_user_stubs, user

        .bss
        .balign 8
        .globl  guest_landing_rsp
guest_landing_rsp:
        .skip   8

        .section .note.GNU-stack, "", @progbits
