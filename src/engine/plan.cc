#include "graceshim/plan.h"

#include <algorithm>

#include "text.h"

namespace graceshim {
namespace {

constexpr std::string_view kSame = "same";
constexpr std::string_view kAuto = "auto";
constexpr std::string_view kEndless = "infinity";
constexpr std::array<std::string_view, 2> kWaitWords = {kAuto, kEndless};

constexpr PlanStep kFinalKill{sig::kKill, Scope::kTree, Millis{0}};

constexpr Scope default_scope(int signal) noexcept {
  return signal == sig::kKill ? Scope::kTree : Scope::kMain;
}

// A step without its wait.
Result<PlanStep> parse_step(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::string_view word = text.substr(0, at);
  PlanStep step;
  if (word != kSame) {
    const Result<int> signal = parse_signal(word);
    if (!signal) {
      if (!nearest(word, {&kSame, 1})) return tl::unexpected(signal.error());
      return fail("unknown signal " + in_quotes(word) + ", expected 'same' or a signal" +
                  nearest_hint(word, {&kSame, 1}));
    }
    step.signal = *signal;
  }
  if (step.signal == sig::kCont)
    return fail(in_quotes(word) + " cannot be a step: every step is followed by CONT anyway");
  if (step.signal == sig::kStop)
    return fail(in_quotes(word) + " cannot be a step: every step is followed by CONT, which undoes it");
  if (step.signal == sig::kChld) return fail(in_quotes(word) + " cannot be a step: it asks no process to end");

  step.scope = default_scope(step.signal);
  if (at == std::string_view::npos) return step;
  const std::string_view scope = text.substr(at + 1);
  const auto* const found = std::find(kScopeWords.begin(), kScopeWords.end(), scope);
  if (found == kScopeWords.end()) {
    return fail("unknown scope " + in_quotes(scope) + ", expected main, group or tree" +
                nearest_hint(scope, kScopeWords));
  }
  step.scope = static_cast<Scope>(found - kScopeWords.begin());
  return step;
}

Result<Millis> parse_wait(std::string_view text) {
  if (text == kAuto) return kAutoWait;
  if (text == kEndless) return kInfinity;
  const Result<Millis> wait = parse_duration(text);
  if (wait) return *wait;
  // start-stop-daemon has a `forever`, which means something else there: to repeat the schedule.
  const std::string hint = text == "forever" ? "; did you mean 'infinity'?" : nearest_hint(text, kWaitWords);
  if (hint.empty()) return tl::unexpected(wait.error());
  return fail("unknown wait " + in_quotes(text) + ", expected a duration, 'auto' or 'infinity'" + hint);
}

bool has_wait(const StepList& steps, Millis wait) noexcept {
  return std::any_of(steps.begin(), steps.end(), [=](const PlanStep& step) { return step.wait == wait; });
}

// A template, because this is part of every start: the call is inlined.
template <bool (Route::*kRouteIs)() const noexcept>
SignalSet signals_that(const Plan& plan) noexcept {
  SignalSet signals;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if ((plan.routes[static_cast<std::size_t>(signal)].*kRouteIs)()) signals.add(signal);
  }
  return signals;
}

}  // namespace

Result<StepList> parse_plan(std::string_view text) {
  StepList steps;
  const auto fail_here = [&steps](const std::string& message) {
    return fail("step " + std::to_string(steps.size() + 1) + " of the plan: " + message);
  };
  const auto too_long = [&] {
    return fail("the plan " + in_quotes(text) + " is too long, expected at most " +
                std::to_string(StepList::kCapacity) + " steps with the final KILL");
  };

  if (text.empty()) return fail("the plan is empty, expected steps such as QUIT/20s/TERM/5s/KILL");
  std::string_view rest = text;
  bool more = true;
  const auto next_word = [&rest, &more] {
    const std::size_t slash = rest.find('/');
    const std::string_view word = rest.substr(0, slash);
    more = slash != std::string_view::npos;
    rest.remove_prefix(more ? slash + 1 : rest.size());
    return word;
  };
  while (more) {
    const std::string_view word = next_word();
    Result<PlanStep> step = parse_step(word);
    if (!step) return fail_here(step.error().message);
    if (step->kills_tree()) {
      if (more) return fail_here("nothing can follow a KILL of the tree, found " + in_quotes(rest));
      if (!steps.push(*step)) return too_long();
      return steps;
    }
    if (!more)
      return fail_here(in_quotes(word) + " has no wait, expected one such as " + in_quotes(std::string(word) + "/10s"));

    const Result<Millis> wait = parse_wait(next_word());
    if (!wait) return fail_here(wait.error().message);
    if (*wait == kInfinity && more) return fail_here("nothing can follow an endless wait, found " + in_quotes(rest));
    if (*wait == kAutoWait && has_wait(steps, kAutoWait)) return fail_here("a second 'auto', expected at most one");
    // An endless wait makes the timeout endless, and what is left of that is endless too: the steps after `auto` would
    // never come.
    if (*wait == kInfinity && has_wait(steps, kAutoWait))
      return fail_here("'infinity' beside 'auto', expected one of them");
    step->wait = *wait;
    if (!steps.push(*step)) return too_long();
    if (*wait == kInfinity) return steps;
  }
  if (!steps.push(kFinalKill)) return too_long();
  return steps;
}

std::string format_plan(const StepList& steps) {
  std::string result;
  for (const PlanStep& step : steps) {
    if (!result.empty()) result += '/';
    result += step.signal == kSameSignal ? std::string(kSame) : signal_name(step.signal);
    if (step.scope != default_scope(step.signal)) {
      result += '@';
      result += scope_word(step.scope);
    }
    if (step.kills_tree()) continue;
    result += '/';
    result += step.wait == kAutoWait ? std::string(kAuto) : format_duration(step.wait);
  }
  return result;
}

StepList steps_of_signal(int signal, Scope scope) noexcept {
  StepList steps;
  if (signal != sig::kKill) steps.push({signal, scope, kAutoWait});
  steps.push({sig::kKill, Scope::kTree, Millis{0}});
  return steps;
}

Millis fixed_waits(const StepList& steps, std::size_t first) noexcept {
  Millis sum{0};
  for (std::size_t i = first; i < steps.size(); ++i) {
    if (steps[i].wait != kAutoWait && steps[i].wait != kInfinity) sum += steps[i].wait;
  }
  return sum;
}

bool waits_forever(const StepList& steps) noexcept {
  return has_wait(steps, kInfinity);
}

Millis longest_stop(const Plan& plan) noexcept {
  if (plan.timeout != kInfinity) return plan.timeout;
  if (has_wait(plan.steps, kAutoWait) || has_wait(plan.steps, kInfinity)) return kInfinity;
  const Millis before = plan.hook ? std::max(plan.delay, plan.hook_limit) : plan.delay;
  return later(fixed_waits(plan.steps), before);
}

SignalSet signals_sent(const StepList& steps, SignalSet triggers) noexcept {
  SignalSet signals;
  triggers.add(sig::kTerm);
  for (const PlanStep& step : steps) {
    if (step.signal == kSameSignal) {
      signals = signals | triggers;
    } else {
      signals.add(step.signal);
    }
  }
  return signals;
}

SignalSet triggers_of(const Plan& plan) noexcept {
  return signals_that<&Route::is_trigger>(plan);
}

SignalSet restart_signals_of(const Plan& plan) noexcept {
  return signals_that<&Route::is_restart>(plan);
}

bool Plan::may_restart() const noexcept {
  return !restart.after.empty() || !restart_signals_of(*this).empty();
}

Millis restart_delay(const Restart& rule, std::uint32_t number) noexcept {
  Millis delay = rule.delay;
  for (std::uint32_t k = 1; k < number && delay < rule.max_delay; ++k) delay *= 2;
  return std::min(delay, rule.max_delay);
}

}  // namespace graceshim
