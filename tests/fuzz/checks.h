// What must hold for any input whatever.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configure.h"

namespace graceshim {

// Ends the process with `what`, as libFuzzer wants it, if `good` is false.
void check(bool good, std::string_view what);

// One printable line that says something, and status 125.
void check_error(const Error& error);

// Splits at each line's end.
std::vector<std::string> lines_of(const std::uint8_t* data, std::size_t size);

// Runs configure(), make_plan() and explain() with these words, argv[0] the first, variables and the text of
// /etc/graceshim.toml, and checks what comes out.
void check_configure(std::vector<std::string> arguments, std::vector<std::string> environment, const std::string& file);

}  // namespace graceshim
