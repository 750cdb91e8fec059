// What is known of servers and workers: which signal lets each one finish its work.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graceshim/plan.h"
#include "options.h"

namespace graceshim {

// What becomes of a server when TERM reaches all of its processes at once, and of one behind a shield.
enum class Shielding : std::uint8_t {
  kNeedless,    // it finishes its work all the same
  kNeeded,      // it drops work, but not behind a shield
  kUnfit,       // it finishes its work; behind a shield it does not end, for it stops its own processes by TERM
  kUnfitLoses,  // it drops work, and behind a shield it does not end
  kUnwanted,    // its jobs clean up on that very TERM, which a shield would keep from them
  kPointless,   // no signal lets it finish, and so a shield gains nothing
};

// What runs the program, where that is not the kernel: `python3 nginx` is no nginx.
enum class Runtime : std::uint8_t { kNone, kPython, kRuby, kPhp, kNode, kJava };

struct Preset {
  std::string_view name;
  Names<3> aliases{};  // other names for `preset =`
  // How the command is known: "program" or "program word", where `word` is its subcommand, or one of its options. A
  // module of python -m and a script count as the program. "bin/x" is a path's end, "x*" any name that begins so.
  // Empty: by name only.
  Names<12> programs{};
  // What it calls its main process by (setproctitle, $0 = in Ruby), from the start of the title on; '*' stands for text
  // without blanks, '#' for a version. Its other processes have other titles.
  Names<3> titles{};
  Runtime runtime = Runtime::kNone;
  // This row takes the place of that one if the variable is set in the command's environment, and not empty.
  std::string_view in_place_of{};
  std::string_view variable{};
  std::string_view plan{};                // empty: the signal that asks for the stop is right
  std::array<std::uint8_t, 3> success{};  // exit statuses of an orderly stop other than 0; 0: none
  std::optional<Stragglers> stragglers{};
  Shielding shielding = Shielding::kNeedless;
  std::string_view shielded_plan{};  // in place of `plan` where TERM is shielded; empty: the same
  bool alone = false;                // work is lost if its own processes get the plan's signals as well
  std::string_view note;             // what a person should know
  std::string_view source;           // how we know
};

std::span<const Preset> presets() noexcept;

// By name or alias; null: there is none.
const Preset* find_preset(std::string_view name) noexcept;

}  // namespace graceshim
