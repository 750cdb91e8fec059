// The input is an environment, a variable to a line.
#include <algorithm>

#include "checks.h"
#include "child_variables.h"

using namespace graceshim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> variables = lines_of(data, size);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());

  for (const std::string_view variable : variables) {
    if (fate_of_variable(variable, "42", listens(environment, "42")) == VariableFate::kGetsPidOfCommand)
      check(variable.ends_with("=42"), "a variable of somebody else that is ours");
  }
  if (const std::optional<Millis> interval = manager_watchdog(environment, "42"))
    check(*interval >= Millis{0}, "a watchdog of less than no time");
  const std::vector<std::string> directories = directories_for_socket(environment, true);
  check(std::ranges::all_of(directories, [](const std::string& path) { return path.starts_with('/'); }),
        "a directory that depends on where we are");

  check_configure({"graceshim", "nginx"}, std::move(variables), "");
  return 0;
}
