// The input is a command line and an environment in another init's place. The first byte says in whose; the rest is a
// word to a line, then, behind an empty line, a variable to a line.
#include <algorithm>
#include <array>

#include "checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array kNames{"tini", "/sbin/docker-init", "dumb-init", "catatonit"};
  if (size == 0) return 0;
  std::vector<std::string> arguments = graceshim::lines_of(data + 1, size - 1);
  const auto blank = std::find(arguments.begin(), arguments.end(), std::string());
  const std::vector<std::string> environment(blank == arguments.end() ? blank : blank + 1, arguments.end());
  arguments.erase(blank, arguments.end());
  arguments.insert(arguments.begin(), kNames[*data % kNames.size()]);
  graceshim::check_configure(std::move(arguments), environment, "");
  return 0;
}
