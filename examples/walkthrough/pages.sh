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
programs=$root/build/release/examples/walkthrough
for program in "$programs"/[0-9]*; do
  [[ -f $program && -x $program ]] || continue
  "$program" --page "$pages/$(basename "$program").html" --module "$root/build/wasm/examples/walkthrough/walkthrough.js" >/dev/null
done
"$programs/01_derivative" --index "$pages/index.html" >/dev/null
say "The walkthrough, to be opened in a browser"
echo "$pages/index.html"
