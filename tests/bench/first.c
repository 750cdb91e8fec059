// The floor of losing signals: the first thing that it does is to block them, and then it becomes the command. What is
// lost all the same, the kernel has lost before any program of this number ran.
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

static long call(long number, long first, long second, long third, long fourth) {
  register long r10 __asm__("r10") = fourth;
  __asm__ volatile("syscall" : "+a"(number) : "D"(first), "S"(second), "d"(third), "r"(r10) : "rcx", "r11", "memory");
  return number;
}

// `stack`: argc, argv, a null pointer, envp.
__attribute__((used, noreturn)) static void first(long* stack) {
  static const uint64_t every_signal = UINT64_MAX;
  call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&every_signal, 0, sizeof every_signal);
  long* const argv = stack + 1;
  call(SYS_execve, argv[1], (long)(argv + 1), (long)(argv + stack[0] + 1), 0);
  for (;;) call(SYS_exit_group, 127, 0, 0, 0);
}

__attribute__((naked, used)) void _start(void) {
  __asm__("movq %rsp, %rdi\n\tcall first");
}
