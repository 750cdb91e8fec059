// bench: graceshim beside what one would take instead, interleaved in one run. See --help.
#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "instructions.h"
#include "process.h"
#include "tell.h"

namespace graceshim {
namespace {

constexpr const char* kHelp =
    R"(bench [OPTION]...: measures graceshim beside tini, dumb-init, catatonit and a bare floor. Root, for PID namespaces.

  --shim FILE     the graceshim to measure (default: build/static/graceshim)
  --only ROW      this row only; repeatable
  --quick         a minute at the most: shows that all of it works, and no more
  --json FILE     the figures for programs
  --svg DIR       a plot of each metric
  --table FILE    put the table between its markers in this file
  --start-cost[=FILE]
                  only count what the start of --shim takes, and with FILE fail unless that has these figures
)";

struct Options {
  std::string shim = BENCH_SHIM;
  std::vector<std::string> only;
  bool quick = false, start_cost = false, help = false;
  std::string json, svg, table, known_cost;
};

std::vector<std::string> rows() {
  std::vector<std::string> names;
  for (const Metric& metric : metrics()) {
    if (names.empty() || names.back() != metric.row) names.emplace_back(metric.row);
  }
  return names;
}

Options parse(int argc, char** argv) {
  const option kOptions[] = {
      {"shim", required_argument, nullptr, 'b'},
      {"only", required_argument, nullptr, 'o'},
      {"quick", no_argument, nullptr, 'q'},
      {"json", required_argument, nullptr, 'j'},
      {"svg", required_argument, nullptr, 's'},
      {"table", required_argument, nullptr, 't'},
      {"start-cost", optional_argument, nullptr, 'c'},
      {"help", no_argument, nullptr, 'h'},
      {nullptr, 0, nullptr, 0},
  };
  Options options;
  const std::vector<std::string> known = rows();
  for (int letter = 0; (letter = ::getopt_long(argc, argv, "", kOptions, nullptr)) >= 0;) {
    switch (letter) {
      case 'b':
        options.shim = std::filesystem::absolute(optarg);
        break;
      case 'o':
        if (std::find(known.begin(), known.end(), optarg) == known.end()) {
          std::string names;
          for (const std::string& name : known) names += " " + name;
          give_up("--only: no row '" + std::string(optarg) + "'; there are:" + names);
        }
        options.only.emplace_back(optarg);
        break;
      case 'q':
        options.quick = true;
        break;
      case 'j':
        options.json = optarg;
        break;
      case 's':
        options.svg = optarg;
        break;
      case 't':
        options.table = optarg;
        break;
      case 'c':
        options.start_cost = true;
        if (optarg != nullptr) options.known_cost = optarg;
        break;
      case 'h':
        options.help = true;
        break;
      default:
        give_up("try --help");
    }
  }
  if (optind < argc) give_up("'" + std::string(argv[optind]) + "' is no option; try --help");
  return options;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  if (!(file << text << std::flush)) give_up_with_errno("cannot write " + path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) give_up_with_errno("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The dearest instructions are those of before main, and those are the C library's: they hang on the CPU, and cancel
// out.
int tell_start_cost(const Options& options) {
  const StartCost cost =
      start_cost({options.shim, "--", BENCH_COMMAND, "true"}) - start_cost({BENCH_FLOOR, BENCH_COMMAND, "true"});
  std::cout << as_text(cost) << std::flush;
  if (options.known_cost.empty()) return 0;
  const std::string wrong = objection(cost, parse_start_cost(read_file(options.known_cost)));
  if (wrong.empty()) return 0;
  std::cerr << "bench: " << wrong << "; " << options.known_cost << " says what to do\n";
  return 1;
}

void run(const Options& options) {
  Outcome outcome;
  outcome.circumstances = circumstances_now(options.quick);
  Rows measured(options.shim, options.quick ? kQuick : kFull);
  for (const std::string& row : options.only.empty() ? rows() : options.only) {
    std::cerr << "measuring " << row << ", load " << load_now() << std::endl;
    measured.measure(row);
  }
  outcome.contenders = measured.contenders();
  outcome.measurements = measured.measurements();
  outcome.circumstances.load_after = load_now();
  std::cout << as_text(outcome) << std::flush;
  if (!options.json.empty()) write_file(options.json, as_json(outcome));
  if (!options.svg.empty()) {
    std::filesystem::create_directories(options.svg);
    for (const Metric& metric : metrics()) {
      if (!outcome.measurements.contains(metric.id)) continue;
      write_file(options.svg + "/" + std::string(metric.id) + ".svg", as_svg(outcome, metric));
    }
  }
  if (!options.table.empty()) {
    write_file(options.table, with_table(read_file(options.table), as_markdown(outcome)));
  }
}

int main_of_bench(int argc, char** argv) {
  int status = 0;
  try {
    const Options options = parse(argc, argv);
    if (options.help) {
      std::cout << kHelp;
    } else if (options.start_cost) {
      status = tell_start_cost(options);
    } else {
      run(options);
    }
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << "\n";
    status = 1;
  }
  clear_away();
  return status;
}

}  // namespace
}  // namespace graceshim

int main(int argc, char** argv) {
  return graceshim::main_of_bench(argc, argv);
}
