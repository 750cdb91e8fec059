#include "statistics.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "instructions.h"
#include "metrics.h"
#include "tell.h"

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

TEST(StartCost, IsReadBackAsItWasWritten) {
  const StartCost cost = parse_start_cost(as_text(StartCost{.instructions = 1'000, .calls = 20}));
  EXPECT_EQ(cost.instructions, 1'000);
  EXPECT_EQ(cost.calls, 20);
  EXPECT_THROW(parse_start_cost("calls 20\n"), std::runtime_error);
}

TEST(StartCost, MayDifferByATwentiethInInstructionsAndByNothingInCalls) {
  const StartCost known{.instructions = 1'000, .calls = 20};
  EXPECT_EQ(objection({1'050, 20}, known), "");
  EXPECT_EQ(objection({950, 20}, known), "");
  EXPECT_EQ(objection({1'051, 20}, known), "1000 instructions are 1051 now");
  EXPECT_EQ(objection({949, 20}, known), "1000 instructions are 949 now");
  EXPECT_EQ(objection({1'051, 19}, known), "1000 instructions are 1051 now, 20 system calls are 19 now");
}

TEST(Document, GetsTheTableBetweenItsMarkers) {
  const std::string before = "a\n<!-- benchmark: begin -->\nold\n<!-- benchmark: end -->\nz\n";
  EXPECT_EQ(with_table(before, "new\n"), "a\n<!-- benchmark: begin -->\nnew\n<!-- benchmark: end -->\nz\n");
}

TEST(Document, WithoutMarkersIsAnError) {
  for (const char* text : {"", "a\n", "<!-- benchmark: begin -->\n", "<!-- benchmark: end -->\n",
                           "<!-- benchmark: end -->\n<!-- benchmark: begin -->\n"}) {
    EXPECT_THROW(with_table(text, "new\n"), std::runtime_error) << text;
  }
}

TEST(Metrics, EachBelongsToARow) {
  for (const Metric& metric : metrics()) EXPECT_TRUE(metric.id.starts_with(metric.row)) << metric.id;
}

}  // namespace
}  // namespace graceshim
