// The static program begins here, not at the C library's _start. The start-up code of the C library takes hundreds of
// microseconds, in which a signal would kill the program (as PID 1: would be lost); so every signal is blocked before
// that code runs. The signal mask that was found is stored where entry_signals.cc reads it. In a dynamic program the
// loader runs first, so that program begins as others do.

#include <sys/syscall.h>

#define SIG_SETMASK 2 /* <bits/sigaction.h> is no text for an assembler */
#define SIZE_OF_MASK 8

    .text
    .balign SIZE_OF_MASK
every_signal: // in the text section, whose page is mapped already
    .quad -1

    .globl graceshim_entry
    .type graceshim_entry, %function
graceshim_entry:
#if defined(__x86_64__)
    movq %rdx, %r8 // _start expects the function to call at exit here
    movl $SYS_rt_sigprocmask, %eax
    movl $SIG_SETMASK, %edi
    leaq every_signal(%rip), %rsi
    leaq graceshim_mask_at_entry(%rip), %rdx
    movl $SIZE_OF_MASK, %r10d
    syscall
    movb $1, graceshim_blocked_at_entry(%rip)
    movq %r8, %rdx
    jmp _start
#elif defined(__aarch64__)
    mov x9, x0 // _start expects the function to call at exit here
    mov x8, #SYS_rt_sigprocmask
    mov x0, #SIG_SETMASK
    adrp x1, every_signal
    add x1, x1, :lo12:every_signal
    adrp x2, graceshim_mask_at_entry
    add x2, x2, :lo12:graceshim_mask_at_entry
    mov x3, #SIZE_OF_MASK
    svc #0
    mov w10, #1
    adrp x11, graceshim_blocked_at_entry
    strb w10, [x11, :lo12:graceshim_blocked_at_entry]
    mov x0, x9
    b _start
#else
#error "the entry point of the static program is written for x86-64 and aarch64"
#endif
    .size graceshim_entry, . - graceshim_entry

    .section .note.GNU-stack, "", %progbits
