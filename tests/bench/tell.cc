#include "tell.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <fstream>
#include <thread>

#include "json.h"
#include "process.h"

namespace graceshim {
namespace {

// Three digits that mean something, in a unit that a person knows.
std::string human(double value, std::string_view unit) {
  struct Scale {
    double above;
    double divisor;
    const char* suffix;
  };
  constexpr std::array kTime = {Scale{1e6, 1e6, " ms"}, Scale{1e3, 1e3, " us"}, Scale{0, 1, " ns"}};
  constexpr std::array kBytes = {Scale{1e6, 1e6, " MB"}, Scale{1e3, 1e3, " kB"}, Scale{0, 1, " B"}};
  constexpr std::array kCount = {Scale{0, 1, ""}, Scale{0, 1, ""}, Scale{0, 1, ""}};
  const auto& scales = unit == "ns" ? kTime : unit == "B" ? kBytes : kCount;
  const Scale& scale = *std::find_if(scales.begin(), scales.end() - 1,
                                     [&](const Scale& candidate) { return std::abs(value) >= candidate.above; });
  const double scaled = value / scale.divisor;
  const int decimals = scaled == std::round(scaled) || std::abs(scaled) >= 100 ? 0 : std::abs(scaled) >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}{}", scaled, decimals, scale.suffix);
}

const char* word_of(Summary summary) {
  switch (summary) {
    case Summary::kMedian:
      return "median";
    case Summary::kP99:
      return "p99";
    case Summary::kMost:
      return "most";
    case Summary::kSum:
      return "sum";
  }
  return "";
}

const char* word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReached:
      return "reached";
    case Verdict::kMissed:
      return "missed";
    case Verdict::kNotComparable:
      return "not comparable";
  }
  return "";
}

std::string words_of(const Target& target, const Metric& metric) {
  if (target.beside.empty()) return "at most " + human(target.limit, metric.unit);
  return fmt::format("at most {:.2f} x {}", target.limit, target.beside);
}

std::string words_of(const Judgement& judgement) {
  std::string words;
  if (judgement.ratio) {
    words =
        fmt::format("{:.2f} ({:.2f} to {:.2f}): ", judgement.ratio->value, judgement.ratio->low, judgement.ratio->high);
  }
  words += word_of(judgement.verdict);
  if (judgement.verdict == Verdict::kNotComparable) {
    words += judgement.ratio ? ", the noise is larger than the difference" : ", too little to tell";
  }
  return words;
}

// Calls `take` for each contender that has figures of this metric, in the order of the contenders.
template <typename Take>
void for_each_series(const Outcome& outcome, const Metric& metric, Take take) {
  const auto series = outcome.measurements.find(metric.id);
  if (series == outcome.measurements.end()) return;
  for (const Contender& contender : outcome.contenders) {
    const auto samples = series->second.find(contender.name);
    if (samples != series->second.end()) take(contender, samples->second);
  }
}

std::string value_of(const Outcome& outcome, const Metric& metric, std::string_view name) {
  std::string value;
  for_each_series(outcome, metric, [&](const Contender& contender, const Samples& samples) {
    if (contender.name == name) value = human(summarise(metric, samples), metric.unit);
  });
  return value;
}

std::string machine_of(const Circumstances& circumstances) {
  return circumstances.cpu + ", " + std::to_string(circumstances.cores) + " cores, Linux " + circumstances.kernel;
}

}  // namespace

std::string load_now() {
  std::ifstream file("/proc/loadavg");
  std::string load;
  file >> load;
  return load;
}

Circumstances circumstances_now(bool quick) {
  Circumstances circumstances;
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  circumstances.date = fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) circumstances.cpu = line.substr(line.find(':') + 2);
  }
  circumstances.cores = std::thread::hardware_concurrency();
  utsname system{};
  ::uname(&system);
  circumstances.kernel = system.release;
  circumstances.load_before = load_now();
  circumstances.quick = quick;
  return circumstances;
}

std::string as_text(const Outcome& outcome) {
  const Circumstances& circumstances = outcome.circumstances;
  std::string text = circumstances.date + ", " + machine_of(circumstances) + ", load " + circumstances.load_before +
                     " before and " + circumstances.load_after + " after" +
                     (circumstances.quick ? ", --quick: these figures are only signs of life" : "") + "\n";
  for (const Contender& contender : outcome.contenders) text += contender.name + ": " + contender.version + "\n";
  for (const Metric& metric : metrics()) {
    const auto series = outcome.measurements.find(metric.id);
    if (series == outcome.measurements.end()) continue;
    text += "\n" + std::string(metric.id) + "  " + std::string(metric.title) + "\n";
    for_each_series(outcome, metric, [&](const Contender& contender, const Samples& samples) {
      text += fmt::format("  {:18} {:>10}", contender.name, human(summarise(metric, samples), metric.unit));
      if (samples.size() > 1) {
        text += fmt::format("   {} of {}, quarters {} and {}", word_of(metric.summary), samples.size(),
                            human(quantile(samples, 0.25), metric.unit), human(quantile(samples, 0.75), metric.unit));
      }
      text += "\n";
    });
    for (const Target& target : metric.targets) {
      text += "  " + words_of(target, metric) + ": " + words_of(judge(target, metric, series->second)) + "\n";
    }
  }
  return text;
}

std::string as_json(const Outcome& outcome) {
  std::string text;
  JsonWriter json(text);
  const Circumstances& circumstances = outcome.circumstances;
  json.open('{');
  json.member("schema_version", 1);
  json.member("date", circumstances.date);
  json.member_boolean("quick", circumstances.quick);
  json.key("machine");
  json.open('{');
  json.member("cpu", circumstances.cpu);
  json.member("cores", circumstances.cores);
  json.member("kernel", circumstances.kernel);
  json.member("load_before", circumstances.load_before);
  json.member("load_after", circumstances.load_after);
  json.close('}');
  json.key("contenders");
  json.open('[');
  for (const Contender& contender : outcome.contenders) {
    json.open('{');
    json.member("name", contender.name);
    json.member("version", contender.version);
    json.close('}');
  }
  json.close(']');
  json.key("metrics");
  json.open('[');
  for (const Metric& metric : metrics()) {
    const auto series = outcome.measurements.find(metric.id);
    if (series == outcome.measurements.end()) continue;
    json.open('{');
    json.member("id", metric.id);
    json.member("row", metric.row);
    json.member("title", metric.title);
    json.member("unit", metric.unit);
    json.member("summary", word_of(metric.summary));
    json.key("figures");
    json.open('[');
    for_each_series(outcome, metric, [&](const Contender& contender, const Samples& samples) {
      json.open('{');
      json.member("contender", contender.name);
      json.member("value", std::llround(summarise(metric, samples)));
      json.member("samples", samples.size());
      for (const auto& [name, part] :
           {std::pair{"least", 0.0}, {"quarter", 0.25}, {"median", 0.5}, {"three_quarters", 0.75}, {"most", 1.0}}) {
        json.member(name, std::llround(quantile(samples, part)));
      }
      json.close('}');
    });
    json.close(']');
    json.key("targets");
    json.open('[');
    for (const Target& target : metric.targets) {
      const Judgement judgement = judge(target, metric, series->second);
      json.open('{');
      json.member("beside", target.beside);
      json.member("limit", target.limit);
      json.member("verdict", word_of(judgement.verdict));
      json.key("ratio");
      if (judgement.ratio) {
        json.open('{');
        json.member("median", judgement.ratio->value);
        json.member("low", judgement.ratio->low);
        json.member("high", judgement.ratio->high);
        json.close('}');
      } else {
        json.null();
      }
      json.close('}');
    }
    json.close(']');
    json.close('}');
  }
  json.close(']');
  json.close('}');
  return text + "\n";
}

namespace {

// Of the metrics that are, or are not, of the row `curve`.
std::string table_of(const Outcome& outcome, bool curve) {
  const std::array kColumns = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit", "timeout", "floor"};
  std::string text = "| |";
  for (const char* column : kColumns) text += " " + std::string(column) + " |";
  text += " to reach | |\n|---|";
  for (std::size_t i = 0; i < kColumns.size(); ++i) text += "---|";
  text += "---|---|\n";
  for (const Metric& metric : metrics()) {
    const auto series = outcome.measurements.find(metric.id);
    if (series == outcome.measurements.end() || (metric.row == "curve") != curve) continue;
    text += "| " + std::string(metric.title) + " |";
    for (const char* column : kColumns) text += " " + value_of(outcome, metric, column) + " |";
    std::string aims;
    std::string verdicts;
    for (const Target& target : metric.targets) {
      aims += (aims.empty() ? "" : "<br>") + words_of(target, metric);
      verdicts += (verdicts.empty() ? "" : "<br>") + words_of(judge(target, metric, series->second));
    }
    text += " " + aims + " | " + verdicts + " |\n";
  }
  return text;
}

}  // namespace

std::string as_markdown(const Outcome& outcome) {
  const Circumstances& circumstances = outcome.circumstances;
  return circumstances.date + ", " + machine_of(circumstances) + ".\n\n" + table_of(outcome, false) +
         "\nHow it grows with the number of processes, variables and descriptors:\n\n" + table_of(outcome, true);
}

std::string with_table(std::string text, const std::string& table) {
  constexpr std::string_view kBegin = "<!-- benchmark: begin -->\n";
  constexpr std::string_view kEnd = "<!-- benchmark: end -->\n";
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = begin == std::string::npos ? begin : text.find(kEnd, begin);
  if (end == std::string::npos) give_up("there are no markers for the table of the benchmark");
  return text.replace(begin + kBegin.size(), end - begin - kBegin.size(), table);
}

// --- Plots: a line for each contender; the box holds half of the samples, the whiskers nine tenths. ---

namespace {

constexpr double kWidth = 900;
constexpr double kLeft = 150;
constexpr double kRight = 130;
constexpr double kTop = 56;
constexpr double kLineHeight = 34;
constexpr double kBottom = 40;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

std::string svg_text(double x, double y, std::string_view text, std::string_view attributes = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" ", x, y) + std::string(attributes) + ">" + escaped(text) +
         "</text>\n";
}

std::string svg_line(double x1, double y1, double x2, double y2, const char* stroke, double width) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{:.1f}\"/>\n", x1, y1,
      x2, y2, stroke, width);
}

std::string svg_box(double x, double y, double width, double height, const char* fill) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
                     std::max(width, 1.0), height, fill);
}

// 1, 2 or 5 times a power of ten, of which four to nine make up `most`.
double step_of_axis(double most) {
  const double power = std::pow(10, std::floor(std::log10(most / 4)));
  for (const double factor : {5.0, 2.0}) {
    if (most / (factor * power) >= 4) return factor * power;
  }
  return power;
}

}  // namespace

std::string as_svg(const Outcome& outcome, const Metric& metric) {
  double most = 0;
  double lines = 0;
  for_each_series(outcome, metric, [&](const Contender& /*contender*/, const Samples& samples) {
    most = std::max({most, quantile(samples, 0.95), summarise(metric, samples)});
    ++lines;
  });
  if (most <= 0) most = 1;
  const double end = kTop + lines * kLineHeight;
  const auto place = [&](double value) { return kLeft + std::max(value, 0.0) / most * (kWidth - kLeft - kRight); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n",
      kWidth, end + kBottom);
  svg += svg_box(0, 0, kWidth, end + kBottom, "#ffffff");
  svg += svg_text(12, 24, metric.title, "font-size=\"16\"");
  svg += svg_text(12, 42, machine_of(outcome.circumstances) + ", " + outcome.circumstances.date,
                  "font-size=\"11\" fill=\"#666666\"");
  const double step = step_of_axis(most);
  for (double tick = 0; tick <= most * 1.0001; tick += step) {
    svg += svg_line(place(tick), kTop, place(tick), end, "#dddddd", 1);
    svg += svg_text(place(tick), end + 18, human(tick, metric.unit), "text-anchor=\"middle\" fill=\"#666666\"");
  }
  double y = kTop;
  for_each_series(outcome, metric, [&](const Contender& contender, const Samples& samples) {
    const double middle = y + kLineHeight / 2;
    const char* const colour = contender.name == kOurs ? "#1f6fb4" : "#9aa7b3";
    const double value = summarise(metric, samples);
    svg += svg_text(kLeft - 10, middle + 4, contender.name, "text-anchor=\"end\"");
    if (metric.summary == Summary::kSum || samples.size() < 4) {
      svg += svg_box(kLeft, middle - 9, place(value) - kLeft, 18, colour);
    } else {
      svg += svg_line(place(quantile(samples, 0.05)), middle, place(quantile(samples, 0.95)), middle, colour, 1.5);
      const double from = place(quantile(samples, 0.25));
      svg += svg_box(from, middle - 9, place(quantile(samples, 0.75)) - from, 18, colour);
      svg += svg_line(place(value), middle - 11, place(value), middle + 11, "#000000", 2);
    }
    svg += svg_text(kWidth - kRight + 14, middle + 4, human(value, metric.unit));
    y += kLineHeight;
  });
  return svg + "</svg>\n";
}

}  // namespace graceshim
