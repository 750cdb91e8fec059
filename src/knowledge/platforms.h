// What is known about the platforms on which graceshim runs.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "graceshim/duration.h"
#include "graceshim/signal.h"
#include "programs.h"

namespace graceshim {

// A marker: a variable that a platform sets.
struct Marker {
  std::string_view variable;
  std::string_view value;  // empty: any value that is not empty
};

// What a row requires of /.dockerenv, a file that Docker makes in every container.
enum class DockerFile : std::uint8_t { kAny, kThere, kAbsent };

struct Platform {
  std::string_view name;
  std::array<Marker, 3> markers{};  // one marker is enough; none: /.dockerenv alone decides
  DockerFile docker_file = DockerFile::kAny;
  bool own_pid = false;  // the marker must hold our own process id, because processes further down inherit the variable
  std::optional<Millis> grace{};      // the time from its stop signal to its KILL, if no setting can change it
  std::string_view grace_variable{};  // a variable that holds this time in seconds; may not be set
  SignalSet broadcast{};              // those of its stop signals that go to every process
  bool broadcast_is_certain = true;   // false: a setting of the platform, invisible from inside, may change that
  // How it starts again by itself what has failed: "starts a failed container again by itself". Empty: it does not, or
  // that is not known.
  std::string_view restarts{};
  std::string_view note{};  // for people
};

// Returns the platforms in the order in which they are tried: the one nearest to the process comes first.
std::span<const Platform> platforms() noexcept;

const Platform* find_platform(std::string_view name) noexcept;

// Whether a variable of this name is a marker of a platform, or holds the grace period of one.
bool is_marker(std::string_view name) noexcept;

// What is known about how the platform stops a program.
struct PlatformFacts {
  std::string name;  // "heroku"; empty if no platform was recognised
  // The time from the platform's stop signal to its KILL, if that time is fixed or can be read.
  std::optional<Millis> grace;
  // The stop signals that the platform sends to every process.
  SignalSet broadcast{};
  // False if the platform may have been told to signal the main process alone.
  bool broadcast_is_certain = true;
};

struct RecognisedPlatform {
  const Platform* row = nullptr;  // null: none
  std::string reason;             // "DYNO is set, /.dockerenv is not there"
};

// Finds the platform on which the process runs. The result is a hint and not a proof, because shells and helpers
// inherit the environment.
RecognisedPlatform recognise_platform(const VariableLookup& lookup, int pid,
                                      const std::function<bool(const std::string&)>& exists);

// Returns what make_plan() needs to know about a platform. Reads the grace_variable of the row.
PlatformFacts platform_facts(const Platform& platform, const VariableLookup& lookup);

}  // namespace graceshim
