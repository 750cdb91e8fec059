#!/bin/bash
# The part of the suite `packaging` that is about a release. Each function that CMakeLists.txt beside this file names is a test: release.bash NAME.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
work=$root/build/packaging

# As `pip install packaging/pypi` does it, with a binary that is there.
wheel_is_built_by_pip() {
  local folder=$work/wheel
  rm -rf "$folder" "$folder-venv"
  /usr/bin/python3 -m venv "$folder-venv"
  GRACESHIM_BINARY=$root/build/static/graceshim "$folder-venv/bin/pip" wheel --no-index --no-deps --wheel-dir "$folder" packaging/pypi
  ls "$folder"/graceshim-*-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl
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
