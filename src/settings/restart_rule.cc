#include "restart_rule.h"

#include "named.h"
#include "platforms.h"
#include "values.h"

namespace graceshim {

namespace {

using Policy = RestartPolicy::Kind;

constexpr SignalSet kEverySignal = SignalSet::from_bits(~std::uint64_t{0});

// Whoever sends HUP, INT or TERM to the command wants it to end, and a command that dies of PIPE has lost its reader.
constexpr int kPipe = 13;
constexpr SignalSet kNoFailure{sig::kHup, sig::kInt, sig::kTerm, kPipe};

bool restarts_after(const Config& config, int code) {
  if (config.restart_prevent.value.codes.has(code)) return false;
  const RestartPolicy& policy = config.restart_policy.value;
  switch (policy.kind) {
    case Policy::kNo:
      return false;
    case Policy::kOnFailure:
      // What a preset calls a success is so after its stop signal only: a celery that crashes has status 1 as well.
      return code != 0 && !(config.exit_success.is_explicit() && config.exit_success.value.has(code));
    case Policy::kAlways:
      return true;
    case Policy::kListed:
      return policy.listed.codes.has(code);
  }
  return false;
}

SignalSet signals_of(const RestartPolicy& policy) {
  switch (policy.kind) {
    case Policy::kNo:
      return {};
    case Policy::kOnFailure:
      return kEverySignal - kNoFailure;
    case Policy::kAlways:
      return kEverySignal;
    case Policy::kListed:
      return policy.listed.signals;
  }
  return {};
}

// A command whose watchdog has run out has failed, however it has ended then.
EndSet after_miss(const Config& config, const EndSet& after) {
  const Policy policy = config.restart_policy.value.kind;
  if (policy != Policy::kOnFailure && policy != Policy::kAlways) return after;
  const EndSet& prevent = config.restart_prevent.value;
  EndSet ends{.codes = {}, .signals = kEverySignal - prevent.signals};
  for (int code = 0; code <= 255; ++code) {
    if (!prevent.codes.has(code)) ends.codes.add(code);
  }
  return ends;
}

}  // namespace

std::string what_restarts(const Config& config) {
  if (config.restart_policy.value.kind != Policy::kNo) return named("restart.policy", config.restart_policy);
  for (const Setting<SignalMapping>& mapping : config.signals) {
    if (mapping.value.replacement == kRestartsCommand)
      return named("signals." + signal_name(mapping.value.signal), mapping);
  }
  return {};
}

Restart restart_rule(const Config& config) {
  Restart rule;
  const bool restarts = config.restart_policy.value.kind != Policy::kNo;
  for (int code = 0; restarts && code <= 255; ++code) {
    if (restarts_after(config, code)) rule.after.codes.add(code);
  }
  rule.after.signals = signals_of(config.restart_policy.value) - config.restart_prevent.value.signals;
  rule.after_miss = after_miss(config, rule.after);
  rule.delay = config.restart_delay.value;
  rule.max_delay = config.restart_max_delay.value;
  rule.limit = config.restart_limit.value;
  const Millis* const healthy = std::get_if<Millis>(&config.restart_reset_after.value);
  rule.reset_after = healthy == nullptr ? rule.max_delay : *healthy;
  return rule;
}

std::optional<Error> restart_conflict(const Config& config) {
  const Millis delay = config.restart_delay.value;
  const Millis longest = config.restart_max_delay.value;
  if (delay > longest) {
    return Error{named("restart.delay", config.restart_delay) + " of " + format_duration(delay) + " is longer than " +
                 named("restart.max_delay", config.restart_max_delay) + " of " + format_duration(longest) +
                 ": shorten the one or raise the other"};
  }
  const std::string restarts = what_restarts(config);
  if (restarts.empty()) return std::nullopt;
  if (config.restart_policy.value.kind != Policy::kNo && restart_rule(config).after.empty()) {
    return Error{restarts + " names no end of the command that " + named("restart.prevent", config.restart_prevent) +
                 " does not take away again"};
  }
  if (config.pause.value) {
    return Error{restarts + " cannot stand beside " + named("a pause", config.pause) +
                 ": there is no command to start again"};
  }
  const Setting<Stragglers>& stragglers = config.stop_stragglers;
  if (stragglers.value != Stragglers::kLeave && stragglers.value != Stragglers::kDismiss) return std::nullopt;
  return Error{
      restarts + " cannot stand beside " + named("stop.stragglers", stragglers) + " of " +
      Codec<Stragglers>::write(stragglers.value) +
      ": the command is started again only when no process of its last life is left; use stop, finish or wait"};
}

std::string restart_warning(const Config& config, std::string_view platform) {
  if (config.restart_policy.value.kind == Policy::kNo) return {};
  const Platform* const row = find_platform(platform);
  if (row == nullptr || row->restarts.empty()) return {};
  std::string text = "the platform ";
  text.append(platform).append(" ").append(row->restarts).append(": ");
  return text + named("restart.policy", config.restart_policy) + " adds to that, and hides failures from it";
}

}  // namespace graceshim
