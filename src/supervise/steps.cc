// The steps of a plan, on their way to the processes that act on them: a part of Effects.
#include <algorithm>
#include <utility>

#include "effects.h"

namespace graceshim {

// --- A step to one process. ---

// A step and the CONT behind it: a stopped process can act on nothing else.
Sent Effects::send_step(const Process& process, int signal) {
  const int pid = process.id.pid;
  const bool ahead = takes_stop(pid, signal);
  if (ahead && needs_resuming(pid)) send(process, sig::kCont);
  const Sent sent = send(process, signal);
  if (sent == Sent::kDelivered && signal != sig::kKill && !ahead && needs_resuming(pid)) send(process, sig::kCont);
  if (sent == Sent::kRefused) note_once(Outcome::Kind::kRefused, process, signal);
  return sent;
}

// To such a process the CONT goes ahead of the step: it takes TSTP, TTIN and TTOU back as long as they are pending
// (prepare_signal() in the kernel's signal.c).
bool Effects::takes_stop(int pid, int signal) {
  if (!kTerminalStops.has(signal)) return false;
  const std::optional<Dispositions> how = world_.dispositions(pid);
  return how && takes(*how, signal);
}

bool Effects::needs_resuming(int pid) {
  if (now_->plan.resume == Resume::kAlways) return true;
  const std::optional<Process> now = world_.process(pid);
  return now && now->state == 'T';
}

// The members of the child's group that take a stop signal themselves, or those that do not.
void Effects::resume_members(const std::vector<Process>& members, int signal, bool takers) {
  for (const Process& member : members) {
    const int pid = member.id.pid;
    if (member.group == world_.child() && takes_stop(pid, signal) == takers && needs_resuming(pid))
      send(member, sig::kCont);
  }
}

// --- Steps to the child. ---

void Effects::deliver_to_child(const Action& action) {
  StepRecord record{action.signal, action.scope, action.target, now_->event.at, 0, action.step};
  bool again = false;
  std::vector<Process> members;
  if (action.by_keyboard || action.scope != Scope::kMain) members = world_.descendants();
  const Process child = child_process();

  if (action.by_keyboard) {
    const int group = world_.self().group;
    for (const Process& member : members) {
      if (member.group != group) continue;
      record_step(member, action);
      ++record.delivered;
    }
    record.scope = Scope::kGroup;  // the terminal's doing
  } else if (action.scope == Scope::kMain) {
    again = ledger_.has_had(child.id, action.step);
    deliver_to_main(action, record, !again);
    ledger_.record(child.id, action.step);
  } else if (action.scope == Scope::kGroup) {
    const bool one_by_one = kTerminalStops.has(action.signal) && !members.empty();
    if (one_by_one) resume_members(members, action.signal, true);
    if (world_.send_to_group(child.id.pid, action.signal) == Sent::kDelivered) {
      for (const Process& member : members) {
        if (member.group != child.id.pid) continue;
        record_step(member, action);
        ++record.delivered;
      }
      record.delivered = std::max(record.delivered, 1);  // without /proc nobody can count them
      if (one_by_one || now_->plan.resume != Resume::kAlways) {
        resume_members(members, action.signal, false);
      } else {
        world_.send_to_group(child.id.pid, sig::kCont);
      }
    } else {
      // The child has moved to another group: the step is still for it.
      record.delivered += send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
    }
  } else {
    bool child_seen = false;
    for (const Process& member : members) {
      if (outside_every_scope(member)) continue;
      child_seen = child_seen || member.id.pid == child.id.pid;
      record_step(member, action);
      if (send_step(member, action.signal) == Sent::kDelivered) ++record.delivered;
    }
    if (!child_seen) record.delivered += send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
  }
  Outcome& outcome = note(Outcome::Kind::kStep);
  outcome.step = record;
  outcome.again = again;
  if (!action.by_keyboard && !again) note(Outcome::Kind::kForwarded).signal = action.signal;
}

// A step to all members of a group or of the tree. What ignores the signal has had none: as an orphan it is still to be
// told to end.
void Effects::record_step(const Process& member, const Action& action) {
  const std::optional<Dispositions> how = world_.dispositions(member.id.pid);
  if (!how || hears(*how, action.signal) != Hears::kNo) ledger_.record(member.id, action.step);
}

// It precedes the steps, and is none that a process could have had.
void Effects::abort_child() {
  const int delivered = send_step(child_process(), sig::kAbrt) == Sent::kDelivered ? 1 : 0;
  note(Outcome::Kind::kStep).step = {sig::kAbrt, Scope::kMain, Target::kChild, now_->event.at, delivered, kAbortStep};
}

// A shell without `exec` in front of the command, or a script that ignores the signal, would keep the step from the
// process that it is for.
void Effects::deliver_to_main(const Action& action, StepRecord& record, bool is_first_look) {
  const Process child = child_process();
  receivers_.begin(world_.hook());
  const std::optional<Hears> acts = receivers_.acts_on(child, action.signal);
  if (acts == Hears::kNo) {
    const std::size_t before = outcomes_.size();
    if (const std::optional<int> below = deliver_below(child, action.signal, action.step)) {
      record.delivered = *below;
      Outcome rerouted;
      rerouted.kind = Outcome::Kind::kRerouted;
      rerouted.signal = action.signal;
      outcomes_.insert(outcomes_.begin() + static_cast<std::ptrdiff_t>(before), std::move(rerouted));
      return;
    }
  }
  if (acts != Hears::kYes) world_.post(Event::unheard(world_.now()));
  if (!is_first_look && (acts != Hears::kYes || ledger_.has_had(child.id, action.step))) return;
  // Where it is not sure, the child gets the signal now, and once: what does act on it must not get a second one. The
  // next look tells whether the signal was for nothing.
  if (acts != Hears::kYes && acts != Hears::kNo) ledger_.record(child.id, action.step);
  record.delivered = send_step(child, action.signal) == Sent::kDelivered ? 1 : 0;
}

// Sends the step to the nearest processes below one that does not act on it, and returns how many have got it; nothing
// if there are none. One that has gone meanwhile, or cannot be seen to be there yet, is none.
std::optional<int> Effects::deliver_below(const Process& deaf, int signal, int step) {
  const std::vector<Process> receivers = receivers_.nearest_below(deaf, signal, step);
  std::optional<int> delivered;
  for (const Process& process : receivers) {
    const Sent sent = send_step(process, signal);
    if (sent == Sent::kGone) continue;
    ledger_.record(process.id, step);
    delivered = delivered.value_or(0);
    if (sent != Sent::kDelivered) continue;
    ++*delivered;
    note_served(signal, describe(process));
  }
  return delivered;
}

// --- Steps to the orphans. ---

void Effects::deliver_to_orphans(const Action& action) {
  receivers_.begin(world_.hook());
  for (const int pid : world_.own_child_pids()) {
    if (pid == world_.child() || pid == world_.hook() || ledger_.is_served_orphan(pid, action.step)) continue;
    const std::optional<Process> orphan = world_.process(pid);
    if (!orphan || orphan->state == 'Z' || outside_every_scope(*orphan)) continue;
    deliver_to_orphan(*orphan, action);
  }
}

// An orphan that does not act on the step may not have set its handlers yet: it is looked at twice. A non-interactive
// shell starts `cmd &` with INT and QUIT ignored, and so there is TERM for what stays deaf.
void Effects::deliver_to_orphan(const Process& orphan, const Action& action) {
  if (ledger_.has_had(orphan.id, action.step)) return ledger_.record_orphan(orphan.id, action.step);
  if (receivers_.ends_by_its_pipe(orphan)) return;
  int signal = action.signal;
  if (const std::optional<int> own = ledger_.has_had_any(orphan.id) ? std::nullopt : receivers_.first_signal(orphan))
    signal = signal_of_step(*own, now_->state.trigger);
  const std::optional<Hears> acts = receivers_.acts_on(orphan, signal);
  if (!acts) return;
  if (acts != Hears::kYes) {
    const bool is_deaf = acts == Hears::kNo;
    if (const std::optional<int> below = is_deaf ? deliver_below(orphan, signal, action.step) : std::nullopt) {
      note_step_of_orphan(signal, action.step, *below);
      return ledger_.record_orphan(orphan.id, action.step);
    }
    // By the time of the event, as the timer of the second look is: the first look may have taken longer than that one.
    const Millis now = now_->event.at;
    if (now - ledger_.deaf_since(orphan.id, action.step, now) < kRescanInterval) return;
    if (is_deaf && !now_->plan.shield.has(sig::kTerm)) signal = sig::kTerm;
  }
  ledger_.record_orphan(orphan.id, action.step);
  if (send_step(orphan, signal) != Sent::kDelivered) return;
  note_step_of_orphan(signal, action.step, 1);
  note_served(signal,
              describe(orphan) + (acts != Hears::kNo ? "" : ", which does not act on " + signal_name(action.signal)));
}

void Effects::note_step_of_orphan(int signal, int step, int delivered) {
  note(Outcome::Kind::kStep).step = {signal, Scope::kMain, Target::kOrphans, now_->event.at, delivered, step};
}

// One line tells of all that have got the same signal at once.
void Effects::note_served(int signal, std::string name) {
  const auto same = std::ranges::find_if(outcomes_, [signal](const Outcome& outcome) {
    return outcome.kind == Outcome::Kind::kServed && outcome.signal == signal;
  });
  Outcome& served = same == outcomes_.end() ? note(Outcome::Kind::kServed) : *same;
  served.signal = signal;
  served.names.push_back(std::move(name));
}

}  // namespace graceshim
