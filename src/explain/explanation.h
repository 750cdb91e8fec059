// The content of --explain as a value, which explain_text.cc writes for people and explain_json.cc for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "explain.h"
#include "presets.h"

namespace graceshim {

struct Explanation {
  // What was recognised, or why nothing was.
  struct Recognition {
    std::string name{};     // empty: nothing was recognised
    std::string heading{};  // for people: the name and the reason
    std::string reason{};
    std::string note{};
    std::string source{};  // for a preset: where its facts are from
    Notifying notifying{};
  };

  struct Setting {
    std::string name{};   // "stop.timeout"
    std::string value{};  // empty: none
    Origin origin = Origin::kDefault;
    std::string where{};  // empty: the default
  };

  // One bar of the timeline.
  struct Bar {
    std::string what{};    // "delay", "pre_stop", "signal", "platform_kill"
    std::string label{};   // stands in front of the bar
    std::string text{};    // follows the time
    std::string signal{};  // empty unless `what` is "signal"; the same holds for `scope`
    std::string scope{};
    Millis from{0};  // kInfinity: never
    Millis to{0};    // the end of the wait; kInfinity: it has no end; equal to `from`: there is no wait
  };

  // When the command is started again.
  struct Restarts {
    std::string policy{};         // as the option takes it
    std::string policy_reason{};  // where it was set; empty: the default
    std::string ends{};           // for people: the ends of the command that it is started again after; empty: none
    // The waits before the restarts of a row, without their jitter. If the limit is higher, the last one repeats.
    std::vector<Millis> delays{};
    std::uint32_t limit = kNoLimit;
    Millis reset_after{0};
    SignalSet signals{};  // those that stop the command and start it again
  };

  // How the command says that it is ready, and who is told.
  struct Ready {
    std::string from{};  // as the option takes it: "exec", "fd:3"
    std::string from_reason{};
    std::string file{};  // empty: none
    std::optional<int> fd{};
  };

  std::vector<std::string> command{};
  Recognition preset{};
  Recognition platform{};
  std::optional<Millis> platform_grace{};
  bool platform_signals_every_process = false;
  std::vector<Setting> settings{};

  SignalSet triggers{};
  std::vector<int> implicit_triggers{};  // the trigger that the first signal of the plan adds
  std::string plan{};
  std::string plan_reason{};
  bool looks_again = false;  // a preset may be found at the moment of the stop
  Millis timeout{0};
  std::string timeout_reason{};
  SignalSet shield{};
  std::string shield_reason{};    // where the shield was set; empty without a shield
  std::string shield_note{};      // what the shield does to the command, or why there is none where one is likely
  std::string plan_if_refused{};  // the plan if the kernel refuses the shield; empty without a shield
  std::vector<Bar> timeline{};
  bool pre_start = false;                   // start.pre is set
  std::optional<Millis> post_stop_limit{};  // the most that stop.post may take; nullopt: it is not set

  std::optional<Restarts> restart{};  // nullopt: the command is never started again

  std::optional<Ready> ready{};  // nullopt: nothing says so, and nobody is told

  Millis watchdog = kInfinity;  // how long the command may be silent once it is ready; kInfinity: for ever
  Millis extend_max{0};         // how far past the timeout it may carry a stop

  std::vector<std::string> warnings{};
};

Explanation explanation_of(const Invocation& invocation, const PlanResult& result);

}  // namespace graceshim
