// The input is a plan, and what happens to a run by it: the first line is the list of steps, and each byte behind it is
// an event, one in three with the time that goes by before. Events come that no world would send: the machine is total.
#include "checks.h"
#include "graceshim/stop_machine.h"

using namespace graceshim;

namespace {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  [[nodiscard]] bool empty() const { return at_ == end_; }
  std::uint8_t next() { return empty() ? 0 : *at_++; }
  // One of the first `count` numbers.
  std::uint8_t below(unsigned count) { return static_cast<std::uint8_t>(next() % count); }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

constexpr auto kTimes = std::to_array<Millis>(
    {Millis{0}, Millis{1}, Millis{199}, Millis{1'000}, Millis{2'000}, Millis{15'000}, Millis{60'000}, kInfinity});
constexpr auto kSignals =
    std::to_array<int>({sig::kTerm, sig::kInt, sig::kQuit, sig::kHup, sig::kUsr1, sig::kUsr2, sig::kWinch, sig::kCont,
                        sig::kTstp, sig::kChld, sig::kKill, 0, 34, kSignalMax});

Millis time_of(Bytes& bytes) {
  return kTimes[bytes.below(kTimes.size())];
}
Millis finite_time_of(Bytes& bytes) {
  return kTimes[bytes.below(kTimes.size() - 1)];
}
int signal_of(Bytes& bytes) {
  return kSignals[bytes.below(kSignals.size())];
}
ExitStatus status_of(Bytes& bytes) {
  const std::uint8_t value = bytes.next();
  return value % 4 == 0 ? ExitStatus{true, 1 + value % 64} : ExitStatus{false, value};
}

Plan plan_of(StepList steps, Bytes& bytes) {
  Plan plan;
  plan.steps = steps;
  plan.timeout = time_of(bytes);
  plan.delay = finite_time_of(bytes);
  const unsigned hooks = bytes.next();
  plan.hook = (hooks & 1U) != 0;
  plan.pre_start = (hooks & 2U) != 0;
  plan.post_stop = (hooks & 4U) != 0;
  plan.tells_manager = (hooks & 8U) != 0;
  plan.suspendable = (hooks & 16U) != 0;
  plan.pause = (hooks & 224U) == 224U;
  plan.hook_limit = time_of(bytes);
  plan.repeat = static_cast<Repeat>(bytes.below(4));
  plan.stragglers = static_cast<Stragglers>(bytes.below(5));
  plan.straggler_timeout = time_of(bytes);
  plan.settle = time_of(bytes);
  for (const int signal : kSignals) {
    if (signal == 0) continue;
    const std::uint8_t route = bytes.below(5);
    plan.routes[static_cast<std::size_t>(signal)] = route == 0   ? Route::trigger()
                                                    : route == 1 ? Route::restart()
                                                    : route == 2 ? Route::drop()
                                                    : route == 3 ? Route::forward_as(signal)
                                                                 : Route::forward_unless_ignored(signal);
  }
  plan.terminal = static_cast<Terminal>(bytes.below(3));
  plan.place = static_cast<Place>(bytes.below(3));
  plan.readiness = static_cast<Readiness>(bytes.below(3));
  plan.watchdog = time_of(bytes);
  plan.extend_max = time_of(bytes);
  plan.ping_manager = bytes.below(2) == 0 ? kInfinity : Millis{1'000};
  if (bytes.below(2) == 0) {
    for (int code = 0; code <= 255; ++code) plan.restart.after.codes.add(code);
    plan.restart.after.signals = SignalSet::from_bits(~std::uint64_t{0});
    plan.restart.limit = bytes.below(4);
  }
  return plan;
}

Event event_of(Bytes& bytes, Millis at) {
  Event event;
  event.kind = static_cast<EventKind>(bytes.below(static_cast<unsigned>(EventKind::kTimer) + 1U));
  event.at = at;
  event.signal = signal_of(bytes);
  event.duration = time_of(bytes);
  const unsigned flags = bytes.next();
  event.from_keyboard = (flags & 1U) != 0;
  event.was_ignored = (flags & 2U) != 0;
  event.in_foreground = (flags & 4U) != 0;
  event.terminal_gone = (flags & 8U) != 0;
  event.child_ended = (flags & 16U) != 0;
  event.hook_ended = (flags & 32U) != 0;
  event.empty = (flags & 64U) != 0;
  event.own_session = (flags & 128U) != 0;
  const unsigned more = bytes.next();
  event.reachable = (more & 1U) != 0;
  event.found = (more & 2U) != 0;
  event.group_left = (more & 4U) != 0;
  event.foreground = static_cast<Foreground>((more >> 3U) % 3U);
  event.status = status_of(bytes);
  event.hook_status = status_of(bytes);
  event.jitter = bytes.next();
  return event;
}

// What must hold of an answer, whatever was asked.
void check_answer(const State& before, const Transition& answer) {
  int ends = 0;
  for (const Action& action : answer.actions) {
    if (action.kind == ActionKind::kFinish) {
      ++ends;
      check(action.status >= 0 && action.status <= 255, "a status that no process can have");
      check(answer.state.phase == Phase::kFinished, "an end that is none");
    }
    if (action.kind == ActionKind::kStart)
      check(before.request != Request::kStop && answer.state.request != Request::kStop, "a start after a trigger");
    if (action.kind == ActionKind::kDeliver && action.target == Target::kChild)
      check(before.target == Target::kChild, "a step for a child that has been reaped");
  }
  if (before.phase == Phase::kFinished) {
    check(answer.actions.size() == 0 && answer.state == before, "something after the end");
  } else {
    check(ends == (answer.state.phase == Phase::kFinished ? 1 : 0), "an end without its action, or two");
  }
  check(
      before.request != Request::kStop || answer.state.request == Request::kStop || answer.state.phase == before.phase,
      "a stop is forgotten");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  const Result<StepList> steps = parse_plan(std::string(text.substr(0, end)));
  if (!steps) return 0;
  Bytes bytes(data + end + 1, size - end - 1);
  const Plan plan = plan_of(*steps, bytes);

  State state;
  Millis now{1'000'000};
  const auto answer = [&](const Event& event) {
    const Transition next = step(plan, state, event);
    check_answer(state, next);
    check(step(plan, state, event).state == next.state, "the same question has two answers");
    state = next.state;
  };
  while (!bytes.empty()) {
    if (bytes.below(3) == 0) {
      now += finite_time_of(bytes);
      // The loop tells the machine of each timer that has run out: there must be a last one.
      constexpr int kMost = 64;
      int timers = 0;
      while (earliest_timer(state) <= now) {
        check(++timers <= kMost, "timers without end");
        answer(Event::time_is(now));
      }
    }
    answer(event_of(bytes, now));
  }
  return 0;
}
