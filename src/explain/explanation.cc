#include "explanation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "graceshim/stop_machine.h"
#include "keys.h"
#include "platforms.h"
#include "presets.h"
#include "text.h"

namespace graceshim {

namespace {

using Bar = Explanation::Bar;

Explanation::Recognition preset_of(const Invocation& invocation) {
  const Setting<std::string>& wanted = invocation.config.preset;
  if (invocation.preset.empty()) {
    return {.heading = "none: " + (wanted.value == "none" ? wanted.where : "the command was not recognised for sure")};
  }
  const Preset* row = find_preset(invocation.preset);
  const std::string& reason = invocation.preset_reason;
  return {
      .name = invocation.preset,
      .heading = invocation.preset + ": " + (wanted.value == "auto" ? "recognised by " + in_quotes(reason) : reason),
      .reason = reason,
      .note = invocation.preset_note,
      .source = std::string(row == nullptr ? std::string_view() : row->source),
      .notifying = row == nullptr ? Notifying{} : row->notifying};
}

Explanation::Recognition platform_of(const Invocation& invocation) {
  const Setting<std::string>& wanted = invocation.config.platform;
  const std::string& name = invocation.platform.name;
  if (name.empty()) return {.heading = wanted.value == "none" ? "none: " + wanted.where : "none was recognised"};
  const Platform* row = find_platform(name);
  return {.name = name,
          .heading = name + ": " + invocation.platform_reason,
          .reason = invocation.platform_reason,
          .note = std::string(row == nullptr ? std::string_view() : row->note)};
}

std::vector<Explanation::Setting> settings_of(const Config& config) {
  std::vector<Explanation::Setting> settings;
  for (const Key& key : keys()) {
    if (key.toml.empty()) continue;
    if (&key != &signals_key()) {
      const Shown shown = key.show(config);
      settings.push_back({std::string(key.toml), shown.value, shown.origin, shown.where});
      continue;
    }
    for (const Setting<SignalMapping>& entry : config.signals) {
      const SignalMapping& mapping = entry.value;
      settings.push_back(
          {"signals." + signal_name(mapping.signal), write_replacement(mapping), entry.origin, entry.where});
    }
  }
  return settings;
}

// To which processes a signal goes, in the order of Scope.
constexpr std::array<std::string_view, 3> kReceivers{"to the child", "to its process group", "to every process"};

Bar signal_bar(const PlanStep& step, Millis from, Millis to) {
  const bool same = step.signal == kSameSignal;
  const std::string name = same ? "same" : signal_name(step.signal);
  return {
      .what = "signal",
      .label = name,
      .text = (same ? "the signal that came, " : "") + std::string(kReceivers[static_cast<std::size_t>(step.scope)]),
      .signal = name,
      .scope = std::string(scope_word(step.scope)),
      .from = from,
      .to = to};
}

// Returns the plan as it runs if nothing ends early, and the pre_stop hook takes no longer than the delay.
std::vector<Bar> timeline_of(const Plan& plan, const PlatformFacts& platform) {
  std::vector<Bar> bars;
  if (plan.delay > Millis{0}) bars.push_back({.what = "delay", .label = "delay", .to = plan.delay});
  if (plan.hook) {
    const bool endless = plan.hook_limit == kInfinity;
    bars.push_back({.what = "pre_stop",
                    .label = "pre_stop",
                    .text = endless ? "until it ends" : "at most, then the first signal",
                    .to = plan.hook_limit});
  }
  const Millis fixed = plan.delay + fixed_waits(plan.steps);
  Millis left = kInfinity;  // the length of an `auto` wait
  if (plan.timeout != kInfinity) left = plan.timeout > fixed ? plan.timeout - fixed : Millis{0};
  Millis at = plan.delay;
  bool killed = false;
  for (const PlanStep& step : plan.steps) {
    const bool kill = step.signal == sig::kKill && step.scope == Scope::kTree;
    const Millis end = later(at, step.wait == kAutoWait ? left : step.wait);
    bars.push_back(signal_bar(step, at, kill ? at : end));
    at = end;
    killed = killed || kill;
  }
  if (!killed && plan.timeout != kInfinity) {
    bars.push_back(signal_bar({.signal = sig::kKill, .scope = Scope::kTree}, plan.timeout, plan.timeout));
  }
  if (platform.grace) {
    bars.push_back({.what = "platform_kill",
                    .label = platform.name,
                    .text = "its own KILL",
                    .from = *platform.grace,
                    .to = *platform.grace});
  }
  return bars;
}

// Returns what a shield breaks, for users who rely on the shielded signal.
std::string shield_note(const Plan& plan) {
  const std::string names = format_signals(plan.shield);
  const bool is_term = plan.shield.has(sig::kTerm);
  return names + " does nothing to any process of the tree, whatever sends it" +
         (is_term
              ? ": timeout(1), Python's Popen.terminate() and a plain kill end no process there, but another signal "
                "does"
              : "") +
         ". Only a process that blocks the signal and waits for it (sigwait, signalfd) gets it. If graceshim lacks "
         "CAP_SYS_ADMIN, programs such as sudo gain no privileges in the tree.";
}

// Returns why `auto` puts up no shield on a platform where other presets get one.
std::string unfit_note(const Invocation& invocation) {
  const Preset* row = find_preset(invocation.preset);
  if (row == nullptr || invocation.platform.broadcast.empty()) return "";
  const std::string names = format_signals(invocation.platform.broadcast);
  const std::string unfit = " stops its own processes by TERM, and would not end behind a shield; ";
  switch (row->shielding) {
    case Shielding::kUnfit:
      return invocation.preset + unfit + "it finishes by itself when every process gets " + names + ".";
    case Shielding::kUnfitLoses:
      return invocation.preset + unfit + "it does not finish when every process gets " + names + ".";
    case Shielding::kUnwanted:
      return "with " + std::string(row->variable.empty() ? "TERM_CHILD" : row->variable) +
             " set, a job cleans up on the " + names +
             " that every process gets; behind a shield it would be killed without cleaning up.";
    case Shielding::kPointless:
      return "no signal lets " + invocation.preset + " finish its work, so that a shield would gain nothing.";
    case Shielding::kNeedless:
    case Shielding::kNeeded:
      break;
  }
  return "";
}

// Returns "after 75,SEGV", or "after every exit status but 0 and every signal but HUP,INT,PIPE,TERM" where the policy
// says what is left out.
std::string ends_in_words(const EndSet& ends, RestartPolicy::Kind policy) {
  if (ends.empty()) return "";
  if (policy == RestartPolicy::Kind::kListed) return "after " + Codec<EndSet>::write(ends);
  EndSet others{.codes = {}, .signals = SignalSet::from_bits(~ends.signals.bits())};
  for (int code = 0; code <= 255; ++code) {
    if (!ends.codes.has(code)) others.codes.add(code);
  }
  const auto every = [](const std::string& what, const std::string& but) {
    return "every " + what + (but.empty() ? "" : " but " + but);
  };
  return "after " + every("exit status", Codec<CodeSet>::write(others.codes)) + " and " +
         every("signal", format_signals(others.signals));
}

std::vector<Millis> ladder_of(const Restart& rule) {
  std::vector<Millis> delays;
  for (std::uint32_t number = 1; number <= rule.limit; ++number) {
    delays.push_back(restart_delay(rule, number));
    if (delays.back() == rule.max_delay) break;
  }
  return delays;
}

std::optional<Explanation::Restarts> restarts_of(const Config& config, const Plan& plan) {
  if (!plan.may_restart()) return std::nullopt;
  const Setting<RestartPolicy>& policy = config.restart_policy;
  Explanation::Restarts restarts{.policy = Codec<RestartPolicy>::write(policy.value),
                                 .policy_reason = policy.where,
                                 .ends = ends_in_words(plan.restart.after, policy.value.kind),
                                 .limit = plan.restart.limit,
                                 .reset_after = plan.restart.reset_after,
                                 .signals = restart_signals_of(plan)};
  if (!plan.restart.after.empty()) restarts.delays = ladder_of(plan.restart);
  return restarts;
}

std::optional<Explanation::Ready> ready_of(const Config& config, const Plan& plan) {
  if (plan.readiness == Readiness::kNone) return std::nullopt;
  const Setting<ReadyFrom>& from = config.notify_ready_from;
  const bool is_auto = from.value.kind == ReadyFrom::Kind::kAuto;
  Explanation::Ready ready{
      .from = is_auto ? (plan.readiness == Readiness::kTold ? "socket" : "exec") : Codec<ReadyFrom>::write(from.value),
      .from_reason = is_auto ? "auto" : from.where,
      .file = config.notify_ready_file.value};
  if (config.notify_ready_fd.value != kNoDescriptor) ready.fd = config.notify_ready_fd.value;
  return ready;
}

}  // namespace

Explanation explanation_of(const Invocation& invocation, const PlanResult& result) {
  const Plan& plan = result.plan;
  const bool shielded = !plan.shield.empty();
  return {.command = invocation.command,
          .preset = preset_of(invocation),
          .platform = platform_of(invocation),
          .platform_grace = invocation.platform.grace,
          .platform_signals_every_process = !invocation.platform.broadcast.empty(),
          .settings = settings_of(invocation.config),
          .triggers = triggers_of(plan),
          .implicit_triggers = {result.implicit_triggers.begin(), result.implicit_triggers.end()},
          .plan = format_plan(plan.steps),
          .plan_reason = result.steps_reason,
          .looks_again = may_recognise_late(invocation),
          .timeout = plan.timeout,
          .timeout_reason = result.timeout_reason,
          .shield = plan.shield,
          .shield_reason = shielded ? invocation.config.stop_shield.where : "",
          .shield_note = shielded ? shield_note(plan) : unfit_note(invocation),
          .plan_if_refused = shielded ? format_plan(result.unshielded.steps) : "",
          .timeline = timeline_of(plan, invocation.platform),
          .pre_start = plan.pre_start,
          .post_stop_limit =
              plan.post_stop ? std::optional(std::min(plan.timeout, kMostPostStop)) : std::optional<Millis>(),
          .restart = restarts_of(invocation.config, plan),
          .ready = ready_of(invocation.config, plan),
          .watchdog = plan.watchdog,
          .extend_max = plan.extend_max,
          .warnings = invocation.warnings};
}

}  // namespace graceshim
