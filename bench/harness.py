"""What the scripts here have in common: building, running on chosen cores, and the report."""

import argparse
import ctypes
import dataclasses
import datetime
import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from peers import BENCH, Torch

ROOT = BENCH.parent
THREAD_SETTINGS = ("TAPER_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
BUILD_JOBS = 2
SETTLE = 0.15  # seconds between two sides; OpenBLAS's threads spin for 0.1 s after their last job
DIGITS = {"times": 1, "s": 2, "MiB": 0, "of its time": 2, "%": 2, "as exponent": 2}  # of a row's value, by its unit


def arguments(description: str | None, rounds: int, seconds: float, needs: str) -> argparse.ArgumentParser:
    """What a script takes whose sides take turns, with these defaults; its Python needs these packages."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"how often the sides take turns (default: {rounds})")
    parser.add_argument("--seconds", type=float, default=seconds, help=f"for each side and turn (default: {seconds:g})")
    parser.add_argument("--cores", type=int, nargs="+", default=sorted(os.sched_getaffinity(0))[-2:], metavar="CORE",
                        help="run on these, with a thread for each (default: the last two)")
    parser.add_argument("--python", type=Path, help=f"an interpreter that has {needs}, instead of a virtual environment")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "build" / "bench", help="default: build/bench")
    parser.add_argument("--output", type=Path, help="write this Markdown file, and its numbers beside it (.json.gz)")
    return parser


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the report. `value` is a peer's time over Taper's ("times"), which should be large, or one of these, which
    should be small: seconds, MiB, per cent, or Taper's time over the peer's ("of its time")."""

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
        bound = "at least " if self.unit == "times" else "at most "
        target = "" if self.target is None else bound + f"{self.target:g} {self.unit}"
        verdict = {None: "", True: "met", False: "**missed**"}[self.met()]
        return [self.name, self.taper, self.peer, f"{self.value:.{DIGITS[self.unit]}f} {self.unit}", target, verdict]


HEADER = ["", "Taper", "peer", "result", "target", ""]


def openblas_core() -> str:
    """The processor whose kernels OpenBLAS runs here. One that is newer than OpenBLAS it takes for the oldest that it knows,
    Prescott; then this chooses what it would run if it knew it, for this process's children."""
    get = ctypes.CDLL("libopenblas.so.0").openblas_get_corename
    get.restype = ctypes.c_char_p
    core = get().decode()
    if core == "Prescott" and "avx512vl" in Path("/proc/cpuinfo").read_text():
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
        return "does not know this processor, told to run SkylakeX's kernels (OPENBLAS_CORETYPE)"
    return f"{core}'s kernels"


OPENBLAS = openblas_core()


def pinned(cores: Iterable[int]) -> dict[str, Any]:
    """The arguments of subprocess that make a program run on these cores, with one thread on each."""
    chosen = set(cores)
    return {
        "env": os.environ | dict.fromkeys(THREAD_SETTINGS, str(len(chosen))),
        "preexec_fn": lambda: os.sched_setaffinity(0, chosen),
    }


class Worker:
    """A process that answers requests, one line each."""

    def __init__(self, command: list[str], cores: list[int], folder: Path) -> None:
        self.name = Path(command[-1]).name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
                                        **pinned(cores))

    def ask(self, *words: object) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended; it was asked: {' '.join(map(str, words))}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def generator() -> list[str]:
    return ["-G", "Ninja"] if shutil.which("ninja") else []


def configure(build_dir: Path, *options: str) -> None:
    command = ["cmake", "-S", str(ROOT), "-B", str(build_dir), *generator(), "-DCMAKE_BUILD_TYPE=Release", *options]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def build(build_dir: Path, *targets: str) -> None:
    command = ["cmake", "--build", str(build_dir), "--parallel", str(BUILD_JOBS), "--target", *targets]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def build_bench_program(work_dir: Path, target: str) -> Path:
    configure(work_dir / "taper", "-DTAPER_BENCH=ON", "-DTAPER_CUDA=OFF")
    build(work_dir / "taper", target)
    return work_dir / "taper" / "bench" / target


def line_of(command: list[str], start: str = "") -> str:
    """The first line of the command's output that begins with `start`."""
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT).stdout
    return next((line for line in output.splitlines() if line.startswith(start)), "unknown")


def describe_machine_without_peers() -> dict[str, str]:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "commit": line_of(["git", "describe", "--always", "--dirty"]),
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "compiler": line_of(["g++", "--version"]),
        "OpenBLAS": OPENBLAS,
    }


def describe_machine(torch: Torch) -> dict[str, str]:
    return describe_machine_without_peers() | {
        "CUDA compiler": line_of(["nvcc", "--version"], "Cuda compilation") if shutil.which("nvcc") else "none",
        "PyTorch": f"{torch.version}, Python {torch.python_version}",
    }


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows])


def facts_list(facts: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def write_numbers(path: Path, numbers: dict[str, Any]) -> None:
    """Writes JSON, compressed: it is for recomputing a table, not for reading."""
    path.write_bytes(gzip.compress((json.dumps(numbers, indent=1) + "\n").encode(), mtime=0))


def publish(text: str, output: Path | None, facts: dict[str, str], rows: list[Row], **measured: Any) -> None:
    """Prints the report, writes it with all numbers beside it, and exits with an error if a target is missed."""
    print(text)
    if output:
        output.write_text(text)
        write_numbers(output.with_suffix(".json.gz"),
                      {"facts": facts, "rows": [dataclasses.asdict(row) for row in rows], **measured})
    missed = [row.name for row in rows if row.met() is False]
    if missed:
        sys.exit("targets missed: " + ", ".join(missed))
