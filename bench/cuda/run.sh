#!/usr/bin/env bash
# Checks and times Taper on this machine's NVIDIA GPU in one call of less than ten minutes. Each stage has a limit and a log,
# and the next stage runs however the last one ended. The tables come last.
# Usage: bench/cuda/run.sh [--packed ARCHIVE | --emulated] [STAGE…]
#   --packed    runs what pack.sh has packed, instead of building
#   --emulated  runs everything on the emulator of cuda/emulator, in tiny sizes, to see whether the scripts work
#   STAGE       versions, tests, check, sanitizers, timings; without any, all of them
# OUT is the folder for logs and tables (bench/results/cuda_DATE if it is not set), PYTHON an interpreter with PyTorch.
set -euo pipefail
command_line="bench/cuda/run.sh $*"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/cmake/setup.sh"
cd "$root"
export PATH=$PATH:/usr/local/cuda/bin PYTHONPATH=$root/bench PYTHONUNBUFFERED=1
python=${PYTHON:-python3}

# What there is to run, on a GPU.
device_tests='*Cuda*:DeviceMemory.*'
sanitized_tests='RegistryOnCuda/Op.HasTheReferencesValue/*:RegistryOnCuda/Op.Float32AgreesWithFloat64/*:CudaRows.*'
check=(check)
timings=()
export smi=nvidia-smi sanitizer="compute-sanitizer --error-exitcode 1 --tool"
out=${OUT:-$root/bench/results/cuda_$(date +%F)}

archive=$root/build/cuda-programs.tar.gz
case ${1:-} in
  --packed)
    archive=$2
    shift 2
    ;;
  --emulated)
    shift
    device_tests='RegistryOnCuda/Op.HasTheReferencesValue/*'
    sanitized_tests='RegistryOnCuda/Op.HasTheReferencesValue/softmax'
    check+=(--heads 1 --rows 64)
    timings+=(--tiny)
    smi="echo emulated:" sanitizer="echo emulated:"
    out=${OUT:-$root/build/cuda-emulated}
    bench/cuda/pack.sh "$archive" emulated
    ;;
  *)
    bench/cuda/pack.sh "$archive" "$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)"
    ;;
esac
stages=" ${*:-versions tests check sanitizers timings} "
programs=$root/build/cuda-programs
rm -rf "$programs"
mkdir -p "$out" "$programs"
tar -xzf "$archive" -C "$programs"
export programs device_tests sanitized_tests

# cuBLAS, which the programs load by its name, comes with CUDA in a folder that the loader may not know.
library=$(grep -ao 'libcublas\.so\.[0-9]*' "$programs/cuda_timings" | sort -u) || true
if [[ $library ]] && ! /sbin/ldconfig -p | grep -F "$library" >/dev/null; then
  found=$(find / \( -path /proc -o -path /sys \) -prune -o -name "$library" ! -type d -print -quit 2>/dev/null || true)
  [[ $found ]] || { echo "$library, which the programs need, is not on this machine"; exit 1; }
  export LD_LIBRARY_PATH=$(dirname "$found")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

# stage NAME SECONDS COMMAND…: runs the command, unless only other stages were asked for, and keeps how it ended.
summary=()
stage() {
  local name=$1 limit=$2 status=0 started=$SECONDS
  shift 2
  [[ $stages == *" $name "* ]] || return 0
  say "$name: at most $limit s"
  timeout --kill-after=5 "$limit" "$@" >"$out/$name.log" 2>&1 || status=$?
  case $status in
    0) status=ok ;;
    124 | 137) status="stopped after $limit s" ;;
    *) status="FAILED ($status)" ;;
  esac
  summary+=("$(printf '%-10s %4d s  %s' "$name" $((SECONDS - started)) "$status")")
  [[ $status == ok ]] || tail -n 15 "$out/$name.log"
}

versions() {
  $smi && nvcc --version && uname -a && nproc
}

# The tests of the device, in several processes. A test that was skipped found no device.
tests() {
  local shards=$(($(nproc) < 8 ? $(nproc) : 8)) failed=0 i
  local folder=$(mktemp -d) processes=()
  for ((i = 0; i < shards; ++i)); do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$i "$programs/taper_tests" --gtest_filter="$device_tests" \
      >"$folder/$i" 2>&1 &
    processes+=($!)
  done
  for i in "${processes[@]}"; do wait "$i" || failed=1; done
  cat "$folder"/*
  ! grep -q SKIPPED "$folder"/* || failed=1
  rm -r "$folder"
  return $failed
}

# Each tool of compute-sanitizer over some of the tests, all four tools at once. If a tool does not get through them in
# time, its log says how far it came.
sanitizers() {
  local failed=0 tool process
  local folder=$(mktemp -d) processes=()
  for tool in memcheck racecheck initcheck synccheck; do
    timeout --kill-after=5 100 $sanitizer $tool "$programs/taper_tests" --gtest_filter="$sanitized_tests" \
      >"$folder/$tool" 2>&1 &
    processes+=($!)
  done
  for process in "${processes[@]}"; do wait "$process" || failed=1; done
  for tool in "$folder"/*; do
    echo "== $(basename "$tool")"
    cat "$tool"
  done
  grep -H "ERROR SUMMARY\|RACECHECK SUMMARY\|tests ran" "$folder"/* || true
  rm -r "$folder"
  return $failed
}
export -f versions tests sanitizers

gpu=$($smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -n 1 || true)
facts=("GPU, driver, memory=$gpu" "commit=$(cat "$programs/commit")" "command=\`$command_line\`"
       "nvcc=$(nvcc --version | tail -n 1 || true)")
stage versions 20 bash -c versions
stage tests 140 bash -c tests
stage check 40 "$programs/cuda_timings" "${check[@]}"
stage sanitizers 110 bash -c sanitizers
stage timings 250 "$python" bench/cuda/timings.py "$programs/cuda_timings" "$out" "${timings[@]}" "${facts[@]/#/--fact=}"

[[ $stages != *" timings "* || ! -f $out/timings.md ]] || cat "$out/timings.md"
say "Logs and tables: $out"
printf '%s\n' "${summary[@]}"
[[ "${summary[*]}" != *FAILED* && "${summary[*]}" != *stopped* ]]
