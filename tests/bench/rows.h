// The rows of the benchmark: who is measured, and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "metrics.h"

namespace graceshim {

// How much of everything: as much as gives a sound answer, or as little as shows that it works.
struct Effort {
  int starts, lives;         // rounds of the fast rows
  int early_rounds;          // of 40 moments each
  int reap_rounds, orphans;  // of each round
  int many_orphans;          // of one long life; 0: none
  int kill_rounds, stragglers;
  int curve_rounds, most_processes;
  int idle_seconds;
  int kills;  // against their deadline, once idle and once busy
  int call_rounds, calls;
  int web_starts, web_rounds, requests;  // rounds of each start, requests of each round
};
extern const Effort kFull;
extern const Effort kQuick;

struct Contender {
  std::string name;
  std::string program;
  std::string version;  // of its Debian package; of ours: what it says itself
};

class Rows {
 public:
  // `shim` is our own program.
  Rows(const std::string& shim, const Effort& effort);

  // The contenders that are there, ours first.
  [[nodiscard]] const std::vector<Contender>& contenders() const noexcept { return contenders_; }
  // Measures one row; `name` must be one of the metrics' rows. Throws if it cannot.
  void measure(std::string_view name);
  [[nodiscard]] const Measurements& measurements() const noexcept { return measurements_; }

 private:
  void start();
  void lost();
  void translate();
  void leave();
  void reap();
  void treekill();
  void memory();
  void size();
  void idle();
  void accuracy();
  void instructions();
  void shield();
  void curve();

  void kill_on_time(std::string_view metric);
  void kill_beside(int stragglers, int others);
  void add(std::string_view metric, const std::string& contender, double value);
  // `measure` for each of `names` that is here, round by round, each round beginning with another.
  template <typename Measure>
  void interleave(int rounds, const std::vector<std::string>& names, Measure measure);

  const Effort& effort_;
  std::vector<Contender> contenders_;
  Measurements measurements_;
};

}  // namespace graceshim
