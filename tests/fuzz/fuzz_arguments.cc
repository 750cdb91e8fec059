// The input is a command line, a word to a line.
#include "checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> arguments = graceshim::lines_of(data, size);
  arguments.insert(arguments.begin(), "graceshim");
  graceshim::check_configure(std::move(arguments), {}, "");
  return 0;
}
