#!/usr/bin/env bash
# The whole test command: installs what is missing, builds Taper with its tests, and runs them. Arguments go to ctest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}" locales
build_preset release
say "Running the tests"
cd "$root" && ctest --preset release --parallel "$(nproc)" "$@"
