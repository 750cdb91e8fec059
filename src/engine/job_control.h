// What a terminal asks of graceshim and its child, apart from any stop: pure functions, as the stop machine is one.
#pragma once

#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"

namespace graceshim {

struct JobControl {
  bool child_has_terminal = false;  // the new value of State::child_has_terminal
  bool suspend = false;             // graceshim stops itself
  bool resume = false;              // the child gets CONT
  bool give_terminal = false;       // the child's group gets the terminal, before any CONT
};

// The child was stopped by `signal`, and `foreground` has the terminal now.
JobControl on_child_stopped(const Plan& plan, const State& state, int signal, Foreground foreground) noexcept;

// We have been continued by CONT, and `foreground` has the terminal now. For a child that gets the terminal from us.
JobControl on_continued(Foreground foreground) noexcept;

// Whether the signal stops graceshim while there is no child that the terminal could have stopped.
bool suspends_between_lives(const Plan& plan, const Event& signal) noexcept;

// Whether the signal has reached the child without us: the terminal, or the kernel at a hang-up, has sent it to the
// child as well.
bool reaches_child_without_us(const Plan& plan, const State& state, const Event& signal) noexcept;

}  // namespace graceshim
