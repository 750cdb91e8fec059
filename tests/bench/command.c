// The command behind every shim, small and static, so that the shim is what is measured. It notes when things happen.
//
//     command true            ends
//     command wait            ends when its standard input does
//     command serve           ends when TERM or QUIT comes; notes every signal
//     command deaf            ignores TERM and waits
//     command orphans N       leaves N children of children behind, then does as `wait`
//     command stragglers N    starts N processes in sessions of their own that ignore TERM, then does as `deaf`
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
  if (strcmp(mode, "deaf") == 0 || strcmp(mode, "stragglers") == 0) {
    signal(SIGTERM, SIG_IGN);
    start_stragglers(count);
    note(kNoteReady);
    for (;;) pause();
  }
  return 64;
}
