#include "narrator.h"

#include <algorithm>
#include <array>
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

std::string key_of(Hook hook) {
  static constexpr std::array<const char*, kHookCount> kKeys{"stop.pre_stop", "start.pre", "stop.post"};
  return kKeys[index_of(hook)];
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
void Narrator::tell(const Plan& plan, const Event& event, std::span<const Ended> ended, const Transition& next,
                    std::span<const Outcome> outcomes) {
  const Moment moment{plan, event, next.state};
  if (const int signal = received_by(event); signal != 0) {
    tell_signal(Happening::kReceived, signal, signal);
    if (plan.routes[static_cast<std::size_t>(signal)].is_dropped()) tell_forwarded(event, 0);
  }
  if (event.kind == EventKind::kReaped) tell_ended(moment, ended);
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

void Narrator::tell_ended(const Moment& moment, std::span<const Ended> ended) {
  const Event& event = moment.event;
  if (event.by_chld) tell_chld(true);
  const bool is_rest = std::exchange(round_goes_on_, event.more);
  bool chld_told = event.by_chld || is_rest;
  for (const Ended& process : ended) {
    if (!std::exchange(chld_told, true)) tell_chld(false);
    process.role == Ended::Role::kHook ? tell_hook_ended(moment, process) : tell_reaped(process);
  }
}

void Narrator::tell_hook_ended(const Moment& moment, const Ended& hook) {
  if (hook.failure) return tell_failed_hook(moment, hook.hook, ": " + hook.failure->message);
  // One that was cut has had its line.
  const bool was_cut = report().hooks[index_of(hook.hook)].result == HookResult::kCut;
  if (hook.status == ExitStatus{} || (was_cut && hook.hook != Hook::kPreStop)) return;
  tell_failed_hook(moment, hook.hook, " " + describe(hook.status));
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
    case Outcome::Kind::kUnqueued:
      return world_.log(LogLevel::kWarn, "the queue of signals of " + name_of(outcome.process) +
                                             " is full (ulimit -i): " + signal_name(outcome.signal) +
                                             " was sent without its value, and is lost if another one is pending");
    case Outcome::Kind::kSuspended:
      return tell_of_child(Happening::kSuspended, {}, received_by(moment.event));
    case Outcome::Kind::kHookNotStarted:
      return tell_failed_hook(moment, outcome.hook, ": " + outcome.text);
    case Outcome::Kind::kLeftKilled:
      return tell_left_killed(outcome);
    case Outcome::Kind::kNotTold:
      return world_.log(LogLevel::kWarn, outcome.text);
    case Outcome::Kind::kRecognised:
    case Outcome::Kind::kStep:
    case Outcome::Kind::kTree:
    case Outcome::Kind::kKill:
    case Outcome::Kind::kHookStarted:
    case Outcome::Kind::kHookKilled:
    case Outcome::Kind::kOomKills:
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
  // Of a KILL that was refused no line is to look as if it had been sent.
  world_.log(LogLevel::kWarn,
             name_of(outcome.process) + " may not be signalled" +
                 (outcome.signal == sig::kKill ? "" : ": " + signal_name(outcome.signal) + " was refused") +
                 " (it runs as another user)");
}

// `signal` 0: the signal was dropped.
void Narrator::tell_forwarded(const Event& event, int signal) {
  const int received = received_by(event);
  if (received != 0 && received != signal) tell_signal(Happening::kTranslated, signal, received);
  tell_signal(signal == 0 ? Happening::kDropped : Happening::kForwarded, signal, received);
}

void Narrator::tell_failed_hook(const Moment& moment, Hook hook, const std::string& how) {
  const std::string line = key_of(hook) + how;
  switch (hook) {
    case Hook::kPreStop:
      return world_.log(LogLevel::kWarn, line + "; the stop goes on");
    case Hook::kPreStart:
      // Where a stop was asked for, that is why. Of a later life there is a line that says what follows.
      if (moment.state.request == Request::kStop) return world_.log(LogLevel::kDebug, line);
      if (moment.state.restarts != 0) return world_.log(LogLevel::kWarn, line);
      return world_.log(LogLevel::kError, line + "; " + command_ + " is not started");
    case Hook::kPostStop:
      return world_.log(LogLevel::kWarn, line);
  }
}

void Narrator::tell_left_killed(const Outcome& left) {
  std::vector<std::string> names;
  for (const Process& process : std::span(left.members).first(std::min(left.members.size(), kNamesPerLine)))
    names.push_back(describe(process));
  world_.log(LogLevel::kInfo,
             "KILL to " + names_and_more(names, left.members.size()) + ", left by " + key_of(left.hook));
}

// --- The end. ---

void Narrator::tell_end(const Moment& moment) {
  const Report& report = this->report();
  if (report.pid != 0) tell_signal(Happening::kDismissal, moment.plan.clean_up_signal());
  const Happening last_word = report.child.by_signal ? Happening::kChildDied : Happening::kChildExited;
  if (report.pid != 0 && has_last_word(last_word)) return tell_of_child(last_word, report.child);
  if (!tells_of_plain_stops() && report.cause <= Cause::kGraceful) return;
  if (report.cause == Cause::kUnkillable || report.cause == Cause::kGaveUp) return;  // that has been said
  // So has the end of a stop that came between two lives.
  const bool of_hook = moment.event.kind == EventKind::kReaped || moment.event.kind == EventKind::kHookFailed;
  if (moment.state.restarts != 0 && !of_hook && report.cause == Cause::kGraceful) return;
  const bool died_unasked = report.cause == Cause::kExited && report.child.by_signal;
  const bool uneventful = !died_unasked && (report.cause == Cause::kExited || report.cause == Cause::kStartFailed);
  const LogLevel level = uneventful ? LogLevel::kDebug : LogLevel::kInfo;
  if (!world_.logs(level)) return;
  if (report.pid == 0) {
    const bool prepared = moment.state.hook == Hook::kPreStart;  // that start.pre is stopped has been said
    if (report.cause != Cause::kStartFailed && !moment.plan.pause && moment.state.restarts == 0 && !prepared)
      world_.log(level, signal_name(received_by(moment.event)) + " came before the start: nothing was started");
    return;
  }
  std::string line = child_name() + " " + describe(report.child);
  // A trigger may come when the command has ended, and what it has left, a wait or stop.post is not over.
  if (report.cause != Cause::kExited && report.trigger != 0 && report.stop_at <= report.child_ended_at) {
    line += ", " + format_duration(report.child_ended_at - report.stop_at) + " after " + signal_name(report.trigger);
  }
  if (died_unasked) {
    line += ", which graceshim has not sent" + oom_hint(report.child);
  }
  const bool was_silent = report.cause == Cause::kWatchdog;
  if (was_silent) line += "; its watchdog had run out";
  if (was_silent && report.status != exit_code(report.child))
    line += ", and graceshim exits with " + std::to_string(report.status);
  const bool is_made_success = !was_silent && report.status != exit_code(report.child);
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

std::string Narrator::oom_hint(ExitStatus end) const {
  const std::optional<std::uint64_t> oom_kills = end.by_signal ? world_.oom_kills() : std::nullopt;
  if (!oom_kills || (*oom_kills == 0 && end.value != sig::kKill)) return {};
  return "; the kernel has counted " + std::to_string(*oom_kills) + " OOM kills in its cgroup";
}

std::string Narrator::child_name() const {
  return std::to_string(report().pid) + " (" + command_ + ")";
}

std::string Narrator::name_of(const Process& process) const {
  const bool is_child = recorder_.child_lives() && process.id.pid == report().pid;
  return is_child ? child_name() : describe(process);
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
