// What is known about servers and workers: which signal lets each of them finish its work.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graceshim/plan.h"
#include "options.h"

namespace graceshim {

// What a server does when TERM reaches all of its processes at once, and what a shield changes.
enum class Shielding : std::uint8_t {
  kNeedless,    // it finishes its work even without a shield
  kNeeded,      // it drops work, but not behind a shield
  kUnfit,       // it finishes its work; behind a shield it does not end, because it stops its own processes by TERM
  kUnfitLoses,  // it drops work, and behind a shield it does not end
  kUnwanted,    // its jobs clean up on this TERM, which a shield would keep from them
  kPointless,   // no signal lets it finish its work, so a shield gains nothing
};

// The interpreter that runs the program, if there is one: `python3 nginx` is no nginx.
enum class Runtime : std::uint8_t { kNone, kPython, kRuby, kPhp, kNode, kJava };

// Whether a server says READY=1 by sd_notify(3) if it finds a NOTIFY_SOCKET in its environment.
enum class SaysReady : std::uint8_t {
  kUnknown,  // nobody has looked, or it depends on the program that is run
  kAlways,
  kIfBuilt,  // if it was built for it, as Debian's is: that cannot be seen from outside
  kIfSet,    // if its user has arranged for it
  kNever,
};

struct Notifying {
  SaysReady ready = SaysReady::kUnknown;
  // How this is known; "measured": by listening to the version in the row's own source.
  std::string_view source{};
  // Of kIfSet: what has to be arranged for. If its first word is an argument of the command, it has been.
  std::string_view setting{};
};

struct Preset {
  std::string_view name;
  Names<3> aliases{};  // other names for `preset =`
  // The commands that are recognised: "program" or "program word", where `word` is a subcommand or an option of the
  // program. A module of python -m and a script count as the program. "bin/x" is the end of a path, and "x*" is any
  // name that begins with x. Empty: no command is recognised.
  Names<12> programs{};
  // How the titles begin that the program gives to its main process (by setproctitle, or $0 = in Ruby). '*' stands for
  // text without blanks, '#' for a version. The other processes of the program have other titles.
  Names<3> titles{};
  Runtime runtime = Runtime::kNone;
  // This row takes the place of the row `in_place_of` if `variable` is set in the command's environment and not empty.
  std::string_view in_place_of{};
  std::string_view variable{};
  std::string_view plan{};                // empty: the child gets the signal that asked for the stop
  std::array<std::uint8_t, 3> success{};  // exit statuses of an orderly stop other than 0; 0: none
  std::optional<Stragglers> stragglers{};
  Shielding shielding = Shielding::kNeedless;
  std::string_view shielded_plan{};  // replaces `plan` if TERM is shielded; empty: the same plan
  bool alone = false;                // work is lost if processes other than the main one get the plan's signals too
  Notifying notifying{};
  std::string_view note;    // what the user should know
  std::string_view source;  // how this is known
};

std::span<const Preset> presets() noexcept;

// Finds a preset by its name or an alias; null: there is none.
const Preset* find_preset(std::string_view name) noexcept;

}  // namespace graceshim
