#!/usr/bin/env python3
"""Times a pruned GRU that reads one sequence: in compressed rows, dense, and PyTorch's, dense.

Two processes with equally many threads, pinned to the same cores, take turns: pruned_gru.cpp, and this script with --peer in an
interpreter that has PyTorch. All three multiply by the same weights, of which 90 % is 0; the number of inputs is the width. A step
a call is how text is written, and 64 steps a call how it is read.
"""

import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

WIDTHS, STEPS = (128, 512, 1024), (1, 64)
SHARE = 0.9
TARGET = 3
LARGEST_DIFFERENCE = 1e-3  # relative, of the sum of the state


def peer() -> None:
    """The answers of PyTorch."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))

    def numbers(stream: int, shape: tuple[int, ...], share: float) -> torch.Tensor:
        word = 0xFFFFFFFF
        bits = (torch.arange(math.prod(shape), dtype=torch.int64) * 2654435761 + stream * 40503) & word

        def drawn() -> torch.Tensor:
            nonlocal bits
            bits = ((bits ^ (bits >> 16)) * 0x7FEB352D) & word
            bits = bits ^ (bits >> 15)
            return bits.double() / 4294967296.0

        value, keep = 2 * drawn() - 1, drawn()
        return torch.where(keep < share, 0.0, value).float().reshape(shape)

    for line in sys.stdin:
        _, width_word, share, steps, seconds = line.split()
        width = int(width_word)
        gru = torch.nn.GRU(width, width, batch_first=True)
        with torch.no_grad():
            for stream, parameter in enumerate(gru.parameters(), 1):
                drawn = numbers(stream, tuple(parameter.shape), float(share) if parameter.dim() == 2 else 0)
                parameter.copy_(drawn / math.sqrt(width))
        x, state = numbers(0, (1, int(steps), width), 0), torch.zeros(1, 1, width)
        with torch.inference_mode():
            for _ in range(3):
                state = gru(x, state)[1]
            check = state.abs().sum().item()
            end = time.perf_counter() + 0.2 * float(seconds)
            while time.perf_counter() < end:
                state = gru(x, state)[1]
            times = []
            end = time.perf_counter() + float(seconds)
            while time.perf_counter() < end or len(times) < 5:
                before = time.perf_counter()
                state = gru(x, state)[1]
                times.append(time.perf_counter() - before)
        print(json.dumps({"median": statistics.median(times), "check": check}), flush=True)


def main() -> None:
    from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
    from peers import BENCH, find_torch, log

    options = arguments(__doc__, rounds=7, seconds=0.3, needs="torch").parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv")
    program = build_bench_program(work_dir, "pruned_gru")
    rows, times = [], {}
    for cores in (options.cores[-1:], options.cores):  # a thread for each
        threads = len(cores)
        taper = Worker([str(program)], cores, BENCH)
        pytorch = Worker([str(torch.python), str(Path(__file__).resolve()), "--peer"], cores, BENCH)
        sides = {"compressed": taper, "dense": taper, "pytorch": pytorch}
        for width in WIDTHS:
            for steps in STEPS:
                measured: dict[str, list[float]] = {side: [] for side in sides}
                for _ in range(options.rounds):
                    checks = []
                    for side, worker in sides.items():
                        time.sleep(SETTLE)
                        answer = worker.ask(side, width, SHARE, steps, options.seconds)
                        measured[side].append(answer["median"] / steps)
                        checks.append(answer["check"])
                    if not all(math.isclose(check, checks[0], rel_tol=LARGEST_DIFFERENCE) for check in checks):
                        sys.exit(f"the sides disagree about width {width}: {checks}")
                times[f"{threads} threads, width {width}, {steps} steps"] = measured
                for other, name in (("dense", "Taper, dense"), ("pytorch", "PyTorch, dense")):
                    ratio = statistics.median(b / a for a, b in zip(measured["compressed"], measured[other], strict=True))
                    ours, theirs = (f"{float(f'{1e6 * statistics.median(measured[side]):.3g}'):g} µs" for side in ("compressed", other))
                    rows.append(Row(f"width {width}, {steps} step{'s' * (steps > 1)} a call, {threads} thread{'s' * (threads > 1)}: {name}",
                                    ours, theirs, ratio, "times", TARGET if steps == 1 else None))
                log(f"{threads} threads, width {width}, {steps} steps a call")

    facts = describe_machine(torch) | {"load at the end": f"{os.getloadavg()[0]:.2f}"}
    header = [HEADER[0], "Taper, compressed", *HEADER[2:]]
    text = "\n".join(["# A pruned GRU reads one sequence", "",
                      f"Time of a step; {SHARE:.0%} of the weights is 0, in all of them at the same places.", "",
                      table(header, (row.cells() for row in rows)), "",
                      "Medians of the rounds' medians; a ratio is the median of the rounds' ratios.", "", facts_list(facts), ""])
    publish(text, options.output, facts, rows, times=times)


if __name__ == "__main__":
    peer() if sys.argv[1:] == ["--peer"] else main()
