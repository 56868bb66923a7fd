/*
 * Entry stubs for exceptions before the kernel has loaded its own: they end in
 * a report, never in a silent triple fault.
 *
 *   pushed by the processor:  SS RSP RFLAGS CS RIP [error code]
 *   pushed by the stub:       [0] vector
 *
 * rdi, rsi, rdx = vector, error code, rip for early_trap().
 */
        .text

        .macro  early_entry vector, has_error
        .balign 16
early_entry_\vector:
        .if !\has_error
        pushq   $0
        .endif
        pushq   $\vector
        jmp     early_common
        .endm

        .irp    v, 0,1,2,3,4,5,6,7,9,15,16,18,19,20,22,23,24,25,26,27,28,31
        early_entry \v, 0
        .endr
        .irp    v, 8,10,11,12,13,14,17,21,29,30
        early_entry \v, 1
        .endr

early_common:
        cld
        movq    (%rsp), %rdi
        movq    8(%rsp), %rsi
        movq    16(%rsp), %rdx
        andq    $-16, %rsp
        call    early_trap

        .section .data.rel.ro, "aw", @progbits
        .balign 8
        .globl  early_entries
early_entries:
        .irp    v, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        .quad   early_entry_\v
        .endr
        .irp    v, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        .quad   early_entry_\v
        .endr

        .section .note.GNU-stack, "", @progbits
