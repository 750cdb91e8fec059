// Where the static program begins, in place of the C library's _start: that one's own preparations, hundreds of
// microseconds in which a signal would kill the program (as PID 1: would be lost), come behind the block of every signal.
// What was blocked before is left where entry_signals.cc reads it. A dynamic program has the loader before it, and begins
// as others do.

#include <sys/syscall.h>

#define SIG_SETMASK 2 /* <bits/sigaction.h> is no text for an assembler */
#define SIZE_OF_MASK 8

    .text
    .balign SIZE_OF_MASK
every_signal: // in the page that is there already
    .quad -1

    .globl graceshim_entry
    .type graceshim_entry, %function
graceshim_entry:
#if defined(__x86_64__)
    movq %rdx, %r8 // for _start: what is to run at the end
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
    mov x9, x0 // for _start: what is to run at the end
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
