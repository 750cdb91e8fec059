#include "narrator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "graceshim/duration.h"
#include "text.h"

namespace graceshim {
namespace {

int received_by(const Event& event) {
  return event.kind == EventKind::kSignal ? event.signal : 0;
}

}  // namespace

std::unique_ptr<Narrator> make_narrator(World& world, const Recorder& recorder, std::string command) {
  return std::make_unique<Narrator>(world, recorder, std::move(command));
}

// --- The start. ---

void Narrator::tell_refusal(const Error& error) {
  world_.log(LogLevel::kError, error.message);
}

void Narrator::tell_shield(const StartedChild& started, const Plan& plan, const Plan& unshielded) {
  if (!started.shield_refused.empty()) {
    std::string line = "the kernel refuses the shield (seccomp: " + started.shield_refused + "): a " +
                       format_signals(plan.shield) + " that is sent to every process reaches " + command_ +
                       " and can cost it its work";
    if (plan.steps != unshielded.steps) line += "; the plan is " + format_plan(unshielded.steps);
    world_.log(LogLevel::kWarn, line);
  }
  if (started.no_new_privs) {
    world_.log(LogLevel::kInfo,
               "without CAP_SYS_ADMIN the shield needs no_new_privs: sudo and setuid programs gain "
               "no privileges in the tree of " +
                   command_);
  }
}

void Narrator::tell_started(const StartedChild& started) {
  SignalSet swallowed;
  if (started.own_session) {
    const TerminalLeft& left = started.own_session->left;
    if (left.error != 0) {
      tell_of_child(Happening::kNoTerminal, {false, left.error});
    } else {
      tell_of_child(left.was_leader ? Happening::kLeftTerminal : Happening::kNotLeader);
    }
    const int refused = started.own_session->terminal_error;
    if (refused != 0) tell_of_child(Happening::kChildTerminal, {false, refused});
    tell_of_child(Happening::kSessionMade);
    swallowed = left.swallowed;
  }
  tell_of_child(Happening::kStarted);
  for (const int signal : {sig::kHup, sig::kCont}) {
    if (!swallowed.has(signal)) continue;
    tell_signal(Happening::kReceived, signal);
    tell_signal(Happening::kOfHandOver, signal);
  }
}

// --- An event. ---

// First what has happened, then why something is done about it, then what came of that.
void Narrator::tell(const Plan& plan, const Event& event, std::span<const Ended> ended, const Step& next,
                    std::span<const Outcome> outcomes) {
  const Moment moment{plan, event, next.state};
  if (const int signal = received_by(event); signal != 0) {
    tell_signal(Happening::kReceived, signal, signal);
    if (plan.routes[static_cast<std::size_t>(signal)].is_dropped()) tell_forwarded(event, 0);
  }
  if (event.kind == EventKind::kReaped) tell_ended(event, ended);
  for (const Outcome& outcome : outcomes) {
    if (outcome.kind == Outcome::Kind::kRecognised) tell_recognised(moment, outcome);
  }
  for (const Action& action : next.actions) {
    if (action.kind == ActionKind::kNote) tell_note(moment, action);
  }
  for (const Outcome& outcome : outcomes) tell_outcome(moment, outcome);
  const bool finished = next.state.phase == Phase::kFinished;
  if (finished) tell_end(moment);
  if (event.kind == EventKind::kReaped && !event.more) tell_all_reaped(event.empty, finished);
}

void Narrator::tell_ended(const Event& event, std::span<const Ended> ended) {
  if (event.by_chld) tell_chld(true);
  const bool is_rest = std::exchange(round_goes_on_, event.more);
  bool chld_told = event.by_chld || is_rest;
  for (const Ended& process : ended) {
    if (!std::exchange(chld_told, true)) tell_chld(false);
    if (process.role != Ended::Role::kHook) {
      tell_reaped(process);
    } else if (process.failure) {
      tell_hook_not_started(process.failure->message);
    } else if (process.status != ExitStatus{}) {
      world_.log(LogLevel::kWarn, "stop.pre_stop " + describe(process.status) + "; the stop goes on");
    }
  }
}

void Narrator::tell_reaped(const Ended& ended) {
  const Particulars of{ended.pid, ended.status};
  const bool died = ended.status.by_signal;
  tell_happening(died ? Happening::kReapedDied : Happening::kReapedExited, of);
  if (ended.role == Ended::Role::kChild) return;
  tell_happening(died ? Happening::kOrphanDied : Happening::kOrphanExited, of);
  tell_happening(Happening::kWarnOfOrphan, of);
}

// What has ended may be reaped while the CHLD that tells of it is unread: the line about it stands before what is
// reaped, and once.
void Narrator::tell_chld(bool received) {
  if (received && std::exchange(chld_told_, false)) return;
  chld_told_ = !received;
  tell_signal(Happening::kReceivedChld, sig::kChld);
}

void Narrator::tell_all_reaped(bool empty, bool finished) {
  tell_of_child(empty ? Happening::kNoneLeft : Happening::kNoneToReap);
  if (finished) tell_of_child(Happening::kLeaving);
}

// --- What the machine has noted. ---

void Narrator::tell_note(const Moment& moment, const Action& note) {
  const State& state = moment.state;
  const std::string signal = note.signal == 0 ? std::string("the end of the parent") : signal_name(note.signal);
  switch (note.note) {
    case Note::kStopAsked:
      return tell_stop_asked(moment, note.signal);
    case Note::kRepeatIgnored:
      return world_.log(LogLevel::kDebug, signal + " again: the stop is already under way");
    case Note::kAdvanced:
      return world_.log(LogLevel::kInfo, signal + " again: on to the next step");
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
      return world_.log(LogLevel::kWarn, "stop.pre_stop was cut short: KILL to its group");
    case Note::kTimeout:
      return world_.log(LogLevel::kWarn, "the timeout of " + format_duration(state.deadline - state.t0) + " is over");
    case Note::kKill:
      return tell_kill();
    case Note::kSurvivors:
      return tell_survivors();
  }
}

void Narrator::tell_stop_asked(const Moment& moment, int signal) {
  const auto& [plan, event, state] = moment;
  const bool passed_on = plan.steps[0].signal == kSameSignal;
  if (!world_.logs(LogLevel::kInfo) || (passed_on && !tells_of_plain_stops())) return;
  std::string line = signal == 0 ? std::string("the parent has ended") : signal_name(signal);
  if (event.sender_pid != 0) {
    line += " from pid " + std::to_string(event.sender_pid) + " (uid " + std::to_string(event.sender_uid) + ")";
  }
  line += ": stopping " + child_name();
  const int first = signal_of_step(plan.steps[0].signal, report().trigger);
  line += " with " + signal_name(first);
  if (passed_on && plan.broadcast.has(first)) line += ", which the platform itself has sent to every process";
  if (plan.delay > Millis{0}) line += " after " + format_duration(plan.delay);
  if (plan.hook) line += " once stop.pre_stop has ended";
  if (state.deadline != kInfinity) line += "; KILL in " + format_duration(state.deadline - state.t0);
  world_.log(LogLevel::kInfo, line);
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

void Narrator::tell_survivors() {
  const std::string names = names_of_tree(recorder_.child_lives());
  world_.log(LogLevel::kError, recorder_.child_refused()
                                   ? "graceshim cannot end " + names + ", and exits all the same"
                                   : "KILL did not end " + names + "; graceshim exits all the same");
}

// --- What has come of it. ---

void Narrator::tell_outcome(const Moment& moment, const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kRerouted:
      return world_.log(LogLevel::kWarn, child_name() + " does not act on " + signal_name(outcome.signal) +
                                             ", which goes to the processes below it; if this is a shell in front of "
                                             "the command, write 'exec' before the command");
    case Outcome::Kind::kServed:
      return tell_served(moment.state.step, outcome);
    case Outcome::Kind::kForwarded:
      return tell_forwarded(moment.event, outcome.signal);
    case Outcome::Kind::kRefused:
      return tell_refused(outcome);
    case Outcome::Kind::kSuspended:
      return tell_of_child(Happening::kSuspended, {}, received_by(moment.event));
    case Outcome::Kind::kHookNotStarted:
      return tell_hook_not_started(outcome.text);
    case Outcome::Kind::kRecognised:
    case Outcome::Kind::kStep:
    case Outcome::Kind::kTree:
    case Outcome::Kind::kKill:
    case Outcome::Kind::kHookStarted:
    case Outcome::Kind::kHookKilled:
      return;
  }
}

void Narrator::tell_recognised(const Moment& moment, const Outcome& outcome) {
  world_.log(LogLevel::kInfo, describe(outcome.process) + " is recognised as " + outcome.text + ": its plan is " +
                                  format_plan(moment.plan.steps));
}

// A step may be for thousands of orphans, which come one by one: the log names the first of them.
void Narrator::tell_served(int step, const Outcome& outcome) {
  if (named_step_ != step) {
    named_step_ = step;
    named_ = 0;
  }
  const std::string what = signal_name(outcome.signal) + " to ";
  const std::size_t all = outcome.names.size();
  const std::size_t count = std::min(all, kNamesPerLine - named_);
  named_ += count;
  if (count == 0) return world_.log(LogLevel::kDebug, what + std::to_string(all) + " more");
  world_.log(LogLevel::kInfo, what + names_and_more(std::span(outcome.names).first(count), all));
}

void Narrator::tell_refused(const Outcome& outcome) {
  const bool is_child = recorder_.child_lives() && outcome.process.id.pid == report().pid;
  // Of a KILL that was refused no line is to look as if it had been sent.
  world_.log(LogLevel::kWarn,
             (is_child ? child_name() : describe(outcome.process)) + " may not be signalled" +
                 (outcome.signal == sig::kKill ? "" : ": " + signal_name(outcome.signal) + " was refused") +
                 " (it runs as another user)");
}

// `signal` 0: the signal was dropped.
void Narrator::tell_forwarded(const Event& event, int signal) {
  const int received = received_by(event);
  if (received != 0 && received != signal) tell_signal(Happening::kTranslated, signal, received);
  tell_signal(signal == 0 ? Happening::kDropped : Happening::kForwarded, signal, received);
}

void Narrator::tell_hook_not_started(const std::string& why) {
  world_.log(LogLevel::kWarn, "stop.pre_stop: " + why + "; the stop goes on");
}

// --- The end. ---

void Narrator::tell_end(const Moment& moment) {
  const Report& report = this->report();
  if (report.pid != 0) tell_signal(Happening::kDismissal, moment.plan.clean_up_signal());
  const Happening last_word = report.child.by_signal ? Happening::kChildDied : Happening::kChildExited;
  if (report.pid != 0 && has_last_word(last_word)) return tell_of_child(last_word, report.child);
  if (!tells_of_plain_stops() && report.cause <= Cause::kGraceful) return;
  if (report.cause == Cause::kUnkillable) return;  // that has been said
  const bool died_unasked = report.cause == Cause::kExited && report.child.by_signal;
  const bool uneventful = !died_unasked && (report.cause == Cause::kExited || report.cause == Cause::kStartFailed);
  const LogLevel level = uneventful ? LogLevel::kDebug : LogLevel::kInfo;
  if (!world_.logs(level)) return;
  if (report.pid == 0) {
    if (report.cause != Cause::kStartFailed && !moment.plan.pause)
      world_.log(level, signal_name(received_by(moment.event)) + " came before the start: nothing was started");
    return;
  }
  std::string line = child_name() + " " + describe(report.child);
  if (report.cause != Cause::kExited && report.trigger != 0) {
    line += ", " + format_duration(report.ended_at - report.stop_at) + " after " + signal_name(report.trigger);
  }
  if (died_unasked) {
    line += ", which graceshim has not sent";
    const std::optional<std::uint64_t> oom_kills = world_.oom_kills();
    if (oom_kills && (*oom_kills > 0 || report.child.value == sig::kKill))
      line += "; the kernel has counted " + std::to_string(*oom_kills) + " OOM kills in its cgroup";
  }
  const bool is_made_success = report.status != exit_code(report.child);
  if (is_made_success && report.child.by_signal) {
    world_.log(LogLevel::kDebug, "a command that dies of " + signal_name(report.child.value) +
                                     " may have no handler for it: then the work that it had begun is lost");
  }
  if (is_made_success) line += "; exit.success makes that " + std::to_string(report.status);
  world_.log(level, line);
}

// --- Parts of lines. ---

// Called for every orphan that is reaped: nothing is put together where the level is off.
void Narrator::tell_happening(Happening what, const Particulars& of) {
  const bool is_orphan = what == Happening::kOrphanExited || what == Happening::kOrphanDied;
  if ((!is_orphan && what != Happening::kStarted) || !world_.logs(LogLevel::kDebug)) return;
  const std::string pid = std::to_string(of.pid);
  world_.log(LogLevel::kDebug, is_orphan ? "reaped orphan " + pid + ", which " + describe(of.how)
                                         : "started " + pid + " (" + command_ + ")");
}

void Narrator::tell_of_child(Happening what, ExitStatus how, int received) {
  tell_happening(what, {report().pid, how, received});
}

std::string Narrator::child_name() const {
  return std::to_string(report().pid) + " (" + command_ + ")";
}

std::string Narrator::names_of_stragglers() const {
  std::vector<std::string> first;
  std::size_t alive = 0;
  for (const StragglerRecord& record : report().stragglers) {
    if (!record.ended && ++alive <= kNamesPerLine) first.push_back(describe(record.id.pid, record.name));
  }
  return alive == 0 ? "processes that cannot be named without /proc" : names_and_more(first, alive);
}

// The child, if it is `named`, and every straggler that has not ended.
std::string Narrator::names_of_tree(bool child_is_named) const {
  std::string names = child_is_named ? child_name() : std::string();
  if (recorder_.has_living_stragglers() || names.empty()) names += (names.empty() ? "" : ", ") + names_of_stragglers();
  return names;
}

}  // namespace graceshim
