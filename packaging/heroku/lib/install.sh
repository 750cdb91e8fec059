# shellcheck shell=sh
# What the buildpack for Heroku and the Cloud Native Buildpack have in common. To be sourced by a script that has a function
# say(), for a line of its output, and a function fail(), which prints the line of an error and ends the build.
#
# The settings are variables:
#
#   GRACESHIM_VERSION  the version to install: 0.1.0
#   GRACESHIM_URL      where the releases are; of 0.1.0 the files GRACESHIM_URL/v0.1.0/graceshim-linux-amd64, or of another
#                      processor, and SHA256SUMS. A file:// will do.
#   GRACESHIM_SHA256   the SHA-256 that the binary must have. Without it the one in SHA256SUMS counts, which finds a damaged
#                      download, and none that was replaced together with its sum.

# The processor, by the name that the releases and CNB_TARGET_ARCH have for it.
processor_of_machine() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    armv7* | armv8l) echo arm ;;
    i?86) echo 386 ;;
    *) uname -m ;;
  esac
}

# install_graceshim APP CACHE PROCESSOR DESTINATION: the binary in APP/vendor/graceshim, if that folder is there; else the
# one that CACHE has kept, for which no network is needed; else the one that is downloaded.
install_graceshim() {
  vendored=$1/vendor/graceshim asset=graceshim-linux-$3
  wanted=$(printf '%s' "${GRACESHIM_SHA256-}" | tr A-F a-f)
  case $wanted in
    '') ;;
    *[!0-9a-f]*) fail "GRACESHIM_SHA256 is '$wanted', which is no SHA-256" ;;
  esac

  if [ -e "$vendored" ]; then
    [ -f "$vendored/$asset" ] || fail "vendor/graceshim has no $asset"
    if [ -z "$wanted" ] && [ -f "$vendored/SHA256SUMS" ]; then wanted=$(sum_in "$vendored/SHA256SUMS"); fi
    [ -z "$wanted" ] || has_sum "$vendored/$asset" "$wanted" || fail "vendor/graceshim/$(wrong_sum)"
    say "vendor/graceshim/$asset is taken."
    put "$vendored/$asset" "$4"
  else
    version=${GRACESHIM_VERSION-} version=${version#v}
    case $version in
      '') fail "GRACESHIM_VERSION is not set, and there is no vendor/graceshim in the app" ;;
      *[!0-9A-Za-z.+~-]*) fail "GRACESHIM_VERSION is '$version', which is no version" ;;
    esac
    kept=$2/$version
    if is_kept; then
      say "$asset $version is taken from the cache."
    else
      download "$2"
    fi
    put "$kept/$asset" "$4"
  fi
  if [ "$3" = "$(processor_of_machine)" ]; then
    told=$("$4" --version 2>&1) || fail "$asset does not run here: $told"
    say "$told"
  fi
}

# Whether the cache has the binary, undamaged. A release does not change, so nobody is asked for its sum again.
is_kept() {
  [ -f "$kept/$asset" ] && [ -f "$kept/sum" ] && has_sum "$kept/$asset" "${wanted:-$(cat "$kept/sum")}"
}

# The cache keeps one version.
download() {
  [ -n "${GRACESHIM_URL-}" ] || fail "GRACESHIM_URL is not set, which says where the releases are"
  from=${GRACESHIM_URL%/}/v$version
  rm -rf "$1" 2>/dev/null || fail "$1 cannot be emptied"
  mkdir -p "$kept" 2>/dev/null || fail "$kept cannot be made"
  fetch "$asset"
  if [ -z "$wanted" ]; then
    fetch SHA256SUMS
    wanted=$(sum_in "$kept/SHA256SUMS")
  fi
  has_sum "$kept/$asset" "$wanted" || fail "$from/$(wrong_sum)"
  echo "$wanted" >"$kept/sum"
  say "$asset $version has been downloaded."
}

fetch() {
  command -v curl >/dev/null || fail "curl is not there, by which $from/$1 would be downloaded"
  told=$(curl --fail --silent --show-error --location --retry 2 --connect-timeout 10 --max-time 120 \
    --output "$kept/$1" "$from/$1" 2>&1) ||
    fail "$from/$1 cannot be downloaded: $(echo "$told" | tail -n 1)"
}

# The sum that a SHA256SUMS has of the binary.
sum_in() {
  found=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$asset\$/\1/p" "$1")
  [ -n "$found" ] || fail "SHA256SUMS has no $asset"
  echo "$found"
}

sum_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

has_sum() {
  sum=$(sum_of "$1")
  [ "$sum" = "$2" ]
}

wrong_sum() { echo "$asset has the SHA-256 $sum, and not $wanted"; }

put() {
  mkdir -p "${2%/*}" 2>/dev/null || fail "${2%/*} cannot be made"
  { cp "$1" "$2" && chmod 755 "$2"; } 2>/dev/null || fail "$2 cannot be written"
}
