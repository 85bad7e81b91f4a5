# Shared by the scripts of examples/ and tests/: installs what is missing and builds a preset. To be sourced, with $root set.

packages=(g++ cmake ninja-build libxtensor-dev libxtensor-blas-dev libopenblas-dev libhwy-dev libcli11-dev libgtest-dev
          nlohmann-json3-dev libstb-dev)

say() { printf '\n== %s\n' "$*"; }

# Runs a command as root: with sudo, if need be.
as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Installs the Debian packages named in the arguments that are not there yet.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "There is no apt here. If the build fails, install by hand what these Debian packages hold: $*"
    return
  fi
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    say "Packages are missing, and there is no sudo to install them. As root, run:  apt-get install ${missing[*]}"
    exit 1
  fi
  say "Installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Configures and builds a preset of CMakePresets.json, in build/<preset>; further arguments go to the build.
build_preset() {
  local preset=$1
  shift
  say "Building ($preset) in build/$preset"
  (cd "$root" && cmake --preset "$preset" --log-level=WARNING && cmake --build --preset "$preset" "$@")
}
