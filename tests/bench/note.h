// What the command says to the driver on its standard output: one of these a write, which a pipe takes whole.
#pragma once

#include <stdint.h>

enum {
  kNoteReady = 0,
  kNoteEnd = -1,
  kNoteDone = -2,
  // `at` is the time on a CPU that so many calls took.
  kNoteGetppid = -3,
  kNoteWrite = -4,
  kNoteSigaction = -5,
};  // a signal: its number

struct Note {
  int64_t at;  // CLOCK_MONOTONIC, nanoseconds
  int64_t what;
  int64_t pid;
};
