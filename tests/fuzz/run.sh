#!/bin/bash
# Fuzzes each reader for some seconds (60 by default), with the preset "fuzz", which needs clang:
#   tests/fuzz/run.sh [SECONDS [READER…]]
# What is found ends the run, and lies in build/fuzz/found; it belongs into tests/fuzz/corpus, beside the mend.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
readers=("${@:2}")
[ ${#readers[@]} -gt 0 ] || readers=($(ls tests/fuzz/corpus))
[ -f build/fuzz/build.ninja ] || cmake --preset fuzz --log-level=WARNING
cmake --build build/fuzz --target taper_fuzz
export ASAN_OPTIONS=quarantine_size_mb=16  # memory that was freed must not count against the limit
for reader in "${readers[@]}"; do
  mkdir -p "build/fuzz/corpus/$reader" build/fuzz/found
  log=build/fuzz/$reader.log
  if ! build/fuzz/tests/taper_fuzz --reader="$reader" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -malloc_limit_mb=256 -rss_limit_mb=1024 -artifact_prefix="build/fuzz/found/$reader-" -print_final_stats=1 \
    "build/fuzz/corpus/$reader" "tests/fuzz/corpus/$reader" > "$log" 2>&1; then
    tail -50 "$log"
    exit 1
  fi
  echo "$reader: $(grep -oP 'number_of_executed_units: *\K.*' "$log") inputs in $seconds s, nothing found"
done
