#include "text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "ascii.h"

namespace graceshim {
namespace {

constexpr std::size_t kLongestPrintable = 80;
constexpr std::string_view kCut = "...";
constexpr std::string_view kHexDigits = "0123456789abcdef";

// The smallest character that UTF-8 writes in so many bytes. Of those in two, U+0080 to U+009F are control characters:
// a terminal may take U+009B for the start of an escape sequence.
constexpr std::array<std::uint32_t, 5> kSmallestOfLength = {0, 0, 0xA0, 0x800, 0x10000};

// The number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, where no place is
// edited twice. Of more than `most` it is only known that they are more.
std::size_t edits(std::string_view a, std::string_view b, std::size_t most) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = to_upper(a[i - 1]) == to_upper(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
      const bool swapped =
          i > 1 && j > 1 && to_upper(a[i - 1]) == to_upper(b[j - 2]) && to_upper(a[i - 2]) == to_upper(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
    // Every way to the end leads through one of these two rows, and gets no shorter.
    const std::size_t so_far = std::min(*std::ranges::min_element(before_last), *std::ranges::min_element(last));
    if (so_far > most) return so_far;
  }
  return last[b.size()];
}

// The length of the well-formed UTF-8 sequence of a character above U+009F at the start of `text`; 0 if there is none.
std::size_t multibyte_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || length > text.size()) return 0;
  std::uint32_t code_point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code_point = code_point << 6 | (byte(i) & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point >= kSmallestOfLength[length] && code_point <= 0x10FFFF && !surrogate ? length : 0;
}

// A viewer may break a line at U+2028 and U+2029, and the others up to U+202E, with U+2066 to U+2069, change the
// direction in which the rest of it is read: all three bytes long.
bool arranges_the_line(std::string_view character) noexcept {
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const char middle = character[1];
  const auto last = static_cast<std::uint8_t>(character[2]);
  return (middle == '\x80' && last >= 0xA8 && last <= 0xAE) || (middle == '\x81' && last >= 0xA6 && last <= 0xA9);
}

// How many bytes at the start of `text`, which is not empty, can be printed as they are; 0: the first one cannot.
std::size_t plain_length(std::string_view text) noexcept {
  const char c = text.front();
  if (c >= ' ' && c <= '~') return 1;
  const std::size_t length = multibyte_length(text);
  return arranges_the_line(text.substr(0, length)) ? 0 : length;
}

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  out += "\\x";
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates,
                                        std::size_t most_edits) {
  const std::size_t limit = std::clamp<std::size_t>(word.size() / 3, 1, most_edits);
  std::optional<std::string_view> best;
  std::size_t best_edits = limit + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(word.size(), candidate.size());
    const std::size_t shorter = std::min(word.size(), candidate.size());
    if (longer - shorter > limit) continue;
    const std::size_t count = edits(word, candidate, limit);
    // As many edits as letters means that the two have nothing in common.
    if (count < best_edits && count < longer) {
      best = candidate;
      best_edits = count;
    }
  }
  return best;
}

std::string nearest_hint(std::string_view word, std::span<const std::string_view> candidates) {
  const std::optional<std::string_view> found = nearest(word, candidates);
  if (!found) return {};
  return "; did you mean '" + std::string(*found) + "'?";
}

std::optional<int> whole_number(std::string_view digits) noexcept {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : digits) number = std::min<std::int64_t>(number * 10 + (c - '0'), kMostWhole);
  return static_cast<int>(number);
}

std::string expand(std::string_view pattern, std::initializer_list<Replacement> values) {
  std::string result;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const Replacement* found = values.end();
    if (pattern[at] == '%' && at + 1 < pattern.size())
      found =
          std::find_if(values.begin(), values.end(), [&](const Replacement& v) { return v.first == pattern[at + 1]; });
    if (found == values.end()) {
      result += pattern[at];
    } else {
      result += found->second;
      ++at;
    }
  }
  return result;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const bool is_ascii = static_cast<std::uint8_t>(text[0]) < 0x80;
    // U+0080 to U+009F.
    const bool is_control = text.size() > 1 && text[0] == '\xC2' && (static_cast<std::uint8_t>(text[1]) & 0xE0) == 0x80;
    const std::size_t length = is_ascii ? 1 : is_control ? 2 : multibyte_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = plain_length(text);
    if (length != 0) {
      result += text.substr(0, length);
    } else {
      append_escaped(result, text.front());
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string printable(std::string_view word) {
  std::string result;
  std::size_t cut_at = 0;  // the longest prefix that leaves room for kCut and splits no character
  while (!word.empty()) {
    const std::size_t length = std::max<std::size_t>(plain_length(word), 1);
    result += escaped(word.substr(0, length));
    word.remove_prefix(length);
    if (result.size() > kLongestPrintable) {
      result.resize(cut_at);
      result += kCut;
      break;
    }
    if (result.size() <= kLongestPrintable - kCut.size()) cut_at = result.size();
  }
  return result;
}

std::string in_quotes(std::string_view word) {
  return "'" + printable(word) + "'";
}

std::string_view base_name(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string names_and_more(std::span<const std::string> names, std::size_t all) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  if (all > names.size()) text.append(" and ").append(std::to_string(all - names.size())).append(" more");
  return text;
}

void append_json_string(std::string& out, std::string_view bytes) {
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7F) {
      out += "\\u00";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace graceshim
