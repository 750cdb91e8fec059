// Small functions over text that error messages share.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace graceshim {

// Returns the candidate that is closest to `word`, if it is close enough for a slip of the finger, or nothing. An edit
// is an insertion, a deletion, a replacement or a swap of neighbours; letter case does not count. A third of the length
// of `word` may be edited, but at least one letter, and at most `most_edits` (1 or more).
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates,
                                        std::size_t most_edits = std::string_view::npos);

// Returns "; did you mean 'QUIT'?", or an empty string if no candidate is near enough.
std::string nearest_hint(std::string_view word, std::span<const std::string_view> candidates);

// Makes a text from outside fit for a terminal and for one line of a log. Control characters, characters that break a
// line or turn its direction, and invalid bytes become \xNN; all other UTF-8 stays. To escape a text twice changes
// nothing more.
std::string escaped(std::string_view text);

// Whether a text is well-formed UTF-8. Control characters are, the null byte too.
bool is_utf8(std::string_view text) noexcept;

// Escapes a word that a message quotes, and cuts it at 80 bytes. For a path use escaped(), because the end of a path
// tells the most.
std::string printable(std::string_view word);
std::string in_quotes(std::string_view word);  // printable(), between quotation marks: 'word'

// Returns the number that `digits` spell, but at most kMostWhole. Returns nothing if `digits` is empty or holds another
// character.
constexpr int kMostWhole = 1'000'000'000;
std::optional<int> whole_number(std::string_view digits) noexcept;

// Returns `pattern` with each %x replaced by the value of x. A %x that has no value stays.
using Replacement = std::pair<char, std::string_view>;
std::string expand(std::string_view pattern, std::initializer_list<Replacement> values);

// Returns what follows the last slash: all of `path` if it has none, nothing if it ends in one.
std::string_view base_name(std::string_view path) noexcept;

// How many processes, or other things, one log line names before it counts the rest.
constexpr std::size_t kNamesPerLine = 10;

// Returns "a, b and 3 more": the names, and how many of the `all` they leave out.
std::string names_and_more(std::span<const std::string> names, std::size_t all);

// Appends `bytes` as a JSON string, quotes included. The name of a process may hold any bytes, so every byte that is
// not printable ASCII is written as \u00NN, a code point of Latin-1: the result is always valid JSON, and every byte
// can be recovered.
void append_json_string(std::string& out, std::string_view bytes);

}  // namespace graceshim
