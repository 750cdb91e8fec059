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
  // The stop of the command, where it is recognised for sure.
  std::function<std::optional<LatePlan>(const RunningCommand& command)> stop_of = {};
  // The signal that a stop of this process begins with, where it is recognised for sure; kSameSignal: the trigger.
  std::function<std::optional<int>(const RunningCommand& orphan)> first_signal = {};
  // Whether it is a shell or another wrapper that waits for the command below it and takes an INT for itself alone: it
  // neither ends by the signal nor passes it on.
  std::function<bool(std::span<const std::string> words)> keeps_interrupt = {};
};

inline const LateRecognition kRecognisesNothing{};

}  // namespace graceshim
