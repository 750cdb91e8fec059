// Tells the story of a run in the log, in graceshim's own words; compat/templates.h tells it in those of the init that
// graceshim stands in for. A narrator decides nothing: without it, everything would happen as it does, and the report
// would be the same.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graceshim/plan.h"
#include "graceshim/stop_machine.h"
#include "outcome.h"
#include "recorder.h"
#include "world.h"

namespace graceshim {

// What can have a line in the log of an init. graceshim itself tells of few of these, and says more of its stops.
enum class Happening : std::uint8_t {
  kSubreaper,  // graceshim has become a subreaper
  // The next three: a child is to start in a session of its own.
  kLeftTerminal,   // graceshim led its session, and has left its terminal
  kNotLeader,      // graceshim led no session, and so kept its terminal
  kNoTerminal,     // standard input is not the controlling terminal (%n, %r)
  kChildTerminal,  // the session of the child did not get the terminal (%n, %r)
  kSessionMade,    // the child leads a session of its own
  kStarted,        // the child has been started
  kReceivedChld,   // CHLD was received; this line comes before those of the processes that are then reaped
  kReceived,       // any other signal was received
  kOfHandOver,     // the signal came from leaving the terminal, and is not forwarded
  kTranslated,     // the signal is mapped to another one
  kForwarded,      // the signal has been forwarded
  kDropped,        // the signal is not forwarded, because a setting says so
  kSuspended,      // graceshim is about to stop itself
  kReapedExited,   // a process that exited, the child included, was reaped
  kReapedDied,     // a process that died of a signal, the child included, was reaped
  kOrphanExited,   // as kReapedExited, but without the child
  kOrphanDied,     // as kReapedDied, but without the child
  kWarnOfOrphan,   // an orphan was reaped, and a warning is wanted for each
  kDismissal,      // the child has ended, and what is left of its group gets signal %n
  // The next two: how the child has ended, told when graceshim ends.
  kChildExited,
  kChildDied,
  kNoneToReap,  // children are left, but none of them, or no other one, has ended
  kNoneLeft,    // no child is left
  kLeaving,     // graceshim exits; this is the last line
};
constexpr std::size_t kHappeningCount = static_cast<std::size_t>(Happening::kLeaving) + 1;

class Narrator {
 public:
  // `command` names the child. `world` and `recorder` must outlive the object. The recorder must have noted an event
  // before the narrator tells of it.
  Narrator(World& world, const Recorder& recorder, std::string command)
      : world_(world), recorder_(recorder), command_(std::move(command)) {}
  virtual ~Narrator() = default;

  // Nothing has been started yet. `is_subreaper`: graceshim was to become a subreaper, and has become one or is PID 1,
  // which acts as one. `adopts`: orphans come to graceshim, because graceshim is a subreaper or PID 1.
  virtual void tell_ready(bool /*is_subreaper*/, bool /*adopts*/) {}
  // Another life is about to begin.
  void begin_life() noexcept {
    named_step_ = -1;
    named_ = 0;
  }
  void tell_refusal(const Error& error);
  // `unshielded`: the plan in use if the kernel refuses the shield.
  void tell_shield(const StartedChild& started, const Plan& plan, const Plan& unshielded);
  void tell_started(const StartedChild& started);
  // What step() made of `event`, and what came of it.
  void tell(const Plan& plan, const Event& event, std::span<const Ended> ended, const Transition& next,
            std::span<const Outcome> outcomes);

 protected:
  struct Particulars {
    int pid = 0;       // of the process that this is about
    ExitStatus how{};  // how it has ended; or a signal, or an errno, as `value`
    int received = 0;  // the signal that graceshim has received; 0: none
  };
  virtual void tell_happening(Happening what, const Particulars& of);
  // Whether there is a line for a stop that only forwards its signal and leaves the rest of the tree behind.
  [[nodiscard]] virtual bool tells_of_plain_stops() const { return true; }
  // Whether kChildExited or kChildDied is the last word about the child, in place of our own.
  [[nodiscard]] virtual bool has_last_word(Happening /*what*/) const { return false; }

  [[nodiscard]] World& world() const noexcept { return world_; }
  [[nodiscard]] const Report& report() const noexcept { return recorder_.report(); }
  [[nodiscard]] const std::string& command() const noexcept { return command_; }

 private:
  struct Moment {
    const Plan& plan;
    const Event& event;
    const State& state;
  };

  void tell_ended(const Moment& moment, std::span<const Ended> ended);
  void tell_hook_ended(const Moment& moment, const Ended& hook);
  void tell_reaped(const Ended& ended);
  void tell_chld(bool received);
  void tell_all_reaped(bool empty, bool finished);
  void tell_note(const Moment& moment, const Action& note);
  void tell_timeout(const Moment& moment);
  void tell_stop_asked(const Moment& moment, const Action& note);
  void tell_stops_for_good(const Moment& moment, int signal);
  void tell_missed(const Moment& moment);
  void tell_extended(const Moment& moment);
  void tell_stood_still(const Moment& moment, Millis pause);
  void tell_repeat(const Moment& moment, int signal);
  void tell_restart(const Moment& moment);
  void tell_gave_up(const State& state);
  void tell_left_behind(const Moment& moment, const std::string& what_now);
  void tell_kill();
  void tell_survivors(const Moment& moment);
  void tell_outcome(const Moment& moment, const Outcome& outcome);
  void tell_recognised(const Moment& moment, const Outcome& outcome);
  void tell_served(int step, const Outcome& outcome);
  void tell_refused(const Outcome& outcome);
  void tell_forwarded(const Event& event, int signal);
  void tell_failed_hook(const Moment& moment, Hook hook, const std::string& how);
  void tell_left_killed(const Outcome& left);
  void tell_not_passed_on(const Moment& moment, int signal);
  [[nodiscard]] std::string what_follows(const Moment& moment, bool restarts) const;
  void tell_end(const Moment& moment);

  // Of the child, or of a signal or an errno that concerns it.
  void tell_of_child(Happening what, ExitStatus how = {}, int received = 0);
  void tell_signal(Happening what, int signal, int received = 0) { tell_of_child(what, {true, signal}, received); }

  [[nodiscard]] std::string child_name() const;
  [[nodiscard]] std::string name_of(const Process& process) const;
  [[nodiscard]] std::string oom_hint(ExitStatus end) const;
  [[nodiscard]] std::string names_of_stragglers() const;
  [[nodiscard]] std::string names_of_tree(bool child_is_named) const;

  World& world_;
  const Recorder& recorder_;
  std::string command_;
  int named_step_ = -1;    // the step whose receivers the log has named last
  std::size_t named_ = 0;  // how many receivers of that step the log has named
  // The last round of reaping has left more to reap, so the next round belongs to the same CHLD.
  bool round_goes_on_ = false;
  // The line about a CHLD has been written, and that CHLD has not been read yet.
  bool chld_told_ = false;
};

// Returns the key of the hook's setting: "start.pre".
std::string key_of(Hook hook);

// Makes a narrator. `world` and `recorder` must outlive it.
using NarratorMaker =
    std::function<std::unique_ptr<Narrator>(World& world, const Recorder& recorder, std::string command)>;

// Makes the narrator that tells in graceshim's own words.
std::unique_ptr<Narrator> make_narrator(World& world, const Recorder& recorder, std::string command);

}  // namespace graceshim
