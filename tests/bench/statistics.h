// What a number of samples says, and what it does not.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace graceshim {

using Samples = std::vector<double>;

// The value below which `part` (0 to 1) of the samples lie, between two of them in proportion. `samples` must not be
// empty.
double quantile(Samples samples, double part);
double sum(std::span<const double> samples);

// A median, and the interval that holds the true one with 95 % confidence, whatever the distribution: from order
// statistics alone. Samples of a machine with other things to do are anything but normal.
struct Median {
  double value = 0;
  double low = 0;
  double high = 0;
};
// Nothing with less than six samples: no interval of theirs is that sure.
std::optional<Median> median_with_confidence(Samples samples);

// The samples of one round belong together: what slowed one down slowed the other down too. So they are divided pair by
// pair. Nothing if there are too few pairs, or a divisor is 0.
std::optional<Median> ratio(std::span<const double> of, std::span<const double> beside);

}  // namespace graceshim
