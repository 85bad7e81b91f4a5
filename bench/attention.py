#!/usr/bin/env python3
"""Puts PyTorch and a bare matrix product beside Taper's sparse attention, and a copy beside its sparse_softmax.

Two processes with equally many threads, pinned to the same cores, take turns: attention.cpp, and attention_peers.py in
a virtual environment with PyTorch. README.md says what is measured. Needs Linux, g++, CMake and what the library needs.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attention_report import (ATTENTION, CHECKED, SCALING, SPARSE_SOFTMAX, Case, Measurement, memory_row, report,
                              slope, target_rows)
from harness import SETTLE, Worker, arguments, build_bench_program, describe_machine, line_of, pinned, publish
from peers import BENCH, Torch, find_torch, log

DEVIATIONS = (0.25, 1, 8)
LARGEST_DIFFERENCE = 1e-4  # between our results and the composition's, relative to the largest element
MEMORY_ROWS, MEMORY_K = 65536, 16
TAPER_SIDES = ("sparse_attention", "gemm", "sparse_softmax", "copy", "peak")
SCALING_BATCH = 2  # sdpa's backward shares out the batch among the threads
# With more rows, a side would need a minute, or most of the memory.
MOST_ROWS = {"composition": 8192, "compiled": 8192, "dense": 8192, "gemm": 16384, "sdpa": 16384}


@dataclasses.dataclass
class Session:
    """The two processes, and how long each is measured."""

    taper: Worker
    pytorch: Worker
    rounds: int
    seconds: float
    errors: dict[str, str] = dataclasses.field(default_factory=dict)

    def measure(self, case: Case, sides: Iterable[str], rounds: int | None = None) -> Measurement:
        """The sides take turns, every second round in reverse order, so that all meet the same machine."""
        remaining = list(sides)
        result = Measurement(case, {side: [] for side in remaining})
        for _ in range(rounds or self.rounds):
            for side in list(remaining):
                time.sleep(SETTLE)
                worker = self.taper if side in TAPER_SIDES else self.pytorch
                answer = worker.ask(side, *case.words(), self.seconds)
                if "error" in answer:
                    self.errors[side] = f"{case}: {answer['error']}"
                    remaining.remove(side)
                    del result.sides[side]
                else:
                    result.sides[side].append(answer)
            remaining.reverse()
        log(f"{case}: " + ", ".join(f"{side} {1e3 * result.median(side):.3g} ms" for side in result.sides))
        return result


def check_results(session: Session, folder: Path) -> str:
    """Exits if the two sides don't compute the same: their times can't be compared then."""
    folder.mkdir(exist_ok=True)
    largest, unclear = 0.0, 0.0
    for deviation in DEVIATIONS:
        case = dataclasses.replace(CHECKED, deviation=deviation)
        written = session.pytorch.ask("inputs", folder.name, *case.words())
        session.taper.ask("check", folder.name, case.k)
        compared = session.pytorch.ask("compare", folder.name, case.k)
        for answer in (written, compared):
            if "error" in answer:
                sys.exit(f"the check failed: {answer['error']}")
        log(f"{case}: differences {compared}, unclear queries {written['unclear']:.2%}")
        if not max(compared.values()) <= LARGEST_DIFFERENCE:  # nor NaN
            sys.exit(f"{case}: Taper's results are not those of PyTorch's composition: {compared}")
        largest, unclear = max(largest, *compared.values()), max(unclear, written["unclear"])
    return (f"output and gradients differ from the composition's by {largest:.1e} at most "
            f"(relative to the largest element; {CHECKED.shape()}; up to {unclear:.1%} of the queries left out, "
            "where rounding decides)")


def peak_memory(program: Path, cores: list[int], case: Case) -> float:
    """The most MiB that a process holds which does one forward and backward."""
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, **pinned(cores))
    assert process.stdin
    print("sparse_attention", *case.words(), 0, file=process.stdin)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{case}: the program ended with status {process.returncode}")
    return usage.ru_maxrss / 1024


def measure_all(session: Session, quick: bool) -> list[Measurement]:
    deviations = (1,) if quick else DEVIATIONS
    found = []

    def attention(batch: int, rows: int, k: int, deviation: float, *peers: str, rounds: int | None = None) -> None:
        case = Case(ATTENTION, batch, rows, 64, k, deviation)
        found.append(session.measure(case, ["sparse_attention", "gemm", *peers], rounds))

    found.append(session.measure(Case("peak", 1, 2048, 2048), ["peak"], 3))
    for deviation in deviations:
        attention(8, 1024, 8, deviation, "composition", "compiled", "compiled_both", "dense", "sdpa")
        attention(2, 4096, 8, deviation, "composition", "compiled", "compiled_both", "dense", "sdpa")
    for deviation in () if quick else deviations:
        # dense and sdpa know nothing of k.
        attention(2, 4096, 32, deviation, "composition", "compiled", "compiled_both")
    for deviation in () if quick else (1, 8):
        attention(1, 16384, 16, deviation, "sdpa", rounds=3)
    for deviation in deviations:
        case = Case(SPARSE_SOFTMAX, 1, 4096, 4096, 8, deviation)
        found.append(session.measure(case, ["sparse_softmax", "copy", "softmax_composition", "entmax", "topk"]))
    for rows in (512, 1024, 2048) if quick else (512, 1024, 2048, 4096, 8192, 16384, 32768):
        sides = [side for side in ("sparse_attention", "gemm", "composition", "compiled", "dense", "sdpa")
                 if rows <= MOST_ROWS.get(side, rows)]
        found.append(session.measure(Case(SCALING, SCALING_BATCH, rows, 64, 16), sides, 3 if rows <= 8192 else 1))
    return found


def describe_run(torch: Torch, options: argparse.Namespace) -> dict[str, str]:
    entmax = "import importlib.metadata as m; print(m.version('entmax'))"
    command = f"python3 bench/attention.py --rounds {options.rounds} --seconds {options.seconds:g}"
    return describe_machine(torch) | {
        "entmax": line_of([str(torch.python), "-c", entmax]),
        "threads": f"{len(options.cores)}, on cores {', '.join(map(str, options.cores))}",
        "command": f"`{command}{' --quick' if options.quick else ''}`",
        "load before the first round": f"{os.getloadavg()[0]:.2f}",
    }


def draw(torch: Torch, measurements: list[Measurement], picture: Path) -> None:
    points: dict[str, list[tuple[int, float]]] = {}
    for found in measurements:
        if found.case.what == SCALING:
            for side in found.sides:
                points.setdefault(side, []).append((found.case.rows, found.median(side)))
    subprocess.run([torch.python, BENCH / "attention_plot.py", picture], text=True, check=True,
                   input=json.dumps({"points": points, "slope": slope(measurements)}))


def main() -> None:
    parser = arguments(__doc__, rounds=7, seconds=0.4, needs="torch, entmax and matplotlib")
    parser.add_argument("--quick", action="store_true",
                        help="two short rounds of a few cases, to see whether all works; the times say little")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 0.05

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv", "entmax", "matplotlib")
    facts = describe_run(torch, options)
    log("building Taper's program")
    program = build_bench_program(work_dir, "attention")
    session = Session(Worker([str(program)], options.cores, work_dir),
                      Worker([str(torch.python), str(BENCH / "attention_peers.py")], options.cores, work_dir),
                      options.rounds, options.seconds)
    facts["check"] = check_results(session, work_dir / "check")
    measurements = measure_all(session, options.quick)
    facts |= {f"left out: {side}": error for side, error in session.errors.items()}

    memory_case = Case(ATTENTION, 1, 8192 if options.quick else MEMORY_ROWS, 64, MEMORY_K)
    rows = [*target_rows(measurements), memory_row(memory_case, peak_memory(program, options.cores, memory_case))]
    picture = options.output.with_suffix(".png") if options.output else None
    if picture:
        draw(torch, measurements, picture)
    publish(report(measurements, rows, facts, picture), options.output, facts, rows,
            measurements=[dataclasses.asdict(measurement) for measurement in measurements])


if __name__ == "__main__":
    main()
