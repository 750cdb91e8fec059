#include "child_variables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace graceshim {
namespace {

constexpr auto kHoldThePid = std::to_array<std::string_view>({"LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"});

std::optional<std::string_view> value_of(std::span<char* const> environment, std::string_view name) noexcept {
  for (const std::string_view entry : environment) {
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

}  // namespace

VariableFate fate_of_variable(std::string_view entry, std::string_view own_pid, bool listens) noexcept {
  if (listens && entry.starts_with("LISTEN_PIDFDID=")) return VariableFate::kDropped;
  const std::size_t equals = entry.find('=');
  if (equals == std::string_view::npos || entry.substr(equals + 1) != own_pid) return VariableFate::kKept;
  const bool holds = std::ranges::find(kHoldThePid, entry.substr(0, equals)) != kHoldThePid.end();
  return holds ? VariableFate::kGetsPidOfCommand : VariableFate::kKept;
}

bool listens(std::span<char* const> environment, std::string_view own_pid) noexcept {
  return value_of(environment, "LISTEN_PID") == own_pid;
}

std::optional<Millis> manager_watchdog(std::span<char* const> environment, std::string_view own_pid) noexcept {
  const std::optional<std::string_view> interval = value_of(environment, "WATCHDOG_USEC");
  if (!interval || value_of(environment, "WATCHDOG_PID").value_or(own_pid) != own_pid) return std::nullopt;
  std::int64_t usec = 0;
  const auto [end, error] = std::from_chars(interval->data(), interval->data() + interval->size(), usec);
  if (error != std::errc() || end != interval->data() + interval->size() || usec <= 0) return std::nullopt;
  return std::chrono::duration_cast<Millis>(std::chrono::microseconds(usec));
}

std::vector<std::string> directories_for_socket(std::span<char* const> environment, bool same_user) {
  std::vector<std::string> directories;
  const auto add = [&](std::string_view name) {
    const std::optional<std::string_view> value = value_of(environment, name);
    // systemd names several runtime directories with colons between them.
    if (!value) return;
    const std::string_view first = value->substr(0, value->find(':'));
    if (first.starts_with('/')) directories.emplace_back(first);
  };
  if (same_user) {
    add("RUNTIME_DIRECTORY");
    add("XDG_RUNTIME_DIR");
  }
  directories.emplace_back("/run");
  if (same_user) add("TMPDIR");
  directories.emplace_back("/tmp");
  return directories;
}

}  // namespace graceshim
