#!/bin/bash
# The part of the suite `packaging` that is about a release. Each function that CMakeLists.txt beside this file names is a test: release.bash NAME.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
work=$root/build/packaging

# fails_with TEXT COMMAND...: the command fails, and says so.
fails_with() {
  local text=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "did not fail: $*"
    return 1
  fi
  echo "$said"
  grep -qF -- "$text" <<<"$said"
}

# As `pip install packaging/pypi` does it, with a binary that is there.
wheel_is_built_by_pip() {
  local folder=$work/wheel
  rm -rf "$folder" "$folder-venv"
  /usr/bin/python3 -m venv "$folder-venv"
  GRACESHIM_BINARY=$root/build/static/graceshim "$folder-venv/bin/pip" wheel --no-index --no-deps --wheel-dir "$folder" packaging/pypi
  ls "$folder"/graceshim-*-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl
}

# scratch: a clone in $work/scratch, with the scripts as they are in this tree, and a changelog for the version 9.8.7.
scratch() {
  rm -rf "$work/scratch"
  git clone --quiet "$root" "$work/scratch"
  mkdir -p "$work/scratch/packaging"/{apk,arch}
  cp packaging/release "$work/scratch/packaging"
  cp packaging/apk/APKBUILD "$work/scratch/packaging/apk"
  cp packaging/arch/PKGBUILD "$work/scratch/packaging/arch"
  cd "$work/scratch"
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
  export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@graceshim.invalid GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@graceshim.invalid
  sed -i 's/^## Unreleased$/## Unreleased\n\n## 9.8.7 - 2026-11-27/' CHANGELOG.md
  git add --all
  git commit --quiet --message 'for a test'
}

release_refuses() {
  scratch
  local head
  head=$(git rev-parse HEAD)
  fails_with 'it takes one VERSION' packaging/release
  for version in 1 1.2 01.2.3 1.2.3-rc1 v1.2.3 1.2.3.4 ''; do
    fails_with "'$version' is no version" packaging/release "$version"
  done
  fails_with "no heading '## 9.8.6'" packaging/release 9.8.6
  touch untidy
  fails_with 'the tree is not clean' packaging/release 9.8.7
  rm untidy
  git tag v9.8.7
  fails_with 'the tag v9.8.7 exists' packaging/release 9.8.7
  git tag --delete v9.8.7
  # A tag that cannot be signed.
  git config tag.gpgSign true
  git config gpg.program /bin/false
  fails_with 'the tree is as it was' packaging/release 9.8.7
  [[ $(git rev-parse HEAD) == "$head" && -z $(git status --porcelain) && -z $(git tag --list v9.8.7) ]]
}

release_sets_the_version_and_tags() {
  scratch
  packaging/release 9.8.7
  [[ $(git cat-file -t v9.8.7) == tag && $(git rev-parse 'v9.8.7^{commit}') == $(git rev-parse HEAD) ]]
  [[ -z $(git status --porcelain) ]]
  grep -q '^project(graceshim VERSION 9\.8\.7 LANGUAGES CXX$' CMakeLists.txt
  grep -q 'dpkg -i graceshim_9\.8\.7_amd64\.deb' README.md
  [[ $(. packaging/apk/APKBUILD && echo "$pkgver") == 9.8.7 && $(. packaging/arch/PKGBUILD && echo "$pkgver") == 9.8.7 ]]
}

# What a distribution would build is read here, and no more.
apk_recipe_is_parsed_not_built() {
  sh -n packaging/apk/APKBUILD
  # shellcheck disable=SC2016  # for the shell inside
  sh -euc '. "$1"
    [ "$pkgname $pkgrel $license" = "graceshim 0 MIT" ]
    for name in build check package; do command -v "$name"; done
    case $source in "graceshim-$pkgver.tar.gz") ;; *) exit 1 ;; esac' sh ./packaging/apk/APKBUILD
}

arch_recipe_is_parsed_not_built() {
  bash -n packaging/arch/PKGBUILD
  # shellcheck disable=SC2016  # for the shell inside
  bash -euc '. "$1"
    [[ "$pkgname $pkgrel ${license[*]}" == "graceshim 1 MIT" && ${#source[@]} == "${#sha512sums[@]}" ]]
    for name in build check package; do declare -F "$name"; done' bash packaging/arch/PKGBUILD
}

# With an attribute set in the place of nixpkgs.
nix_flake_is_evaluated_not_built() {
  local version
  nix-instantiate --parse packaging/nix/flake.nix packaging/nix/package.nix
  version=$(nix-instantiate --eval --strict --store dummy:// --option build-users-group '' --expr '
    let
      libraries = { cmake = 1; ninja = 1; pkg-config = 1; fmt = 1; libuv = 1; spdlog = 1; tl-expected = 1; tomlplusplus = 1; };
      lib = {
        cleanSource = path: path; licenses.mit = "MIT"; platforms.linux = [ ];
        genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
      };
      pkgs.callPackage = file: extra: import file (libraries // { inherit lib; stdenv.mkDerivation = given: given; } // extra);
      systems = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "armv7l-linux" "i686-linux" "riscv64-linux" ] (system: pkgs);
      flake = (import '"$root"'/packaging/nix/flake.nix).outputs { self = { }; nixpkgs = { inherit lib; legacyPackages = systems; }; };
    in flake.packages.aarch64-linux.default.version')
  echo "$version"
  [[ $version == "\"$(sed -n 's/^project(graceshim VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)\"" ]]
}

mkdir -p "$work"
"$1"
