// Text in columns, for people.
#pragma once

#include <string>
#include <string_view>

namespace graceshim {

constexpr std::size_t kLineWidth = 96;

// `text` with blanks up to `width`; at least one if it is as long or longer.
std::string pad(std::string text, std::size_t width);

// `text` broken at blanks into lines of at most kLineWidth, each after `indent` blanks and with a newline. A longer
// word has a line of its own.
std::string wrap(std::string_view text, std::size_t indent);

// "-t, --stop-timeout DURATION": an option as a help text has it; 0 and empty: there is none.
std::string option_text(char letter, std::string_view name, std::string_view argument);

// Such an option with its help, which begins at `column`, below an option that reaches so far.
std::string help_entry(std::string option, std::string_view help, std::size_t column);

}  // namespace graceshim
