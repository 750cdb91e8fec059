#!/bin/bash
# The image of the suite `containers`: the root of the suite `systemd`, with graceshim in it and the names of the other
# inits, as a user copies them from the image that the Dockerfile makes.
#
#   images.bash make          writes which image it is to build/containers/images
#   images.bash clear_away    of the containers, too, that an interrupted test has left
#
# The program under test is the static one: the root has neither our libraries nor, perhaps, our C library.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/support/podman.bash"
work=$root/build/containers
prefix=graceshim-containers-$checkout
image=localhost/$prefix

make() {
  clear_away
  local name
  rm -rf "$work/context" && mkdir -p "$work/context" &&
    cp "${GRACESHIM_BINARY:-$root/build/static/graceshim}" "$work/context/graceshim" || return 1
  for name in tini dumb-init catatonit; do ln "$work/context/graceshim" "$work/context/$name" || return 1; done
  have_root_image && podman build --layers=false --tag "$image" --file - "$work/context" <<END || return 1
FROM $root_image
COPY . /
ENTRYPOINT ["/graceshim", "--"]
END
  printf '%s\n' "$prefix" "$image" "$root_image" "$work/context/graceshim" >"$work/images"
}

clear_away() {
  rm -f "$work/images"
  remove_containers "$prefix"
  podman image ls --quiet --filter "reference=$image*" | xargs --no-run-if-empty podman image rm --force
  return 0
} >/dev/null 2>&1

need_root_for_podman
"$1"
