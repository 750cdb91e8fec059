#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace graceshim {
namespace {

constexpr std::size_t kFewestPairs = 6;  // 1 - 2 * 0.5^6 > 95 %
constexpr double kTwoSided95 = 1.96;

}  // namespace

double quantile(Samples samples, double part) {
  std::sort(samples.begin(), samples.end());
  const double place = part * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= samples.size()) return samples.back();
  return samples[below] + (place - std::floor(place)) * (samples[below + 1] - samples[below]);
}

double sum(std::span<const double> samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0);
}

std::optional<Median> median_with_confidence(Samples samples) {
  if (samples.size() < kFewestPairs) return std::nullopt;
  std::sort(samples.begin(), samples.end());
  // How many lie below the true median is binomial: count / 2, give or take sqrt(count) / 2 a sigma.
  const auto count = static_cast<double>(samples.size());
  const double rank = std::floor(count / 2 - kTwoSided95 * std::sqrt(count) / 2);
  const auto lowest = static_cast<std::size_t>(std::max(rank, 0.0));
  return Median{quantile(samples, 0.5), samples[lowest], samples[samples.size() - 1 - lowest]};
}

std::optional<Median> ratio(std::span<const double> of, std::span<const double> beside) {
  Samples ratios;
  for (std::size_t i = 0; i < std::min(of.size(), beside.size()); ++i) {
    if (beside[i] <= 0) return std::nullopt;
    ratios.push_back(of[i] / beside[i]);
  }
  return median_with_confidence(std::move(ratios));
}

}  // namespace graceshim
