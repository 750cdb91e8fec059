// What is known of servers and workers: which signal lets each one finish its work.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graceshim/plan.h"

namespace graceshim {

// What becomes of a server when TERM reaches all of its processes at once, and of one behind a shield.
enum class Shielding : std::uint8_t {
  kNeedless,    // it finishes its work all the same
  kNeeded,      // it drops work, but not behind a shield
  kUnfit,       // it finishes its work; behind a shield it does not end, for it stops its own processes by TERM
  kUnfitLoses,  // it drops work, and behind a shield it does not end
};

struct Preset {
  std::string_view name;
  std::string_view aliases{};  // other names for `preset =`, between spaces
  // How the command is known: "program" or "program word", between commas, where `word` is one of its arguments and a
  // module of python -m, a script or a Java class counts as the program. Empty: by name only.
  std::string_view programs{};
  std::string_view plan{};                // empty: the signal that asks for the stop is right
  std::array<std::uint8_t, 2> success{};  // exit statuses of an orderly stop other than 0; 0: none
  std::optional<Stragglers> stragglers{};
  Shielding shielding = Shielding::kNeedless;
  std::string_view shielded_plan{};  // in place of `plan` where TERM is shielded; empty: the same
  std::string_view note;             // what a person should know
  std::string_view source;           // how we know
};

std::span<const Preset> presets() noexcept;

// By name or alias; null: there is none.
const Preset* find_preset(std::string_view name) noexcept;

}  // namespace graceshim
