#include "metrics.h"

#include <algorithm>
#include <array>

namespace graceshim {
namespace {

constexpr double kMillisecond = 1e6;  // ns

constexpr double kCallBehindShield = 60;          // ns
constexpr double kThroughputBehindShield = 0.98;  // of that without

// Less of a count says nothing of a tenth of it.
constexpr double kFewestToCount = 30;

const std::array kMetrics = {
    Metric{"start.wall",
           "start",
           "start: from exec of the shim to the end of `true`",
           "ns",
           Summary::kMedian,
           {{"tini-static", 1.00}, {"floor", 1.10}}},
    Metric{"start.cpu",
           "start",
           "start: CPU of such a life, `true` and the shim's end included",
           "ns",
           Summary::kMedian,
           {{"tini-static", 1.00}, {"floor", 1.10}}},
    Metric{"lost",
           "lost",
           "TERM to PID 1 within 4 ms of its exec: how many are lost once that has ended",
           "",
           Summary::kSum,
           {{"tini-static", 0.10}}},
    Metric{"lost.exec",
           "lost",
           "how many more the kernel loses before the exec has ended, for any program",
           "",
           Summary::kSum,
           {}},
    Metric{"translate",
           "translate",
           "the stop signal, from the shim's caller to the command's handler",
           "ns",
           Summary::kMedian,
           {{"tini-static", 1.00}}},
    Metric{"leave", "leave", "from the command's end to the shim's", "ns", Summary::kMedian, {{"tini-static", 1.00}}},
    Metric{"reap.cpu", "reap", "CPU of the shim per orphan", "ns", Summary::kMedian, {{"tini-static", 1.00}}},
    Metric{"reap.zombies", "reap", "the most zombies seen at once", "", Summary::kMost, {}},
    Metric{"reap.growth",
           "reap",
           "resident memory: after all the orphans, less that after the first",
           "B",
           Summary::kMost,
           {{"", 16'384}}},
    Metric{"treekill.process",
           "treekill",
           "1,000 stragglers in sessions of their own, from KILL to the shim's end",
           "ns",
           Summary::kMedian,
           {{"", 50 * kMillisecond}}},
    Metric{"treekill.pid1",
           "treekill",
           "the same as PID 1 (floor: KILL to all, and reap)",
           "ns",
           Summary::kMedian,
           {{"", 50 * kMillisecond}}},
    Metric{"treekill.left", "treekill", "stragglers left by it", "", Summary::kSum, {{"", 0}}},
    Metric{"memory.rss", "memory", "resident memory, idle", "B", Summary::kMedian, {{"", 1.6e6}}},
    Metric{"memory.pss", "memory", "its proportional share", "B", Summary::kMedian, {}},
    Metric{"memory.dirty", "memory", "its own pages of it", "B", Summary::kMedian, {{"", 100e3}}},
    Metric{"size", "size", "size of the program", "B", Summary::kMedian, {{"", 2.05e6}}},
    Metric{"idle.switches", "idle", "times that the idle shim was woken", "", Summary::kSum, {{"", 0}}},
    Metric{"accuracy.idle",
           "accuracy",
           "KILL after its deadline, 99th percentile",
           "ns",
           Summary::kP99,
           {{"", 5 * kMillisecond}}},
    Metric{
        "accuracy.busy", "accuracy", "the same with every core busy", "ns", Summary::kP99, {{"", 50 * kMillisecond}}},
    Metric{"shield.getppid",
           "shield",
           "what the shield adds to a getppid behind it (floor: a filter that looks at nothing)",
           "ns",
           Summary::kMedian,
           {{"", kCallBehindShield}}},
    Metric{"shield.write",
           "shield",
           "to a write to /dev/null (floor: the same)",
           "ns",
           Summary::kMedian,
           {{"", kCallBehindShield}}},
    Metric{"shield.sigaction",
           "shield",
           "to an rt_sigaction (floor: the least filter that looks at an argument)",
           "ns",
           Summary::kMedian,
           {{"", kCallBehindShield}}},
    Metric{"shield.nginx",
           "shield",
           "nginx behind it: time for a request of 4 kB",
           "ns",
           Summary::kMedian,
           {{"unshielded", 1 / kThroughputBehindShield}}},
    Metric{"shield.nginx.cpu",
           "shield",
           "nginx behind it: CPU for such a request",
           "ns",
           Summary::kMedian,
           {{"unshielded", 1 / kThroughputBehindShield}}},
    Metric{
        "curve.kill.10", "curve", "10 stragglers, from the deadline to the command's end", "ns", Summary::kMedian, {}},
    Metric{"curve.end.10", "curve", "10 stragglers, from the deadline to the shim's end", "ns", Summary::kMedian, {}},
    Metric{"curve.kill.100",
           "curve",
           "100 stragglers, from the deadline to the command's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.end.100", "curve", "100 stragglers, from the deadline to the shim's end", "ns", Summary::kMedian, {}},
    Metric{"curve.kill.1000",
           "curve",
           "1,000 stragglers, from the deadline to the command's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{
        "curve.end.1000", "curve", "1,000 stragglers, from the deadline to the shim's end", "ns", Summary::kMedian, {}},
    Metric{"curve.kill.10000",
           "curve",
           "10,000 stragglers, from the deadline to the command's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.end.10000",
           "curve",
           "10,000 stragglers, from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.kill.20000",
           "curve",
           "20,000 stragglers, from the deadline to the command's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.end.20000",
           "curve",
           "20,000 stragglers, from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.others.10",
           "curve",
           "no straggler, but 10 processes of others: from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.others.100",
           "curve",
           "no straggler, but 100 processes of others: from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.others.1000",
           "curve",
           "no straggler, but 1,000 processes of others: from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.others.10000",
           "curve",
           "no straggler, but 10,000 processes of others: from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.others.20000",
           "curve",
           "no straggler, but 20,000 processes of others: from the deadline to the shim's end",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"curve.variables", "curve", "a life of `true` with 10,000 variables", "ns", Summary::kMedian, {}},
    Metric{"curve.descriptors",
           "curve",
           "a life of `true` with as many inherited descriptors as the limit allows, 100,000 at most",
           "ns",
           Summary::kMedian,
           {}},
    Metric{"instructions", "instructions", "instructions from exec to the command's exec", "", Summary::kMedian, {}},
};

Verdict verdict_of(const Median& median, double limit) {
  if (median.high <= limit) return Verdict::kReached;
  return median.low > limit ? Verdict::kMissed : Verdict::kNotComparable;
}

}  // namespace

std::span<const Metric> metrics() {
  return kMetrics;
}

double summarise(const Metric& metric, const Samples& samples) {
  switch (metric.summary) {
    case Summary::kMedian:
      return quantile(samples, 0.5);
    case Summary::kP99:
      return quantile(samples, 0.99);
    case Summary::kMost:
      return *std::max_element(samples.begin(), samples.end());
    case Summary::kSum:
      return sum(samples);
  }
  return 0;
}

Judgement judge(const Target& target, const Metric& metric, const Series& series) {
  const Samples& ours = series.find(kOurs)->second;
  if (target.beside.empty()) {
    return {summarise(metric, ours) <= target.limit ? Verdict::kReached : Verdict::kMissed, {}};
  }
  const auto theirs = series.find(target.beside);
  if (theirs == series.end()) return {};
  if (metric.summary == Summary::kSum) {
    const double count = sum(theirs->second);
    if (count < kFewestToCount) return {};
    return {sum(ours) <= target.limit * count ? Verdict::kReached : Verdict::kMissed, {}};
  }
  const std::optional<Median> measured = ratio(ours, theirs->second);
  return {measured ? verdict_of(*measured, target.limit) : Verdict::kNotComparable, measured};
}

}  // namespace graceshim
