// The input is a configuration file of php-fpm's, which may include itself.
#include <algorithm>

#include "checks.h"
#include "php_fpm.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  int reads = 0;
  const std::vector<std::string> arguments{"-y", "php-fpm.conf"};
  const std::string warning =
      graceshim::php_fpm_warning("php-fpm", arguments,
                                 graceshim::FileAccess{
                                     .read_file = [&](const std::string&) -> graceshim::Result<std::string> {
                                       graceshim::check(++reads <= 64, "it reads without end");
                                       return text;
                                     },
                                     .exists = {},
                                     .list_directory =
                                         [](const std::string&) {
                                           return std::vector<std::string>{"pool.conf", "www.conf"};
                                         },
                                     .working_directory = "/etc",
                                 });
  graceshim::check(std::ranges::count(warning, '\n') == 0, "a warning is not one line");
  return 0;
}
