#!/usr/bin/env bash
# The main job: installs what is missing, builds Taper, and runs the examples: 01 to 05, the first steps; 06 to 08, those of
# the zeta.ops page; the seven programs of examples/beside_pytorch; and the demos, from 09 on, in their short form. Pictures and
# pages go to build/demos. Then it builds the walkthrough's pages, in build/walkthrough.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}"
programs=$root/build/release/examples
pictures=$root/build/demos
demos=(09_associative_recall 10_character_transformer 11_digits 12_sorting 13_character_gru 14_penguins 15_pruned_gru
       16_label_proportions 18_long_copy)
"$root/examples/fetch_data.sh" digits || demos=("${demos[@]/11_digits}")  # it says why
"$root/examples/fetch_data.sh" penguins || demos=("${demos[@]/14_penguins}")
build_preset release --target taper_examples
mkdir -p "$pictures"
cd "$pictures"  # where 03 leaves its picture
for program in 01_gradient 02_fit_a_line 03_perceptron 04_your_own_op 05_second_derivatives 06_basic_usage \
  07_batched_inputs 08_sparse_attention; do
  say "examples/$program"
  "$programs/$program"
done
seven=(sine spirals convolution gru save_and_go_on fine_tune)
cp "$root/build/data/penguins.csv" . 2>/dev/null && seven+=(table)
for program in "${seven[@]}"; do
  say "examples/beside_pytorch/$program"
  "$programs/beside_pytorch/$program"
done
for program in ${demos[@]}; do
  say "examples/$program --quick"
  "$programs/$program" --quick --restart --output "$pictures/$program"
done
say "examples/17_softmax_to_sparsemax --quick"
"$programs/17_softmax_to_sparsemax" --quick
say "Pictures and pages, to be opened in a browser; without --quick the demos learn more (--help tells the rest)"
echo "$pictures/spirals.svg"
for program in ${demos[@]}; do echo "$pictures/$program/page.html"; done
"$root/examples/walkthrough/pages.sh"
