#!/usr/bin/env bash
# Builds the walkthrough's WebAssembly module and compares it with native programs: the chapters' tapes, and how numbers are
# written and read. Usage: tests/wasm/run.sh [BUILD_FOLDER_OF_THE_NATIVE_PROGRAMS], by default build/release, which it builds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/cmake/setup.sh"

install_packages "${packages[@]}" emscripten
native=${1:-}
if [[ ! $native ]]; then
  native=$root/build/release
  build_preset release --target walkthrough_programs number_text
fi
build_preset wasm
node "$root/tests/wasm/number_text.js" "$root/build/wasm/tests/wasm/number_text.js" "$native/tests/wasm/number_text"
node "$root/tests/wasm/chapters.js" "$root/build/wasm/examples/walkthrough/walkthrough.js" "$native/examples/walkthrough"
