// The command behind every shim, small and static, so that the shim is what is measured. It notes when things happen.
//
//     command true            ends
//     command wait            ends when its standard input does
//     command serve           ends when TERM or QUIT comes; notes every signal
//     command deaf            ignores TERM and waits
//     command orphans N       leaves N children of children behind, then does as `wait`
//     command calls N [FILTER]  notes the CPU time of N calls of each kind; behind a seccomp program of its own:
//                             `least` looks at one argument, `cached` at nothing, so that the kernel need not run it
//     command stragglers N    starts N processes in sessions of their own that ignore TERM, then does as `deaf`
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "note.h"

enum { kFirstOrphans = 100 };  // before `orphans` says that it is ready

static void note(int64_t what) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const struct Note words = {now.tv_sec * 1000000000LL + now.tv_nsec, what, getpid()};
  if (write(STDOUT_FILENO, &words, sizeof words) != sizeof words) _exit(1);
}

static void on_signal(int signal) {
  note(signal);
  if (signal == SIGTERM || signal == SIGQUIT) {
    note(kNoteEnd);
    _exit(0);
  }
}

static void serve(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigfillset(&action.sa_mask);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (signal != SIGCHLD) sigaction(signal, &action, NULL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  note(kNoteReady);
  for (;;) pause();
}

static void wait_for_input(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  note(kNoteEnd);
  _exit(0);
}

static void go_behind(const char* filter) {
  struct sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const int cached = strcmp(filter, "cached") == 0;
  const struct sock_fprog program = {cached ? 1 : 2, cached ? code + 1 : code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(1);
}

// On a CPU, so that others who want it are not counted.
static int64_t cpu_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void note_duration(int64_t what, int64_t begun) {
  const struct Note words = {cpu_now() - begun, what, getpid()};
  if (write(STDOUT_FILENO, &words, sizeof words) != sizeof words) _exit(1);
}

// By number: what the C library adds is not the kernel's.
static void call(int count) {
  const int null = open("/dev/null", O_WRONLY);
  int64_t begun = cpu_now();
  for (int i = 0; i < count; ++i) syscall(SYS_getppid);
  note_duration(kNoteGetppid, begun);
  begun = cpu_now();
  for (int i = 0; i < count; ++i) syscall(SYS_write, null, "", 1);
  note_duration(kNoteWrite, begun);
  const struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
  } ignore = {SIG_IGN, 0, NULL, 0};
  begun = cpu_now();
  for (int i = 0; i < count; ++i) syscall(SYS_rt_sigaction, SIGUSR1, &ignore, NULL, sizeof ignore.mask);
  note_duration(kNoteSigaction, begun);
}

static pid_t must_fork(void) {
  for (;;) {
    const pid_t pid = fork();
    if (pid >= 0) return pid;
    if (errno != EAGAIN) _exit(1);
    poll(NULL, 0, 1);  // a table of processes that is full says that nobody has come round to reaping yet
  }
}

// All have ended when the pipe has no writer left.
static void leave_orphans(int count) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  for (int i = 0; i < count; ++i) {
    const pid_t middle = must_fork();
    if (middle == 0) {
      must_fork();
      _exit(0);
    }
    waitpid(middle, NULL, 0);
  }
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 0) _exit(1);
  close(ends[0]);
}

static void start_stragglers(int count) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  for (int i = 0; i < count; ++i) {
    if (must_fork() != 0) continue;
    setsid();
    close(ends[0]);
    close(ends[1]);
    for (;;) pause();
  }
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 0) _exit(1);
}

int main(int argc, char** argv) {
  const char* const mode = argc > 1 ? argv[1] : "";
  const int count = argc > 2 ? atoi(argv[2]) : 0;
  if (strcmp(mode, "true") == 0) {
    note(kNoteEnd);
    return 0;
  }
  if (strcmp(mode, "serve") == 0) serve();
  if (strcmp(mode, "wait") == 0) {
    note(kNoteReady);
    wait_for_input();
  }
  if (strcmp(mode, "orphans") == 0) {
    leave_orphans(kFirstOrphans);
    note(kNoteReady);
    leave_orphans(count);
    note(kNoteDone);
    wait_for_input();
  }
  if (strcmp(mode, "calls") == 0) {
    if (argc > 3) go_behind(argv[3]);
    call(count);
    return 0;
  }
  if (strcmp(mode, "deaf") == 0 || strcmp(mode, "stragglers") == 0) {
    signal(SIGTERM, SIG_IGN);
    start_stragglers(count);
    note(kNoteReady);
    for (;;) pause();
  }
  return 64;
}
