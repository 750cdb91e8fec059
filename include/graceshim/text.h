// Small functions over text that error messages share.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace graceshim {

// The candidate closest to `word` (edits incl. transposition, letter case ignored), if close enough to be a slip of the
// finger: at most a third of its length and `most_edits` (at least 1), but one may always be.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates,
                                        std::size_t most_edits = std::string_view::npos);

// "; did you mean 'QUIT'?" or nothing.
std::string nearest_hint(std::string_view word, std::span<const std::string_view> candidates);

// A text from outside, fit for a terminal and for one line of a log: control characters, those that break a line or
// turn its direction, and invalid bytes become \xNN; all other UTF-8 stays. What has been escaped stays as it is.
std::string escaped(std::string_view text);

// The same of a word that a message quotes, cut at 80 bytes. A path is not cut: its end tells most.
std::string printable(std::string_view word);
std::string in_quotes(std::string_view word);  // the same between quotation marks: 'word'

// The number that `digits` are, kMostWhole if it is that or more; nothing if there is another character, or none.
constexpr int kMostWhole = 1'000'000'000;
std::optional<int> whole_number(std::string_view digits) noexcept;

// `pattern` with each %x replaced by the value of x; a %x without a value stays.
using Replacement = std::pair<char, std::string_view>;
std::string expand(std::string_view pattern, std::initializer_list<Replacement> values);

// Appends `bytes` as a JSON string, quotes included. Names of processes are bytes of any kind: whatever is not ASCII is
// written as \u00NN, a code point of Latin-1, so that the result is always valid and every byte can be told.
void append_json_string(std::string& out, std::string_view bytes);

}  // namespace graceshim
