// What a start costs, counted and not timed: the same on a busy machine.
#pragma once

#include <string>
#include <vector>

namespace graceshim {

struct StartCost {
  long instructions = 0;  // in user mode; each turn of a repeated string instruction counts
  long calls = 0;         // system calls, those two execs left out
};

// From the exec of argv[0] to the exec of the command that it starts: its own, and those of its child up to there.
StartCost start_cost(std::vector<std::string> argv);

}  // namespace graceshim
