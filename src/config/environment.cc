#include "environment.h"

#include <algorithm>

#include "graceshim/text.h"
#include "platforms.h"

namespace graceshim {

namespace {

constexpr std::string_view kPrefix = "GRACESHIM_";

// Kubernetes describes every Service of the namespace to every pod: one called graceshim-demo makes
// GRACESHIM_DEMO_SERVICE_HOST, GRACESHIM_DEMO_SERVICE_PORT_HTTP, GRACESHIM_DEMO_PORT, GRACESHIM_DEMO_PORT_80_TCP_ADDR.
// Nobody meant us.
bool is_service_link(std::string_view name) {
  const std::size_t port = name.find("_PORT");
  return name.ends_with("_SERVICE_HOST") ||
         (port != std::string_view::npos && (name.size() == port + 5 || name[port + 5] == '_'));
}

tl::unexpected<Error> unknown_variable(std::string_view name) {
  // Without the prefix: it would make everything look alike.
  std::vector<std::string_view> names;
  for (const Key& key : keys()) {
    if (!key.variable.empty()) names.push_back(key.variable.substr(kPrefix.size()));
  }
  std::string message = "unknown variable '" + printable(name) + "'";
  if (const auto found = nearest(name.substr(kPrefix.size()), names)) {
    message.append("; did you mean '").append(kPrefix).append(*found).append("'?");
  }
  return fail(std::move(message));
}

}  // namespace

std::optional<std::string_view> Environment::trace(std::string_view name) const {
  for (const auto& [known, value] : traces) {
    if (known == name) return value;
  }
  return std::nullopt;
}

Result<Environment> read_environment(std::span<char* const> environment) {
  Environment result;
  std::vector<std::string_view> seen;
  std::string_view unknown;
  for (const char* entry : environment) {
    const std::string_view text = entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    if (!name.starts_with(kPrefix)) {
      if (is_trace(name)) result.traces.emplace_back(name, value);
      continue;
    }
    if (std::ranges::find(seen, name) != seen.end()) continue;
    seen.push_back(name);

    const auto key = std::ranges::find(keys(), name, &Key::variable);
    if (key == keys().end()) {
      if (unknown.empty() && !is_service_link(name)) unknown = name;
    } else if (value.empty()) {
      continue;
    } else if (key->role == Role::kConfigFile) {
      result.config_path = value;
    } else {
      result.layer.push_back({&*key, Value{.text = std::string(value), .where = std::string(name)}});
    }
  }
  if (!unknown.empty()) return unknown_variable(unknown);
  return result;
}

}  // namespace graceshim
