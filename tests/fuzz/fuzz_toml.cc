// The input is a configuration file.
#include "checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  graceshim::check_configure({"graceshim", "rake", "resque:work"}, {}, text);
  return 0;
}
