#!/bin/bash
# The suite `dist`, and the part of the suite `packaging` that is about a release: what packaging/dist makes,
# packaging/verify and packaging/release. Each function that CMakeLists.txt beside this file names is a test.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
work=$root/build/packaging
assets=$root/build/dist/first  # of packaging/dist --check

need_root_for_roots() {
  if [[ $(id -u) != 0 ]]; then
    echo 'not to be had here: roots of Debian are made as root only'
    exit 77
  fi
}

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

# Everything for this processor, built twice.
makes_the_same_bytes_twice() {
  need_root_for_roots
  packaging/dist --check amd64
  [[ -x $assets/graceshim-linux-amd64 && -s $assets/SHA256SUMS ]]
}

dist_says_what_it_lacks() {
  need_root_for_roots
  fails_with 'made by root alone' env PATH="$(nobody):$PATH" packaging/dist amd64
  fails_with 'mmdebstrap is missing' env PATH="$(without mmdebstrap)" packaging/dist amd64
  fails_with "no processor 'vax'; there are: amd64 arm64 arm " packaging/dist vax
}

# A folder with an id(1) of somebody else: for a real one the checkout may be out of reach.
nobody() {
  mkdir -p "$work/nobody"
  printf '#!/bin/sh\necho 65534\n' >"$work/nobody/id"
  chmod 755 "$work/nobody/id"
  echo "$work/nobody"
}

# A folder of links to all programs but one.
without() {
  local folder=$work/without-$1
  rm -rf "$folder"
  mkdir -p "$folder"
  ln -s /usr/bin/* "$folder" 2>/dev/null || true
  rm "$folder/$1"
  echo "$folder"
}

# The documents of what is in the binary.
bill_of_materials_names_the_libraries() {
  need_root_for_roots
  python3 - "$assets/graceshim-linux-amd64" <<'END'
import hashlib, json, sys
name = sys.argv[1]
bill = json.load(open(f"{name}.spdx.json", encoding="utf-8"))
info = json.load(open(f"{name}.build-info.json", encoding="utf-8"))
packages = {package["name"]: package for package in bill["packages"]}
wanted = {"libuv", "spdlog", "fmt", "toml++", "tl-expected", "libstdc++", "libc"}
assert bill["spdxVersion"] == "SPDX-2.3" and wanted <= packages.keys(), packages.keys()
assert packages["graceshim"]["checksums"][0]["checksumValue"] == hashlib.sha256(open(name, "rb").read()).hexdigest()
identifiers = [package["SPDXID"] for package in bill["packages"]]
assert len(set(identifiers)) == len(identifiers), identifiers
for relation in bill["relationships"]:
    assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= {"SPDXRef-DOCUMENT", *identifiers}, relation
linked = {r["relatedSpdxElement"] for r in bill["relationships"] if r["relationshipType"] == "STATIC_LINK"}
assert {packages[name]["SPDXID"] for name in wanted} <= linked, linked
assert info["libraries"].keys() >= wanted and all(info["libraries"].values()), info
assert len(info["commit"]) == 40 and info["SOURCE_DATE_EPOCH"] > 0 and "-Os" in info["compile_flags"], info
for name in sorted(wanted):
    print(name, packages[name]["versionInfo"])
END
}

verify_finds_what_was_changed() {
  need_root_for_roots
  local copy=$work/copy home=$work/gnupg
  rm -rf "$copy" "$home"
  cp -r "$assets" "$copy"
  packaging/verify "$copy"
  mkdir -m 700 "$home"
  GNUPGHOME=$home gpg --batch --quiet --passphrase '' --quick-generate-key test@graceshim.invalid ed25519 sign never
  GNUPGHOME=$home gpg --batch --armor --detach-sign "$copy/SHA256SUMS"
  GNUPGHOME=$home packaging/verify "$copy"
  echo extra >"$copy/extra"
  fails_with 'extra is not in SHA256SUMS' env GNUPGHOME="$home" packaging/verify "$copy"
  rm "$copy/extra"
  printf X | dd of="$copy/graceshim-linux-amd64" bs=1 seek=5000 conv=notrunc status=none
  fails_with 'SHA256SUMS does not fit' env GNUPGHOME="$home" packaging/verify "$copy"
  (cd "$copy" && sha256sum -- graceshim* >SHA256SUMS)
  fails_with 'the signature of SHA256SUMS is not good' env GNUPGHOME="$home" packaging/verify "$copy"
  GNUPGHOME=$home gpgconf --kill all
}

# What it overrides, it gives a reason for.
deb_has_no_lintian_errors() {
  need_root_for_roots
  awk '/^#/ { reason = 1; next } { if (!reason) exit 1; reason = 0 }' packaging/debian/lintian-overrides
  lintian --allow-root --fail-on error "$assets"/*.deb
}

rpm_lists_its_files() {
  need_root_for_roots
  rpm -qlp "$assets"/*.rpm | tee "$work/rpm-files"
  grep -qx /usr/bin/graceshim "$work/rpm-files"
  grep -qx /usr/share/doc/graceshim/packaging/doc/manual.md "$work/rpm-files"
  [[ $(rpm -qp --queryformat '%{NAME} %{ARCH} %{LICENSE}' "$assets"/*.rpm) == 'graceshim x86_64 MIT AND '* ]]
  if rpm -qlp "$assets"/*.rpm | grep -v graceshim | grep -vE '^/usr/share/(man|bash-completion|zsh|fish)'; then
    echo 'these are not its own'
    return 1
  fi
}

wheel_installs_and_runs() {
  need_root_for_roots
  local venv=$work/venv
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --no-index --find-links "$assets" graceshim
  cmp "$venv/bin/graceshim" "$assets/graceshim-linux-amd64"
  "$venv/bin/graceshim" --version | grep '^graceshim [0-9]'
}

# As `pip install packaging/pypi` does it, with a binary that is there.
wheel_is_built_by_pip() {
  local folder=$work/wheel
  rm -rf "$folder" "$folder-venv"
  /usr/bin/python3 -m venv "$folder-venv"
  GRACESHIM_BINARY=$root/build/static/graceshim "$folder-venv/bin/pip" wheel --no-index --no-deps --wheel-dir "$folder" packaging/pypi
  ls "$folder"/graceshim-*-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl
}

# scratch: a repository in $work/scratch that holds this tree, and a changelog for the version 9.8.7. The tree itself may be
# no repository, or another user's, which git would not read.
scratch() {
  rm -rf "$work/scratch"
  mkdir -p "$work/scratch"
  tar --directory "$root" --exclude=./.git --exclude=./build --exclude=./dist --create . | tar --directory "$work/scratch" --extract
  cd "$work/scratch"
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
  export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@graceshim.invalid GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@graceshim.invalid
  sed -i 's/^## Unreleased$/## Unreleased\n\n## 9.8.7 - 2026-11-27/' CHANGELOG.md
  git init --quiet
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

every_processor() {
  need_root_for_roots
  packaging/dist
  packaging/verify
}

mkdir -p "$work"
"$1"
