#include "readiness_rule.h"

#include <algorithm>
#include <array>

#include "named.h"
#include "presets.h"

namespace graceshim {

namespace {

using From = ReadyFrom::Kind;

bool has_output(const Config& config) {
  return !config.notify_ready_file.value.empty() || config.notify_ready_fd.value != kNoDescriptor;
}

struct Need {
  std::string setting;  // empty: none needs anything
  const char* word = "";
};

// Which setting needs a word of the command by sd_notify.
Need needs_of(const Config& config) {
  if (config.notify_ready_from.value.kind == From::kSocket)
    return {named("notify.ready_from", config.notify_ready_from), "READY=1"};
  if (config.notify_watchdog.value != Millis{0})
    return {named("notify.watchdog", config.notify_watchdog), "WATCHDOG=1"};
  if (config.notify_extend_max.value != Millis{0})
    return {named("notify.extend_max", config.notify_extend_max), "EXTEND_TIMEOUT_USEC"};
  return {};
}

// Which of the settings is there at all; empty: none is.
std::string any_of_them(const Config& config) {
  if (config.notify_ready_from.value.kind != From::kAuto) return named("notify.ready_from", config.notify_ready_from);
  if (!config.notify_ready_file.value.empty()) return named("notify.ready_file", config.notify_ready_file);
  if (config.notify_ready_fd.value != kNoDescriptor) return named("notify.ready_fd", config.notify_ready_fd);
  return needs_of(config).setting;
}

// Whether what the command says by sd_notify comes to graceshim.
bool has_socket(const Config& config) {
  return config.notify_mode.value == NotifyMode::kProxy || !needs_of(config).setting.empty();
}

struct Use {
  std::string setting;
  int fd = kNoDescriptor;
};

// Returns the setting by which READY=1 is waited for, by graceshim or by the service manager above it. Empty: nobody
// waits, or something else says it.
std::string what_waits_for_ready(const Config& config) {
  if (config.notify_ready_from.value.kind == From::kSocket) return named("notify.ready_from", config.notify_ready_from);
  const bool passes_on =
      config.notify_ready_from.value.kind == From::kAuto && config.notify_mode.value == NotifyMode::kProxy;
  return passes_on ? named("notify.mode", config.notify_mode) : "";
}

}  // namespace

std::string what_needs_socket(const Config& config) {
  return needs_of(config).setting;
}

Readiness readiness_of(const Config& config) {
  switch (config.notify_ready_from.value.kind) {
    case From::kAuto:
      if (!has_output(config) && config.notify_watchdog.value == Millis{0}) return Readiness::kNone;
      return has_socket(config) ? Readiness::kTold : Readiness::kExec;
    case From::kExec:
      return Readiness::kExec;
    case From::kSocket:
    case From::kDescriptor:
    case From::kVariable:
      return Readiness::kTold;
  }
  return Readiness::kNone;
}

std::optional<Error> readiness_conflict(const Config& config) {
  const std::string any = any_of_them(config);
  if (any.empty()) return std::nullopt;
  if (config.pause.value)
    return Error{any + " cannot stand beside " + named("a pause", config.pause) + ": no command is to become ready"};
  const Need need = needs_of(config);
  if (!need.setting.empty() && config.notify_mode.value == NotifyMode::kOff) {
    return Error{need.setting + " waits for " + need.word + ", which by " + named("notify.mode", config.notify_mode) +
                 " does not come to graceshim: leave one of the two out"};
  }
  const ReportTarget& report = config.report_path.value;
  const std::array<Use, 3> uses{
      Use{named("notify.ready_from", config.notify_ready_from), config.notify_ready_from.value.fd},
      Use{named("notify.ready_fd", config.notify_ready_fd), config.notify_ready_fd.value},
      Use{named("report.path", config.report_path),
          report.kind == ReportTarget::Kind::kFd ? report.fd : kNoDescriptor}};
  for (std::size_t i = 0; i < uses.size(); ++i) {
    for (std::size_t j = i + 1; j < uses.size(); ++j) {
      if (uses[i].fd == kNoDescriptor || uses[i].fd != uses[j].fd) continue;
      return Error{uses[i].setting + " and " + uses[j].setting + " both use descriptor " + std::to_string(uses[i].fd) +
                   ": each needs one of its own"};
    }
  }
  if (report.kind != ReportTarget::Kind::kPath || report.path != config.notify_ready_file.value) return std::nullopt;
  return Error{named("notify.ready_file", config.notify_ready_file) + " and " +
               named("report.path", config.report_path) + " are one file: each needs one of its own"};
}

std::string readiness_warning(const Config& config, std::string_view preset, std::span<const std::string> command,
                              bool asks) {
  const std::string waits = what_waits_for_ready(config);
  const Preset* row = waits.empty() ? nullptr : find_preset(preset);
  if (row == nullptr) return {};
  const std::string text = waits + ": " + std::string(preset);
  const std::string_view setting = row->notifying.setting;
  switch (row->notifying.ready) {
    case SaysReady::kUnknown:
    case SaysReady::kAlways:
    case SaysReady::kIfBuilt:
      break;
    case SaysReady::kIfSet:
      if (!asks || std::find(command.begin(), command.end(), setting.substr(0, setting.find(' '))) != command.end())
        break;
      return text + " says READY=1 by sd_notify, and becomes ready, only with " + std::string(setting) +
             ": see to that, or set notify.ready_from to exec";
    case SaysReady::kNever:
      return text + " never says READY=1 by sd_notify, and so is never ready: set notify.ready_from to exec";
  }
  return {};
}

}  // namespace graceshim
