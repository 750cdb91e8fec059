# shellcheck shell=bash
# What the suites `packaging`, `systemd` and `containers` do with podman. To be sourced.

# For names of containers that are this checkout's alone: another may run its tests at the same time.
# shellcheck disable=SC2034  # for those who source this
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd | cksum | cut -d ' ' -f 1)
# podman 5 would warn of version 1 of cgroups among what a container says.
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
limits=(--ulimit nofile=1024:1024 --ulimit nproc=4000:4000)

need_root_for_podman() {
  if [[ $(id -u) != 0 ]]; then
    echo 'not to be had here: podman is tried as root only'
    exit 77
  fi
}

# remove_containers NAME: the container of this name, and those whose names begin with it.
remove_containers() {
  podman ps --all --quiet --filter "name=^$1" | xargs --no-run-if-empty podman rm --force --time 0
} >/dev/null 2>&1

podman_run() { podman --runtime runc run "${limits[@]}" "$@"; }

# debian_image IMAGE FILE SUITE [PACKAGE,...]: has the image, made from Debian's own archive. The root that it is made of
# is kept in FILE for the next run. Two that want it at the same time do not make it twice.
debian_image() {
  if podman image exists "$1"; then return 0; fi
  (
    flock 9
    [[ -s $2 ]] ||
      { mmdebstrap --format=tar --variant=minbase ${4:+--include="$4"} "$3" "$2.new" && mv "$2.new" "$2"; }
  ) 9>"$2.lock" || return 1
  podman import "$2" "$1"
}

# The root that the suites `systemd` and `containers` try graceshim in: one for both, with systemd, and with what the
# documents have in front of it. It is made from Debian's archive once, and stays in ~/.cache/graceshim-systemd (260 MB),
# for other checkouts as well.
root_packages=systemd,dbus,python3-minimal,nginx,ruby,rake
root_kind=$(cksum <<<"$root_packages" | cut -d ' ' -f 1)
root_image=localhost/graceshim-systemd:$root_kind

have_root_image() {
  local kept=${XDG_CACHE_HOME:-$HOME/.cache}/graceshim-systemd
  mkdir -p "$kept" && debian_image "$root_image" "$kept/$root_kind.tar" bookworm "$root_packages"
}
