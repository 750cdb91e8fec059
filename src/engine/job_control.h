// What a terminal asks of graceshim and its child, apart from any stop: pure functions, as the stop machine is one.
#pragma once

#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"

namespace graceshim {

struct JobControl {
  bool child_has_terminal = false;  // what is known from now on
  bool suspend = false;             // we stop ourselves
  bool resume = false;              // the child gets CONT,
  bool give_terminal = false;       // and its group the terminal before
};

// The child was stopped by `signal`, and `foreground` has the terminal now.
JobControl on_child_stopped(const Plan& plan, const State& state, int signal, Foreground foreground) noexcept;

// We have been continued by CONT, and `foreground` has the terminal now. For a child that gets the terminal from us.
JobControl on_continued(Foreground foreground) noexcept;

// Whether the signal has reached the child without us: the terminal, or the kernel at a hang-up, has sent it to the
// child as well.
bool reaches_child_without_us(const Plan& plan, const State& state, const Event& signal) noexcept;

}  // namespace graceshim
