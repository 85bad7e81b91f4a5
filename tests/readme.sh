#!/usr/bin/env bash
# Builds each ```cpp block of README.md against an installed Taper and holds its output against the ```text block behind it.
# Usage: tests/readme.sh PREFIX WORK_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prefix=$1 work=$2

rm -rf "$work" && mkdir -p "$work"
awk -v work="$work" '
  /^```cpp$/  {file = work "/" (++count) ".cpp"; next}
  /^```text$/ {if (count) file = work "/" count ".expected"; next}
  /^```/      {file = ""}
  file        {print > file}' "$root/README.md"

programs=("$work"/*.cpp)
for program in "${programs[@]}"; do
  name=$(basename "$program" .cpp)
  cmake -S "$root/tests/consumer" -B "$work/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" \
    -DSOURCE="$program" --log-level=WARNING
  cmake --build "$work/$name"
  "$work/$name/consumer" | diff "$work/$name.expected" -
done
echo "README.md: ${#programs[@]} programs print what it says"
