# shellcheck shell=bash
# The suite `portable` of tests/run: graceshim built, and its tests run, where a packager tries. Sourced; check(), fail(),
# skip(), tally() and ctest_options are the caller's.
#
# The builds and runs are in a root made of Debian 13's own archive. Nothing there has root's rights: what a build root has
# not, the tests do without, and skip by name.

# shellcheck disable=SC2154  # root and ctest_options are the caller's
portable=$root/build/portable
trixie=$portable/trixie

# What runs below has the checkout at /src, read-only, and $portable/out at /out: in_trixie COMMAND...
in_trixie() {
  # shellcheck disable=SC2016  # for the shell inside
  unshare --mount --propagation private bash -c '
    set -e
    root=$1 out=$2 src=$3
    shift 3
    mkdir -p "$root/src" "$root/out" "$out"
    mount --bind "$src" "$root/src"
    mount -o remount,bind,ro "$root/src"
    mount --bind "$out" "$root/out"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
      env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 HOME=/out TMPDIR=/tmp GRACESHIM_TEST_STRICT=0 \
      bash -c "cd /src && exec \"\$@\"" bash "$@"
  ' bash "$trixie" "$portable/out" "$root" "$@"
}

have_trixie() {
  if [[ -e $trixie/out ]]; then return 0; fi
  rm -rf "$trixie" "$portable/trixie.new"
  mkdir -p "$portable/out" && chown 65534:65534 "$portable/out" || return 1
  local packages
  packages=$(packaging/install-packages --list build) || return 1
  # shellcheck disable=SC2086  # a list of words
  packages=$(printf '%s,' $packages libgtest-dev libgmock-dev clang python3 qemu-user g++-aarch64-linux-gnu \
    {libuv1,libfmt,libspdlog,libtomlplusplus,libgtest,libgmock}-dev:arm64)
  mmdebstrap --variant=minbase --architectures=amd64,arm64 --include="${packages%,}" trixie "$portable/trixie.new" &&
    mkdir -p "$portable/trixie.new/out" && mv "$portable/trixie.new" "$trixie"
}

# build_in_trixie NAME TARGET CMAKE-OPTION...: in /out/NAME.
build_in_trixie() {
  local name=$1 target=$2
  shift 2
  in_trixie cmake -B "/out/$name" "$@" &&
    in_trixie cmake --build "/out/$name" --target "$target" -- -k 0
}

# run_in_trixie WHAT BUILD LABELS [OPTION-OF-CTEST]...: the tests of /out/BUILD that have one of the labels, of the program
# $binary where that is not the build's own. Whatever root alone may do is skipped, however strict the run.
run_in_trixie() {
  local what=$1 build=$2 labels=$3
  local name=${what//[ ,+]/}
  shift 3
  rm -f "$portable/out/$name.xml"
  in_trixie env ${binary:+"GRACESHIM_BINARY=$binary"} ctest "$@" --test-dir "/out/$build" \
    --label-regex "^($labels)\$" --parallel 2 --output-junit "/out/$name.xml" "${ctest_options[@]}" \
    >"build/log/portable-$name.log" 2>&1
  printf '  tests: %s\n' "$what"
  tally "portable: $what" "$portable/out/$name.xml" 0 2>"build/log/portable-$name.skipped"
}

# Two lives of the program for arm64, of commands for this processor: a status, and a stop that is translated.
arm64_lives() {
  # shellcheck disable=SC2016  # for the shell inside
  in_trixie bash -c '
    shim=(qemu-aarch64 /out/arm64/graceshim)
    "${shim[@]}" --version || exit 1
    "${shim[@]}" -- sh -c "exit 7"
    [[ $? == 7 ]] || exit 1
    rm -f /out/ready && mkfifo /out/ready || exit 1
    "${shim[@]}" -s QUIT -- bash -c "trap \"exit 3\" QUIT; echo >/out/ready; while :; do sleep 0.1; done" &
    read -r -t 60 <>/out/ready || exit 1
    kill -TERM $!
    wait $!
    [[ $? == 3 ]]'
}

again_portable() {
  # On the kernel of this machine, less what is younger than Linux 5.4.
  GRACESHIM_TEST_KERNEL=5.4 run_ctest dev system 2
  printf '\n== portable (Debian 13, without root)\n'
  if [[ $(id -u) != 0 ]]; then
    skip "portable: a root of Debian 13 is made as root only"
    return
  fi
  check "a root of Debian 13" have_trixie || return
  if check "g++, dynamic" build_in_trixie gcc all --preset dev; then
    run_in_trixie "g++, dynamic" gcc "unit|model|sim|system"
    if check "g++, static" build_in_trixie gcc-static graceshim --preset static; then
      binary=/out/gcc-static/graceshim run_in_trixie "g++, static" gcc system
    fi
  fi
  # Without link-time optimisation: clang's own archiver is not among what a build needs.
  if check "clang, dynamic" build_in_trixie clang all --preset clang; then
    run_in_trixie "clang, dynamic" clang "unit|model|sim|system"
    if check "clang, static" build_in_trixie clang-static graceshim --preset static -DCMAKE_CXX_COMPILER=clang++ \
      -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF; then
      binary=/out/clang-static/graceshim run_in_trixie "clang, static" clang system
    fi
  fi
  # What looks at processes from outside is not run: qemu makes a fork of a vfork, and /proc shows the masks and the memory
  # of qemu.
  if check "arm64, static" build_in_trixie arm64 all --preset arm64; then
    run_in_trixie "arm64 under qemu" arm64 "model|sim|unit" --exclude-regex "^unit_os\$"
    check "arm64, a life" arm64_lives
  fi
}
