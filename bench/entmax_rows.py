#!/usr/bin/env python3
"""Times entmax beside the package entmax (PyTorch).

Two processes with equally many threads, pinned to the same cores, take turns: entmax_rows.cpp, and this script with --peer in an
interpreter that has PyTorch and the package. A case is entmax of rows of normal scores in float32, forward or with backward. The
package's entmax15 sorts whole rows, or, if it is given a k, the k largest first, and more if they were not enough; README.md says more.
"""

import json
import math
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

SHAPES = [(4096, 64), (512, 1024), (64, 32768)]
DEVIATIONS = [0.25, 1.0, 4.0]
HINT = 32  # the package's k
LEAST_TIMES = 5.0
LARGEST_DIFFERENCE = 1e-4  # relative, of the sum of the result's squares


def peer() -> None:
    """The answers of the package."""
    import entmax
    import torch
    from peers import time_runs

    torch.set_num_threads(len(os.sched_getaffinity(0)))

    def scores(rows: int, n: int, deviation: float) -> torch.Tensor:
        at = torch.arange(1, rows * n + 1, dtype=torch.float64)
        u, v = at * 0.6180339887498949, at * 0.7548776662466927
        u = u - u.floor()
        return (deviation * (-2 * u.log()).sqrt() * (6.283185307179586 * v).cos()).float().reshape(rows, n)

    for line in sys.stdin:
        which, what, rows, n, deviation, seconds = line.split()
        z, g = scores(int(rows), int(n), float(deviation)), scores(int(rows), int(n), 1)
        f = {"1.5": entmax.entmax15, "hint": lambda x: entmax.entmax15(x, k=HINT),
             "1.25": lambda x: entmax.entmax_bisect(x, 1.25)}[which]
        if what == "both":
            z.requires_grad_()

        def run() -> torch.Tensor:
            return torch.autograd.grad(f(z), z, g)[0] if what == "both" else f(z)

        check, times = run().square().sum().item(), time_runs(run, float(seconds))
        print(json.dumps({"median": statistics.median(times), "check": check}), flush=True)


def main() -> None:
    from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
    from peers import BENCH, find_torch, log

    parser = arguments(__doc__, rounds=5, seconds=0.1, needs="torch and entmax")
    options = parser.parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv", "entmax")
    taper = Worker([str(build_bench_program(work_dir, "entmax_rows"))], options.cores, BENCH)
    package = Worker([str(torch.python), str(Path(__file__).resolve()), "--peer"], options.cores, BENCH)

    cases: list[tuple[str, str, int, int, float]] = [
        ("1.5", what, *shape, deviation) for shape in SHAPES for deviation in DEVIATIONS for what in ("forward", "both")]
    cases += [("hint", "forward", *shape, deviation) for shape in SHAPES for deviation in DEVIATIONS]
    cases += [("1.25", "forward", *SHAPES[1], deviation) for deviation in DEVIATIONS]
    times: dict[Any, tuple[list[float], list[float]]] = {case: ([], []) for case in cases}
    for i in range(options.rounds):
        for case in cases:
            which, *rest = case
            answers = []
            for worker, first in ((taper, "1.5" if which == "hint" else which), (package, which)):
                time.sleep(SETTLE)
                answers.append(worker.ask(first, *rest, options.seconds))
            if not math.isclose(answers[0]["check"], answers[1]["check"], rel_tol=LARGEST_DIFFERENCE):
                sys.exit(f"the sides disagree about {case}: {answers}")
            for side, answer in zip(times[case], answers):
                side.append(answer["median"])
        log(f"round {i + 1} of {options.rounds}")

    rows = []
    for case, (ours, theirs) in times.items():
        which, what, count, n, deviation = case
        name = {"1.5": "entmax15", "hint": f"entmax15, k = {HINT}", "1.25": "entmax_bisect, alpha 1.25"}[which]
        label = f"{name}, {count} x {n}, deviation {deviation:g}" + (", forward and backward" if what == "both" else "")
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        rows.append(Row(label, *(f"{1e3 * statistics.median(each):.3g} ms" for each in (ours, theirs)), ratio, "times",
                        None if which == "1.25" else LEAST_TIMES))

    facts = describe_machine(torch) | {"load at the end": f"{os.getloadavg()[0]:.2f}",
                                       "command": " ".join(["bench/entmax_rows.py", *sys.argv[1:]])}
    text = "\n".join(["# entmax", "", facts_list(facts), "", table(HEADER, (row.cells() for row in rows)), "",
                      "Medians of the rounds' medians; a ratio is the median of the rounds' ratios.", ""])
    publish(text, options.output, facts, rows, times={" ".join(map(str, case)): sides for case, sides in times.items()})


if __name__ == "__main__":
    peer() if sys.argv[1:] == ["--peer"] else main()
