// simulate: lives of graceshim on the simulated machine. It reads them from its input, in the words of lives.py, a line
// each, and answers every `play` by a line of JSON: what graceshim reports, what processes have caught, who is left.
//
//     pid1                             graceshim is PID 1
//     option WORD                      of its command line
//     process NAME PARENT MODE         PARENT is `-` for the command; MODE as in the fixture's `spawn`
//     ignore NAME SIGNAL
//     on NAME SIGNAL AFTER END         END is a status, the name of a signal, or `stop`, which comes at once
//     own NAME AFTER END               so long after its start
//     hook pre-stop AFTER STATUS
//     at TIME NAME SIGNAL              NAME is `graceshim`, or that of a process
//     play SEED SPREAD                 with every delay longer by less than SPREAD, at random
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "../sim/simulation.h"
#include "../unit/fake_surroundings.h"
#include "report.h"

namespace graceshim {
namespace {

constexpr int kByItself = 14;  // ALRM, by which the fixture tells itself that its own time has come
constexpr Millis kBusy{100};   // so long a process of the real machine may not have run: LATE of lives.py
constexpr std::array<std::string_view, kHookCount> kHookNames{"pre-stop", "pre-start", "post-stop"};  // as in Hook

struct Character {
  std::string name, parent, mode;
  SignalSet ignores;
  std::map<int, Reaction> reactions;
  int own_after = -1;
};

struct Strike {
  Millis at{0};
  std::string name;
  int signal = 0;
};

struct Life {
  bool pid1 = false;
  std::vector<std::string> options;
  std::vector<Character> processes;  // the command first, and each behind its parent
  std::map<std::string, Reaction> hooks;
  std::vector<Strike> strikes;
};

Reaction reaction_of(int after, const std::string& end) {
  if (end == "stop") return {.stops = true};
  if (end[0] >= '0' && end[0] <= '9') return {.after = Millis{after}, .code = std::stoi(end)};
  return {.after = Millis{after}, .dies_of = parse_signal(end).value()};
}

Character& named(Life& life, const std::string& name) {
  for (Character& process : life.processes) {
    if (process.name == name) return process;
  }
  throw std::runtime_error("no process " + name);
}

void read_line(Life& life, std::istringstream& line, const std::string& what) {
  std::string name, word;
  int after = 0;
  if (what == "pid1") {
    life.pid1 = true;
  } else if (what == "option") {
    std::getline(line >> std::ws, word);
    life.options.push_back(word);
  } else if (what == "process") {
    Character& process = life.processes.emplace_back();
    line >> process.name >> process.parent >> process.mode;
  } else if (what == "ignore") {
    line >> name >> word;
    named(life, name).ignores.add(parse_signal(word).value());
  } else if (what == "on") {
    std::string signal;
    line >> name >> signal >> after >> word;
    named(life, name).reactions[parse_signal(signal).value()] = reaction_of(after, word);
  } else if (what == "own") {
    line >> name >> after >> word;
    named(life, name).own_after = after;
    named(life, name).reactions[kByItself] = reaction_of(0, word);
  } else if (what == "hook") {
    line >> name >> after >> word;
    life.hooks[name] = reaction_of(after, word);
    life.options.insert(life.options.end(), {"--" + name, "true"});
  } else if (what == "at") {
    line >> after >> name >> word;
    life.strikes.push_back({Millis{after}, name, parse_signal(word).value()});
  } else {
    throw std::runtime_error("no word " + what);
  }
  if (!line) throw std::runtime_error("a word is missing behind " + what);
}

struct Refused {};

Plan plan_of_options(const Life& life) {
  FakeSurroundings surroundings = with_arguments(life.options);
  surroundings.arguments.insert(surroundings.arguments.end(), {"--", "fixture"});
  surroundings.environment = {"GRACESHIM_PLATFORM=none"};
  const Result<Invocation> invocation = surroundings.configure();
  if (!invocation) throw Refused();
  const Result<PlanResult> made = make_plan(invocation->config, invocation->platform, {.pid1 = life.pid1});
  if (!made) throw Refused();
  return made->plan;
}

class Play {
 public:
  Play(const Life& life, unsigned seed, int spread)
      : life_(life), random_(seed), seed_(seed), spread_(spread), run_(plan_of_options(life), life.pid1) {
    SimulatedWorld& world = run_.world;
    world.its_jitter = spread == 0 ? 0 : static_cast<std::uint8_t>(random_() & 255U);
    // Whether a process that a signal ends is there yet at the next look: in some plays it is, in others it is not.
    world.dying_takes = Millis{spread == 0 ? 0U : seed % 3};
    world.stopping_takes = Millis{spread == 0 ? 1U : seed % 2};
    // One and the same timer is asked for many times, and is as late each time; in some plays it is not late.
    world.lateness = [this](Millis due) {
      std::minstd_rand of_timer(seed_ + static_cast<unsigned>(due.count()));
      return Millis{spread_ == 0 || seed_ % 4 == 0 ? 0
                                                   : static_cast<int>(of_timer() % static_cast<unsigned>(spread_)) / 4};
    };
    world.on_child_start = [this](SimProcess& command) { begin(command); };
    world.on_any_hook_start = [this](Hook hook, SimProcess& process) { begin(hook, process); };
  }

  std::string history() {
    run_.start();
    for (const Strike& strike : life_.strikes) {
      run_.world.at(late(strike.at), [this, strike] {
        if (strike.name == "graceshim") return run_.world.signal_us(strike.signal);
        for (const auto& [pid, process] : run_.world.processes()) {
          if (process.facts.name == strike.name && !process.zombie) return run_.world.strike(pid, strike.signal);
        }
      });
    }
    const int status = run_.run(Millis{60'000});
    if (!life_.pid1) run_.world.go_away();
    std::string report = run_.supervisor.finished() ? render_report(run_.supervisor.report(), 1'000'000) : "null\n";
    report.pop_back();
    std::ostringstream text;
    text << R"({"status": )" << status << R"(, "report": )" << report << R"(, "heard": [)";
    const char* between = "";
    for (const Delivery& delivery : run_.world.heard()) {
      if (delivery.signal == kByItself) continue;
      text << std::exchange(between, ", ") << "[\"" << names_[delivery.pid] << "\", \"" << signal_name(delivery.signal)
           << "\"]";
    }
    text << R"(], "left": [)";
    between = "";
    for (const auto& [pid, process] : run_.world.processes()) {
      if (!process.zombie) text << std::exchange(between, ", ") << '"' << process.facts.name << '"';
    }
    text << R"(], "hurried": )" << (is_hurried() ? "true" : "false") << R"(, "faults": )" << faults() << "}";
    return text.str();
  }

 private:
  Millis late(Millis when) {
    return when + Millis{spread_ == 0 ? 0 : static_cast<int>(random_() % static_cast<unsigned>(spread_))};
  }

  void begin(SimProcess& command) {
    std::map<std::string, int> pids;
    for (const Character& character : life_.processes) {
      if (character.parent == "-") {
        shape(command, character);
        pids[character.name] = command.facts.id.pid;
        continue;
      }
      SimProcess& process = run_.world.fork_from(pids.at(character.parent), character.name);
      if (character.mode == "orphan" || character.mode == "daemon") process.facts.parent = SimulatedWorld::kOwnPid;
      if (character.mode != "here" && character.mode != "orphan") process.facts.group = process.facts.id.pid;
      if (character.mode == "session" || character.mode == "daemon") process.facts.session = process.facts.id.pid;
      shape(process, character);
      pids[character.name] = process.facts.id.pid;
    }
  }

  void shape(SimProcess& process, const Character& character) {
    const int pid = process.facts.id.pid;
    process.facts.name = character.name;
    process.ignores = character.ignores;
    process.catches = character.reactions;
    for (auto& [signal, reaction] : process.catches) {
      if (reaction.after != Millis{0}) reaction.after = late(reaction.after);
    }
    process.reacts_once = true;
    names_[pid] = character.name;
    if (character.own_after < 0) return;
    run_.world.at(late(Millis{character.own_after}), [this, pid] { run_.world.strike(pid, kByItself); });
  }

  void begin(Hook hook, SimProcess& process) {
    const Reaction& how = life_.hooks.at(std::string(kHookNames[index_of(hook)]));
    // A shell comes before the hook: that is another delay.
    run_.world.at(late(late(how.after)), [this, pid = process.facts.id.pid, code = how.code] {
      run_.world.exit(pid, {false, code});
    });
  }

  // Whether a process has had a signal, KILL most often, so soon after one that it catches that it need not have acted
  // on that: which of two is first is then the kernel's to say.
  [[nodiscard]] bool is_hurried() const {
    return std::ranges::any_of(run_.world.deliveries(), [this](const Delivery& next) {
      return std::ranges::any_of(run_.world.heard(), [&next](const Delivery& caught) {
        return caught.pid == next.pid && caught.signal != next.signal && next.signal != sig::kCont &&
               caught.at <= next.at && next.at < caught.at + kBusy;
      });
    });
  }

  static int faults() { return testing::UnitTest::GetInstance()->ad_hoc_test_result().total_part_count(); }

  const Life& life_;
  std::minstd_rand random_;
  unsigned seed_;
  int spread_;
  Simulation run_;
  std::map<int, std::string> names_;
};

// What graceshim itself refuses is no life.
std::string history_of(const Life& life, unsigned seed, int spread) {
  try {
    return Play(life, seed, spread).history();
  } catch (const Refused&) {
    return "null";
  }
}

void answer_lines() {
  Life life;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    std::string what;
    line >> what;
    if (what == "life") {
      life = {};
    } else if (what == "play") {
      unsigned seed = 0;
      int spread = 0;
      line >> seed >> spread;
      std::cout << history_of(life, seed, spread) << std::endl;
    } else {
      read_line(life, line, what);
    }
  }
}

}  // namespace
}  // namespace graceshim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  try {
    graceshim::answer_lines();
  } catch (const std::exception& error) {
    std::cerr << "simulate: " << error.what() << '\n';
    return 2;
  }
  return 0;
}
