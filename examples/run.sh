#!/usr/bin/env bash
# The main job: installs what is missing, builds Taper, and runs the examples 01 to 04.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}"
build_preset release --target taper_examples
for program in 01_basic_usage 02_batched_inputs 03_sparse_attention 04_character_model; do
  say "examples/$program"
  "$root/build/release/examples/$program"
done
