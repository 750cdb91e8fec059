#!/bin/bash
# The suite `packaging`: the release build, the image, the Debian package and the unit example, each built and tried.
# Each function that CMakeLists.txt beside this file names is a test: checks.bash NAME.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/support/podman.bash"
work=$root/build/packaging
base=docker.io/library/debian:bookworm-slim
container=graceshim-test-$checkout
image=localhost/$container

release_build() { "$root/tests/build" release-static; }
release_build_is_small_at_work() {
  "$root/tests/system/static_binary.bash" is_small_at_work "$root/build/release-static/graceshim" 1100000
}

clear_away() {
  podman rm --force --ignore "$container"
  podman image rm --force "$image" "$image-user"
  return 0
} >/dev/null 2>&1

container() { podman_run --rm --name "$container" "$@"; }

unit_example() {
  # The example names programs that this machine need not have.
  sed "s|/usr/bin/graceshim|$root/build/static/graceshim|; s|/usr/bin/bundle|/bin/sh|" \
    "$root/packaging/systemd/resque-worker.service" >"$work/resque-worker.service"
  grep -q "$root/build/static/graceshim .* /bin/sh" "$work/resque-worker.service" &&
    systemd-analyze verify "$work/resque-worker.service"
}

package() {
  rm -f "$work"/*.deb
  cpack --config "$root/build/release-static/CPackConfig.cmake" -B "$work" && mv "$work"/*.deb "$work/graceshim.deb" &&
    dpkg-deb --info "$work/graceshim.deb" && dpkg-deb --contents "$work/graceshim.deb"
}

# What the registry would give, made from Debian's own archive and kept for the next run. What an interrupted run has
# left is cleared away first.
base_image() {
  clear_away
  debian_image $base "$work/base.tar" bookworm
}

image() { podman build --layers=false --network=host "${limits[@]}" --tag "$image" "$root"; }

image_holds_one_file() {
  local id files
  id=$(podman create "$image" none) || return 1
  files=$(podman export "$id" | tar --list --verbose | grep '^-' | awk '$3 > 0 { print $6 }')
  podman rm "$id"
  echo "$files"
  [[ $files == graceshim ]]
}

image_without_a_command() {
  container --network=none "$image"
  [[ $? == 125 ]]
}

# There is nothing to run in the image but graceshim itself.
image_runs_a_command() {
  container --network=none "$image" /graceshim --version | tee "$work/version" && grep '^graceshim [0-9]' "$work/version"
}

# As a user builds theirs.
make_user_image() {
  podman build --tag "$image-user" - <<END
FROM $base
COPY --from=$image /graceshim /graceshim
ENTRYPOINT ["/graceshim", "--"]
END
}

# start_container COMMAND: in the background; waits for its line "ready".
start_container() {
  podman rm --force --ignore "$container"
  podman_run --detach --name "$container" --network=none "${@:2}" "$image-user" sh -c "$1" &&
    timeout 30 sh -c "until podman logs $container 2>&1 | grep -q ready; do sleep 0.1; done"
}

ended_with() {
  local status
  status=$(timeout 60 podman wait "$container")
  podman logs "$container"
  podman rm --force "$container"
  echo "status $status"
  [[ $status == "$1" ]]
}

image_in_another_finishes_its_work() {
  make_user_image &&
    start_container 'trap "echo finished; exit 7" QUIT; echo ready; while :; do sleep 0.1; done' \
      --env GRACESHIM_STOP_SIGNAL=QUIT &&
    podman kill --signal TERM "$container" && ended_with 7
}

image_in_another_kills_at_the_timeout() {
  make_user_image &&
    start_container 'trap "" TERM; echo ready; while :; do sleep 0.1; done' --env GRACESHIM_STOP_TIMEOUT=2s &&
    podman kill --signal TERM "$container" && ended_with 137
}

# As `podman run --init` has it: an image that knows nothing of graceshim, and the host's binary in front of its
# command, called /run/podman-init. The orphan that PID 1 adopts must not stay behind as a zombie.
podmans_init_reaps_and_translates_the_stop() {
  # shellcheck disable=SC2016  # for the shell in the container
  local command='trap "echo finished; exit 7" QUIT; (true & exec true); (sh -c "exit 0" &)
    until [ "$(grep -l "^State:.*Z" /proc/[0-9]*/status 2>/dev/null | wc -l)" = 0 ]; do sleep 0.1; done
    tr "\\0" " " </proc/1/cmdline; echo ready; while :; do sleep 0.1; done'
  podman rm --force --ignore "$container"
  podman_run --detach --name "$container" --network=none --stop-signal TERM \
    --init --init-path "$root/build/static/graceshim" --env GRACESHIM_STOP_SIGNAL=QUIT $base sh -c "$command" &&
    timeout 30 sh -c "until podman logs $container 2>&1 | grep ready; do sleep 0.1; done" &&
    podman logs "$container" 2>&1 | grep -E '^/(run/podman-init|dev/init) -- ' &&
    podman stop --time 30 "$container" && ended_with 7
}

package_installs_and_runs() {
  # shellcheck disable=SC2016  # for the shell in the container
  container --network=none --volume "$work/graceshim.deb:/graceshim.deb:ro" $base sh -euxc '
    dpkg -i /graceshim.deb
    graceshim --version
    graceshim -- sh -c "exit 3" || [ $? = 3 ]
    test -s /usr/share/doc/graceshim/copyright
    test -s /usr/share/doc/graceshim/packaging/doc/manual.md
    test -s /usr/share/doc/graceshim/examples/resque-worker.service
    for file in man/man1/graceshim.1 man/man5/graceshim.toml.5 man/man7/graceshim-presets.7 \
        bash-completion/completions/graceshim zsh/vendor-completions/_graceshim fish/vendor_completions.d/graceshim.fish; do
      test -s /usr/share/$file
    done
    dpkg -r graceshim
    ! test -e /usr/bin/graceshim'
}

# Nothing but Debian's base system is there at first; its archive is all that is asked for.
try_on_fresh_debian() {
  container --network=host --volume "$root:/given:ro" $base sh -euc '
    mkdir /src
    cd /given
    cp -r CMakeLists.txt CMakePresets.json LICENSE CHANGELOG.md README.md include packaging src tests /src
    /src/packaging/try'
}

mkdir -p "$work"
case $1 in
  base_image | image* | podman* | package_* | try_* | clear_away)
    need_root_for_podman
    ;;
esac
"$1"
