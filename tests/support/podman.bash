# shellcheck shell=bash
# What the suites `packaging` and `systemd` do with podman. To be sourced.

# For names of containers that are this checkout's alone: another may run its tests at the same time.
# shellcheck disable=SC2034  # for those who source this
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd | cksum | cut -d ' ' -f 1)
limits=(--ulimit nofile=1024:1024 --ulimit nproc=4000:4000)

need_root_for_podman() {
  if [[ $(id -u) != 0 ]]; then
    echo 'not to be had here: podman is tried as root only'
    exit 77
  fi
}

podman_run() { podman --runtime runc run "${limits[@]}" "$@"; }

# debian_image IMAGE FILE [PACKAGE,...]: has the image, made from Debian's own archive. The root that it is made of is
# kept in FILE for the next run.
debian_image() {
  if podman image exists "$1"; then return 0; fi
  if [[ ! -s $2 ]]; then
    mmdebstrap --format=tar --variant=minbase ${3:+--include="$3"} bookworm "$2.new" && mv "$2.new" "$2" || return 1
  fi
  podman import "$2" "$1"
}
