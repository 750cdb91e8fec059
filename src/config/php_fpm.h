// What php-fpm's own configuration says of a stop: process_control_timeout, without which QUIT cuts requests as TERM
// does.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace graceshim {

struct Surroundings;

// A warning, with the file that it is about and what to write there, if a stop of php-fpm would cut requests: the
// timeout is 0, or nowhere set. Empty if it is above 0, or if that cannot be told for sure (a file that cannot be read,
// a value from a variable). `program` is the name that it was called by ("php-fpm8.2").
std::string php_fpm_warning(std::string_view program, std::span<const std::string> arguments,
                            const Surroundings& surroundings);

}  // namespace graceshim
