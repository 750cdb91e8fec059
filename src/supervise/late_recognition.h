// What can be told of a running process by its words: the command that an entry point has become by the time of the
// stop, and the orphans that it leaves. The caller of a run fills this in; an empty function knows nothing.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "graceshim/plan.h"

namespace graceshim {

struct RunningCommand {
  std::span<const std::string> words;                                              // /proc/PID/cmdline
  std::function<std::optional<std::string>(std::string_view name)> variable = {};  // of its environment at its exec
};

struct LatePlan {
  std::string preset;
  Plan plan;  // of this preset, without a shield
};

struct LateRecognition {
  // Returns the plan for the command; nothing if the command is not recognised for sure.
  std::function<std::optional<LatePlan>(const RunningCommand& command)> stop_of = {};
  // Returns the signal that a stop of this process begins with; kSameSignal means the trigger. Returns nothing if the
  // process is not recognised for sure.
  std::function<std::optional<int>(const RunningCommand& orphan)> first_signal = {};
  // Whether the words are those of a shell or of another wrapper that waits for the command below it and keeps an INT
  // to itself: the wrapper neither ends by the signal nor passes it on.
  std::function<bool(std::span<const std::string> words)> keeps_interrupt = {};
};

inline const LateRecognition kRecognisesNothing{};

}  // namespace graceshim
