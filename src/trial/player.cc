#include "player.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "facts.h"
#include "look.h"
#include "seconds.h"
#include "values.h"

namespace graceshim {

namespace {

constexpr Millis kTick{50};
constexpr Millis kPatience{10'000};   // in place of kReadyTime, once work has failed behind that
constexpr Millis kBetweenSteps{200};  // from the end of the work to the second signal of TSTP/TERM
constexpr Millis kMostToKill{5'000};  // a graceshim gives up after 2 s what KILL does not end
constexpr Millis kLeastForWork{1'000};
constexpr Millis kMostForWork{5'000};
constexpr Millis kLeastForCommand{3'000};

// How long work may go on behind the end of the command: who waits for an answer hears of its end late, or never.
Millis for_work(Millis limit) {
  return std::clamp(limit / 10, kLeastForWork, kMostForWork);
}

// How long the command may go on behind the end of the work. The signals that are meant to end it have all the time;
// what takes another one for a stop has ended much sooner, and most go on.
Millis for_command(int signal, Millis limit) {
  if (signal == sig::kTerm || signal == sig::kInt || signal == sig::kQuit) return limit;
  return std::max(limit / 5, std::min(limit / 3, kLeastForCommand));
}

}  // namespace

Result<void> Player::open() {
  const std::optional<WaitCall> wait_call = find_wait_call();
  if (!wait_call) return tl::unexpected<Error>(system_error("cannot wait for processes (waitid, wait4)", errno));
  wait_call_ = *wait_call;
  if (!become_subreaper()) return tl::unexpected<Error>(system_error("cannot become a subreaper", errno));
  Result<void> opened = EventLoop::probe();
  if (opened) opened = loop_.open(Fd());
  return opened;
}

Millis Player::longest_row() const noexcept {
  const Millis limit = settings_.limit.value;
  return limit + settings_.after.value + limit + for_work(limit) + kMostToKill + time_to_tidy();
}

Millis Player::time_to_tidy() const noexcept {
  return invocation_.config.stop_post.value.empty() ? Millis{0} : kMostPostStop;
}

Observation Player::play(const RowSpec& spec) {
  Observation seen = play_once(spec);
  // An address on which a server has closed connections is kept by the kernel, from which not every server takes it.
  if (seen.how == RowEnd::kEndedEarly && seen.ready_by == ReadyBy::kNobody && wait_for_connections())
    seen = play_once(spec);
  const bool was_early = seen.how == RowEnd::kWorkEarly && seen.ready_by == ReadyBy::kTime;
  if (was_early && !seen.works.empty() && ready_time_ < kPatience) {
    ready_time_ = kPatience;
    seen = play_once(spec);
  }
  return seen;
}

Observation Player::play_once(const RowSpec& spec) {
  Play play{.spec = spec};
  if (wait_for_ports(play) && begin(play) && wait_until_ready(play) && begin_work(play) && wait_before_signal(play) &&
      look_before_signal(play))
    watch(play);
  finish(play);
  return std::move(play.seen);
}

// --- From the signal to the end. ---

void Player::watch(Play& play) {
  Life& command = *play.command;
  const Millis limit = settings_.limit.value;
  const Candidate& candidate = play.spec.candidate;
  send_signal(command.pid(), sig::kTerm);
  const Millis signalled_at = now();
  const Millis patience = for_command(candidate.then != 0 ? candidate.then : candidate.signal, limit);
  std::optional<Millis> work_over_at;
  std::optional<Millis> gone_at;
  bool has_advanced = false;
  for (;;) {
    tick(&play);
    if (is_cut(play)) return;
    const bool is_work_over = std::ranges::all_of(play.works, [](const auto& work) { return work->has_ended(); });
    if (is_work_over && !work_over_at) work_over_at = now();
    if (command.is_gone() && !gone_at) gone_at = now();
    if (candidate.then != 0 && !has_advanced && work_over_at && now() - *work_over_at >= kBetweenSteps) {
      send_signal(command.pid(), sig::kTerm);  // on to the next step of the plan
      has_advanced = true;
      work_over_at = now();
    }
    if (gone_at && (is_work_over || now() - *gone_at >= for_work(limit))) break;
    if (work_over_at && !command.has_ended() && now() - *work_over_at >= patience) break;
    if (now() - signalled_at >= limit + (play.spec.kind == RowKind::kShielded ? kSecondAfter : Millis{0})) break;
  }
  conclude(play, !command.has_ended(), signalled_at);
}

void Player::conclude(Play& play, bool was_cut_off, Millis signalled_at) {
  Life& command = *play.command;
  Observation& seen = play.seen;
  for (const auto& work : play.works) {
    seen.works.push_back({work->has_ended(), work->status()});
    if (work->has_ended()) seen.work_after = std::max(seen.work_after, work->ended_at() - signalled_at);
  }
  seen.ended = !was_cut_off;
  if (seen.ended) {
    seen.status = command.status();
    seen.ended_after = std::max(command.ended_at() - signalled_at, Millis{0});
  }
  end(play, command);
  const Testimony& said = command.said();
  if (!said.is_complete) {
    seen.how = RowEnd::kBroken;
    seen.words = "the graceshim of this row was killed from outside";
    return;
  }
  for (int i = 0; seen.ended && i < said.left; ++i)
    seen.left.emplace_back(i < static_cast<int>(said.names.size()) ? said.names[static_cast<std::size_t>(i)].data()
                                                                   : "");
  seen.second_came = play.spec.kind == RowKind::kTwice && said.steps > 1;
  seen.shield_refused = said.shield_refused;
  if (play.spec.kind == RowKind::kShielded) {
    if (said.shield_refused) {
      seen.how = RowEnd::kNotSent;
      seen.words = "the kernel refuses the shield";
    } else if (seen.ended && seen.ended_after < kSecondAfter) {
      seen.words = "TERM has ended the command in spite of the shield";
    }
    seen.ended_after = std::max(seen.ended_after - kSecondAfter, Millis{0});
  }
  if (said.was_refused && said.steps == 0) {
    seen.how = RowEnd::kNotSent;
    seen.words = "the signal may not be sent: the command runs as another user";
  }
}

// Whatever has happened, nothing of the row is left.
void Player::finish(Play& play) {
  for (Life* const life : lives_of(play)) end(play, *life);
  sweep();
}

void Player::break_off(Play& play, const Error& error) {
  play.seen.how = RowEnd::kBroken;
  play.seen.words = error.message;
}

bool Player::is_cut(Play& play) const {
  if (cut_by_ == 0) return false;
  play.seen.how = RowEnd::kCut;
  play.seen.words = "cut short by " + signal_name(cut_by_);
  return true;
}

// --- The loop. ---

std::vector<Life*> Player::lives_of(Play& play) const {
  std::vector<Life*> lives;
  if (play.command) lives.push_back(play.command.get());
  if (play.probe) lives.push_back(play.probe.get());
  for (const auto& work : play.works) lives.push_back(work.get());
  return lives;
}

void Player::tick(Play* play) {
  loop_.wait(monotonic_now() + kTick);
  while (const std::optional<signalfd_siginfo> info = loop_.next_signal()) {
    const auto signal = static_cast<int>(info->ssi_signo);
    if (kEndsTrial.has(signal) && cut_by_ == 0) cut_by_ = signal;
  }
  reap(play);
  if (play == nullptr) return;
  for (Life* const life : lives_of(*play)) life->read_output();
}

void Player::reap(Play* play) {
  for (Reaped reaped = reap_next(wait_call_);
       reaped.kind == Reaped::Kind::kEnded || reaped.kind == Reaped::Kind::kStopped; reaped = reap_next(wait_call_)) {
    if (reaped.kind == Reaped::Kind::kStopped) continue;
    if (play == nullptr) continue;
    for (Life* const life : lives_of(*play)) {
      if (life->pid() == reaped.pid && !life->is_gone()) life->note_end(reaped.status, now());
    }
  }
}

// By TERM its graceshim goes on to the next step, in the end to KILL, and cuts stop.post short, which is given its time
// therefore. What does not answer gets the KILL itself, and its tree by sweep().
void Player::end(Play& play, Life& life) {
  const Millis to_tidy = &life == play.command.get() ? time_to_tidy() : Millis{0};
  for (const Millis begun = now(); !life.is_gone();) {
    const bool is_late = now() - begun >= kMostToKill + to_tidy;
    const bool may_tidy = life.has_ended() && now() - life.ended_at() < to_tidy;
    if (is_late || !may_tidy) send_signal(life.pid(), is_late ? sig::kKill : sig::kTerm);
    tick(&play);
  }
  life.read_output();
}

// Only what a graceshim has left that was killed itself comes to us.
void Player::sweep() {
  for (const Millis deadline = now() + kMostToKill;;) {
    bool is_clean = true;
    for (const int child : own_child_pids()) {
      is_clean = false;
      send_signal(child, sig::kKill);
    }
    if (is_clean) return;
    if (now() >= deadline) {
      blocked_by_ = "A process of the last row is left, which KILL does not end.";
      return;
    }
    tick(nullptr);
  }
}

}  // namespace graceshim
