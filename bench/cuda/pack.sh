#!/usr/bin/env bash
# Builds the tests and cuda_timings, and packs them with all shared libraries that they need except CUDA's, for a machine
# that has CUDA but not the packages that Taper is built with. run.sh runs what is in the archive.
# Usage: bench/cuda/pack.sh ARCHIVE.tar.gz [ARCHITECTURES | emulated]      (90 by default: Hopper; a list is written "80;90")
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
archive=$(realpath -m "$1") target=${2:-90}
cd "$root"

case $target in
  emulated) options=(-DTAPER_CUDA=EMULATED) ;;
  *) options=(-DTAPER_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$target") ;;
esac
build=build/cuda-bench-${target//;/-}
# Programs and libraries both find the libraries beside them, which needs the old kind of run-time path.
cmake --preset release -B "$build" -DTAPER_EXAMPLES=OFF -DTAPER_BENCH=ON "${options[@]}" '-DCMAKE_BUILD_RPATH=$ORIGIN' \
  -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags --log-level=WARNING
cmake --build "$build" --parallel "$(nproc)" --target taper_tests cuda_timings

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for program in "$build"/tests/taper_tests "$build"/bench/cuda/cuda_timings; do
  echo "$program"
  ldd "$program" | awk '/openblas|gfortran|quadmath|libhwy|boost_context/ {print $3}'
done | sort -u | xargs cp -Lt "$folder"
git describe --always --dirty >"$folder/commit"
mkdir -p "$(dirname "$archive")"
tar -czf "$archive" -C "$folder" .
ls -lh "$archive"
