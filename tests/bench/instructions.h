// What a start costs, counted and not timed: the same on a busy machine.
#pragma once

#include <string>
#include <vector>

namespace graceshim {

struct StartCost {
  long instructions = 0;  // in user mode; each turn of a repeated string instruction counts
  long calls = 0;         // system calls, those two execs left out
};

StartCost operator-(const StartCost& left, const StartCost& right);
// The figures as a file has them that is checked in, with what to do when they change; and back. `text` without them:
// it throws.
std::string as_text(const StartCost& cost);
StartCost parse_start_cost(const std::string& text);
// What is wrong with `cost`, as long as `known` is what it should be; empty: nothing.
std::string objection(const StartCost& cost, const StartCost& known);

// From the exec of argv[0] to the exec of the command that it starts: its own, and those of its child up to there.
StartCost start_cost(std::vector<std::string> argv);

}  // namespace graceshim
