#!/usr/bin/env bash
# Checks and times Taper on this machine's NVIDIA GPU in one call of less than ten minutes. Each stage has a limit and a log,
# and the next one runs whatever became of it. The tables come last.
# Usage: bench/cuda/run.sh [--packed FOLDER | --emulated] [STAGE…]
#   --packed    runs what pack.sh left in FOLDER, instead of building
#   --emulated  runs everything on the emulator of tests/cuda_emulator, with tiny sizes, to see whether this script works
#   STAGE       versions, tests, check, sanitizers, timings; all of them by default
# OUT is the folder for the logs and tables (bench/results/cuda_DATE by default), PYTHON an interpreter with PyTorch.
set -euo pipefail
command="bench/cuda/run.sh $*"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
source cmake/setup.sh
PATH=$PATH:/usr/local/cuda/bin

packed= emulated=
case ${1:-} in
  --packed) packed=$2 && shift 2 ;;
  --emulated) emulated=yes && shift ;;
esac
stages=" ${*:-versions tests check sanitizers timings} "

export out=${OUT:-$root/bench/results/cuda_$(date +%F)}
export PYTHON=${PYTHON:-python3} PYTHONPATH=$root/bench PYTHONUNBUFFERED=1
export device_tests='*Cuda*:DeviceMemory.*' sanitized_tests='RegistryOnCuda/Op.HasTheReferencesValue/*:RegistryOnCuda/Op.Float32AgreesWithFloat64/*:CudaAttention.HeadSizes:CudaRows.*'
export check_options= timing_options= sanitizer_seconds=110
if [[ $emulated ]]; then
  out=${OUT:-$root/build/emulated-results}
  device_tests='RegistryOnCuda/Op.HasTheReferencesValue/*' sanitized_tests='RegistryOnCuda/Op.HasTheReferencesValue/softmax'
  check_options='--heads 1 --rows 64' timing_options=--tiny
fi
mkdir -p "$out"

export programs=${packed:-$root/build/cuda-programs${emulated:+-emulated}}
if [[ ! $packed ]]; then
  say "Building"
  bench/cuda/pack.sh "$programs" "${emulated:+emulated}${emulated:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)}"
fi
