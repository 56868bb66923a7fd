/*
 * Entry stubs of the 32 exception vectors and of an interrupt (32), and their
 * one way back.
 *
 *   pushed by the processor:   SS RSP RFLAGS CS RIP [error code]
 *   pushed by the stub:        [0 for the missing error code] vector
 *   pushed by trap_common:     rax .. r15        = struct trap_frame
 *
 * The same object stands behind the IDT on bare metal and behind the
 * simulator's emulated exception entry.  The CFI lines let gdb walk from
 * trap_dispatch() through the frame into the line that trapped.
 * Intel SDM vol. 3A, "Interrupt and Exception Handling", "64-Bit Mode Stack
 * Frame".
 */
        .cfi_sections .debug_frame, .eh_frame
        .text

/* Frames of vectors without an error code begin one word lower. */
        .macro  trap_entry vector, has_error
        .balign 16
        .type   trap_entry_\vector, @function
trap_entry_\vector:
        .cfi_startproc
        .cfi_signal_frame
        .if \has_error
        .cfi_def_cfa rsp, 48
        .else
        .cfi_def_cfa rsp, 40
        .endif
        .cfi_offset rip, -40
        .cfi_offset rsp, -16
        .if !\has_error
        pushq   $0
        .cfi_adjust_cfa_offset 8
        .endif
        pushq   $\vector
        .cfi_adjust_cfa_offset 8
        jmp     trap_common
        .cfi_endproc
        .size   trap_entry_\vector, . - trap_entry_\vector
        .endm

        .irp    v, 0,1,2,3,4,5,6,7,9,15,16,18,19,20,22,23,24,25,26,27,28,31,32
        trap_entry \v, 0
        .endr
        .irp    v, 8,10,11,12,13,14,17,21,29,30
        trap_entry \v, 1
        .endr

        .macro  save register
        pushq   %\register
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset \register, 0
        .endm

        .macro  restore register
        popq    %\register
        .cfi_adjust_cfa_offset -8
        .cfi_restore \register
        .endm

        .type   trap_common, @function
trap_common:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa rsp, 56
        .cfi_offset rip, -40
        .cfi_offset rsp, -16
        .irp    r, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15
        save    \r
        .endr
        cld
        movq    %rsp, %rdi
        call    trap_dispatch
        .irp    r, r15,r14,r13,r12,r11,r10,r9,r8,rbp,rdi,rsi,rdx,rcx,rbx,rax
        restore \r
        .endr
        addq    $16, %rsp               /* vector, error code */
        .cfi_adjust_cfa_offset -16
        .globl  trap_iretq
        .hidden trap_iretq
trap_iretq:
        iretq
        .cfi_endproc
        .size   trap_common, . - trap_common

/*
 * bool trap_try_enter(struct trap_try *try, void (*fn)(void *), void *arg,
 *                     uint64_t stack_top)
 *
 * Calls fn(arg), on another stack when stack_top is not 0.  try->rsp remembers
 * where we were; a trap that gives fn up returns to trap_try_landing with
 * rsp = try->rsp and rax = 1.
 */
        .balign 16
        .globl  trap_try_enter
        .hidden trap_try_enter
        .type   trap_try_enter, @function
trap_try_enter:
        .cfi_startproc
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
        subq    $8, %rsp
        movq    %rdi, %rbx
        movq    %rsp, (%rbx)            /* try->rsp */
        testq   %rcx, %rcx
        jz      1f
        movq    %rcx, %rsp
1:      movq    %rsi, %rax
        movq    %rdx, %rdi
        call    *%rax
        movq    (%rbx), %rsp
        xorl    %eax, %eax
        .globl  trap_try_landing
        .hidden trap_try_landing
trap_try_landing:
        .cfi_def_cfa rsp, 64
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        .irp    r, r15,r14,r13,r12,rbx,rbp
        restore \r
        .endr
        ret
        .cfi_endproc
        .size   trap_try_enter, . - trap_try_enter

/* The stubs in order of their vectors, for trap_init(). */
        .section .data.rel.ro, "aw", @progbits
        .balign 8
        .globl  trap_entries
        .hidden trap_entries
        .type   trap_entries, @object
trap_entries:
        .irp    v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        .quad   trap_entry_\v
        .endr
        .irp    v, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32
        .quad   trap_entry_\v
        .endr
        .size   trap_entries, . - trap_entries

        .section .note.GNU-stack, "", @progbits
