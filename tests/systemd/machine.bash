#!/bin/bash
# The machine of the suite `systemd`: a container in which systemd is PID 1.
#
#   machine.bash boot          starts it, and writes who it is to build/systemd/machine
#   machine.bash clear_away
#
# The program under test is the static one: the root has neither our libraries nor, perhaps, our C library.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/support/podman.bash"
work=$root/build/systemd
container=graceshim-systemd-$checkout

boot() {
  clear_away
  mkdir -p "$work/given" && cp "${GRACESHIM_BINARY:-$root/build/static/graceshim}" "$work/given/graceshim" &&
    have_root_image &&
    podman_run --detach --name "$container" --systemd=always --network=none --volume "$work/given:/given:ro" \
      "$root_image" /lib/systemd/systemd systemd.mask=nginx.service || return 1
  local pid
  pid=$(podman inspect --format '{{.State.Pid}}' "$container") || return 1
  # It cannot be asked before it listens.
  timeout 60 sh -c "until [ -S /proc/$pid/root/run/systemd/private ]; do sleep 0.1; done" &&
    timeout 120 nsenter --all --target "$pid" systemctl is-system-running --wait || return 1
  printf '%s\n' "$pid" "$root_image" "$work/given" "$container" >"$work/machine"
}

clear_away() {
  rm -f "$work/machine"
  remove_containers "$container"
}

need_root_for_podman
"$1"
