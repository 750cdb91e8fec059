// Programs that stand in front of another one: those that become it or pass every signal on, and those that do not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace graceshim {

struct Wrapper;

// Null: `name` is none that we look through.
const Wrapper* find_wrapper(std::string_view name);

struct Unwrapped {
  Words command;
  std::vector<Option> options;
  std::vector<std::string_view> assignments;  // NAME=VALUE in front of the command
};

// The command behind the wrapper at the start of `words`; nothing if it does not follow for sure, or not as our
// process.
std::optional<Unwrapped> unwrap(Words words, const Wrapper& wrapper);

// Whether this shim gives each signal to every process below it; `off` are variables that say so.
bool signals_everybody(std::string_view name, const Unwrapped& unwrapped, bool kill_process_group, bool setsid_off);

bool is_shell(std::string_view name);

// What is wrong with a program that runs another one, stays, and does not pass signals on; empty: it is none of these.
std::string stubborn_wrapper(std::string_view name, Words words);

}  // namespace graceshim
