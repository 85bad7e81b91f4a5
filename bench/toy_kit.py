#!/usr/bin/env python3
"""What models of the first week are made of, beside PyTorch or beside a copy of as many bytes.

Two processes with equally many threads, pinned to the same cores, take turns: toy_kit.cpp, and toy_kit_peers.py in a
virtual environment with PyTorch. README.md says what is measured. Needs Linux, g++, CMake and what the library needs.
"""

import dataclasses
import os
import statistics
import sys
import time

from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
from peers import BENCH, find_torch, log


@dataclasses.dataclass(frozen=True)
class Case:
    """A piece of work; both programs know it by `name`. The target is a share of the peer's time. `floor` says what it
    can't do without."""

    name: str
    title: str
    target: float
    floor: str


# Against PyTorch.
CASES = [
    Case("lenet_6_16", "training step of LeNet (6 and 16 filters), 64 pictures of 28 x 28", 0.8,
         "75 million multiplications: 0.6 ms at 64 a nanosecond"),
    Case("lenet_32_64", "the same with 32 and 64 filters", 0.8, "1.1 billion multiplications: 9 ms, likewise"),
]
# Against a copy: 1.25 of its time is 80 % of its bandwidth.
MEMORY_CASES = [
    Case("max_pool2d", "max_pool2d, 2 x 2 of 4096 pictures of 64 x 64", 1.25, "5 bytes an element"),
    Case("max_pool2d_backward", "its backward", 1.25, "9 bytes an element"),
    Case("avg_pool2d", "avg_pool2d of the same", 1.25, "5 bytes an element"),
    Case("avg_pool2d_backward", "its backward", 1.25, "5 bytes an element"),
    Case("sum_all", "sum of 4096 x 4096", 1.25, "4 bytes an element"),
    Case("sum_rows", "its rows' sums", 1.25, "4 bytes an element"),
    Case("sum_columns", "its columns' sums", 1.25, "4 bytes an element"),
    Case("sum_channels", "sums of 64 x 64 x 64 x 64 over all axes but the second", 1.25, "4 bytes an element"),
    Case("sum_short_rows", "sums of rows of 16", 1.25, "4 bytes an element"),
    Case("sum_short_columns", "sums of columns of 16, 16 beside each other", 1.25, "4 bytes an element"),
    Case("max_all", "max of 4096 x 4096", 1.25, "4 bytes an element"),
    Case("max_columns", "its columns' max", 1.25, "4 bytes an element"),
    Case("norm_all", "its norm", 1.25, "4 bytes an element"),
    Case("var_all", "its var", 1.25, "4 bytes an element"),
    Case("var_rows", "its rows' var", 1.25, "4 bytes an element"),
    Case("var_columns", "its columns' var", 1.25, "4 bytes an element"),
    Case("var_channels", "var of 64 x 64 x 64 x 64 over all axes but the second", 1.25, "4 bytes an element"),
    Case("logsumexp_rows", "logsumexp of the rows of 4096 x 4096", 1.25, "4 bytes an element, and its power"),
]
LARGEST_DIFFERENCE = 1e-3  # between what the two compute


def milliseconds(times: list[float]) -> str:
    return f"{1e3 * statistics.median(times):.3g} ms"


def compare(case: Case, sides: list[Worker], rounds: int, seconds: float) -> Row:
    """Taper and PyTorch take turns; the result is the median of the rounds' ratios."""
    times: list[list[float]] = [[], []]
    for i in range(rounds):
        values = [0.0, 0.0]
        for side in (0, 1) if i % 2 == 0 else (1, 0):
            time.sleep(SETTLE)
            answer = sides[side].ask(case.name, seconds)
            times[side].append(answer["total"])
            values[side] = answer["value"]
        if abs(values[0] - values[1]) > LARGEST_DIFFERENCE * max(1, abs(values[1])):
            sys.exit(f"{case.name}: the sides compute different numbers, {values[0]} and {values[1]}")
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*times, strict=True))
    return Row(case.title, milliseconds(times[0]), milliseconds(times[1]), ratio, "of its time", case.target)


def compare_with_copy(case: Case, taper: Worker, rounds: int, seconds: float) -> Row:
    """The work, and the time in which the copy that runs right before it moves as many bytes."""
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        copy = taper.ask("copy", seconds)
        answer = taper.ask(case.name, seconds)
        times[0].append(answer["total"])
        times[1].append(copy["total"] * answer["bytes"] / copy["bytes"])
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*times, strict=True))
    return Row(case.title, milliseconds(times[0]), milliseconds(times[1]), ratio, "of its time", case.target)


def report(rows: list[Row], facts: dict[str, str]) -> str:
    floors = [[case.title, case.floor] for case in [*CASES, *MEMORY_CASES]]
    return "\n".join(["# The toy-model kit", "", facts_list(facts), "",
                      "float32. The peer is PyTorch, or (in rows of bytes) a copy of as many bytes on the same threads. "
                      "[bench/README.md](../README.md) says how it was measured.", "",
                      table(HEADER, [row.cells() for row in rows]), "", "## The floors", "", table(["", "floor"], floors), ""])


def main() -> None:
    parser = arguments(__doc__, rounds=15, seconds=0.4, needs="torch and numpy")
    parser.add_argument("--only", nargs="+", default=[], metavar="CASE", help="only these cases")
    options = parser.parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv")
    facts = describe_machine(torch) | {
        "threads": f"{len(options.cores)}, on cores {', '.join(map(str, options.cores))}",
        "command": f"`python3 bench/toy_kit.py --rounds {options.rounds} --seconds {options.seconds:g}`",
        "load before the first round": f"{os.getloadavg()[0]:.2f}",
    }
    log("building Taper's program")
    taper = Worker([str(build_bench_program(work_dir, "toy_kit"))], options.cores, work_dir)
    pytorch = Worker([str(torch.python), str(BENCH / "toy_kit_peers.py")], options.cores, work_dir)
    rows: list[Row] = []
    for case in CASES + MEMORY_CASES:
        if options.only and case.name not in options.only:
            continue
        log(case.name)
        rows.append(compare(case, [taper, pytorch], options.rounds, options.seconds) if case in CASES else
                    compare_with_copy(case, taper, options.rounds, options.seconds))
    publish(report(rows, facts), options.output, facts, rows)


if __name__ == "__main__":
    main()
