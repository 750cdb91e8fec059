// What the log says of the machine's decisions: a part of Narrator.
#include <algorithm>
#include <span>

#include "graceshim/duration.h"
#include "narrator.h"
#include "text.h"

namespace graceshim {
namespace {

// Of a stop. A trigger that is read once the time for the stragglers is over, and before the timer, leaves none.
Millis time_to_kill(const State& state) {
  return std::max(state.deadline - state.t0, Millis{0});
}

// What is left until the KILL, as the end of a line; empty: there is none.
std::string until_kill(const State& state) {
  return state.deadline == kInfinity ? std::string() : "; KILL in " + format_duration(time_to_kill(state));
}

// Of the whole plan, which begins now: its own waits may be over before the timeout.
std::string until_kill(const Plan& plan, const State& state) {
  const bool has_open_wait = std::ranges::any_of(
      plan.steps, [](const PlanStep& step) { return step.wait == kAutoWait || step.wait == kInfinity; });
  const Millis own = plan.delay + fixed_waits(plan.steps);
  const bool comes_first = !has_open_wait && !plan.hook && plan.steps[plan.steps.size() - 1].kills_tree() &&
                           (state.deadline == kInfinity || own < time_to_kill(state));
  return comes_first ? "; KILL in " + format_duration(own) : until_kill(state);
}

// "TERM from pid 1 (uid 0)". `signal` 0: our parent has ended.
std::string who_asked(const Event& event, int signal) {
  std::string text = signal == 0 ? std::string("the parent has ended") : signal_name(signal);
  if (event.sender_pid != 0)
    text += " from pid " + std::to_string(event.sender_pid) + " (uid " + std::to_string(event.sender_uid) + ")";
  return text;
}

}  // namespace

void Narrator::tell_note(const Moment& moment, const Action& note) {
  const State& state = moment.state;
  const Event& event = moment.event;
  switch (note.note) {
    case Note::kStopAsked:
    case Note::kRestartAsked:
      return tell_stop_asked(moment, note);
    case Note::kStopsForGood:
      return tell_stops_for_good(moment, note.signal);
    case Note::kMissed:
      return tell_missed(moment);
    case Note::kExtended:
      return tell_extended(moment);
    case Note::kExtensionCut:
      return world_.log(LogLevel::kWarn,
                        command_ + " asks for " + format_duration(event.duration) +
                            " more to end (EXTEND_TIMEOUT_USEC), which is past the bound of notify.extend_max, " +
                            format_duration(moment.plan.extend_max) + "; it has no more than that");
    case Note::kRepeatIgnored:
      return tell_repeat(moment, note.signal);
    case Note::kAdvanced:
      return world_.log(
          LogLevel::kInfo,
          signal_name(note.signal) + (state.phase == Phase::kClearing ? ": " + key_of(state.hook) + " is not waited for"
                                                                      : std::string(": on to the next step")));
    case Note::kStragglers:
      return tell_left_behind(moment, ": the stop goes on with them");
    case Note::kSettling: {
      const Millis settle = moment.plan.settle;
      return tell_left_behind(
          moment, ": waiting " +
                      (settle == kInfinity ? std::string("as long as the step lasts") : format_duration(settle)) +
                      " for their end");
    }
    case Note::kFinishing:
      return tell_left_behind(
          moment, std::string(", which may finish") + (state.deadline == kInfinity ? "" : " until the timeout"));
    case Note::kLeft:
      if (!tells_of_plain_stops()) return;
      return world_.log(LogLevel::kInfo, child_name() + " has ended; what it left runs on");
    case Note::kWaiting:
      return world_.log(LogLevel::kInfo, child_name() + " has ended; waiting for " + names_of_stragglers());
    case Note::kDaemonised:
      return world_.log(LogLevel::kWarn, child_name() + " has put itself into the background; waiting for " +
                                             names_of_stragglers() +
                                             " (start it in the foreground, or set stop.stragglers)");
    case Note::kHookCut:
      return world_.log(LogLevel::kWarn, key_of(state.hook) + " was cut short: KILL to its group");
    case Note::kTimeout:
      return tell_timeout(moment);
    case Note::kKill:
      return tell_kill();
    case Note::kSurvivors:
      return tell_survivors(moment);
    case Note::kStoodStill:
      return tell_stood_still(moment, note.duration);
    case Note::kReady:
      return world_.log(LogLevel::kInfo,
                        child_name() + " is ready after " + format_duration(state.ready_at - state.started_at));
    case Note::kPreStartFailed:
      return;  // how it has ended has its line
    case Note::kNotPassedOn:
      return tell_not_passed_on(moment, note.signal);
    case Note::kRestarts:
      return tell_restart(moment);
    case Note::kGaveUp:
      return tell_gave_up(state);
  }
}

// A trigger that comes while what the command has left is being stopped begins no new timeout.
void Narrator::tell_timeout(const Moment& moment) {
  const auto& [plan, event, state] = moment;
  const Millis time = time_to_kill(state);
  const bool is_whole = time == plan.timeout || time == std::min(plan.timeout, plan.straggler_timeout);
  world_.log(LogLevel::kWarn, "the timeout" + (is_whole ? " of " + format_duration(time) : std::string()) + " is over");
}

void Narrator::tell_stop_asked(const Moment& moment, const Action& note) {
  const auto& [plan, event, state] = moment;
  const bool passed_on = plan.steps[0].signal == kSameSignal;
  if (!world_.logs(LogLevel::kInfo) || (passed_on && !tells_of_plain_stops())) return;
  std::string line = who_asked(event, note.signal);
  const bool restarts = note.note == Note::kRestartAsked;
  if (is_around_life(state.phase) || state.phase == Phase::kFinished)
    return world_.log(LogLevel::kInfo, line + ": " + what_follows(moment, restarts));
  if (restarts && state.phase == Phase::kStarting)
    return world_.log(LogLevel::kInfo, line + ": " + command_ + " is started again at once");
  if (restarts && (state.cause == Cause::kExited || state.cause == Cause::kWatchdog))
    return world_.log(LogLevel::kInfo, line + ": " + command_ + " is started again once its tree has ended");
  if (!restarts && state.cause == Cause::kExited && plan.may_restart())
    return world_.log(LogLevel::kInfo, line + ": " + command_ + " is not started again");
  const std::string left = "what " + command_ + " has left";
  const bool begins_with_kill = plan.steps[0].kills_tree();
  if (!restarts && state.phase == Phase::kKilling && !begins_with_kill)
    return world_.log(LogLevel::kInfo, line + ": " + left + " has been sent KILL already");
  if (!restarts && state.cause == Cause::kExited)
    return world_.log(LogLevel::kInfo, line + ": the stop of " + left + " goes on" + until_kill(state));
  line += restarts ? ": restarting " : ": stopping ";
  line += state.target == Target::kOrphans ? left : child_name();
  const int first = signal_of_step(plan.steps[0].signal, restarts ? state.trigger : report().trigger);
  line += " with " + signal_name(first);
  if (passed_on && plan.broadcast.has(first)) line += ", which the platform itself has sent to every process";
  if (plan.delay > Millis{0}) line += " after " + format_duration(plan.delay);
  if (plan.hook) line += " once stop.pre_stop has ended";
  line += until_kill(plan, state);
  world_.log(LogLevel::kInfo, line);
}

// The stop, or the restart, was asked for while no child lived.
std::string Narrator::what_follows(const Moment& moment, bool restarts) const {
  const State& state = moment.state;
  if (restarts) return command_ + " is started again once stop.post has ended";
  if (state.phase == Phase::kPreparing) return "stopping start.pre" + until_kill(state);
  if (state.phase == Phase::kTidying && !moment.plan.may_restart()) return "graceshim ends once stop.post has ended";
  const bool ran = report().pid != 0;
  return command_ + (ran ? ", which " + describe(report().child) + "," : std::string()) + " is not started" +
         (ran || state.restarts != 0 ? " again" : "");
}

void Narrator::tell_not_passed_on(const Moment& moment, int signal) {
  const bool is_common = signal == sig::kCont || signal == sig::kWinch;
  world_.log(is_common ? LogLevel::kDebug : LogLevel::kInfo,
             signal_name(signal) + " is dropped, because " + key_of(moment.state.hook) + " runs");
}

void Narrator::tell_stops_for_good(const Moment& moment, int signal) {
  const State& state = moment.state;
  const bool was_restart = state.cause != Cause::kWatchdog;
  std::string line = who_asked(moment.event, signal) + (was_restart ? ": the restart of " : ": the end of ") +
                     command_ + (was_restart ? " becomes a stop" : ", whose watchdog has run out, is now a stop");
  if (state.phase != Phase::kKilling && !is_around_life(state.phase)) line += until_kill(state);
  world_.log(LogLevel::kInfo, line);
}

void Narrator::tell_missed(const Moment& moment) {
  const auto& [plan, event, state] = moment;
  const bool was_asked = event.kind == EventKind::kAbortAsked;
  std::string line = child_name() + (was_asked ? " asks for its end (WATCHDOG=trigger): "
                                               : " has given no sign of life (WATCHDOG=1) for " +
                                                     format_duration(state.watchdog) + ": ");
  if (state.phase == Phase::kAborting) {
    line += "ABRT to it";
    if (state.due[Timer::kWait] != kInfinity)
      line += ", and the plan in " + format_duration(state.due[Timer::kWait] - event.at) + " if it lives on";
  } else {
    line += "the plan begins";
  }
  if (state.phase != Phase::kKilling) line += until_kill(state);
  world_.log(LogLevel::kWarn, line);
}

void Narrator::tell_extended(const Moment& moment) {
  if (!world_.logs(LogLevel::kDebug)) return;
  const State& state = moment.state;
  std::string line = command_ + " has more time to end, by EXTEND_TIMEOUT_USEC";
  if (state.deadline != kInfinity) line += "; KILL in " + format_duration(state.deadline - moment.event.at);
  world_.log(LogLevel::kDebug, line);
}

void Narrator::tell_stood_still(const Moment& moment, Millis pause) {
  const State& state = moment.state;
  std::string line = "graceshim did not run for " + format_duration(pause) + ": it was stopped or frozen, ";
  if (state.phase == Phase::kRunning) {
    line += "which does not count as the silence of " + command_;
  } else {
    line += "and the time of the stop stood still";
    if (state.deadline != kInfinity && state.phase != Phase::kKilling && !is_around_life(state.phase))
      line += "; KILL in " + format_duration(state.deadline - moment.event.at);
  }
  world_.log(state.phase == Phase::kRunning ? LogLevel::kInfo : LogLevel::kWarn, line);
}

void Narrator::tell_repeat(const Moment& moment, int signal) {
  const bool restarts = moment.state.request == Request::kRestart;
  world_.log(LogLevel::kDebug,
             signal_name(signal) + ": the " + (restarts ? "restart" : "stop") + " is already under way");
}

void Narrator::tell_restart(const Moment& moment) {
  const auto& [plan, event, state] = moment;
  const bool ran = report().pid != 0;
  if (state.phase != Phase::kBetweenLives) {
    const std::string end = ran ? describe(report().child) : "could not be started";
    return world_.log(LogLevel::kInfo, command_ + " " + end + " and is started again");
  }
  std::string line = command_ + (ran ? " " + describe(report().child) + " and is" : std::string(" could not be")) +
                     " started" + (ran ? " again in " : ": the next try is in ") +
                     format_duration(state.due[Timer::kRestart] - event.at) + " (restart " +
                     std::to_string(state.restarts_in_row);
  if (plan.restart.limit != kNoLimit) line += " of at most " + std::to_string(plan.restart.limit);
  line += " in a row)";
  if (ran) line += oom_hint(report().child);
  world_.log(LogLevel::kWarn, line);
}

void Narrator::tell_gave_up(const State& state) {
  const std::vector<LifeRecord>& lives = report().lives;
  const std::size_t count = std::min({std::size_t{state.restarts_in_row} + 1, lives.size(), kLivesShown});
  std::string ends;
  for (const LifeRecord& life : std::span(lives).last(count)) {
    ends += ends.empty() ? "" : ", ";
    ends += !life.started        ? "a start that failed"
            : life.end.by_signal ? signal_name(life.end.value)
                                 : "status " + std::to_string(life.end.value);
  }
  world_.log(LogLevel::kError, "giving up on " + command_ + " after " + std::to_string(state.restarts_in_row) +
                                   (state.restarts_in_row == 1 ? " restart" : " restarts") + " in a row; its last " +
                                   std::to_string(count) + " lives ended with " + ends + oom_hint(state.child));
}

// Nothing is said where only the hook is left, or where /proc does not show what is.
void Narrator::tell_left_behind(const Moment& moment, const std::string& what_now) {
  if (report().stragglers.empty()) return;
  world_.log(LogLevel::kInfo,
             child_name() + " " + describe(moment.state.child) + " and left " + names_of_stragglers() + what_now);
}

void Narrator::tell_kill() {
  if (recorder_.child_refused() && !recorder_.has_living_stragglers()) return;
  world_.log(LogLevel::kWarn, "KILL to " + names_of_tree(recorder_.child_lives() && !recorder_.child_refused()));
}

void Narrator::tell_survivors(const Moment& moment) {
  const bool tidies = moment.plan.post_stop && report().pid != 0 && moment.state.hook != Hook::kPostStop;
  const std::string how = tidies ? "without stop.post" : "all the same";
  const std::string names = names_of_tree(recorder_.child_lives());
  world_.log(LogLevel::kError, recorder_.child_refused() ? "graceshim cannot end " + names + ", and exits " + how
                                                         : "KILL did not end " + names + "; graceshim exits " + how);
}

}  // namespace graceshim
