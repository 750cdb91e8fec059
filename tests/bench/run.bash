#!/bin/bash
# That the benchmark works, in little time, and how many instructions a start takes: run.bash cost_of_a_start|quick
# BENCH. No verdict is by time.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

cost_of_a_start() {
  # With g++ 13 and later, libgcc reads the range of every function at the start of a static program: 300,000 more, which
  # are none of ours.
  if [[ $(g++ -dumpversion) != 12 ]]; then
    echo 'this Debian has no g++ 12, whose figures tests/bench/start_cost.txt has'
    exit 77
  fi
  "$1" --start-cost=tests/bench/start_cost.txt
}
quick() {
  rm -rf build/bench
  mkdir -p build/bench
  cp packaging/doc/benchmark.md build/bench
  timeout --signal=KILL 600 "$1" --quick --json build/bench/bench.json --svg build/bench \
    --table build/bench/benchmark.md &&
    python3 -B tests/bench/check.py build/bench \
      start lost translate leave reap treekill memory size idle accuracy instructions shield curve
}

if [[ $(id -u) != 0 ]]; then
  echo 'not to be had here: PID namespaces need root'
  exit 77
fi
"$@"
