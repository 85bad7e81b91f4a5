#!/usr/bin/env bash
# The main job: installs what is missing, builds Taper, and runs the examples: 06 to 08, and the demos 09 to 12 in their
# short form, each of which leaves its page in build/demos.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}"
demos=(09_associative_recall 10_character_transformer 11_digits 12_sorting)
"$root/examples/fetch_digits.sh" || demos=("${demos[@]/11_digits}")  # it says why
build_preset release --target taper_examples
for program in 06_basic_usage 07_batched_inputs 08_sparse_attention; do
  say "examples/$program"
  "$root/build/release/examples/$program"
done
for program in ${demos[@]}; do
  say "examples/$program --quick"
  "$root/build/release/examples/$program" --quick --restart --output "$root/build/demos/$program"
done
say "The pages, to be opened in a browser; without --quick the demos learn more (--help tells the rest)"
for program in ${demos[@]}; do echo "$root/build/demos/$program/page.html"; done
