#!/bin/bash
# One of the checkers whose opinions change with every release: debian_12.bash format|tidy|cppcheck. The tree has those
# of Debian 12; elsewhere nobody is asked, and the exit status is 77, a skip.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

if [[ $(clang-format --version) != *'version 14.'* ]]; then
  echo "this Debian has no clang-format, clang-tidy and cppcheck of Debian 12"
  exit 77
fi
case $1 in
  format)
    find include src tests '(' -name '*.cc' -o -name '*.h' ')' -print0 | xargs -0 clang-format --dry-run -Werror
    ;;
  tidy) exec tests/build tidy ;;
  cppcheck)
    mkdir -p build/cppcheck
    folders=()
    for folder in include src/*/; do folders+=(-I "${folder%/}"); done
    exec cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr \
      --error-exitcode=1 --cppcheck-build-dir=build/cppcheck -j 2 "${folders[@]}" src
    ;;
esac
