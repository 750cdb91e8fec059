// Recognises the server that the words of COMMAND start.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "presets.h"
#include "programs.h"

namespace graceshim {

struct Recognised {
  const Preset* preset = nullptr;        // null: no server was recognised for sure
  std::string words{};                   // those by which the server was recognised: "rake resque:work"
  std::string program{};                 // with a preset: the base name of the program behind all wrappers
  std::vector<std::string> arguments{};  // the arguments of this program
  // What is wrong with the programs in front of the server, and what to do. May be empty.
  std::string wrapper_warning{};
  // Why the preset cannot do all that it should, or why there is none, and what to do. May be empty.
  std::string preset_warning{};
};

// Looks through commands that become the next one or pass every signal on (env, nice, gosu, tini, bundle exec, sh -c
// 'exec ...', ...), and through interpreters to their script or module. If the process that gets the signal is not for
// sure the server, there is no preset: the wrong signal is worse than the one that came. The function is pure: it looks
// at nothing but the words and, by `lookup`, the variables that the command is given.
Recognised recognise(std::span<const std::string> command, const VariableLookup& lookup = {});

// Recognises a running process by the words of its /proc/PID/cmdline: by the same rows, and by the titles that servers
// give to their main process. Wrappers are not looked through, because a wrapper that is still running has not become
// the server (a running `sh`, `npm` or `tini` is no server). `lookup` reads the /proc/PID/environ of the process.
Recognised recognise_running(std::span<const std::string> cmdline, const VariableLookup& lookup = {});

// Whether a running process is a shell that waits for what the text behind its -c has started. By then it has become no
// other program, whatever recognise() expects of the text. A text that sets a trap does not count.
bool is_waiting_shell(std::span<const std::string> cmdline);

// Whether a running process is a shell or another wrapper that keeps an INT to itself: such a process catches or
// ignores the signal, waits for the command below it, and neither ends nor passes the signal on. A shell whose text
// sets a trap does not count, because it handles signals in its own way.
bool keeps_interrupt(std::span<const std::string> cmdline);

}  // namespace graceshim
