#include "supervisor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "graceshim/duration.h"
#include "graceshim/text.h"

namespace graceshim {
namespace {

// One round of reaping takes at most so many: a tree that forks as fast as we reap must not keep the timers waiting.
constexpr int kReapsPerRound = 2048;

// Who has been forked while the group was being dismissed is seen by the next pass over it.
constexpr int kDismissPasses = 4;

// A tree that forks as fast as it is stopped must not keep the timers waiting.
constexpr int kStopWalks = 32;

// How many processes a log line names before it counts the rest.
constexpr std::size_t kNamesPerLine = 10;

// Without a name where nobody has asked for it.
std::string describe(int pid, const std::string& name) {
  return name.empty() ? std::to_string(pid) : std::to_string(pid) + " (" + name + ")";
}

std::string describe(const Process& process) {
  return describe(process.id.pid, process.name);
}

std::string describe(ExitStatus status) {
  if (status.by_signal) return "died of " + signal_name(status.value);
  return "ended with status " + std::to_string(status.value);
}

}  // namespace

Supervisor::Supervisor(const Plan& plan, const Plan& unshielded, Host& host, std::string command,
                       const Telling& telling, const LateRecognition& knowledge)
    : plan_(&plan),
      unshielded_(unshielded),
      host_(host),
      command_(std::move(command)),
      manners_(telling.manners),
      tells_of_orphans_(telling.of_orphans),
      tells_of_everybody_(telling.of_everybody),
      knowledge_(knowledge),
      receivers_(host, ledger_, knowledge),
      started_at_(host.now()) {}

void Supervisor::refuse(const Error& error) {
  host_.log(LogLevel::kError, error.message);
  take(Event::start_failed(host_.now(), manners_.status_of(error.status)));
}

void Supervisor::start() {
  if (plan_->pause) return take(Event::started(host_.now()));
  const Result<StartedChild> started = host_.start_child();
  if (!started) return refuse(started.error());
  child_ = started->pid;
  report_.pid = started->pid;
  if (!started->shield_refused.empty()) follow_unshielded(started->shield_refused);
  if (started->no_new_privs) {
    host_.log(LogLevel::kInfo,
              "without CAP_SYS_ADMIN the shield needs no_new_privs: sudo and setuid programs gain "
              "nothing in the tree of " +
                  command_);
  }
  take(Event::started(host_.now(), started->in_foreground));
  tell_started(*started);
}

// Nothing has been decided yet that hangs on the plan.
void Supervisor::follow_unshielded(const std::string& why) {
  std::string line = "the kernel refuses the shield (seccomp: " + why + "): a " + format_signals(plan_->shield) +
                     " that is sent to every process reaches " + command_ + " and can cost it its work";
  if (plan_->steps != unshielded_.steps) line += "; the plan is " + format_plan(unshielded_.steps);
  host_.log(LogLevel::kWarn, line);
  plan_ = &unshielded_;
}

void Supervisor::on_signal(const ReceivedSignal& received) {
  last_signal_ = received;
  remark_signal(Remark::kReceived, received.signal);
  const Route route = plan_->routes[static_cast<std::size_t>(received.signal)];
  if (route.is_dropped()) tell_forwarded(0);
  if (route.is_trigger()) recognise_late(received.signal);
  Event event = Event::signalled(host_.now(), received.signal, received.from_keyboard);
  event.was_ignored = received.was_ignored;
  event.foreground = received.foreground;
  event.terminal_gone = received.terminal_gone;
  take(event);
  last_signal_ = {};  // what is sent from now on has another reason
}

void Supervisor::on_parent_end() {
  recognise_late(sig::kTerm);
  take(Event::parent_ended(host_.now()));
}

// Its CHLD may be unread yet: whoever has ended by now is not to be taken for one who has not.
void Supervisor::on_time() {
  on_child_change();
  take(Event::time_is(host_.now()));
}

void Supervisor::on_child_change(bool received) {
  if (received) tell_chld(true);
  bool chld_told = received;
  bool child_ended = false;
  bool hook_ended = false;
  bool empty = false;
  ExitStatus status;
  for (int count = 0;; ++count) {
    if (count == kReapsPerRound) {
      host_.reap_again();
      break;
    }
    const Reaped reaped = host_.reap_next();
    if (reaped.kind == Reaped::Kind::kNone) break;
    if (reaped.kind == Reaped::Kind::kEmpty) {
      empty = true;
      break;
    }
    if (reaped.kind == Reaped::Kind::kStopped) {
      if (reaped.pid == child_) {
        take(Event::child_stopped(host_.now(), reaped.status.value, host_.foreground()));
      }
      continue;
    }
    if (!std::exchange(chld_told, true)) tell_chld(false);
    if (reaped.pid == child_) {
      child_ = 0;
      child_ended = true;
      status = reaped.status;
      report_.child = status;
      report_.usage = reaped.usage;
      tell_reaped(reaped);
    } else if (reaped.pid == hook_) {
      hook_ = 0;
      hook_ended = true;
      if (const std::optional<Error> failure = host_.hook_failure()) {
        tell_hook_not_started(*failure);
        continue;
      }
      if (report_.hook == HookResult::kRunning) {
        report_.hook = HookResult::kEnded;
        report_.hook_status = reaped.status;
      }
      if (reaped.status != ExitStatus{}) {
        host_.log(LogLevel::kWarn, "stop.pre_stop " + describe(reaped.status) + "; the stop goes on");
      }
    } else {
      ++report_.reaped;
      ledger_.forget(reaped.pid);
      tell_reaped(reaped);
      note_end_of_straggler(reaped);
    }
  }

  if (hook_ended) take(Event::hook_ended(host_.now()));
  if (child_ended) {
    bool own_session = false;
    if (!empty) {
      const int session = host_.self().session;
      const std::vector<Process> left = roots();
      own_session = std::any_of(left.begin(), left.end(), [&](const Process& root) { return root.session != session; });
    }
    take(Event::child_reaped(host_.now(), status, empty, own_session));
    return tell_all_reaped(empty);
  }
  take(Event::reaped(host_.now(), empty));
  tell_all_reaped(empty);
}

// Performing an action can make an event of its own (a pass of KILL, a hook that does not start): it waits its turn, so
// that the actions of one event are never torn apart by those of another.
void Supervisor::take(const Event& event) {
  events_.push_back(event);
  if (events_.size() > 1) return;
  while (!events_.empty()) {
    const Step next = step(*plan_, state_, events_.front());
    state_ = next.state;
    for (const Action& action : next.actions) perform(action);
    events_.pop_front();
  }
}

void Supervisor::perform(const Action& action) {
  switch (action.kind) {
    case ActionKind::kDeliver:
      return action.target == Target::kChild ? deliver_to_child(action) : deliver_to_roots(action);
    case ActionKind::kForward:
      return forward(action);
    case ActionKind::kDismiss:
      return dismiss(action);
    case ActionKind::kKillPass:
      return kill_pass();
    case ActionKind::kGiveTerminal:
      return host_.give_terminal(child_);
    case ActionKind::kTakeTerminal:
      return host_.take_terminal();
    case ActionKind::kSuspend:
      remark(Remark::kSuspended, report_.pid, {});
      return host_.suspend();
    case ActionKind::kStartHook:
      return start_hook();
    case ActionKind::kKillHook:
      if (hook_ != 0) host_.send_to_group(hook_, sig::kKill);
      if (report_.hook == HookResult::kRunning) report_.hook = HookResult::kCut;
      return;
    case ActionKind::kNote:
      return tell(action);
    case ActionKind::kFinish:
      if (report_.pid == 0 && state_.cause == Cause::kGraceful)
        note_trigger(last_signal_.signal, host_.now());  // before the start
      report_.status = action.status;
      report_.cause = state_.cause;
      report_.repeats_ignored = state_.repeats_ignored;
      report_.ended_at = host_.now() - started_at_;
      return tell_end();
  }
}

// A child of ours keeps its number until we reap it; that of anybody else may be another's by now.
Sent Supervisor::send(const Process& process, int signal) {
  const bool ours = process.parent == host_.self().id.pid;
  return ours ? host_.send(process.id.pid, signal) : host_.send_verified(process, signal);
}

// A step and the CONT behind it: a stopped process can act on nothing else.
Sent Supervisor::send_step(const Process& process, int signal) {
  const Sent sent = send(process, signal);
  if (sent == Sent::kDelivered && signal != sig::kKill && needs_resuming(process.id.pid)) send(process, sig::kCont);
  if (sent == Sent::kRefused) warn_refused(process, signal);
  return sent;
}

bool Supervisor::needs_resuming(int pid) {
  if (plan_->resume == Resume::kAlways) return true;
  const std::optional<Process> now = host_.process(pid);
  return now && now->state == 'T';
}

// An entry point that ends in `exec "$@"` has become the command by now. What the first step would reach is looked at
// before the stop begins, so that one plan holds for all of it.
void Supervisor::recognise_late(int trigger) {
  if (!knowledge_.stop_of || state_.phase != Phase::kRunning || child_ == 0 || late_plan_) return;
  receivers_.begin(0);
  const int first = plan_->steps[0].signal;
  const int signal = first == kSameSignal ? trigger : first;
  std::vector<Process> reached{child_process()};
  if (receivers_.acts_on(reached[0], signal) == false) {
    std::vector<Process> below = receivers_.nearest_below(reached[0], signal, 0);
    if (!below.empty()) reached = std::move(below);
  }
  for (const Process& process : reached) {
    std::optional<LatePlan> late = receivers_.stop_of(process);
    if (!late) continue;
    late_plan_ = late->plan;
    plan_ = &*late_plan_;
    report_.preset = late->preset;
    host_.log(LogLevel::kInfo,
              describe(process) + " is recognised as " + late->preset + ": its plan is " + format_plan(plan_->steps));
    return;
  }
}

Process Supervisor::child_process() const {
  Process child;
  child.id.pid = child_;
  child.parent = host_.self().id.pid;
  child.name = command_;
  return child;
}

void Supervisor::deliver_to_child(const Action& action) {
  StepRecord record{action.signal, action.scope, action.target, events_.front().at - started_at_, 0, action.step};
  std::vector<Process> members;
  if (action.by_keyboard || action.scope != Scope::kMain) members = host_.descendants();

  if (action.by_keyboard) {
    const int group = host_.self().group;
    for (const Process& member : members) {
      if (member.group != group) continue;
      ledger_.record(member.id, action.step);
      ++record.delivered;
    }
    record.scope = Scope::kGroup;  // the terminal's doing
    report_.steps.push_back(record);
    return;
  }

  const Process child = child_process();
  switch (action.scope) {
    case Scope::kMain:
      return deliver_to_main(action, record);
    case Scope::kGroup:
      for (const Process& member : members) {
        if (member.group != child_) continue;
        ledger_.record(member.id, action.step);
        ++record.delivered;
      }
      if (host_.send_to_group(child_, action.signal) == Sent::kDelivered) {
        resume_group(members);
      } else {
        // The child has moved to another group: it still is whom we mean.
        record.delivered += send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
      }
      break;
    case Scope::kTree: {
      bool child_seen = false;
      for (const Process& member : members) {
        if (outside_every_scope(member)) continue;
        child_seen = child_seen || member.id.pid == child_;
        ledger_.record(member.id, action.step);
        if (send_step(member, action.signal) == Sent::kDelivered) ++record.delivered;
      }
      if (!child_seen) record.delivered += send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
      break;
    }
  }
  report_.steps.push_back(record);
  tell_forwarded(action.signal);
}

// A shell without `exec` in front of the command, or a script that ignores the signal, would keep the step from the
// process that it is for.
void Supervisor::deliver_to_main(const Action& action, StepRecord& record) {
  const Process child = child_process();
  const bool is_first_look = !ledger_.has_had(child.id, action.step);
  receivers_.begin(hook_);
  if (receivers_.acts_on(child, action.signal) == false) {
    std::vector<std::string> served;
    if (const std::optional<int> below = deliver_below(child, action.signal, action.step, served)) {
      record.delivered = *below;
      host_.log(LogLevel::kWarn, child_name() + " does not act on " + signal_name(action.signal) +
                                     ", which goes to what it has started; where a shell stands in front of the "
                                     "command, write 'exec' before it");
      tell_served(action.signal, served);
    } else {
      take(Event::unheard(host_.now()));
      if (!is_first_look) return;
      record.delivered = send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
    }
  } else {
    record.delivered = send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
  }
  ledger_.record(child.id, action.step);
  if (!is_first_look) {
    report_.steps.back().delivered += record.delivered;
    return;
  }
  report_.steps.push_back(record);
  tell_forwarded(action.signal);
}

// Sends the step to the nearest processes below one that does not act on it, and returns how many have got it; nothing
// if there are none.
std::optional<int> Supervisor::deliver_below(const Process& deaf, int signal, int step,
                                             std::vector<std::string>& served) {
  const std::vector<Process> receivers = receivers_.nearest_below(deaf, signal, step);
  if (receivers.empty()) return std::nullopt;
  int delivered = 0;
  for (const Process& process : receivers) {
    ledger_.record(process.id, step);
    if (send_step(process, signal) != Sent::kDelivered) continue;
    ++delivered;
    served.push_back(describe(process));
  }
  return delivered;
}

void Supervisor::resume_group(const std::vector<Process>& members) {
  if (plan_->resume == Resume::kAlways) {
    host_.send_to_group(child_, sig::kCont);
    return;
  }
  for (const Process& member : members) {
    if (member.group == child_ && needs_resuming(member.id.pid)) host_.send_verified(member, sig::kCont);
  }
}

void Supervisor::deliver_to_roots(const Action& action) {
  receivers_.begin(hook_);
  Served served;
  for (const int pid : host_.own_child_pids()) {
    if (pid == child_ || pid == hook_ || ledger_.is_served_orphan(pid, action.step)) continue;
    const std::optional<Process> root = host_.process(pid);
    if (!root || root->state == 'Z' || outside_every_scope(*root)) continue;
    deliver_to_root(*root, action, served);
  }
  for (const auto& [signal, names] : served) tell_served(signal, names);
}

// An orphan that does not act on the step may not have set its handlers yet: it is looked at twice. A non-interactive
// shell starts `cmd &` with INT and QUIT ignored, and so there is TERM for what stays deaf.
void Supervisor::deliver_to_root(const Process& root, const Action& action, Served& served) {
  if (ledger_.has_had(root.id, action.step)) return ledger_.record_orphan(root.id, action.step);
  if (receivers_.ends_by_its_pipe(root)) return;
  int signal = action.signal;
  if (const std::optional<int> own = ledger_.has_had_any(root.id) ? std::nullopt : receivers_.first_signal(root))
    signal = *own == kSameSignal ? state_.trigger : *own;
  const std::optional<bool> acts = receivers_.acts_on(root, signal);
  if (!acts) return;
  if (!*acts) {
    if (const std::optional<int> below = deliver_below(root, signal, action.step, served[signal])) {
      note_step_of_root(signal, action.step, *below);
      return ledger_.record_orphan(root.id, action.step);
    }
    const Millis now = host_.now();
    if (now - ledger_.deaf_since(root.id, action.step, now) < kLookInterval) return;
    if (!plan_->shield.has(sig::kTerm)) signal = sig::kTerm;
  }
  ledger_.record_orphan(root.id, action.step);
  if (send_step(root, signal) != Sent::kDelivered) return;
  note_step_of_root(signal, action.step, 1);
  served[signal].push_back(describe(root) + (*acts ? "" : ", which does not act on " + signal_name(action.signal)));
}

// A step may be for thousands of orphans, which come one by one: the log names the first of them.
void Supervisor::tell_served(int signal, const std::vector<std::string>& served) {
  if (served.empty() || !host_.logs(LogLevel::kInfo)) return;
  if (named_step_ != state_.step) {
    named_step_ = state_.step;
    named_ = 0;
  }
  std::string names;
  std::size_t count = 0;
  for (; count < served.size() && named_ < kNamesPerLine; ++count, ++named_)
    names += (count == 0 ? "" : ", ") + served[count];
  const std::size_t rest = served.size() - count;
  if (count == 0) {
    return host_.log(LogLevel::kDebug, signal_name(signal) + " to " + std::to_string(rest) + " more");
  }
  host_.log(LogLevel::kInfo,
            signal_name(signal) + " to " + names + (rest == 0 ? "" : " and " + std::to_string(rest) + " more"));
}

// Roots get a step one by one, as they are adopted: for the report that is one step.
void Supervisor::note_step_of_root(int signal, int step, int delivered) {
  const auto same = std::find_if(report_.steps.begin(), report_.steps.end(), [&](const StepRecord& record) {
    return record.target == Target::kRoots && record.signal == signal && record.step == step;
  });
  if (same != report_.steps.end()) {
    same->delivered += delivered;
    return;
  }
  report_.steps.push_back({signal, Scope::kMain, Target::kRoots, events_.front().at - started_at_, delivered, step});
}

void Supervisor::forward(const Action& action) {
  tell_forwarded(action.signal);
  const auto send = [&](int pid) {
    return last_signal_.value ? host_.queue(pid, action.signal, *last_signal_.value) : host_.send(pid, action.signal);
  };
  if (action.target == Target::kChild && action.scope == Scope::kGroup) {
    // Else the child has moved to another group, and still is whom we mean, or nobody there may be signalled by us.
    if (host_.send_to_group(child_, action.signal) == Sent::kDelivered) return;
  }
  if (action.target == Target::kChild) {
    Process child;
    child.id.pid = child_;
    child.name = command_;
    if (send(child_) == Sent::kRefused) warn_refused(child, action.signal);
    return;
  }
  for (const Process& root : roots()) {
    if (send(root.id.pid) == Sent::kRefused) warn_refused(root, action.signal);
  }
}

// One by one: the number of the group may be another's now.
void Supervisor::dismiss(const Action& action) {
  for (int pass = 0; pass < kDismissPasses; ++pass) {
    bool found_more = false;
    for (const Process& member : host_.descendants()) {
      if (member.group != report_.pid || outside_every_scope(member) || !dismissed_.insert(member.id).second) continue;
      found_more = true;
      send_step(member, action.signal);
    }
    if (!found_more) return;
  }
}

void Supervisor::kill_pass() {
  bool reachable = false;
  bool refused = false;
  bool child_seen = false;
  std::vector<Process> members;
  if (host_.is_pid1()) {
    host_.signal_newcomers(true, 0);
    while (std::optional<Process> member = next_to_kill(members.size())) members.push_back(std::move(*member));
    // The kernel walks the whole namespace under its own lock: nothing can fork its way out.
    reachable = host_.send_to_everybody(sig::kKill) == Sent::kDelivered;
    refused = !reachable;
  } else {
    // Stopped first, so that nobody forks while the others are being killed; and again, as long as a walk finds
    // somebody whom an earlier one has not.
    for (int walk = 0; walk < kStopWalks && host_.signal_newcomers(walk == 0, sig::kStop) != 0; ++walk) {
    }
    while (std::optional<Process> member = next_to_kill(members.size())) {
      const Sent sent = send(*member, sig::kKill);
      reachable = reachable || sent != Sent::kRefused;
      // It has ended, or has got another parent meanwhile: only the next pass can tell.
      if (sent == Sent::kGone) continue;
      if (sent == Sent::kRefused) {
        refused = true;
        if (member->name.empty()) member = host_.process(member->id.pid).value_or(*member);
        warn_refused(*member, sig::kKill);
      }
      child_seen = child_seen || member->id.pid == child_;
      members.push_back(std::move(*member));
    }
    // Without /proc the child is all that we know of, and its group.
    if (child_ != 0 && !child_seen && !plan_->shares_group()) host_.send_to_group(child_, sig::kKill);
  }
  // A KILL to everybody does not say whether the child was among them.
  if (child_ != 0 && !child_seen) {
    const Sent sent = host_.send(child_, sig::kKill);
    reachable = reachable || sent == Sent::kDelivered;
    if (sent == Sent::kRefused) warn_refused(child_process(), sig::kKill);
  }
  note_kill(members);
  note_stragglers(members);
  // They may all have ended, with their CHLD still unread.
  if (!reachable) on_child_change();
  // Or the walk has missed them, for it is no snapshot: where each forks another and ends, it may see nobody.
  take(Event::passed(host_.now(), reachable || !refused));
}

void Supervisor::start_hook() {
  Result<int> pid = host_.start_hook(child_);
  if (!pid) {
    tell_hook_not_started(pid.error());
    return take(Event::hook_ended(host_.now()));
  }
  hook_ = *pid;
  report_.hook = HookResult::kRunning;
}

void Supervisor::tell_hook_not_started(const Error& error) {
  report_.hook = HookResult::kNotStarted;
  host_.log(LogLevel::kWarn, "stop.pre_stop: " + error.message + "; the stop goes on");
}

std::vector<Process> Supervisor::roots() {
  std::vector<Process> found = host_.own_children();
  std::erase_if(found,
                [&](const Process& process) { return process.id.pid == child_ || outside_every_scope(process); });
  return found;
}

bool Supervisor::outside_every_scope(const Process& process) const noexcept {
  return hook_ != 0 && process.group == hook_;
}

void Supervisor::warn_refused(const Process& process, int signal) {
  const bool is_child = process.id.pid == child_;
  if (is_child ? std::exchange(child_refused_, true) : !refused_.insert(process.id).second) return;
  // Of a KILL that was refused no line is to look as if it had been sent.
  host_.log(LogLevel::kWarn, (is_child ? child_name() : describe(process)) + " may not be signalled" +
                                 (signal == sig::kKill ? "" : ": " + signal_name(signal) + " was refused") +
                                 " (it runs as another user)");
}

// The next process that a pass of KILL has found, where `noted` have been before it. The first ones, which the log
// names, are read from /proc while they live; all of them where the report names them, or a hook has to be told apart.
// To read a thousand processes takes longer than to end them.
std::optional<Process> Supervisor::next_to_kill(std::size_t noted) {
  const bool is_named = tells_of_everybody_ || hook_ != 0 || report_.stragglers.size() + noted <= kNamesPerLine;
  while (std::optional<Process> found = host_.next_found()) {
    if (!is_named || found->id.start_time != 0) return found;
    if (std::optional<Process> now = host_.process(found->id.pid)) return now;
  }
  return std::nullopt;
}

void Supervisor::note_stragglers(const std::vector<Process>& members) {
  for (const Process& process : members) {
    if (outside_every_scope(process) || process.id.pid == child_) continue;
    const auto [at, is_new] = alive_.try_emplace(process.id.pid, report_.stragglers.size());
    if (!is_new) {
      StragglerRecord& record = report_.stragglers[at->second];
      const bool told_less = process.id.start_time == 0;
      if (told_less || record.id == process.id) continue;
      if (record.id.start_time == 0) {
        record = {process.id, process.name, false, {}};
        continue;
      }
      at->second = report_.stragglers.size();  // another one has got the number
    }
    report_.stragglers.push_back({process.id, process.name, false, {}});
  }
}

// However many passes it takes, it is one step, and a process counts once.
void Supervisor::note_kill(const std::vector<Process>& members) {
  int reached = 0;
  for (const Process& member : members) {
    const bool is_refused = member.id.pid == child_ ? child_refused_ : refused_.count(member.id) != 0;
    if (!outside_every_scope(member) && !is_refused && killed_.insert(member.id).second) ++reached;
  }
  const bool is_first = report_.steps.empty() || report_.steps.back().step != kKillOfTree;
  if (is_first) {
    // Without /proc the child is all that we know of.
    if (reached == 0 && child_ != 0 && !child_refused_) reached = 1;
    if (reached == 0 && child_refused_) return;  // no KILL is on its way to any process
    const Target target = child_ != 0 ? Target::kChild : Target::kRoots;
    report_.steps.push_back({sig::kKill, Scope::kTree, target, events_.front().at - started_at_, 0, kKillOfTree});
  }
  report_.steps.back().delivered += reached;
}

void Supervisor::note_end_of_straggler(const Reaped& reaped) {
  const auto at = alive_.find(reaped.pid);
  if (at == alive_.end()) return;
  StragglerRecord& record = report_.stragglers[at->second];
  record.ended = true;
  record.status = reaped.status;
  alive_.erase(at);
}

// --- The story, as a person reads it. ---

std::string Supervisor::child_name() const {
  return std::to_string(report_.pid) + " (" + command_ + ")";
}

std::string Supervisor::names_of_stragglers() const {
  std::string names;
  std::size_t alive = 0;
  for (const StragglerRecord& record : report_.stragglers) {
    if (record.ended) continue;
    if (++alive > kNamesPerLine) continue;
    if (!names.empty()) names += ", ";
    names += describe(record.id.pid, record.name);
  }
  if (alive > kNamesPerLine) names += " and " + std::to_string(alive - kNamesPerLine) + " more";
  return names.empty() ? "processes that cannot be named without /proc" : names;
}

void Supervisor::tell(const Action& action) {
  const std::string signal = action.signal == 0 ? std::string("the end of the parent") : signal_name(action.signal);
  switch (action.note) {
    case Note::kStopAsked:
      return tell_stop_asked(action.signal);
    case Note::kRepeatIgnored:
      if (host_.logs(LogLevel::kDebug)) host_.log(LogLevel::kDebug, signal + " again: the stop is already under way");
      return;
    case Note::kAdvanced:
      return host_.log(LogLevel::kInfo, signal + " again: on to the next step");
    case Note::kStragglers:
      note_stragglers(host_.descendants());
      if (report_.stragglers.empty()) return;  // only the hook is left, or /proc does not show them
      return host_.log(LogLevel::kInfo, child_name() + " " + describe(state_.child) + " and left " +
                                            names_of_stragglers() + ": the stop goes on with them");
    case Note::kSettling:
      note_stragglers(host_.descendants());
      if (report_.stragglers.empty()) return;
      return host_.log(
          LogLevel::kInfo,
          child_name() + " " + describe(state_.child) + " and left " + names_of_stragglers() + ": waiting " +
              (plan_->settle == kInfinity ? std::string("as long as its step does") : format_duration(plan_->settle)) +
              " for their end");
    case Note::kFinishing:
      note_stragglers(host_.descendants());
      if (report_.stragglers.empty()) return;
      return host_.log(LogLevel::kInfo, child_name() + " " + describe(state_.child) + " and left " +
                                            names_of_stragglers() + ", which may finish" +
                                            (state_.deadline == kInfinity ? "" : " until the timeout"));
    case Note::kLeft:
      if (!manners_.tells_of_stops) return;
      return host_.log(LogLevel::kInfo, child_name() + " has ended; what it left runs on");
    case Note::kWaiting:
      note_stragglers(host_.descendants());
      return host_.log(LogLevel::kInfo, child_name() + " has ended; waiting for " + names_of_stragglers());
    case Note::kDaemonised:
      note_stragglers(host_.descendants());
      return host_.log(LogLevel::kWarn, child_name() + " has put itself into the background; waiting for " +
                                            names_of_stragglers() +
                                            " (start it in the foreground, or set stop.stragglers)");
    case Note::kHookCut:
      return host_.log(LogLevel::kWarn, "stop.pre_stop was cut short: KILL to its group");
    case Note::kTimeout:
      return host_.log(LogLevel::kWarn, "the timeout of " + format_duration(state_.deadline - state_.t0) + " is over");
    case Note::kKill:
      return tell_kill();
    case Note::kSurvivors:
      return tell_survivors();
  }
}

void Supervisor::note_trigger(int signal, Millis at) {
  report_.trigger = signal;
  report_.trigger_pid = last_signal_.sender_pid;
  report_.trigger_uid = last_signal_.sender_uid;
  report_.stop_at = at - started_at_;
}

void Supervisor::tell_stop_asked(int signal) {
  note_trigger(signal == 0 ? sig::kTerm : signal, state_.t0);
  const bool passed_on = plan_->steps[0].signal == kSameSignal;
  if (!host_.logs(LogLevel::kInfo) || (passed_on && !manners_.tells_of_stops)) return;
  std::string line = signal == 0 ? std::string("the parent has ended") : signal_name(signal);
  if (last_signal_.sender_pid != 0) {
    line += " from pid " + std::to_string(last_signal_.sender_pid) + " (uid " +
            std::to_string(last_signal_.sender_uid) + ")";
  }
  line += ": stopping " + child_name();
  const int first = passed_on ? report_.trigger : plan_->steps[0].signal;
  line += " with " + signal_name(first);
  if (passed_on && plan_->broadcast.has(first)) line += ", which the platform has sent to every process itself";
  if (plan_->delay > Millis{0}) line += " after " + format_duration(plan_->delay);
  if (plan_->hook) line += " once stop.pre_stop has ended";
  if (state_.deadline != kInfinity) line += "; KILL in " + format_duration(state_.deadline - state_.t0);
  host_.log(LogLevel::kInfo, line);
}

// The child, if it is `named`, and every straggler that has not ended.
std::string Supervisor::names_of_tree(bool child_is_named) const {
  std::string names = child_is_named ? child_name() : std::string();
  if (has_living_stragglers() || names.empty()) names += (names.empty() ? "" : ", ") + names_of_stragglers();
  return names;
}

bool Supervisor::has_living_stragglers() const {
  return std::any_of(report_.stragglers.begin(), report_.stragglers.end(),
                     [this](const StragglerRecord& record) { return !record.ended && refused_.count(record.id) == 0; });
}

void Supervisor::tell_kill() {
  if (child_refused_ && !has_living_stragglers()) return;
  host_.log(LogLevel::kWarn, "KILL to " + names_of_tree(child_ != 0 && !child_refused_));
}

void Supervisor::tell_survivors() {
  note_stragglers(host_.descendants());
  const std::string names = names_of_tree(child_ != 0);
  host_.log(LogLevel::kError, child_refused_ ? names + " cannot be ended by graceshim; leaving"
                                             : "KILL did not end " + names + "; leaving them");
}

// Every orphan of a busy tree comes through here: nothing is put together that nobody is to read.
void Supervisor::remark(Remark what, int pid, ExitStatus how) {
  const Remarks::Line& line = manners_.remarks[what];
  if (line.text.empty() || !host_.logs(line.level)) return;
  const std::string pid_text = std::to_string(pid);
  const std::string number = std::to_string(how.value);
  const std::string origin = std::to_string(last_signal_.signal);
  const std::string status = std::to_string(report_.status);
  const std::string end = describe(how);
  const std::string error = std::strerror(how.value);
  const std::string name = ::strsignal(how.value);
  host_.log(line.level, expand(line.text, {{'p', pid_text},
                                           {'n', number},
                                           {'d', name},
                                           {'r', error},
                                           {'o', origin},
                                           {'c', command_},
                                           {'e', end},
                                           {'s', status}}));
}

void Supervisor::remark_signal(Remark what, int signal) {
  ExitStatus how;
  how.by_signal = true;
  how.value = signal;
  remark(what, report_.pid, how);
}

void Supervisor::remark_error(Remark what, int error) {
  ExitStatus how;
  how.value = error;
  remark(what, report_.pid, how);
}

void Supervisor::tell_started(const StartedChild& started) {
  SignalSet swallowed;
  if (started.own_session) {
    const TerminalLeft& left = started.own_session->left;
    if (left.error != 0) {
      remark_error(Remark::kNoTerminal, left.error);
    } else {
      remark(left.was_leader ? Remark::kLeftTerminal : Remark::kNotLeader, report_.pid, {});
    }
    const int refused = started.own_session->terminal_error;
    if (refused != 0) remark_error(Remark::kChildTerminal, refused);
    remark(Remark::kSessionMade, report_.pid, {});
    swallowed = left.swallowed;
  }
  remark(Remark::kStarted, report_.pid, {});
  for (const int signal : {sig::kHup, sig::kCont}) {
    if (!swallowed.has(signal)) continue;
    remark_signal(Remark::kReceived, signal);
    remark_signal(Remark::kOfHandOver, signal);
  }
}

// What has ended may be reaped while the CHLD that tells of it is unread: the line about it stands before what is
// reaped, and once.
void Supervisor::tell_chld(bool received) {
  if (received && std::exchange(chld_told_, false)) return;
  chld_told_ = !received;
  remark_signal(Remark::kReceivedChld, sig::kChld);
}

// After a round of reaping, and what it has led to.
void Supervisor::tell_all_reaped(bool empty) {
  remark(empty ? Remark::kNoneLeft : Remark::kNoneToReap, report_.pid, {});
  if (finished()) remark(Remark::kLeaving, report_.pid, {});
}

// 0: as none.
void Supervisor::tell_forwarded(int signal) {
  if (last_signal_.signal != 0 && last_signal_.signal != signal) remark_signal(Remark::kTranslated, signal);
  remark_signal(signal == 0 ? Remark::kDropped : Remark::kForwarded, signal);
}

void Supervisor::tell_reaped(const Reaped& reaped) {
  const bool orphan = reaped.pid != report_.pid;
  remark(reaped.status.by_signal ? Remark::kReapedDied : Remark::kReapedExited, reaped.pid, reaped.status);
  const Remark of_orphan = reaped.status.by_signal ? Remark::kOrphanDied : Remark::kOrphanExited;
  if (orphan) remark(of_orphan, reaped.pid, reaped.status);
  if (orphan && tells_of_orphans_) remark(Remark::kWarnOfOrphan, reaped.pid, reaped.status);
}

void Supervisor::tell_end() {
  if (report_.pid != 0) remark_signal(Remark::kDismissal, sig::kTerm);
  const Remark last_word = report_.child.by_signal ? Remark::kChildDied : Remark::kChildExited;
  if (report_.pid != 0 && !manners_.remarks[last_word].text.empty())
    return remark(last_word, report_.pid, report_.child);
  if (!manners_.tells_of_stops && report_.cause <= Cause::kGraceful) return;
  if (report_.cause == Cause::kUnkillable) return;  // that has been said
  const bool died_unasked = report_.cause == Cause::kExited && report_.child.by_signal;
  const bool uneventful = !died_unasked && (report_.cause == Cause::kExited || report_.cause == Cause::kStartFailed);
  const LogLevel level = uneventful ? LogLevel::kDebug : LogLevel::kInfo;
  if (!host_.logs(level)) return;
  if (report_.pid == 0) {
    if (report_.cause != Cause::kStartFailed && !plan_->pause) {
      host_.log(level, signal_name(last_signal_.signal) + " came before the start: nothing was started");
    }
    return;
  }
  std::string line = child_name() + " " + describe(report_.child);
  if (report_.cause != Cause::kExited && report_.trigger != 0) {
    line += ", " + format_duration(report_.ended_at - report_.stop_at) + " after " + signal_name(report_.trigger);
  }
  if (died_unasked) {
    line += ", which graceshim has not sent";
    const std::optional<std::uint64_t> oom_kills = host_.oom_kills();
    if (oom_kills && (*oom_kills > 0 || report_.child.value == sig::kKill))
      line += "; the kernel has counted " + std::to_string(*oom_kills) + " OOM kills in its cgroup";
  }
  const bool is_made_success = report_.status != exit_code(report_.child);
  if (is_made_success && report_.child.by_signal) {
    host_.log(LogLevel::kDebug, "a command that dies of " + signal_name(report_.child.value) +
                                    " may have no handler for it: then the work that it had begun is lost");
  }
  if (is_made_success) line += "; exit.success makes that " + std::to_string(report_.status);
  host_.log(level, line);
}

}  // namespace graceshim
