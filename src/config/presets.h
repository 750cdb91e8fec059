// What is known of servers and workers: which signal lets each one finish its work.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graceshim/plan.h"

namespace graceshim {

struct Preset {
  std::string_view name;
  std::string_view aliases{};  // other names for `preset =`, between spaces
  // How the command is known: "program" or "program word", between commas, where `word` is one of its arguments and a
  // module of python -m, a script or a Java class counts as the program. Empty: by name only.
  std::string_view programs{};
  std::string_view plan{};                // empty: the signal that asks for the stop is right
  std::array<std::uint8_t, 2> success{};  // exit statuses of an orderly stop other than 0; 0: none
  std::optional<Stragglers> stragglers{};
  bool loses_to_broadcast = false;  // drops work if the platform's TERM reaches all of its processes
  std::string_view note;            // what a person should know
  std::string_view source;          // how we know
};

std::span<const Preset> presets() noexcept;

// By name or alias; null: there is none.
const Preset* find_preset(std::string_view name) noexcept;

}  // namespace graceshim
