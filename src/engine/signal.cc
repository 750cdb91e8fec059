#include "graceshim/signal.h"

#include <algorithm>
#include <array>
#include <optional>

#include "ascii.h"
#include "text.h"

namespace graceshim {
namespace {

struct NamedSignal {
  int number;
  std::string_view name;
};

// Of several rows with one number the first is the name that is written; all are read.
constexpr auto kNamed = std::to_array<NamedSignal>({
    {1, "HUP"},
    {2, "INT"},
    {3, "QUIT"},
    {4, "ILL"},
    {5, "TRAP"},
    {6, "ABRT"},
    {6, "IOT"},
    {7, "BUS"},
    {8, "FPE"},
    {9, "KILL"},
    {10, "USR1"},
    {11, "SEGV"},
    {12, "USR2"},
    {13, "PIPE"},
    {14, "ALRM"},
    {15, "TERM"},
    {16, "STKFLT"},
    {17, "CHLD"},
    {17, "CLD"},
    {18, "CONT"},
    {19, "STOP"},
    {20, "TSTP"},
    {21, "TTIN"},
    {22, "TTOU"},
    {23, "URG"},
    {24, "XCPU"},
    {25, "XFSZ"},
    {26, "VTALRM"},
    {27, "PROF"},
    {28, "WINCH"},
    {29, "IO"},
    {29, "POLL"},
    {30, "PWR"},
    {31, "SYS"},
    {kSignalRtMin, "RTMIN"},
    {kSignalRtMax, "RTMAX"},
});

std::optional<std::string_view> without_prefix(std::string_view text, std::string_view prefix) noexcept {
  if (!equals_ignoring_case(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

// `RTMIN+n` and `RTMAX-n`, the n possibly too large; nothing if `name` has not that form.
std::optional<int> parse_real_time(std::string_view name) noexcept {
  if (const auto offset = without_prefix(name, "RTMIN+")) {
    if (const auto n = whole_number(*offset)) return kSignalRtMin + *n;
  } else if (const auto below = without_prefix(name, "RTMAX-")) {
    if (const auto n = whole_number(*below)) return kSignalRtMax - *n;
  }
  return std::nullopt;
}

}  // namespace

std::string signal_name(int signal) {
  const auto* const row = std::find_if(kNamed.begin(), kNamed.end(), [=](const auto& r) { return r.number == signal; });
  if (row != kNamed.end()) return std::string(row->name);
  if (signal > kSignalRtMin && signal < kSignalRtMax) return "RTMIN+" + std::to_string(signal - kSignalRtMin);
  return std::to_string(signal);
}

Result<int> parse_signal(std::string_view text) {
  if (const auto number = whole_number(text)) {
    if (*number >= 1 && *number <= kSignalMax) return *number;
    return fail("signal " + in_quotes(text) + " is out of range, expected 1 to " + std::to_string(kSignalMax));
  }
  const std::string_view name = without_prefix(text, "SIG").value_or(text);
  for (const NamedSignal& row : kNamed) {
    if (equals_ignoring_case(name, row.name)) return row.number;
  }
  if (const auto number = parse_real_time(name)) {
    if (*number >= kSignalRtMin && *number <= kSignalRtMax) return *number;
    return fail("signal " + in_quotes(text) + " is out of range, expected RTMIN+0 to RTMIN+" +
                std::to_string(kSignalRtMax - kSignalRtMin));
  }
  std::array<std::string_view, kNamed.size()> names;
  std::transform(kNamed.begin(), kNamed.end(), names.begin(), [](const NamedSignal& row) { return row.name; });
  return fail("unknown signal " + in_quotes(text) +
              ", expected a name such as TERM or RTMIN+3, or a number from 1 to " + std::to_string(kSignalMax) +
              nearest_hint(name, names));
}

std::string format_signals(SignalSet signals) {
  std::string result;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (!signals.has(signal)) continue;
    if (!result.empty()) result += ',';
    result += signal_name(signal);
  }
  return result;
}

}  // namespace graceshim
