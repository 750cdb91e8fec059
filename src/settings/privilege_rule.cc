#include "privilege_rule.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace graceshim {

namespace {

// By their options, as those of --trial have no other name.
constexpr std::array<std::string_view, 11> kActsOnFilesOrRuns = {"pre-start",  "pre-stop", "post-stop",   "report",
                                                                 "ready-file", "work",     "trial-ready", "notify",
                                                                 "ready-from", "watchdog", "extend-max"};

Error refused(const std::string& what) {
  return refused_to_caller(what, "write it into /etc/graceshim.toml, or take these rights away");
}

}  // namespace

Error refused_to_caller(const std::string& what, const std::string& advice) {
  return {
      what +
      ": refused, because graceshim has more rights than its caller (setuid, setgid or capabilities of its file): " +
      advice};
}

std::optional<Error> privilege_conflict(const CommandLine& line, const Environment& environment) {
  if (!environment.config_path.empty()) return refused("GRACESHIM_CONFIG");
  if (!environment.layer.empty()) return refused(environment.layer.front().value.where);
  if (!line.config_path.empty()) return refused("--config");
  const auto found = std::ranges::find_if(line.layer, [](const Assignment& assignment) {
    return std::ranges::count(kActsOnFilesOrRuns, assignment.key->flag) != 0;
  });
  if (found == line.layer.end()) return std::nullopt;
  return refused(found->value.where);
}

}  // namespace graceshim
