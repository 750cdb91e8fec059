// Plays the rows of a trial, one after the other. The loop of a trial, which waits for its lives and looks at them
// twenty times a second, is here.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "event_loop.h"
#include "life.h"
#include "listening.h"
#include "reaper.h"
#include "row_plan.h"
#include "rows.h"

namespace graceshim {

constexpr Millis kReadyTime{2'000};

// The signals that end a trial.
constexpr SignalSet kEndsTrial{sig::kInt, sig::kTerm, sig::kHup, sig::kQuit};

class Player {
 public:
  // Both must outlive it.
  Player(const Invocation& invocation, const RequestMaker& make)
      : invocation_(invocation), settings_(invocation.config.trial), make_(make) {}

  // To be called once, before anything is played, in a process that has no children: whatever becomes one is ours.
  // Errors: the system refuses what a trial needs.
  Result<void> open();

  // Starts the command, sends it the signal of the row, and returns what came of it, once all that the row has started
  // is gone.
  Observation play(const RowSpec& spec);

  // The signal that has ended the trial; 0: none has.
  [[nodiscard]] int cut_by() const noexcept { return cut_by_; }
  // Why no other row can be played: a process of the last one is left. Empty: none is.
  [[nodiscard]] const std::string& blocked_by() const noexcept { return blocked_by_; }

  // The longest that a row may take, but for what it waits for a port.
  [[nodiscard]] Millis longest_row() const noexcept;

 private:
  // The row that is being played.
  struct Play {
    const RowSpec& spec;
    Observation seen{};
    std::unique_ptr<Life> command{};
    std::vector<std::unique_ptr<Life>> works{};
    std::unique_ptr<Life> probe{};  // of --trial-ready
    std::set<std::uint64_t> sockets_before{};
    Millis started_at{0};
    std::optional<Millis> executed_at{};  // start.pre comes before that
    Millis next_look{0};
  };

  Observation play_once(const RowSpec& spec);
  bool begin(Play& play);
  bool begin_work(Play& play);
  bool wait_until_ready(Play& play);
  bool wait_before_signal(Play& play);
  bool look_before_signal(Play& play);
  void watch(Play& play);
  void finish(Play& play);
  void conclude(Play& play, bool was_cut_off, Millis signalled_at);

  [[nodiscard]] ReadyBy ready_by(Play& play);
  [[nodiscard]] bool is_ready_by_command(Play& play);
  [[nodiscard]] bool has_ended_early(Play& play, const char* before_what);
  [[nodiscard]] bool is_cut(Play& play) const;
  bool wait_for_ports(Play& play);
  [[nodiscard]] bool wait_for_connections();

  [[nodiscard]] std::vector<Life*> lives_of(Play& play) const;
  void tick(Play* play);
  void reap(Play* play);
  void end(Play& play, Life& life);
  [[nodiscard]] Millis time_to_tidy() const noexcept;  // that stop.post has; 0: there is none
  void sweep();
  void break_off(Play& play, const Error& error);

  const Invocation& invocation_;
  const TrialSettings& settings_;
  const RequestMaker& make_;
  EventLoop loop_;
  WaitCall wait_call_ = WaitCall::kWaitid;
  std::set<std::string> places_;   // what the command has listened on
  Millis ready_time_{kReadyTime};  // after so long, what listens on nothing is taken for ready
  int cut_by_ = 0;
  std::string blocked_by_;
};

}  // namespace graceshim
