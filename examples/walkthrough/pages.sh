#!/usr/bin/env bash
# Builds the walkthrough: its WebAssembly module, its programs, and the pages that these write into build/walkthrough.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}" emscripten
build_preset wasm --target walkthrough
build_preset release --target walkthrough_programs
pages=$root/build/walkthrough
mkdir -p "$pages"
for program in "$root"/build/release/examples/walkthrough/[0-9]*; do
  [[ -f $program && -x $program ]] || continue
  "$program" --page "$pages/$(basename "$program").html" --module "$root/build/wasm/examples/walkthrough/walkthrough.js" >/dev/null
done
say "The pages of the walkthrough, to be opened in a browser; the first is"
echo "$pages/01_derivative.html"
