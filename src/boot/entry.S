/*
 * From the boot loader to C: 32-bit, no paging  ->  64-bit at -2 GiB.
 *
 *   virtual                                  physical
 *   0 .. 4 GiB            identity      -->  0 .. 4 GiB
 *   -2 GiB .. -1 GiB      the image     -->  0 .. 1 GiB
 *
 * These first tables stand only until boot_main() has built the real ones; the
 * identity map is there because what the loader says may lie anywhere below
 * 4 GiB.
 *
 * At either entry: protected mode, flat segments, paging off, interrupts off,
 * EBX = physical address of what the loader says.  Xen, "x86/HVM direct boot
 * ABI"; Multiboot2 Specification, "I386 machine state".
 */
#define KERNEL_BASE 0xffffffff80000000
#define BOOT_STACK_SIZE 0x40000
#define IST_STACK_SIZE 0x4000
#define GUARD_SIZE 0x1000

#define CR4_PAE 0x20
#define CR4_PGE 0x80
#define CR0_WP_PG 0x80010000
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900

#define BY_PVH 0x336ec578               /* boot.h */

#define MULTIBOOT2_HEADER 0xe85250d6
#define MULTIBOOT2_I386 0
#define TAG_ENTRY 3

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10

        .cfi_sections .debug_frame

        .section .note.pvh, "a", @note
        .balign 4
        .long   4                       /* bytes of the name */
        .long   8                       /* bytes of the value */
        .long   18                      /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   pvh_entry

        .section .boot, "ax", @progbits

/* The loader looks for this in the first 32 KiB of the file, 8-aligned. */
        .balign 8
multiboot2_header:
        .long   MULTIBOOT2_HEADER, MULTIBOOT2_I386
        .long   multiboot2_header_end - multiboot2_header
        .long   -(MULTIBOOT2_HEADER + MULTIBOOT2_I386 + \
                  multiboot2_header_end - multiboot2_header)
        .balign 8
        .word   TAG_ENTRY, 0
        .long   12, multiboot2_entry
        .balign 8
        .word   0, 0                    /* the end */
        .long   8
multiboot2_header_end:

/* --- 32 bits --------------------------------------------------------------- */

        .code32
        .globl  pvh_entry
        .type   pvh_entry, @function
pvh_entry:
        movl    $BY_PVH, %eax

multiboot2_entry:                       /* EAX = its magic number */
        cli
        cld
        movl    $(first_stack_top), %esp
        movl    %eax, %edi              /* cpuid takes eax and ebx */
        movl    %ebx, %ebp

        .macro  require leaf, bit, name
        movl    $\leaf, %eax
        xorl    %ecx, %ecx
        cpuid
        movl    $\name, %esi
        btl     $\bit, %edx
        jnc     feature_missing
        .endm

        movl    $0x80000000, %eax       /* the highest extended leaf */
        cpuid
        movl    $name_long_mode, %esi
        cmpl    $0x80000001, %eax
        jb      feature_missing
        require 0x80000001, 29, name_long_mode
        require 0x80000001, 20, name_no_execute
        require 1, 6, name_pae
        require 1, 13, name_global

        /*
         * PAE, the root, LME and NXE, then PG; PGE only once paging is on.
         * Intel SDM vol. 3A, "Initializing IA-32e Mode" and the description of
         * CR4.PGE in "Control Registers".
         */
        movl    %cr4, %eax
        orl     $CR4_PAE, %eax
        movl    %eax, %cr4

        movl    $first_pml4, %eax
        movl    %eax, %cr3

        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $EFER_LME_NXE, %eax
        wrmsr

        movl    %cr0, %eax
        orl     $CR0_WP_PG, %eax
        movl    %eax, %cr0

        movl    %cr4, %eax
        orl     $CR4_PGE, %eax
        movl    %eax, %cr4

        lgdt    first_gdtr
        ljmp    $SELECTOR_CODE, $in_64_bits

/* esi = what the processor lacks: one sentence, then the exit status of a
 * panic. */
feature_missing:
        movl    %esi, %edi
        movl    $text_missing, %esi
        call    print
        movl    %edi, %esi
        call    print
        movl    $text_end, %esi
        call    print
        movb    $3, %al                 /* HW_EXIT_PANIC */
        outb    %al, $0xf4
1:      hlt
        jmp     1b

/* The text at esi to COM1. */
print:
        movw    $0x3fd, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        lodsb
        testb   %al, %al
        jz      2f
        movw    $0x3f8, %dx
        outb    %al, %dx
        jmp     print
2:      ret

text_missing:
        .asciz  "panic: this processor has no "
text_end:
        .asciz  ", which the kernel needs (src/boot/entry.S)\n"
name_long_mode:
        .asciz  "64-bit mode (LM)"
name_no_execute:
        .asciz  "no-execute pages (NX)"
name_pae:
        .asciz  "physical address extension (PAE)"
name_global:
        .asciz  "global pages (PGE)"

/* --- 64 bits, still where we were loaded ------------------------------------ */

        .code64
in_64_bits:
        movw    $SELECTOR_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        xorl    %eax, %eax
        movw    %ax, %fs
        movw    %ax, %gs
        movabsq $at_kernel_base, %rax
        jmp     *%rax

        .balign 8
first_gdt:
        .quad   0
        .quad   0x00209a0000000000      /* 64-bit code, ring 0 */
        .quad   0x0000920000000000      /* data, ring 0 */
first_gdtr:
        .word   . - first_gdt - 1
        .long   first_gdt

        .balign 16
        .skip   64                      /* two calls deep */
first_stack_top:

/* --- the first tables -------------------------------------------------------- */

#define TABLE 3                         /* present, writable */
#define LEAF_2MIB 0x83

        .balign 4096
first_pml4:
        .quad   first_pdpt_low + TABLE
        .fill   510, 8, 0
        .quad   first_pdpt_high + TABLE
first_pdpt_low:
        .quad   first_pds + 0x0000 + TABLE
        .quad   first_pds + 0x1000 + TABLE
        .quad   first_pds + 0x2000 + TABLE
        .quad   first_pds + 0x3000 + TABLE
        .fill   508, 8, 0
first_pdpt_high:
        .fill   510, 8, 0
        .quad   first_pds + TABLE
        .quad   0
first_pds:
        .set    at, 0
        .rept   4 * 512
        .quad   at + LEAF_2MIB
        .set    at, at + 0x200000
        .endr

/* --- 64 bits at -2 GiB -------------------------------------------------------- */

        .text
        .type   at_kernel_base, @function
at_kernel_base:
        .cfi_startproc
        .cfi_undefined rip              /* nobody called: backtraces end here */
        leaq    boot_stack_top(%rip), %rsp
        movl    %edi, %r12d
        leaq    bss_start(%rip), %rdi
        leaq    bss_end(%rip), %rcx
        subq    %rdi, %rcx
        shrq    $3, %rcx
        xorl    %eax, %eax
        rep stosq
        movl    %r12d, %edi             /* who started us */
        movl    %ebp, %esi              /* what it says */
        xorl    %ebp, %ebp
        call    boot_main
        ud2
        .cfi_endproc
        .size   at_kernel_base, . - at_kernel_base

/*
 *   [guard][ boot stack ][guard][ IST 1 ][guard]
 *
 * tables.c leaves the guards unmapped.
 */
        .macro  guard name
        .globl  \name
\name:
        .skip   GUARD_SIZE
        .endm

        .section .stacks, "aw", @nobits
        .balign 4096
        guard   boot_guard_0
        .skip   BOOT_STACK_SIZE
        .globl  boot_stack_top
boot_stack_top:
        guard   boot_guard_1
        .skip   IST_STACK_SIZE
        .globl  boot_ist1_top
boot_ist1_top:
        guard   boot_guard_2

        .section .note.GNU-stack, "", @progbits
