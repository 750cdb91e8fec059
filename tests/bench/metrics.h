// What is measured, what it has to reach, and whether it did.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "statistics.h"

namespace graceshim {

// How the samples of a metric become one value.
enum class Summary { kMedian, kP99, kMost, kSum };

struct Target {
  std::string_view beside;  // a contender; empty: `limit` is an absolute bound
  double limit = 0;         // at most so many times the other's, or so much
};

struct Metric {
  std::string_view id;     // "ROW" or "ROW.PART", the same for ever: JSON has it
  std::string_view row;    // what --only takes
  std::string_view title;  // for people
  std::string_view unit;   // "ns", "B" or "": a count
  Summary summary = Summary::kMedian;
  std::vector<Target> targets;
};

std::span<const Metric> metrics();

// Samples by contender, and by round within one.
using Series = std::map<std::string, Samples, std::less<>>;
using Measurements = std::map<std::string_view, Series>;  // by the id of the metric

inline constexpr std::string_view kOurs = "graceshim";

double summarise(const Metric& metric, const Samples& samples);

enum class Verdict { kReached, kMissed, kNotComparable };
struct Judgement {
  Verdict verdict = Verdict::kNotComparable;
  std::optional<Median> ratio;  // ours to the other's, round by round
};
// `series` has ours; without the other's, or where the noise is larger than the difference, there is no comparison.
Judgement judge(const Target& target, const Metric& metric, const Series& series);

}  // namespace graceshim
