// Lays out text for people in columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace graceshim {

constexpr std::size_t kLineWidth = 96;

// Returns `text` with blanks up to `width`, and with one blank if it is already as long or longer.
std::string pad(std::string text, std::size_t width);

// Breaks `text` at its blanks into lines of at most kLineWidth. Each line begins with `indent` blanks and ends with a
// newline. A word that is longer gets a line of its own.
std::string wrap(std::string_view text, std::size_t indent);

// Returns an option as a help text shows it: "-t, --stop-timeout DURATION". A letter of 0 and empty texts are left out.
std::string option_text(char letter, std::string_view name, std::string_view argument);

// Returns such an option with its help. The help begins at `column`: beside the option, or on the next line if the
// option is too long.
std::string help_entry(std::string option, std::string_view help, std::size_t column);

}  // namespace graceshim
