// The figures, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "rows.h"

namespace graceshim {

// What a figure is worth nothing without.
struct Circumstances {
  std::string date;  // 2026-01-31
  std::string cpu;
  unsigned cores = 0;
  std::string kernel;
  std::string load_before, load_after;  // of the last minute, over all cores
  bool quick = false;
};
Circumstances circumstances_now(bool quick);
std::string load_now();

struct Outcome {
  Circumstances circumstances;
  std::vector<Contender> contenders;
  Measurements measurements;
};

std::string as_text(const Outcome& outcome);
std::string as_json(const Outcome& outcome);
std::string as_markdown(const Outcome& outcome);
// `text` with the table between its markers; without them it throws.
std::string with_table(std::string text, const std::string& table);
// A plot of one metric that has been measured.
std::string as_svg(const Outcome& outcome, const Metric& metric);

}  // namespace graceshim
