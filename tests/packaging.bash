# shellcheck shell=bash
# The suite `packaging` of tests/run: the release build, the image, the Debian package and the unit example, each built and
# tried. Sourced; check() and is_small_at_work() are the caller's.

# shellcheck disable=SC2154  # root is the caller's too
base=docker.io/library/debian:bookworm-slim
image=localhost/graceshim-test
container=graceshim-test
limits=(--ulimit nofile=1024:1024 --ulimit nproc=4000:4000)
work=$root/build/packaging

again_packaging() {
  printf '\n== packaging\n'
  mkdir -p "$work"
  build static || { fail "packaging: no static binary"; return; }
  check "unit example" try_unit
  check "release build" packaging/release-build || return
  check "release build is small at work" is_small_at_work build/release-static/graceshim 1100000
  check "package" make_package
  if [[ $(id -u) != 0 ]]; then
    skip "image and package in containers: podman is tried as root only"
    return
  fi
  # One at a time on a machine, for the names are fixed; so an interrupted run is cleared away by the next.
  exec {lock}>/tmp/graceshim-packaging.lock && flock "$lock" && clear_away
  check "base image" have_base_image || return
  check "image" podman build --layers=false --network=host "${limits[@]}" --tag $image "$root" || return
  check "image holds one static file" image_holds_one_file
  check "image without a command" image_without_command
  check "image runs a command" image_runs_command
  check "image in another image finishes its work" image_finishes_work
  check "image in another image kills at the timeout" image_kills_at_timeout
  check "podman's init reaps and translates the stop" init_of_podman
  check "package installs and runs" package_runs
  check "try on a fresh Debian" try_on_fresh_debian
  clear_away
  exec {lock}>&-
}

clear_away() {
  podman rm --force --ignore $container
  podman image rm --force $image $image-user
} >/dev/null 2>&1

container() { podman --runtime runc run --rm --name $container "${limits[@]}" "$@"; }

try_unit() {
  # The example names programs that this machine need not have.
  sed "s|/usr/bin/graceshim|$root/build/static/graceshim|; s|/usr/bin/bundle|/bin/sh|" \
    "$root/packaging/systemd/resque-worker.service" >"$work/resque-worker.service"
  grep -q "$root/build/static/graceshim .* /bin/sh" "$work/resque-worker.service" &&
    systemd-analyze verify "$work/resque-worker.service"
}

make_package() {
  rm -f "$work"/*.deb
  cpack --config "$root/build/release-static/CPackConfig.cmake" -B "$work" && mv "$work"/*.deb "$work/graceshim.deb" &&
    dpkg-deb --info "$work/graceshim.deb" && dpkg-deb --contents "$work/graceshim.deb"
}

# What the registry would give, made from Debian's own archive and kept for the next run.
have_base_image() {
  if podman image exists $base; then return 0; fi
  if [[ ! -s $work/base.tar ]]; then
    mmdebstrap --format=tar --variant=minbase bookworm "$work/base.tar.new" && mv "$work/base.tar.new" "$work/base.tar" || return 1
  fi
  podman import "$work/base.tar" $base
}

image_holds_one_file() {
  local id files
  id=$(podman create $image none) || return 1
  files=$(podman export "$id" | tar --list --verbose | grep '^-' | awk '$3 > 0 { print $6 }')
  podman rm "$id"
  echo "$files"
  [[ $files == graceshim ]]
}

image_without_command() {
  container --network=none $image
  [[ $? == 125 ]]
}

# There is nothing to run in the image but graceshim itself.
image_runs_command() {
  container --network=none $image /graceshim --version | tee "$work/version" && grep '^graceshim [0-9]' "$work/version"
}

# As a user builds theirs.
make_user_image() {
  podman build --tag $image-user - <<END
FROM $base
COPY --from=$image /graceshim /graceshim
ENTRYPOINT ["/graceshim", "--"]
END
}

# start_container COMMAND: in the background; waits for its line "ready".
start_container() {
  podman rm --force --ignore $container
  podman --runtime runc run --detach --name $container --network=none "${limits[@]}" "${@:2}" $image-user sh -c "$1" &&
    timeout 30 sh -c "until podman logs $container 2>&1 | grep -q ready; do sleep 0.1; done"
}

ended_with() {
  local status
  status=$(timeout 60 podman wait $container)
  podman logs $container
  podman rm --force $container
  echo "status $status"
  [[ $status == "$1" ]]
}

image_finishes_work() {
  make_user_image &&
    start_container 'trap "echo finished; exit 7" QUIT; echo ready; while :; do sleep 0.1; done' \
      --env GRACESHIM_STOP_SIGNAL=QUIT &&
    podman kill --signal TERM $container && ended_with 7
}

image_kills_at_timeout() {
  start_container 'trap "" TERM; echo ready; while :; do sleep 0.1; done' --env GRACESHIM_STOP_TIMEOUT=2s &&
    podman kill --signal TERM $container && ended_with 137
}

# As `podman run --init` has it: an image that knows nothing of graceshim, and the host's binary in front of its command,
# called /run/podman-init. The orphan that PID 1 adopts must not stay behind as a zombie.
init_of_podman() {
  # shellcheck disable=SC2016  # for the shell in the container
  local command='trap "echo finished; exit 7" QUIT; (true & exec true); (sh -c "exit 0" &)
    until [ "$(grep -l "^State:.*Z" /proc/[0-9]*/status 2>/dev/null | wc -l)" = 0 ]; do sleep 0.1; done
    tr "\\0" " " </proc/1/cmdline; echo ready; while :; do sleep 0.1; done'
  podman rm --force --ignore $container
  podman --runtime runc run --detach --name $container --network=none "${limits[@]}" --stop-signal TERM \
    --init --init-path "$root/build/static/graceshim" --env GRACESHIM_STOP_SIGNAL=QUIT $base sh -c "$command" &&
    timeout 30 sh -c "until podman logs $container 2>&1 | grep ready; do sleep 0.1; done" &&
    podman logs $container 2>&1 | grep -E '^/(run/podman-init|dev/init) -- ' &&
    podman stop --time 30 $container && ended_with 7
}

package_runs() {
  # shellcheck disable=SC2016  # for the shell in the container
  container --network=none --volume "$work/graceshim.deb:/graceshim.deb:ro" $base sh -euxc '
    dpkg -i /graceshim.deb
    graceshim --version
    graceshim -- sh -c "exit 3" || [ $? = 3 ]
    test -s /usr/share/doc/graceshim/copyright
    test -s /usr/share/doc/graceshim/packaging/doc/manual.md
    test -s /usr/share/doc/graceshim/examples/resque-worker.service
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
