// Wrappers: programs that stand in front of another one. Some become the other program or pass every signal on to it,
// some do not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace graceshim {

struct Wrapper;

// The names of the wrappers that are looked through, in the order of the table.
std::vector<std::string_view> wrapper_names();

// Returns null if `name` is not a wrapper that is looked through.
const Wrapper* find_wrapper(std::string_view name);

struct Unwrapped {
  Words command;
  std::vector<Option> options;
  std::vector<std::string_view> assignments;  // NAME=VALUE in front of the command
};

// Returns the command behind the wrapper at the start of `words`. Returns nullopt if the command does not follow
// for sure, or would not become our child.
std::optional<Unwrapped> unwrap(Words words, const Wrapper& wrapper);

// Whether this shim sends each signal to every process below it. `kill_process_group` says that TINI_KILL_PROCESS_GROUP
// is set, `setsid_off` that DUMB_INIT_SETSID is 0.
bool signals_everybody(std::string_view name, const Unwrapped& unwrapped, bool kill_process_group, bool setsid_off);

bool is_shell(std::string_view name);

// Returns what is wrong with a program that runs another one, keeps running, and does not pass signals on. Empty:
// `name` is no such program.
std::string stubborn_wrapper(std::string_view name, Words words);

}  // namespace graceshim
