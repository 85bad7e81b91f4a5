#!/usr/bin/env python3
"""Puts PyTorch and libtorch beside Taper on work so small that only the overhead counts.

Times a toy training step and one tape node of all three in one run, on one core and one thread, in turns; then a
clean release build of the library and the compilation of a user's file. README.md says what each row means.
Needs Linux, g++, CMake and what the library needs; PyTorch is installed into a virtual environment.
"""

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from harness import (BUILD_JOBS, HEADER, ROOT, Row, build, build_bench_program, configure, describe_machine, facts_list,
                     pinned, publish, table)
from peers import BENCH, Torch, build_libtorch_program, find_torch, log

LARGEST_LOSS_DIFFERENCE = 1e-3  # relative
COMPILATIONS = 5


def run_pinned(command: list[str], core: int) -> dict[str, Any]:
    """The JSON that a timed program prints, run on one core and one thread."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **pinned([core]))
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def time_steps(torch: Torch, work_dir: Path, rounds: int, seconds: float, core: int) -> dict[str, list[dict[str, Any]]]:
    """What each program printed in each round. The rounds take turns, so that all meet the same machine."""
    log("building Taper's program")
    programs = {
        "taper": [str(build_bench_program(work_dir, "toy_step"))],
        "libtorch": [str(build_libtorch_program(torch, work_dir))],
        "pytorch": [str(torch.python), str(BENCH / "toy_step.py")],
    }
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in programs}
    for number in range(1, rounds + 1):
        for name, command in programs.items():
            results[name].append(run_pinned([*command, "--seconds", str(seconds)], core))
        log(f"round {number} of {rounds}: " + ", ".join(
            f"{name} {runs[-1]['toy_step']['median']:.1f} and {runs[-1]['scalar_node']['median']:.3f} us"
            for name, runs in results.items()))
    return results


def check_agreement(results: dict[str, list[dict[str, Any]]]) -> None:
    """Exits if the programs did not compute the same: their times can't be compared then."""
    for quantity in ("loss", "gradient"):
        values = {name: runs[0][quantity] for name, runs in results.items()}
        if not all(math.isclose(values["taper"], value, rel_tol=LARGEST_LOSS_DIFFERENCE) for value in values.values()):
            sys.exit(f"the programs disagree about the {quantity}: {values}")


def microseconds(times: list[float]) -> str:
    """The median, to at most three figures if it is below 100."""
    median = statistics.median(times)
    return f"{median:.0f} us" if median >= 100 else f"{median:.3g} us"


def step_rows(results: dict[str, list[dict[str, Any]]]) -> list[Row]:
    def times(name: str, what: str) -> list[float]:
        return [run[what]["median"] for run in results[name]]

    def row(label: str, what: str, peer: str, target: float | None, peer_what: str = "") -> Row:
        taper, other = times("taper", what), times(peer, peer_what or what)
        ratio = statistics.median(b / a for a, b in zip(taper, other, strict=True))
        return Row(label, microseconds(taper), microseconds(other), ratio, "times", target)

    return [
        row("toy step, PyTorch eager", "toy_step", "pytorch", 40),
        row("toy step, PyTorch eager with fused Adam", "toy_step", "pytorch", None, "toy_step_fused_adam"),
        row("toy step, libtorch", "toy_step", "libtorch", 20),
        row("scalar product node, libtorch", "scalar_node", "libtorch", 25),
        row("scalar product node, PyTorch eager", "scalar_node", "pytorch", None),
    ]


class Stopwatch:
    """Wall time, and the processor time of the programs that ran and ended meanwhile."""

    def __init__(self) -> None:
        self.start = self._now()

    def read(self) -> tuple[float, float]:
        elapsed, processor = (b - a for a, b in zip(self.start, self._now(), strict=True))
        return elapsed, processor

    @staticmethod
    def _now() -> tuple[float, float]:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter(), usage.ru_utime + usage.ru_stime


def clean_build_row(build_dir: Path, cuda: bool) -> Row:
    """Configures and builds the library from nothing."""
    label = f"clean build {'with' if cuda else 'without'} CUDA, {BUILD_JOBS} jobs"
    log(label)
    shutil.rmtree(build_dir, ignore_errors=True)
    watch = Stopwatch()
    configure(build_dir, f"-DTAPER_CUDA={'ON' if cuda else 'OFF'}")
    build(build_dir, "taper")
    elapsed, processor = watch.read()
    return Row(label, f"{elapsed:.1f} s ({processor:.1f} s of processor time)", "", elapsed, "s", 60)


def time_compilation(command: list[str], output: Path, times: int) -> tuple[float, float]:
    """Median seconds to compile one file without linking: wall time and processor time."""
    readings = []
    for _ in range(times):
        watch = Stopwatch()
        subprocess.run([*command, "-c", "-o", str(output)], check=True)
        readings.append(watch.read())
    elapsed, processor = map(statistics.median, zip(*readings, strict=True))
    return elapsed, processor


def compile_rows(torch: Torch, work_dir: Path) -> list[Row]:
    clean_dir = work_dir / "clean"
    rows = [clean_build_row(clean_dir, cuda=True)] if shutil.which("nvcc") else []
    rows.append(clean_build_row(clean_dir, cuda=False))

    log("compiling the user's file, and the same against libtorch")
    output = work_dir / "user_program.o"
    command = ["g++", "-std=c++20", "-O2", f"-I{clean_dir / 'include'}", str(BENCH / "user_program.cpp")]
    taper = time_compilation(command, output, COMPILATIONS)
    peer = time_compilation(torch.compile_command("user_program_libtorch.cpp", "-O2"), output, 1)
    show = "{:.2f} s ({:.2f} s of processor time)".format
    rows.append(Row("user's file, g++ -std=c++20 -O2 -c", show(*taper), show(*peer), taper[1], "s", 2))
    return rows


def markdown(rows: list[Row], facts: dict[str, str], spread: list[str]) -> str:
    return "\n".join([
        "# Small steps", "", facts_list(facts), "", table(HEADER, (row.cells() for row in rows)), "",
        "Medians of the rounds' medians; a ratio is the median of the rounds' ratios.", "", *spread, ""])


def describe_spread(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The best and the worst round of each program: how quiet the machine was."""
    lines = []
    for name, runs in results.items():
        for what in ("toy_step", "scalar_node"):
            medians = [run[what]["median"] for run in runs]
            lines.append(f"- {name}, {what}: from {microseconds([min(medians)])} to {microseconds([max(medians)])}")
    return ["Medians of single rounds:", "", *lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often the programs take turns (default: 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement (default: 1)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="run on this core")
    parser.add_argument("--python", type=Path, help="an interpreter that has torch, instead of a virtual environment")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "build" / "bench", help="default: build/bench")
    parser.add_argument("--skip-compile-times", action="store_true", help="time the steps only")
    parser.add_argument("--output", type=Path, help="write this Markdown file, and the same name with .json.gz")
    options = parser.parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv")
    load_before = os.getloadavg()[0]
    results = time_steps(torch, work_dir, options.rounds, options.seconds, options.core)
    check_agreement(results)
    rows = step_rows(results)
    if not options.skip_compile_times:
        rows += compile_rows(torch, work_dir)

    facts = describe_machine(torch)
    facts["command"] = f"`python3 bench/small_steps.py --rounds {options.rounds} --seconds {options.seconds:g}`"
    facts["load before the first round"] = f"{load_before:.2f}"
    facts["loss after 1000 steps"] = ", ".join(f"{name} {runs[0]['loss']:.6g}" for name, runs in results.items())
    publish(markdown(rows, facts, describe_spread(results)), options.output, facts, rows, rounds=results)


if __name__ == "__main__":
    main()
