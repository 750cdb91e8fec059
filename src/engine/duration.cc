#include "graceshim/duration.h"

#include <array>
#include <cstdint>

#include "ascii.h"
#include "text.h"

namespace graceshim {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t millis;
};

constexpr auto kUnits = std::to_array<Unit>({
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
});
constexpr std::array<std::string_view, kUnits.size()> kUnitNames = {"d", "h", "m", "s", "ms"};
constexpr std::size_t kSeconds = 3;
// A day has ten factors of two and five of five: no fraction of a unit that needs more digits is whole milliseconds.
constexpr std::size_t kMostFractionDigits = 10;
constexpr auto kLongest = static_cast<std::uint64_t>(kLongestDuration.count());

// Cuts the leading characters for which `wanted` holds off `text`, and returns them.
template <class Predicate>
std::string_view take_while(std::string_view& text, Predicate wanted) noexcept {
  std::size_t length = 0;
  while (length < text.size() && wanted(text[length])) ++length;
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

// `digits` times `unit`; more than kLongest if it is more than that, however large.
std::uint64_t whole_millis(std::string_view digits, std::uint64_t unit) noexcept {
  std::uint64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > kLongest / unit) return kLongest + 1;
  }
  return value * unit;
}

// 0.`digits` of `unit`, in `result`; false if that is not a whole number of milliseconds.
bool fraction_millis(std::string_view digits, std::uint64_t unit, std::uint64_t& result) noexcept {
  while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
  if (digits.size() > kMostFractionDigits) return false;
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  for (const char c : digits) {
    numerator = numerator * 10 + static_cast<std::uint64_t>(c - '0');
    denominator *= 10;
  }
  result = numerator * unit / denominator;
  return numerator * unit % denominator == 0;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  const std::string quoted = in_quotes(text);
  const auto malformed = [&quoted] {
    return fail("malformed duration " + quoted +
                ", expected a number of seconds or a form such as 1m30s, 1.5s or 500ms");
  };
  if (text.size() > 1 && text[0] == '-' && is_digit(text[1])) {
    return fail("negative duration " + quoted + ", expected 0 or more");
  }

  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // units before it have been used, or skipped
  std::string_view rest = text;
  do {
    const std::string_view whole = take_while(rest, is_digit);
    if (whole.empty()) return malformed();
    std::string_view fraction;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      fraction = take_while(rest, is_digit);
      if (fraction.empty()) return malformed();
    }
    const std::string_view name = take_while(rest, [](char c) { return !is_digit(c); });

    std::size_t unit = 0;
    if (name.empty()) {
      if (next_unit != 0)
        return fail("the last number of duration " + quoted + " has no unit, expected d, h, m, s or ms");
      unit = kSeconds;
    } else {
      while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
      if (unit == kUnits.size()) {
        return fail("unknown unit " + in_quotes(name) + " in duration " + quoted + ", expected d, h, m, s or ms" +
                    nearest_hint(name, kUnitNames));
      }
    }
    if (unit < next_unit) {
      return fail("units of duration " + quoted + " are out of order, expected d, h, m, s, ms, each at most once");
    }
    next_unit = unit + 1;

    std::uint64_t part = 0;
    if (!fraction_millis(fraction, kUnits[unit].millis, part)) {
      return fail("duration " + quoted + " is finer than a millisecond");
    }
    total += part + whole_millis(whole, kUnits[unit].millis);
    if (total > kLongest) {
      return fail("duration " + quoted + " is too long, expected at most " + format_duration(kLongestDuration));
    }
  } while (!rest.empty());
  return Millis(static_cast<Millis::rep>(total));
}

std::string format_duration(Millis duration) {
  if (duration == kInfinity) return "infinity";
  if (duration == Millis{0}) return "0s";
  const auto signed_count = static_cast<std::uint64_t>(duration.count());
  const bool negative = duration < Millis{0};
  std::uint64_t rest = negative ? 0 - signed_count : signed_count;
  std::string result = negative ? "-" : "";
  for (const Unit& unit : kUnits) {
    if (rest < unit.millis) continue;
    result += std::to_string(rest / unit.millis);
    result += unit.name;
    rest %= unit.millis;
  }
  return result;
}

}  // namespace graceshim
