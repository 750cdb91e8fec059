#include "effects.h"

#include <algorithm>
#include <utility>

#include "text.h"

namespace graceshim {
namespace {

// What has been forked while the group was being dismissed is seen by the next pass over it.
constexpr int kDismissPasses = 4;

// A tree that forks as fast as it is stopped must not keep the timers waiting.
constexpr int kStopWalks = 32;

// What stop.post is told of the life that is over.
std::vector<std::string> facts_of(const State& state) {
  const Cause cause = state.cause == Cause::kNone ? Cause::kExited : state.cause;
  const ExitStatus end = state.child;
  return {std::string("GRACESHIM_CAUSE=") + cause_name(cause),
          end.by_signal ? "GRACESHIM_SIGNAL=" + signal_name(end.value)
                        : "GRACESHIM_EXIT_CODE=" + std::to_string(end.value)};
}

}  // namespace

Effects::Effects(World& world, std::string command, bool names_all, const LateRecognition& knowledge)
    : world_(world),
      command_(std::move(command)),
      names_all_(names_all),
      knowledge_(knowledge),
      receivers_(world, ledger_, knowledge) {}

std::optional<LatePlan> Effects::recognise(const Plan& plan, int trigger) {
  if (!knowledge_.stop_of || world_.child() == 0) return std::nullopt;
  receivers_.begin(0);
  const int signal = signal_of_step(plan.steps[0].signal, trigger);
  std::vector<Process> reached{child_process()};
  if (const std::optional<Hears> acts = receivers_.acts_on(reached[0], signal); acts != Hears::kYes) {
    const std::vector<Process> below = receivers_.nearest_below(reached[0], signal, 0);
    if (acts == Hears::kNo && !below.empty()) reached.clear();
    reached.insert(reached.end(), below.begin(), below.end());
  }
  for (const Process& process : reached) {
    std::optional<LatePlan> late = receivers_.stop_of(process);
    if (!late) continue;
    Outcome& outcome = note(Outcome::Kind::kRecognised);
    outcome.process = process;
    outcome.text = late->preset;
    return late;
  }
  return std::nullopt;
}

void Effects::begin_life() {
  ledger_ = {};
  listed_.clear();
  dismissed_.clear();
  told_.clear();
}

void Effects::perform(const Plan& plan, const Event& event, const Transition& next) {
  const Occasion occasion{plan, next.state, event};
  now_ = &occasion;
  if (world_.child() != 0) child_group_ = world_.child();
  if (event.kind == EventKind::kStarted) inherited_.clear();
  for (const Action& action : next.actions) perform(action);
  now_ = nullptr;
}

void Effects::perform(const Action& action) {
  switch (action.kind) {
    case ActionKind::kDeliver:
      return action.target == Target::kChild ? deliver_to_child(action) : deliver_to_orphans(action);
    case ActionKind::kForward:
      return forward(action);
    case ActionKind::kAbort:
      return abort_child();
    case ActionKind::kDismiss:
      return dismiss(action);
    case ActionKind::kKillPass:
      return kill_pass();
    case ActionKind::kLookAtTree:
      return look_at_tree();
    case ActionKind::kGiveTerminal:
      return world_.give_terminal(world_.child());
    case ActionKind::kTakeTerminal:
      return world_.take_terminal();
    case ActionKind::kSuspend:
      note(Outcome::Kind::kSuspended);
      return world_.suspend();
    case ActionKind::kTellStopping:
      return tell_stopping();
    case ActionKind::kTellExtended:
      return tell_extended();
    case ActionKind::kPingManager:
      return world_.ping_manager();
    case ActionKind::kTellReady:
      return tell(world_.tell_ready());
    case ActionKind::kTellUnready:
      return tell(world_.tell_unready());
    case ActionKind::kKillLeft:
      return kill_left(action.hook);
    case ActionKind::kStartHook:
      return start_hook(action.hook);
    case ActionKind::kStopHook:
      if (world_.hook() == 0) return;
      world_.send_to_group(world_.hook(), sig::kTerm);
      world_.send_to_group(world_.hook(), sig::kCont);
      return;
    case ActionKind::kKillHook:
      if (world_.hook() != 0) world_.send_to_group(world_.hook(), sig::kKill);
      note(Outcome::Kind::kHookKilled).hook = action.hook;
      return;
    case ActionKind::kNote:
      if (action.note == Note::kRestarts && names_all_) note(Outcome::Kind::kOomKills).oom_kills = world_.oom_kills();
      return;
    case ActionKind::kStart:
    case ActionKind::kFinish:
      return;  // for the supervisor, which has the plan and the loop
  }
}

// --- Signals. ---

// A child of ours keeps its number until we reap it; that of any other process may be another's by now.
Sent Effects::send(const Process& process, int signal) {
  const bool ours = process.parent == world_.self().id.pid;
  return ours ? world_.send(process.id.pid, signal) : world_.send_verified(process, signal);
}

Process Effects::child_process() const {
  Process child;
  child.id.pid = world_.child();
  child.parent = world_.self().id.pid;
  child.name = command_;
  return child;
}

bool Effects::outside_every_scope(const Process& process) const noexcept {
  return world_.hook() != 0 && process.group == world_.hook();
}

// --- Everything else. ---

void Effects::forward(const Action& action) {
  note(Outcome::Kind::kForwarded).signal = action.signal;
  const auto send = [&](const Process& process) {
    const int pid = process.id.pid;
    const Sent sent =
        now_->event.value ? world_.queue(pid, action.signal, *now_->event.value) : world_.send(pid, action.signal);
    if (sent == Sent::kRefused) note_once(Outcome::Kind::kRefused, process, action.signal);
    if (sent == Sent::kUnqueued) note_once(Outcome::Kind::kUnqueued, process, action.signal);
  };
  if (action.target == Target::kChild) {
    // Fall back to the child alone: it may have left the group (ESRCH), or we may not signal the group (EPERM).
    if (action.scope == Scope::kGroup && world_.send_to_group(world_.child(), action.signal) == Sent::kDelivered)
      return;
    return send(child_process());
  }
  for (const Process& orphan : world_.own_children()) {
    if (orphan.id.pid != world_.child() && !outside_every_scope(orphan)) send(orphan);
  }
}

// One by one: the number of the group may be another's now.
void Effects::dismiss(const Action& action) {
  for (int pass = 0; pass < kDismissPasses; ++pass) {
    bool found_more = false;
    for (const Process& member : world_.descendants()) {
      if (member.group != child_group_ || outside_every_scope(member) || !dismissed_.insert(member.id).second) continue;
      found_more = true;
      send_step(member, action.signal);
    }
    if (!found_more) return;
  }
}

void Effects::kill_pass() {
  bool reachable = false;
  bool refused = false;
  bool child_seen = false;
  std::vector<Process> members;
  if (world_.is_pid1()) {
    world_.signal_newcomers(true, 0);
    while (std::optional<Process> member = next_to_kill(members.size())) members.push_back(std::move(*member));
    // The kernel walks the whole namespace under its own lock: nothing can fork its way out.
    reachable = world_.send_to_everybody(sig::kKill) == Sent::kDelivered;
    refused = !reachable;
  } else {
    // Stopped first, so that no process forks while the others are being killed; and again, as long as a walk finds one
    // that an earlier walk has not.
    for (int walk = 0; walk < kStopWalks && world_.signal_newcomers(walk == 0, sig::kStop) != 0; ++walk) {
    }
    while (std::optional<Process> member = next_to_kill(members.size())) {
      const Sent sent = send(*member, sig::kKill);
      reachable = reachable || sent != Sent::kRefused;
      // It has ended, or has got another parent meanwhile: only the next pass can tell.
      if (sent == Sent::kGone) continue;
      if (sent == Sent::kRefused) {
        refused = true;
        if (member->name.empty()) member = world_.process(member->id.pid).value_or(*member);
        note_once(Outcome::Kind::kRefused, *member, sig::kKill);
      }
      child_seen = child_seen || member->id.pid == world_.child();
      members.push_back(std::move(*member));
    }
    // Without /proc the child is all that we know of, and its group.
    if (world_.child() != 0 && !child_seen && !now_->plan.shares_group())
      world_.send_to_group(world_.child(), sig::kKill);
  }
  // A KILL to every process does not say whether the child was among them.
  if (world_.child() != 0 && !child_seen) {
    const Sent sent = world_.send(world_.child(), sig::kKill);
    reachable = reachable || sent == Sent::kDelivered;
    if (sent == Sent::kRefused) note_once(Outcome::Kind::kRefused, child_process(), sig::kKill);
  }
  std::erase_if(members, [this](const Process& member) { return outside_every_scope(member); });
  for (const Process& member : members) listed_.insert(member.id.pid);
  Outcome& kill = note(Outcome::Kind::kKill);
  kill.step.at = now_->event.at;
  kill.members = std::move(members);
  // They may all have ended, with their CHLD still unread.
  if (!reachable) world_.post(Event::reaped(world_.now(), false));
  // Or the walk has missed them, for it is no snapshot: where each forks another and ends, it may see none.
  world_.post(Event::passed(world_.now(), reachable || !refused));
}

// The next process that a pass of KILL has found, where `noted` have been before it. The first ones, which the log
// names, are read from /proc while they live; all of them where the report names them, or a hook has to be told apart.
// To read a thousand processes takes longer than to end them.
std::optional<Process> Effects::next_to_kill(std::size_t noted) {
  const bool is_named = names_all_ || world_.hook() != 0 || listed_.size() + noted <= kNamesPerLine;
  while (std::optional<Process> found = world_.next_found()) {
    if (!is_named || found->id.start_time != 0) return found;
    std::optional<Process> now = world_.process(found->id.pid);
    if (now && !has_ended(*now)) return now;
  }
  return std::nullopt;
}

void Effects::look_at_tree() {
  std::vector<Process> members = world_.descendants();
  std::erase_if(members, [this](const Process& member) {
    return member.id.pid == world_.child() || outside_every_scope(member) || inherited_.contains(member.id.pid);
  });
  for (const Process& member : members) listed_.insert(member.id.pid);
  note(Outcome::Kind::kTree).members = std::move(members);
}

void Effects::start_hook(Hook hook) {
  if (hook == Hook::kPreStart) {
    for (const int pid : world_.own_child_pids()) inherited_.insert(pid);
  }
  const bool is_told = hook == Hook::kPostStop;
  const Result<void> started = world_.start_hook(hook, is_told ? facts_of(now_->state) : std::vector<std::string>());
  Outcome& outcome = note(started ? Outcome::Kind::kHookStarted : Outcome::Kind::kHookNotStarted);
  outcome.hook = hook;
  if (started) return;
  outcome.text = started.error().message;
  world_.post(Event::hook_failed(world_.now()));
}

// A stop may have begun a while ago, when the child ended by itself; it may even be past its deadline.
void Effects::tell_stopping() {
  const State& state = now_->state;
  const Millis to_kill =
      state.deadline == kInfinity ? longest_stop(now_->plan) : std::max(state.deadline - now_->event.at, Millis{0});
  world_.tell_stopping(later(to_kill, now_->plan.post_stop ? kMostPostStop : Millis{0}));
}

// Where there is no deadline, the end comes with the waits of the plan, if they end.
void Effects::tell_extended() {
  const State& state = now_->state;
  const Millis behind = waits_forever(now_->plan.steps) ? kInfinity : waits_to_come(now_->plan, state);
  const Millis end = state.deadline == kInfinity ? later(state.due[Timer::kWait], behind) : state.deadline;
  const Millis left = end == kInfinity ? kInfinity : std::max(end - now_->event.at, Millis{0});
  world_.tell_extended(later(left, now_->plan.post_stop ? kMostPostStop : Millis{0}));
}

// What could not be told: whoever waits for it sees another state of the command than there is.
void Effects::tell(const Result<void>& told) {
  if (!told) note(Outcome::Kind::kNotTold).text = told.error().message;
}

// graceshim may live on, and as PID 1 a KILL to everybody would also reach who is there by `docker exec`.
void Effects::kill_left(Hook hook) {
  std::set<int> spared = inherited_;
  std::vector<Process> named;
  bool found = false;
  bool reachable = false;
  for (int walk = 0; walk < kStopWalks && world_.signal_newcomers(walk == 0, 0) != 0; ++walk) {
    while (const std::optional<Process> member = world_.next_found()) {
      // Parents are found before their children.
      if (spared.contains(member->id.pid) || spared.contains(member->parent)) {
        spared.insert(member->id.pid);
        continue;
      }
      found = true;
      const Sent sent = send(*member, sig::kKill);
      reachable = reachable || sent != Sent::kRefused;
      if (sent == Sent::kGone) continue;
      const Process told = world_.process(member->id.pid).value_or(*member);
      if (sent == Sent::kRefused) note_once(Outcome::Kind::kRefused, told, sig::kKill);
      // The hook itself has had its KILL, which is told elsewhere.
      if (sent == Sent::kDelivered && !outside_every_scope(told) && listed_.insert(told.id.pid).second)
        named.push_back(told);
    }
  }
  if (!named.empty()) {
    Outcome& left = note(Outcome::Kind::kLeftKilled);
    left.hook = hook;
    left.members = std::move(named);
  }
  world_.post(Event::reaped(world_.now(), false));
  world_.post(Event::passed(world_.now(), reachable || !found, found));
}

// Once for each process. The child may be known by its number alone, and has it until it has been reaped.
void Effects::note_once(Outcome::Kind kind, const Process& process, int signal) {
  const ProcessId id = process.id.pid == world_.child() ? ProcessId{process.id.pid, 0} : process.id;
  if (!told_.emplace(kind, id).second) return;
  outcomes_.push_back({.kind = kind, .signal = signal, .process = process});
}

Outcome& Effects::note(Outcome::Kind kind) {
  Outcome& outcome = outcomes_.emplace_back();
  outcome.kind = kind;
  return outcome;
}

}  // namespace graceshim
