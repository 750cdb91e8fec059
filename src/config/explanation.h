// What --explain has to say, as a value: explain_text.cc writes it for people, explain_json.cc for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configure.h"

namespace graceshim {

struct Explanation {
  // What was recognised, or why nothing was.
  struct Recognition {
    std::string name{};     // empty: nothing
    std::string heading{};  // for people: the name and the reason
    std::string reason{};
    std::string note{};
    std::string source{};  // of a preset: where its facts are from
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
    std::string label{};   // what stands in front of it
    std::string text{};    // what follows its time
    std::string signal{};  // of "signal" alone, and so is the scope
    std::string scope{};
    Millis from{0};  // kInfinity: never
    Millis to{0};    // where its wait ends, kInfinity: nowhere; equal to `from` for what takes no time
  };

  std::vector<std::string> command{};
  Recognition preset{};
  Recognition platform{};
  std::optional<Millis> platform_grace{};
  bool platform_signals_every_process = false;
  std::vector<Setting> settings{};

  SignalSet triggers{};
  std::vector<int> implicit_triggers{};  // those that the plan's first signal adds
  std::string plan{};
  std::string plan_reason{};
  bool looks_again = false;  // a preset may be found at the moment of the stop
  Millis timeout{0};
  std::string timeout_reason{};
  SignalSet shield{};
  std::string shield_reason{};    // whence it comes; empty without one
  std::string shield_note{};      // what it does to the command, or why there is none where one could be expected
  std::string plan_if_refused{};  // by the kernel, which may refuse a shield; empty without one
  std::vector<Bar> timeline{};

  std::vector<std::string> warnings{};
};

Explanation explanation_of(const Invocation& invocation, const PlanResult& result);

}  // namespace graceshim
