#!/bin/bash
# The suite `packaging`: the release build, the image, the Debian package and the unit example, each built and tried.
# Each function that CMakeLists.txt beside this file names is a test: checks.bash NAME [ARGUMENT...].
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/support/podman.bash"
work=$root/build/packaging
base=docker.io/library/debian:bookworm-slim
builder=$base-ccache
container=graceshim-test-$checkout
image=localhost/$container

release_build() { "$root/tests/build" release-static; }
release_build_is_small_at_work() {
  # With the C++ library of Debian 13 more is touched, also where it is laid out.
  local most=1500000
  if [[ $(. /etc/os-release && echo "$VERSION_ID") == 12 ]]; then most=1100000; fi
  "$root/tests/system/static_binary.bash" is_small_at_work "$root/build/release-static/graceshim" $most
}

clear_away() {
  podman rm --force --ignore "$container"
  podman image rm --force "$image" "$image-user"
  return 0
} >/dev/null 2>&1

container() { podman_run --rm --name "$container" "$@"; }

unit_example() {
  local example unit
  for example in "$root"/packaging/systemd/*.service; do
    unit=$work/${example##*/}
    # An example names programs that this machine need not have.
    sed "s|/usr/bin/graceshim|$root/build/static/graceshim|; s|/usr/bin/bundle|/bin/sh|" "$example" >"$unit"
    grep -q "$root/build/static/graceshim .* /bin/sh" "$unit" && systemd-analyze verify "$unit" || return 1
  done
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
  builder_image bookworm
}

# builder_image DEBIAN: the base image, and one beside it, called -ccache, that has by its environment what an earlier run has
# compiled. To compile it once more would take half of the suite's time.
cache=${CCACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ccache}
builder_image() {
  local of=docker.io/library/debian:$1-slim
  mkdir -p "$cache"
  debian_image "$of" "$work/$1.tar" "$1" && podman build --network=host "${limits[@]}" --tag "$of-ccache" - <<END
FROM $of
RUN apt-get update && apt-get install --yes --no-install-recommends ccache && rm -rf /var/lib/apt/lists/*
ENV CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_DIR=/ccache CCACHE_SLOPPINESS=pch_defines,time_macros
END
}

# build_image NAME DEBIAN OPTION...
build_image() {
  podman build --layers=false --network=host "${limits[@]}" --volume "$cache:/ccache" --tag "$1" \
    --build-arg "DEBIAN=$2-slim-ccache" "${@:3}" "$root"
}

image() { build_image "$image" bookworm; }

# The layer has the program once, and the other names of it as hard links.
image_holds_one_file() {
  local files
  files=$(podman save --format docker-archive "$image" | tar --extract --to-stdout --wildcards '*.tar' |
    tar --list --verbose --ignore-zeros) || return 1
  echo "$files"
  [[ $(grep -c ^- <<<"$files") == 1 && $(awk '!/^d/ { print $6 }' <<<"$files" | sort | paste -sd ' ') == \
    'catatonit dumb-init graceshim tini' && $(grep -c ^h <<<"$files") == 3 ]]
}

image_says_what_it_is() {
  podman inspect --format '{{range $name, $value := .Labels}}{{$name}}={{$value}}{{"\n"}}{{end}}' "$image" | tee "$work/labels"
  grep -qx 'org.opencontainers.image.title=graceshim' "$work/labels" &&
    grep -qxF "org.opencontainers.image.version=$("$root/build/static/graceshim" --version | sed -n '1s/graceshim //p')" "$work/labels"
}

# image_for_another_processor TARGET [DEBIAN]: it is built and looked at, and not run.
image_for_another_processor() {
  local debian=${2:-bookworm} id machine
  declare -A machines=([arm64]=AArch64 [arm/v7]=ARM [386]='Intel 80386' [ppc64le]=PowerPC64 [s390x]='IBM S/390' [riscv64]=RISC-V)
  builder_image "$debian" &&
    build_image "$image-foreign" "$debian" --pull=never --platform "linux/$1" --build-arg BUILDPLATFORM=linux/amd64 &&
    [[ $(podman inspect --format '{{.Architecture}}' "$image-foreign") == "${1%/*}" ]] &&
    id=$(podman create "$image-foreign" none) || return 1
  podman cp "$id:/graceshim" "$work/foreign"
  podman rm "$id"
  podman image rm "$image-foreign"
  machine=$(readelf --file-header "$work/foreign" | sed -n 's/^ *Machine: *//p')
  echo "$machine"
  [[ $machine == "${machines[$1]}" ]]
}

image_without_a_command() {
  container --network=none "$image"
  [[ $? == 125 ]]
}

# There is nothing to run in the image but graceshim itself.
image_runs_a_command() {
  container --network=none "$image" /graceshim --version | tee "$work/version" && grep '^graceshim [0-9]' "$work/version"
}

image_runs_without_rights() {
  container --network=none --read-only --read-only-tmpfs=false --cap-drop=ALL --security-opt=no-new-privileges \
    --user=65534:65534 "$image" /graceshim -- /graceshim --version
}

image_has_the_names_of_other_inits() {
  local name
  declare -A versions=([tini]='tini version 0.19' [dumb-init]='dumb-init v1.2' [catatonit]='tini version 0.1.7_catatonit')
  for name in "${!versions[@]}"; do
    container --network=none --entrypoint "/$name" "$image" --version 2>&1 | tee "$work/version" &&
      grep -qF "${versions[$name]}" "$work/version" || return 1
  done
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

package_installs_and_runs() {
  # shellcheck disable=SC2016  # for the shell in the container
  container --network=none --volume "$work/graceshim.deb:/graceshim.deb:ro" $base sh -euxc '
    dpkg -i /graceshim.deb
    graceshim --version
    graceshim -- sh -c "exit 3" || [ $? = 3 ]
    test -s /usr/share/doc/graceshim/copyright
    test -s /usr/share/doc/graceshim/packaging/doc/manual.md
    test -s /usr/share/doc/graceshim/examples/resque-worker.service
    for file in man/man1/graceshim.1.gz man/man5/graceshim.toml.5.gz man/man7/graceshim-presets.7.gz \
        bash-completion/completions/graceshim zsh/vendor-completions/_graceshim fish/vendor_completions.d/graceshim.fish; do
      test -s /usr/share/$file
    done
    test -s /usr/share/doc/graceshim/packaging/examples/graceshim.toml
    dpkg -r graceshim
    ! test -e /usr/bin/graceshim'
}

# From an earlier version, which is this one by another number, while a graceshim runs that then is asked to stop. At the end
# nothing is left.
package_is_upgraded_and_removed() {
  rm -rf "$work/older" && dpkg-deb --raw-extract "$work/graceshim.deb" "$work/older" &&
    sed -i 's/^Version: .*/Version: 0.0.1-1/' "$work/older/DEBIAN/control" &&
    dpkg-deb --root-owner-group --build "$work/older" "$work/older.deb" || return 1
  # shellcheck disable=SC2016  # for the shell in the container
  container --network=none --volume "$work/graceshim.deb:/graceshim.deb:ro" --volume "$work/older.deb:/older.deb:ro" $base sh -euxc '
    version() { dpkg-query --show --showformat "\${Version} \${Status}" graceshim; }
    find / -xdev -not -path "/proc/*" -not -path "/var/lib/dpkg/*" -not -path "/var/log/*" | sort >/tmp/before
    dpkg -i /older.deb
    [ "$(version)" = "0.0.1-1 install ok installed" ]
    mkfifo /tmp/ready
    graceshim --stop-signal QUIT -- sh -c "trap \"exit 7\" QUIT; echo >/tmp/ready; while :; do sleep 0.1; done" &
    read -r _ </tmp/ready
    dpkg -i /graceshim.deb
    [ "$(version)" != "0.0.1-1 install ok installed" ]
    graceshim -- sh -c "exit 3" || [ $? = 3 ]
    kill -TERM $!
    wait $! || [ $? = 7 ]
    dpkg --purge graceshim
    rm /tmp/ready
    find / -xdev -not -path "/proc/*" -not -path "/var/lib/dpkg/*" -not -path "/var/log/*" | sort >/tmp/after
    grep -vx /tmp/after /tmp/after | diff /tmp/before -' # of itself it is the only one
}

# Nothing but Debian's base system is there at first, but for ccache; its archive is all that is asked for.
try_on_fresh_debian() {
  container --network=host --volume "$root:/given:ro" --volume "$cache:/ccache" $builder sh -euc '
    mkdir /src
    cd /given
    cp -r CMakeLists.txt CMakePresets.json LICENSE CHANGELOG.md README.md include packaging src tests /src
    /src/packaging/try'
}

mkdir -p "$work"
case $1 in
  base_image | image* | package_* | try_* | clear_away)
    need_root_for_podman
    ;;
esac
"$@"
