#include "statistics.h"

#include <gtest/gtest.h>

#include "metrics.h"

namespace graceshim {
namespace {

TEST(Statistics, AQuantileLiesBetweenItsNeighboursInProportion) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({1, 2, 3, 4, 5}, 0.25), 2);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.99), 7);
}

TEST(Statistics, TooFewSamplesHaveNoConfidence) {
  EXPECT_FALSE(median_with_confidence({1, 1, 1, 1, 1}));
  const auto six = median_with_confidence({6, 5, 4, 3, 2, 1});
  ASSERT_TRUE(six);
  EXPECT_DOUBLE_EQ(six->low, 1);
  EXPECT_DOUBLE_EQ(six->high, 6);
}

TEST(Statistics, MoreSamplesAreSurer) {
  Samples samples;
  for (int i = 0; i <= 1'000; ++i) samples.push_back(i);
  const auto median = median_with_confidence(samples);
  ASSERT_TRUE(median);
  EXPECT_DOUBLE_EQ(median->value, 500);
  EXPECT_NEAR(median->low, 469, 1);
  EXPECT_NEAR(median->high, 531, 1);
}

// Each round is twice as slow as the one before: only the pairs show that one is a tenth slower than the other.
TEST(Statistics, ARatioIsThatOfThePairs) {
  Samples of;
  Samples beside;
  for (double slow = 1; slow < 1'000; slow *= 2) {
    beside.push_back(slow);
    of.push_back(1.1 * slow);
  }
  const auto result = ratio(of, beside);
  ASSERT_TRUE(result);
  EXPECT_NEAR(result->low, 1.1, 1e-9);
  EXPECT_NEAR(result->high, 1.1, 1e-9);
  EXPECT_FALSE(ratio(Samples(10, 1.0), Samples(10, 0.0)));
}

const Metric kRatioMetric{"start.wall", "start", "", "ns", Summary::kMedian, {{"tini-static", 1.00}}};
const Metric kAbsoluteMetric{"size", "size", "", "B", Summary::kMedian, {{"", 100}}};
const Metric kCountMetric{"lost", "lost", "", "", Summary::kSum, {{"tini-static", 0.1}}};

Verdict verdict_of(const Metric& metric, const Samples& ours, const Samples& theirs) {
  return judge(metric.targets[0], metric, {{"graceshim", ours}, {"tini-static", theirs}}).verdict;
}

TEST(Judgement, NoiseThatIsLargerThanTheDifferenceAllowsNone) {
  const Samples steady(100, 10.0);
  Samples noisy;
  for (int i = 0; i < 100; ++i) noisy.push_back(i % 2 == 0 ? 5 : 20);
  EXPECT_EQ(verdict_of(kRatioMetric, Samples(100, 9.0), steady), Verdict::kReached);
  EXPECT_EQ(verdict_of(kRatioMetric, Samples(100, 11.0), steady), Verdict::kMissed);
  EXPECT_EQ(verdict_of(kRatioMetric, noisy, steady), Verdict::kNotComparable);
  EXPECT_EQ(verdict_of(kRatioMetric, {9}, {10}), Verdict::kNotComparable);
}

TEST(Judgement, OfABoundIsOfTheValue) {
  EXPECT_EQ(verdict_of(kAbsoluteMetric, {100}, {}), Verdict::kReached);
  EXPECT_EQ(verdict_of(kAbsoluteMetric, {101}, {}), Verdict::kMissed);
}

TEST(Judgement, OfCountsIsOfTheirSumsIfThereIsEnoughToCount) {
  EXPECT_EQ(verdict_of(kCountMetric, {1, 2}, {20, 20}), Verdict::kReached);
  EXPECT_EQ(verdict_of(kCountMetric, {5, 5}, {20, 20}), Verdict::kMissed);
  EXPECT_EQ(verdict_of(kCountMetric, {0, 0}, {3, 3}), Verdict::kNotComparable);
}

TEST(Metrics, EachBelongsToARow) {
  for (const Metric& metric : metrics()) EXPECT_TRUE(metric.id.starts_with(metric.row)) << metric.id;
}

}  // namespace
}  // namespace graceshim
