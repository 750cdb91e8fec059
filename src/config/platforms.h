// What is known of the places where graceshim runs.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "graceshim/config.h"

namespace graceshim {

struct Environment;

// A variable that a platform sets.
struct Trace {
  std::string_view variable;
  std::string_view value;  // empty: any but the empty one
};

// How /.dockerenv, which Docker makes in every container, bears on a row.
enum class DockerFile : std::uint8_t { kAny, kThere, kAbsent };

struct Platform {
  std::string_view name;
  std::array<Trace, 3> traces{};  // one of them is enough; none: the file alone tells
  DockerFile docker_file = DockerFile::kAny;
  bool own_pid = false;               // the variable must hold our own process id: it leaks into children otherwise
  std::optional<Millis> grace{};      // from its stop signal to its KILL, where nobody can change it
  std::string_view grace_variable{};  // holds it in seconds, if it is set
  SignalSet broadcast{};              // those of its stop signals that go to every process
  bool broadcast_is_certain = true;   // no setting of the platform, which cannot be seen from inside, changes that
  std::string_view note{};            // for people
};

// In the order in which they are tried: who is nearest to the process comes first.
std::span<const Platform> platforms() noexcept;

const Platform* find_platform(std::string_view name) noexcept;

// Whether a variable of this name says anything about the platform.
bool is_trace(std::string_view name) noexcept;

struct RecognisedPlatform {
  const Platform* row = nullptr;  // null: none
  std::string reason;             // "DYNO is set, /.dockerenv is not there"
};

// Finds the platform that the process runs on. A hint, not a proof: the environment leaks into shells and helpers.
RecognisedPlatform recognise_platform(const Environment& environment, int pid,
                                      const std::function<bool(const std::string&)>& exists);

// What make_plan() needs of a row; reads its grace_variable.
PlatformFacts platform_facts(const Platform& platform, const Environment& environment);

}  // namespace graceshim
