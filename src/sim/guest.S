/*
 * Changing between the host's stack and stacks in simulated memory.
 *
 *   guest_enter()    host stack  -> boot stack of the machine
 *   guest_call_on()  guest stack -> host stack, for hw.h, and back
 *   guest_leave()    anywhere    -> behind guest_enter()
 *   guest_switch()   stack of one processor -> stack of another
 */
        .text

/* The registers that a call keeps, onto this stack; rbp is the frame. */
        .macro  SAVE_CALLEES
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        pushq   %rbx
        .cfi_offset rbx, -24
        pushq   %r12
        .cfi_offset r12, -32
        pushq   %r13
        .cfi_offset r13, -40
        pushq   %r14
        .cfi_offset r14, -48
        pushq   %r15
        .cfi_offset r15, -56
        .endm

/* Back from this stack, as SAVE_CALLEES left it, to the caller. */
        .macro  RETURN_CALLEES
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        .cfi_def_cfa rsp, 8
        ret
        .endm

/* int guest_enter(entry rdi, boot rsi, stack_top rdx, host_rsp rcx) */
        .globl  guest_enter
        .type   guest_enter, @function
guest_enter:
        .cfi_startproc
        SAVE_CALLEES
        subq    $8, %rsp
        movq    %rsp, (%rcx)
        movq    %rsp, %rbx
        movq    %rdx, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        call    *%rax
        movq    %rbx, %rsp
        movl    $1, %eax
.Lout:  addq    $8, %rsp
        RETURN_CALLEES
        .cfi_endproc
        .size   guest_enter, . - guest_enter

/* void guest_leave(host_rsp rdi, value esi) */
        .globl  guest_leave
        .type   guest_leave, @function
guest_leave:
        .cfi_startproc
        movq    %rdi, %rsp
        leaq    48(%rdi), %rbp          /* as guest_enter() had it */
        movl    %esi, %eax
        jmp     .Lout
        .cfi_endproc
        .size   guest_leave, . - guest_leave

/* void guest_call_on(stack_top rdi, run rsi, sim rdx, fn rcx, operand r8) */
        .globl  guest_call_on
        .type   guest_call_on, @function
guest_call_on:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        movq    %rdi, %rsp
        movq    %rsi, %rax
        movq    %rdx, %rdi
        movq    %rcx, %rsi
        movq    %r8, %rdx
        call    *%rax
        movq    %rbp, %rsp
        popq    %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size   guest_call_on, . - guest_call_on

/* void guest_switch(rsp rdi, stack_top rsi, sim rdx, change rcx) */
        .globl  guest_switch
        .type   guest_switch, @function
guest_switch:
        .cfi_startproc
        SAVE_CALLEES
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        movq    %rdx, %rdi
        call    *%rcx                   /* rax: rsp, rdx: first */
        movq    %rax, %rsp
        .cfi_def_cfa rsp, 56
        testq   %rdx, %rdx
        jnz     .Lfirst
        RETURN_CALLEES
.Lfirst:
        .cfi_undefined rip
        xorl    %ebp, %ebp
        call    *%rdx
        ud2                             /* it never returns */
        .cfi_endproc
        .size   guest_switch, . - guest_switch

/* void guest_interrupt(void): hlt is privileged, so the handler gets it */
        .globl  guest_interrupt
        .type   guest_interrupt, @function
guest_interrupt:
        .cfi_startproc
        .globl  guest_interrupt_at
guest_interrupt_at:
        hlt
        ret
        .cfi_endproc
        .size   guest_interrupt, . - guest_interrupt

        .section .note.GNU-stack, "", @progbits
