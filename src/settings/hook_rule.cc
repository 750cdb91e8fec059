#include "hook_rule.h"

#include "graceshim/stop_machine.h"
#include "named.h"
#include "restart_rule.h"
#include "values.h"

namespace graceshim {

namespace {

// The one of start.pre and stop.post that is set; empty: neither is.
std::string what_runs_around(const Config& config) {
  if (!config.start_pre.value.empty()) return named("start.pre", config.start_pre);
  return config.stop_post.value.empty() ? std::string() : named("stop.post", config.stop_post);
}

}  // namespace

std::optional<Error> hook_conflict(const Config& config) {
  if (const std::string hook = what_runs_around(config); config.pause.value && !hook.empty()) {
    return Error{hook + " cannot stand beside " + named("a pause", config.pause) +
                 ": there is no command that it could run before or after"};
  }
  if (config.stop_post.value.empty()) return std::nullopt;
  const std::string post = named("stop.post", config.stop_post);
  const Setting<Stragglers>& stragglers = config.stop_stragglers;
  if (stragglers.value == Stragglers::kLeave || stragglers.value == Stragglers::kDismiss) {
    return Error{post + " cannot stand beside " + named("stop.stragglers", stragglers) + " of " +
                 Codec<Stragglers>::write(stragglers.value) +
                 ": it runs only when no process of the command is left; use stop, finish or wait"};
  }
  const Millis* const timeout = std::get_if<Millis>(&config.stop_timeout.value);
  if (timeout != nullptr && *timeout < kLeastPostStop) {
    return Error{named("stop.timeout", config.stop_timeout) + " of " + format_duration(*timeout) +
                 " is shorter than the " + format_duration(kLeastPostStop) + " that " + post + " always has: raise it"};
  }
  return std::nullopt;
}

std::optional<Error> own_name_conflict(const Config& config) {
  if (const std::string restarts = what_restarts(config); !restarts.empty())
    return Error{restarts + " starts the command again, which graceshim does under its own name only"};
  if (const std::string hook = what_runs_around(config); !hook.empty())
    return Error{hook + " runs a command beside the command, which graceshim does under its own name only"};
  for (const Setting<Millis>* const setting : {&config.notify_watchdog, &config.notify_extend_max}) {
    const char* const key = setting == &config.notify_watchdog ? "notify.watchdog" : "notify.extend_max";
    if (setting->value != Millis{0})
      return Error{named(key, *setting) + " has the command speak to graceshim, which it does under its own name only"};
  }
  return std::nullopt;
}

}  // namespace graceshim
