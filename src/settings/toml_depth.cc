#include "toml_depth.h"

#include <array>
#include <cstdint>

namespace graceshim {

namespace {

// Goes through the text once. It knows no more of TOML than where a string, a comment, a key and a bracket end.
class Measure {
 public:
  explicit Measure(std::string_view text) noexcept : text_(text) {}

  std::optional<TomlPlace> too_deep() noexcept {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark has no column
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') advance();
        continue;
      }
      note(c);
      if (depth_ > kDeepestToml) return place_;
      advance();
    }
    return std::nullopt;
  }

 private:
  void note(char c) noexcept {
    switch (c) {
      case '\n':
        if (in_brackets_ == 0) end_line();
        return;
      case '.':
        ++depth_;  // also for the point of a number: one level too many does no harm
        return;
      case '=':
        if (in_brackets_ == 0) where_ = Where::kValue;
        return;
      case ',':
        if (in_brackets_ != 0) depth_ = around_[in_brackets_ - 1] + 1U;
        return;
      case '[':
      case '{':
        open(c);
        return;
      case ']':
      case '}':
        if (where_ != Where::kHeader && in_brackets_ != 0) depth_ = around_[--in_brackets_];
        return;
      default:
        return;
    }
  }

  void open(char c) noexcept {
    // The second bracket of [[table]] is no deeper, and is passed over below.
    if (where_ == Where::kKey && c == '[') {
      where_ = Where::kHeader;
      depth_ = 1;
      return;
    }
    if (where_ == Where::kHeader) return;
    // The array has room for this bracket, because the measuring ends as soon as the limit is passed.
    around_[in_brackets_++] = static_cast<std::uint8_t>(depth_);
    ++depth_;
  }

  void end_line() noexcept {
    if (where_ == Where::kHeader) of_header_ = depth_;
    where_ = Where::kKey;
    depth_ = of_header_;
  }

  // Moves behind the end of a string. A string of one line ends with the line at the latest: the parser refuses more.
  void skip_string(char quote) noexcept {
    const std::array<char, 3> fence{quote, quote, quote};
    const std::string_view three(fence.data(), fence.size());
    const bool escapes = quote == '"';
    // A key may be quoted, but by no more than one quote at each end.
    if (where_ == Where::kValue && text_.substr(at_).starts_with(three)) {
      advance(3);
      while (at_ < text_.size() && !text_.substr(at_).starts_with(three))
        advance(escapes && text_[at_] == '\\' ? 2 : 1);
      // One or two quotes may be the last characters of the string itself; the three quotes after them close it.
      advance(3);
      for (int own = 0; own < 2 && at_ < text_.size() && text_[at_] == quote; ++own) advance();
      return;
    }
    advance();
    while (at_ < text_.size() && text_[at_] != '\n') {
      const char c = text_[at_];
      advance(escapes && c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2 : 1);
      if (c == quote) return;
    }
  }

  void advance(std::size_t count = 1) noexcept {
    for (; count > 0 && at_ < text_.size(); --count, ++at_) {
      const auto byte = static_cast<std::uint8_t>(text_[at_]);
      if (byte == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if ((byte & 0xC0U) != 0x80U) {  // only the first byte of a character counts
        ++place_.column;
      }
    }
  }

  enum class Where : std::uint8_t {
    kKey,     // at the beginning of a line, or in its key
    kHeader,  // in a [table] or [[table]]
    kValue,   // after the =
  };

  std::string_view text_;
  std::size_t at_ = 0;
  TomlPlace place_;
  Where where_ = Where::kKey;
  std::size_t of_header_ = 0;  // the depth of the table of the [header] above
  std::size_t depth_ = 0;
  std::size_t in_brackets_ = 0;
  std::array<std::uint8_t, kDeepestToml + 1> around_{};  // the depth outside of each open bracket
};

}  // namespace

std::optional<TomlPlace> too_deep(std::string_view text) noexcept {
  return Measure(text).too_deep();
}

}  // namespace graceshim
