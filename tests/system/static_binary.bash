#!/bin/bash
# What is promised of a static binary: static_binary.bash stands_alone FILE | is_small FILE BYTES | is_small_at_work
# FILE BYTES
set -uo pipefail

stands_alone() { readelf --dynamic --program-headers "$1" | tee /dev/stderr | { ! grep 'Dynamic section at\|DYNAMIC\|INTERP'; }; }

is_small() {
  local bytes
  bytes=$(stat --format=%s "$1") && echo "$bytes bytes" && ((bytes <= $2))
}

# The child has a signal come round by way of graceshim, so that whatever graceshim needs at work is resident.
is_small_at_work() {
  local rss
  # shellcheck disable=SC2016  # for the shell inside
  rss=$("$1" --preset none -- sh -c \
    'sleep 60 & trap "kill $!" USR1; kill -USR1 $PPID; wait; exec grep ^Rss: /proc/$PPID/smaps_rollup') || return 1
  echo "$rss"
  [[ $rss =~ [0-9]+ ]] && ((BASH_REMATCH[0] * 1024 <= $2))
}

"$@"
