// The input is an environment, a variable to a line.
#include "checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  graceshim::check_configure({"graceshim", "nginx"}, graceshim::lines_of(data, size), "");
  return 0;
}
