#!/usr/bin/env python3
"""Puts PyTorch and libtorch beside Taper where the work is small and the overhead is all that counts.

Times a toy training step and one tape node of all three in one run, on one core and one thread, in turns; then a
clean release build of the library and the compilation of a user's file. README.md says what each row means.
Needs Linux, g++, CMake and what the library needs; PyTorch is installed into a virtual environment.
"""

import argparse
import dataclasses
import datetime
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peers import BENCH, Torch, build_libtorch_program, find_torch, log

ROOT = BENCH.parent
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
LARGEST_LOSS_DIFFERENCE = 1e-3  # relative
BUILD_JOBS = 2
COMPILATIONS = 5


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the report. `value` is a peer's time over Taper's, or a number of seconds."""

    name: str
    taper: str
    peer: str
    value: float
    unit: str
    target: float | None = None

    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.unit == "times" else self.value <= self.target

    def cells(self) -> list[str]:
        number = "{:.1f} times" if self.unit == "times" else "{:.2f} s"
        bound = "at least " if self.unit == "times" else "at most "
        target = "" if self.target is None else bound + f"{self.target:g} {self.unit}"
        verdict = {None: "", True: "met", False: "**missed**"}[self.met()]
        return [self.name, self.taper, self.peer, number.format(self.value), target, verdict]


HEADER = ["", "Taper", "peer", "result", "target", ""]


def run_pinned(command: list[str], core: int) -> dict[str, Any]:
    """The JSON that a timed program prints, run on one core and one thread."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ONE_THREAD,
                            preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def generator() -> list[str]:
    return ["-G", "Ninja"] if shutil.which("ninja") else []


def configure(build_dir: Path, *options: str) -> None:
    command = ["cmake", "-S", str(ROOT), "-B", str(build_dir), *generator(), "-DCMAKE_BUILD_TYPE=Release", *options]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def build(build_dir: Path, *targets: str) -> None:
    command = ["cmake", "--build", str(build_dir), "--parallel", str(BUILD_JOBS), "--target", *targets]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def time_steps(torch: Torch, work_dir: Path, rounds: int, seconds: float, core: int) -> dict[str, list[dict[str, Any]]]:
    """What each program printed in each round. The rounds take turns, so that all meet the same machine."""
    log("building Taper's program")
    configure(work_dir / "taper", "-DTAPER_BENCH=ON", "-DTAPER_CUDA=OFF")
    build(work_dir / "taper", "toy_step")
    programs = {
        "taper": [str(work_dir / "taper" / "bench" / "toy_step")],
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
    """Exits where the programs did not compute the same: then their times can't be compared."""
    for quantity in ("loss", "gradient"):
        values = {name: runs[0][quantity] for name, runs in results.items()}
        if not all(math.isclose(values["taper"], value, rel_tol=LARGEST_LOSS_DIFFERENCE) for value in values.values()):
            sys.exit(f"the programs disagree about the {quantity}: {values}")


def microseconds(times: list[float]) -> str:
    """Their median, to three figures at most where it is below 100."""
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
    """The time that passes, and the processor time of the programs that were run and have ended meanwhile."""

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
    """Configuring and building the library from nothing."""
    label = f"clean build {'with' if cuda else 'without'} CUDA, {BUILD_JOBS} jobs"
    log(label)
    shutil.rmtree(build_dir, ignore_errors=True)
    watch = Stopwatch()
    configure(build_dir, f"-DTAPER_CUDA={'ON' if cuda else 'OFF'}")
    build(build_dir, "taper")
    elapsed, processor = watch.read()
    return Row(label, f"{elapsed:.1f} s ({processor:.1f} s of processor time)", "", elapsed, "s", 60)


def time_compilation(command: list[str], output: Path, times: int) -> tuple[float, float]:
    """Median seconds to compile one file without linking: the time that passes, and processor time."""
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


def line_of(command: list[str], start: str = "") -> str:
    """The first line that the command prints and that begins so."""
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT).stdout
    return next((line for line in output.splitlines() if line.startswith(start)), "unknown")


def describe_machine(torch: Torch) -> dict[str, str]:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "commit": line_of(["git", "describe", "--always", "--dirty"]),
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "compiler": line_of(["g++", "--version"]),
        "CUDA compiler": line_of(["nvcc", "--version"], "Cuda compilation") if shutil.which("nvcc") else "none",
        "PyTorch": f"{torch.version}, Python {torch.python_version}",
    }


def markdown(rows: list[Row], facts: dict[str, str], spread: list[str]) -> str:
    lines = [HEADER, ["---"] * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join([
        "# Small steps", "", *(f"- {name}: {value}" for name, value in facts.items()), "",
        *("| " + " | ".join(cells) + " |" for cells in lines), "",
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
    parser.add_argument("--output", type=Path, help="write this Markdown file, and the same name with .json")
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
    text = markdown(rows, facts, describe_spread(results))
    print(text)
    if options.output:
        options.output.write_text(text)
        data = {"facts": facts, "rows": [dataclasses.asdict(row) for row in rows], "rounds": results}
        options.output.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    missed = [row.name for row in rows if row.met() is False]
    if missed:
        sys.exit("targets missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
