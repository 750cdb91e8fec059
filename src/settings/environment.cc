#include "environment.h"

#include <algorithm>

#include "platforms.h"
#include "text.h"

namespace graceshim {

namespace {

constexpr std::string_view kPrefix = "GRACESHIM_";

// A mistyped name differs from a setting in at most so many letters, and in at most a third of its own. With a higher
// limit, long names that belong to other programs (GRACESHIM_DOWNLOAD_URL) would be taken for a setting.
constexpr std::size_t kMostSlips = 2;

// A name that is an option, or a setting without its section, is mentioned only if it has at least this length: PATH,
// MODE and USER are too common.
constexpr std::size_t kTellingLength = 5;

// Whether Kubernetes or Docker has made this variable. Kubernetes describes every Service of the namespace to every
// pod, and Docker describes every linked container. A Service or container named graceshim-demo leads to the variables
// GRACESHIM_DEMO_SERVICE_HOST, GRACESHIM_DEMO_SERVICE_PORT_HTTP, GRACESHIM_DEMO_PORT, GRACESHIM_DEMO_PORT_80_TCP_ADDR,
// GRACESHIM_DEMO_NAME and GRACESHIM_DEMO_ENV_*, none of which is a setting. All but GRACESHIM_DEMO_NAME are known by
// their form.
bool is_link(std::string_view name) {
  const std::size_t port = name.find("_PORT");
  return name.ends_with("_SERVICE_HOST") || name.find("_ENV_") != std::string_view::npos ||
         (port != std::string_view::npos && (name.size() == port + 5 || name[port + 5] == '_'));
}

std::string message_of(std::string_view what, std::string_view name, std::string_view verdict, std::string_view meant) {
  std::string message(what);
  message.append(" '").append(printable(name)).append("'").append(verdict);
  return message.append("; did you mean '").append(meant).append("'?");
}

// Returns the variables of all settings without the prefix, because the prefix would make all names look alike.
std::vector<std::string_view> names_of_settings() {
  std::vector<std::string_view> names;
  for (const Key& key : keys()) {
    if (!key.variable.empty()) names.push_back(key.variable.substr(kPrefix.size()));
  }
  return names;
}

// Returns the variable that was meant by `name`, if `name` is an option (REPORT for REPORT_PATH) or a setting without
// its section (TIMEOUT for STOP_TIMEOUT). Empty: `name` is neither.
std::string_view setting_called(std::string_view name) {
  for (const Key& key : keys()) {
    if (key.variable.empty()) continue;
    const bool is_flag = std::ranges::equal(
        key.flag, name, [](char of_flag, char c) { return of_flag == '-' ? c == '_' : of_flag == c - 'A' + 'a'; });
    const std::size_t section = key.variable.size() - std::min(name.size(), key.variable.size());
    const bool is_end = section > kPrefix.size() && key.variable[section - 1] == '_' && key.variable.ends_with(name);
    if ((is_flag || is_end) && name.size() >= kTellingLength) return key.variable;
  }
  return {};
}

}  // namespace

std::optional<std::string_view> Environment::marker(std::string_view name) const {
  for (const auto& [known, value] : markers) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string Environment::note_on_namesakes() const {
  std::vector<std::string> first;
  for (const std::string_view name : std::span(namesakes).first(std::min(namesakes.size(), kNamesPerLine)))
    first.push_back(printable(name));
  return "these variables are not settings and are left to the command: " + names_and_more(first, namesakes.size());
}

std::optional<std::string_view> variable_in(std::span<char* const> environment, std::string_view name) {
  for (const std::string_view entry : environment) {
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

Result<Environment> read_environment(std::span<char* const> environment) {
  Environment result;
  result.others.reserve(environment.size());
  std::vector<std::string_view> seen;  // the variables of settings that came before
  for (char* const entry : environment) {
    const std::string_view text = entry;
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (equals == std::string_view::npos || !name.starts_with(kPrefix)) {
      result.others.push_back(entry);
      if (equals != std::string_view::npos && is_marker(name))
        result.markers.emplace_back(name, text.substr(equals + 1));
      continue;
    }

    const Key* const key = key_of_variable(name);
    if (key == nullptr) {
      const std::string_view own = name.substr(kPrefix.size());
      if (!is_link(name)) {
        // This comes before the search for mistyped names, because SIGNAL means STOP_SIGNAL rather than SIGNALS.
        const std::string_view called = setting_called(own);
        if (!called.empty())
          result.warnings.push_back(
              message_of("the variable", name, " is not a setting and is left to the command", called));
        else if (const std::optional<std::string_view> meant = nearest(own, names_of_settings(), kMostSlips))
          return fail(message_of("unknown variable", name, "", std::string(kPrefix).append(*meant)));
      }
      result.others.push_back(entry);
      result.namesakes.push_back(name);
      continue;
    }
    const std::string_view value = text.substr(equals + 1);
    // The spelling of an earlier version is passed over if the spelling of today is set too.
    const bool is_old = name != key->variable;
    if (std::ranges::find(seen, name) != seen.end()) continue;
    seen.push_back(name);
    if (value.empty() || (is_old && !variable_in(environment, key->variable).value_or("").empty())) continue;
    if (key->role == Role::kConfigFile) {
      result.config_path = value;
    } else {
      result.layer.push_back({key, Value{.text = std::string(value), .where = std::string(key->variable)}});
    }
  }
  return result;
}

}  // namespace graceshim
