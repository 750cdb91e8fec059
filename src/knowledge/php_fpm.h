// Checks the configuration of php-fpm itself: without process_control_timeout, QUIT cuts requests just as TERM does.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "files.h"

namespace graceshim {

// Returns a warning if a stop of php-fpm would cut requests, because the timeout is 0 or is not set at all; the warning
// names the file and says what to write there. Returns an empty text if the timeout is above 0, or if its value is not
// known for sure (a file cannot be read, a value comes from a variable). `program` is the name by which php-fpm was
// called ("php-fpm8.2").
std::string php_fpm_warning(std::string_view program, std::span<const std::string> arguments, const FileAccess& files);

}  // namespace graceshim
