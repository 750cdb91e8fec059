#include "make_plan.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "hook_rule.h"
#include "named.h"
#include "readiness_rule.h"
#include "restart_rule.h"

namespace graceshim {
namespace {

constexpr Millis kSafetyMargin{1'000};  // graceshim's KILL comes this long before the platform's
constexpr Millis kTimeoutWithoutPlatform{30'000};

struct Steps {
  StepList list;
  std::string reason;
  std::string name;  // of the setting, for a message
  bool is_explicit = false;
};

// `plan` is one of the two that a preset has, or the person's own.
Result<Steps> choose_steps(const Config& config, const Setting<StepList>& plan) {
  const Setting<int>& signal = config.stop_signal;
  const bool plan_set = !plan.value.empty();
  const bool signal_set = signal.origin != Origin::kDefault;
  if (plan_set && signal_set && plan.origin == signal.origin) {
    return fail(named("stop.plan", plan) + " and " + named("stop.signal", signal) +
                " exclude each other: a plan names its signals itself");
  }
  if (plan_set && (!signal_set || plan.origin > signal.origin))
    return Steps{plan.value, plan.where, named("stop.plan", plan), plan.is_explicit()};

  Steps steps;
  steps.reason = signal_set ? signal.where : "default";
  steps.name = named("stop.signal", signal);
  steps.is_explicit = signal.is_explicit();
  steps.list = steps_of_signal(signal.value, config.child_scope.value);
  return steps;
}

// The steps as they are behind a shield: its own plan is for one that keeps off a signal of the usual plan.
Result<Steps> choose_steps(const Config& config, SignalSet shield) {
  Result<Steps> usual = choose_steps(config, config.stop_plan);
  const bool fits = !usual || (signals_sent(usual->list, config.stop_on.value) & shield).empty();
  if (fits || config.shielded_plan.value.empty()) return usual;
  Setting<StepList> shielded = config.shielded_plan;
  shielded.where += ", behind a shield";
  return choose_steps(config, shielded);
}

// The lowest, to name one; 0: there is none.
int first_of(SignalSet signals) {
  return signals.empty() ? 0 : std::countr_zero(signals.bits()) + 1;
}

struct ChosenTimeout {
  Millis value = kInfinity;
  std::string reason;
  bool assumed = true;  // it was not set
};

ChosenTimeout choose_timeout(const Config& config, const PlatformFacts& platform, const Situation& situation) {
  if (const Millis* set = std::get_if<Millis>(&config.stop_timeout.value)) {
    return {*set, config.stop_timeout.where, false};
  }
  if (platform.grace && *platform.grace > Millis{0}) {
    const Millis grace = *platform.grace;
    const Millis value = grace > 2 * kSafetyMargin ? grace - kSafetyMargin : (grace + Millis{1}) / 2;
    return {value,
            "platform " + platform.name + ": " + format_duration(grace) + " less " + format_duration(grace - value)};
  }
  if (!platform.name.empty()) {
    return {kInfinity, "platform " + platform.name + " kills by itself, after a time that cannot be seen from here"};
  }
  if (situation.pid1) return {kInfinity, "PID 1: the KILL is left to the runtime or the platform of the container"};
  return {kTimeoutWithoutPlatform, "default outside a platform"};
}

bool has_auto_wait(const StepList& steps) {
  for (const PlanStep& step : steps) {
    if (step.wait == kAutoWait) return true;
  }
  return false;
}

// A preset's waits are a proposal: in a timeout that is too short for them they keep their proportions, and leave half
// of it to a step that waits `auto`.
StepList with_shrunk_waits(const StepList& steps, Millis room) {
  const Millis wanted = fixed_waits(steps);
  const Millis share = has_auto_wait(steps) ? room / 2 : room;
  StepList shrunk;
  for (PlanStep step : steps) {
    const bool is_fixed = step.wait != kAutoWait && step.wait != kInfinity;
    if (is_fixed) step.wait = Millis{step.wait.count() * share.count() / wanted.count()};
    shrunk.push(step);
  }
  return shrunk;
}

std::optional<Error> fit_timeout(const Config& config, Steps& steps, ChosenTimeout& timeout) {
  if (waits_forever(steps.list)) {
    const bool finite = !timeout.assumed && timeout.value != kInfinity;
    if (finite && steps.is_explicit && config.stop_timeout.is_explicit()) {
      return Error{steps.name + ": a wait of infinity cannot stand beside a finite " +
                   named("stop.timeout", config.stop_timeout) + " of " + format_duration(timeout.value)};
    }
    if (finite && config.stop_timeout.is_explicit())
      return std::nullopt;  // the deadline cuts the preset's endless wait
    timeout.value = kInfinity;
    timeout.reason = "the plan waits for ever";
    return std::nullopt;
  }
  if (timeout.value == kInfinity) return std::nullopt;
  const Millis delay = config.stop_delay.value;
  const Millis needed = delay + fixed_waits(steps.list);
  if (needed < timeout.value) return std::nullopt;
  if (timeout.assumed) {
    // An assumption gives way; a step that waits `auto` still gets what had been assumed.
    timeout.value = needed + (has_auto_wait(steps.list) && needed > Millis{0} ? timeout.value : Millis{0});
    timeout.reason += ", raised to fit delay and waits";
    return std::nullopt;
  }
  if (!steps.is_explicit && delay < timeout.value) {
    steps.list = with_shrunk_waits(steps.list, timeout.value - delay);
    steps.reason += ", its waits cut to fit " + config.stop_timeout.where;
    return std::nullopt;
  }
  std::string parts = named("stop.plan", config.stop_plan) + " waits " + format_duration(needed - delay);
  if (delay > Millis{0}) parts += " after " + named("stop.delay", config.stop_delay) + " of " + format_duration(delay);
  return Error{parts + ": that does not fit " + named("stop.timeout", config.stop_timeout) + " of " +
               format_duration(timeout.value) + "; raise the timeout above " + format_duration(needed)};
}

// HUP, USR2 and the job-control signals have meanings of their own that are no stop; a resized terminal is none either.
bool may_be_implicit_trigger(int signal, const Situation& situation) {
  const SignalSet never{sig::kHup,  sig::kUsr2, sig::kKill, sig::kChld, sig::kCont,
                        sig::kStop, sig::kTstp, sig::kTtin, sig::kTtou};
  if (signal == kSameSignal || never.has(signal)) return false;
  return signal != sig::kWinch || situation.terminal == Terminal::kNone;
}

Route mapped_route(int replacement) {
  if (replacement == kIgnoresSignal) return Route::drop();
  return replacement == kRestartsCommand ? Route::restart() : Route::forward_as(replacement);
}

std::optional<Error> set_routes(const Config& config, const Situation& situation, PlanResult& result) {
  Routes& routes = result.plan.routes;
  SignalSet named_by_user;
  // 32 and 33 belong to the C library of the child: it uses them between its own threads.
  const SignalSet never_forwarded{sig::kKill, sig::kStop, sig::kChld, 32, 33};
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    const bool dropped = never_forwarded.has(signal) || config.pause.value;
    const Route passed_on =
        config.drop_ignored.value.has(signal) ? Route::forward_unless_ignored(signal) : Route::forward_as(signal);
    routes[static_cast<std::size_t>(signal)] = dropped ? Route::drop() : passed_on;
  }

  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (!config.stop_on.value.has(signal)) continue;
    if (config.stop_on.is_explicit()) named_by_user.add(signal);
    const bool ignored = signal != sig::kTerm && situation.ignored.has(signal);
    // In a pause no process is below us that the ignored signal could be meant to spare.
    const bool heard = config.stop_on.is_explicit() || config.pause.value || !ignored;
    if (heard) routes[static_cast<std::size_t>(signal)] = Route::trigger();
  }

  for (const Setting<SignalMapping>& mapping : config.signals) {
    const int signal = mapping.value.signal;
    if (config.stop_on.value.has(signal)) {
      const std::string name = signal_name(signal);
      std::string text = named("signals." + name, mapping);
      text.append(": ").append(name).append(" starts a stop (").append(named("stop.on", config.stop_on));
      text.append(mapping.value.replacement == kRestartsCommand
                      ? "); to restart by it leave it out of stop.on"
                      : "); to translate it use stop.signal or stop.plan, to pass it on leave it out of stop.on");
      return Error{std::move(text)};
    }
    named_by_user.add(signal);
    routes[static_cast<std::size_t>(signal)] = mapped_route(mapping.value.replacement);
  }

  if (config.stop_on.is_explicit()) return std::nullopt;
  const int first = result.plan.steps[0].signal;
  if (!may_be_implicit_trigger(first, situation) || named_by_user.has(first) || situation.ignored.has(first))
    return std::nullopt;
  Route& route = routes[static_cast<std::size_t>(first)];
  if (!route.is_trigger()) result.implicit_triggers.push_back(first);
  route = Route::trigger();
  return std::nullopt;
}

// In a group that others share with us the child must live too, for the keyboard speaks to that group; and a session of
// its own has a terminal of its own, or none.
void set_place(const Config& config, const Situation& situation, Plan& plan) {
  plan.place = config.child_place.value;
  plan.suspendable = situation.suspendable;
  if (plan.place == Place::kOwnSession) return;
  // A ^C must reach us as well: a command that ends of it with a status of its own would be taken for one that has
  // failed.
  const bool restarts_at_terminal = situation.terminal == Terminal::kHandedOver && !plan.restart.after.empty();
  if (situation.terminal == Terminal::kShared || restarts_at_terminal) plan.place = Place::kOurGroup;
  plan.terminal = situation.terminal;
  if (plan.shares_group() && plan.terminal == Terminal::kHandedOver) plan.terminal = Terminal::kShared;
  // Where no shell is there to continue us, a ^Z would stop us for good, and nothing would see the child end.
  if (plan.terminal != Terminal::kNone && !plan.suspendable) plan.suspend_on = {};
}

// A hook that hangs must not keep the first signal back for ever, however long the stop may take after it.
Millis hook_limit(const Plan& plan) {
  if (plan.timeout == kInfinity) return kTimeoutWithoutPlatform / 2;
  const Millis left = plan.timeout - fixed_waits(plan.steps);
  const Millis half = plan.timeout / 2;
  return left < half ? left : half;
}

void set_ready(Ready ready, Plan& plan) {
  switch (ready) {
    case Ready::kForTheStop:
      plan.starts_default = signals_sent(plan.steps, triggers_of(plan)) | SignalSet{sig::kCont};
      plan.starts_unblocked = plan.starts_default;
      return;
    case Ready::kForTranslation:
      for (const PlanStep& step : plan.steps) {
        if (step.signal != kSameSignal) plan.starts_default.add(step.signal);
      }
      plan.starts_unblocked = plan.starts_default;
      return;
    case Ready::kForAll:
      plan.starts_default = SignalSet::from_bits((std::uint64_t{1} << 31) - 1);
      plan.starts_unblocked = SignalSet::from_bits(~std::uint64_t{0});
      return;
  }
}

// `shield` decides on the steps alone.
Result<PlanResult> plan_behind(SignalSet shield, const Config& config, const PlatformFacts& platform,
                               const Situation& situation) {
  Result<Steps> steps = choose_steps(config, shield);
  if (!steps) return tl::unexpected<Error>(std::move(steps.error()));
  ChosenTimeout timeout = choose_timeout(config, platform, situation);
  if (std::optional<Error> error = fit_timeout(config, *steps, timeout))
    return tl::unexpected<Error>(std::move(*error));

  PlanResult result;
  Plan& plan = result.plan;
  plan.steps = steps->list;
  plan.timeout = timeout.value;
  plan.delay = config.stop_delay.value;
  plan.hook = !config.stop_pre_stop.value.empty();
  plan.hook_limit = hook_limit(plan);
  plan.pre_start = !config.start_pre.value.empty();
  plan.post_stop = !config.stop_post.value.empty();
  plan.repeat = config.stop_repeat.value;
  plan.stragglers = config.stop_stragglers.value;
  plan.straggler_timeout = config.stop_straggler_timeout.value;
  plan.settle = config.settle.value;
  if (platform.broadcast_is_certain) plan.broadcast = platform.broadcast;
  plan.success = config.exit_success.value;
  plan.resume = config.stop_resume.value;
  plan.success_when = config.exit_success_when.value;
  plan.scope = config.child_scope.value;
  plan.suspend_on = config.suspend_on.value;
  plan.restart = restart_rule(config);
  plan.tells_manager = config.notify_mode.value == NotifyMode::kProxy;
  plan.readiness = readiness_of(config);
  if (config.notify_watchdog.value != Millis{0}) plan.watchdog = config.notify_watchdog.value;
  plan.extend_max = config.notify_extend_max.value;
  plan.pause = config.pause.value;
  set_place(config, situation, plan);
  if (std::optional<Error> error = set_routes(config, situation, result))
    return tl::unexpected<Error>(std::move(*error));
  // A route may ask for restarts, too.
  if (situation.manager_watchdog != kInfinity && plan.may_restart())
    plan.ping_manager = std::max(situation.manager_watchdog / 2, Millis{1});
  set_ready(config.child_ready.value, plan);
  result.timeout_reason = std::move(timeout.reason);
  result.steps_reason = std::move(steps->reason);
  return result;
}

}  // namespace

std::optional<std::string> shield_conflict(const Config& config, SignalSet shield) {
  for (const Setting<SignalMapping>& mapping : config.signals) {
    // A set has no member for "ignore" and for "restart".
    if (!shield.has(mapping.value.replacement)) continue;
    return named("signals." + signal_name(mapping.value.signal), mapping) + " sends " +
           signal_name(mapping.value.replacement);
  }
  const Result<Steps> steps = choose_steps(config, shield);
  if (!steps) return std::nullopt;  // an error of its own
  for (const PlanStep& step : steps->list) {
    if (shield.has(step.signal)) return steps->name + " sends " + signal_name(step.signal);
  }
  const int same = first_of(signals_sent(steps->list, config.stop_on.value) & shield);
  if (same == 0) return std::nullopt;
  return steps->name + " sends 'same', which can be " + signal_name(same);
}

SignalSet passed_on_in_vain(const Config& config, SignalSet shield) noexcept {
  SignalSet signals = shield - config.stop_on.value;
  for (const Setting<SignalMapping>& mapping : config.signals) signals.remove(mapping.value.signal);
  return signals;
}

SignalSet may_start_stop(const Config& config) noexcept {
  SignalSet signals = config.stop_on.value;
  signals.add(config.stop_signal.value);
  for (const StepList* plan : {&config.stop_plan.value, &config.shielded_plan.value}) {
    if (!plan->empty()) signals.add((*plan)[0].signal);
  }
  return signals;
}

Result<PlanResult> make_plan(const Config& config, const PlatformFacts& platform, const Situation& situation) {
  if (std::optional<Error> error = restart_conflict(config)) return tl::unexpected<Error>(std::move(*error));
  if (std::optional<Error> error = readiness_conflict(config)) return tl::unexpected<Error>(std::move(*error));
  if (std::optional<Error> error = hook_conflict(config)) return tl::unexpected<Error>(std::move(*error));
  Result<PlanResult> result = plan_behind({}, config, platform, situation);
  if (!result) return result;
  const Plan unshielded = result->plan;
  const SignalSet* const wanted = std::get_if<SignalSet>(&config.stop_shield.value);
  const SignalSet shield = wanted == nullptr ? SignalSet{} : *wanted;
  if (!shield.empty()) {
    if (const std::optional<std::string> conflict = shield_conflict(config, shield)) {
      return fail(*conflict + ", but " + named("stop.shield", config.stop_shield) + " keeps " + format_signals(shield) +
                  " from every process: send another signal, or shield another");
    }
    result = plan_behind(shield, config, platform, situation);
    if (!result) return result;
    result->plan.shield = shield;
    result->plan.broadcast = result->plan.broadcast - shield;
  }
  result->unshielded = unshielded;
  return result;
}

}  // namespace graceshim
