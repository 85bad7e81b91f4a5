#!/usr/bin/env python3
"""Times recurrent layers beside PyTorch's, and BatchNorm beside a copy of memory.

Two processes with equally many threads, pinned to the same cores, take turns: recurrent.cpp, and this script with --peer in an
interpreter that has PyTorch. A case is a forward and a backward of loss = mean(y^2) for a batch of 64 sequences of 20 steps, as wide
as the layer; for BatchNorm, 64 x 64 x 56 x 56 elements, or 65536 x 256. README.md says what the rows mean.
"""

import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH, STEPS = 64, 20
LAYERS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
TARGETS = {("gru", 32): 0.5, ("lstm", 32): 0.5, ("gru", 256): 0.8, ("lstm", 256): 0.8}
LARGEST_DIFFERENCE = 1e-3  # relative, of the loss and of the gradients' sum
SHAPES = {2: (64, 64, 56, 56), 1: (65536, 256)}
# How often each element is read or written at least: mean and variance, then y; in backward two sums, then dx.
PASSES = {"batch_norm": 3, "batch_norm_both": 8}
LEAST_SHARE = 80  # per cent of a copy's bandwidth


def peer() -> None:
    """The answers of PyTorch."""
    import torch
    from peers import time_runs

    torch.set_num_threads(len(os.sched_getaffinity(0)))

    def numbers(stream: int, shape: tuple[int, ...], amplitude: float) -> torch.Tensor:
        values = torch.arange(math.prod(shape), dtype=torch.float64) + 1.0 + 100.0 * stream
        return (amplitude * values.sin()).float().reshape(shape)

    def layer_work(name: str, width: int) -> tuple[Callable[[], Any], Callable[[], list[float]]]:
        layer = getattr(torch.nn, LAYERS[name])(width, width, batch_first=True)
        with torch.no_grad():
            for stream, parameter in enumerate(layer.parameters(), 1):
                parameter.copy_(numbers(stream, tuple(parameter.shape), 0.1))
        x = numbers(0, (BATCH, STEPS, width), 1)

        def run() -> float:
            y, _ = layer(x)
            loss = y.square().mean()
            layer.zero_grad()
            loss.backward()
            return loss.item()

        return run, lambda: [run(), sum(p.grad.abs().sum().item() for p in layer.parameters())]

    def norm_work(name: str, width: int) -> tuple[Callable[[], Any], Callable[[], list[float]]]:
        x = numbers(0, SHAPES[width], 1).requires_grad_()
        gain, bias = numbers(1, (x.shape[1],), 1).requires_grad_(), torch.zeros(x.shape[1], requires_grad=True)
        dy = numbers(2, SHAPES[width], 1)

        def forward() -> torch.Tensor:
            return torch.nn.functional.batch_norm(x, None, None, gain, bias, training=True)

        def no_graph() -> torch.Tensor:
            with torch.no_grad():
                return forward()

        return (no_graph if name == "batch_norm" else lambda: torch.autograd.grad(forward(), (x, gain, bias), dy)), list

    for line in sys.stdin:
        name, width, seconds = line.split()
        run, check = (layer_work if name in LAYERS else norm_work)(name, int(width))
        checked, times = check(), time_runs(run, float(seconds))
        print(json.dumps({"median": statistics.median(times), "best": min(times), "check": checked}), flush=True)


def main() -> None:
    from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
    from peers import BENCH, find_torch, log

    parser = arguments(__doc__, rounds=7, seconds=0.5, needs="torch")
    parser.add_argument("--only", nargs="+", help="of rnn, gru, lstm, batch_norm")
    options = parser.parse_args()

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv")
    taper = Worker([str(build_bench_program(work_dir, "recurrent"))], options.cores, BENCH)
    pytorch = Worker([str(torch.python), str(Path(__file__).resolve()), "--peer"], options.cores, BENCH)

    cases = [(name, width) for name in (*LAYERS, *PASSES) for width in ((32, 256) if name in LAYERS else (2, 1))
             if not options.only or any(name.startswith(wanted) for wanted in options.only)]
    times: dict[str, dict[str, list[float]]] = {}

    def ask(side: str, name: str, width: int, worker: Worker, what: str) -> list[float]:
        time.sleep(SETTLE)
        answer = worker.ask(what, width, options.seconds)
        times.setdefault(f"{name} {width}", {}).setdefault(side, []).append(answer["median"])
        return list(answer["check"])

    for i in range(options.rounds):
        for name, width in cases:
            checks = [ask("taper", name, width, taper, name), ask("pytorch", name, width, pytorch, name)]
            if any(not math.isclose(a, b, rel_tol=LARGEST_DIFFERENCE) for a, b in zip(*checks)):
                sys.exit(f"the sides disagree about {name} {width}: {checks}")
            if name in PASSES:
                ask("copy", name, width, taper, "copy")
        log(f"round {i + 1} of {options.rounds}")

    rows = []
    for name, width in cases:
        ours, theirs = (times[f"{name} {width}"][side] for side in ("taper", "pytorch"))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        taper_time, torch_time = (f"{1e3 * statistics.median(each):.3g} ms" for each in (ours, theirs))
        label = f"{LAYERS[name]}, width {width}" if name in LAYERS else f"{name}, {' x '.join(map(str, SHAPES[width]))}"
        rows.append(Row(label, taper_time, torch_time, ratio, "of its time", TARGETS.get((name, width))))
        if name in PASSES:
            # A copy goes through two arrays. What is at most 100 / 0.8 % of the time that a copy would take is enough.
            copies = times[f"{name} {width}"]["copy"]
            share = statistics.median(a / (b * PASSES[name] / 2) for a, b in zip(ours, copies, strict=True))
            rows.append(Row(f"{label}: time, of that of {PASSES[name]} passes of a copy", taper_time,
                            f"{1e3 * statistics.median(copies) * PASSES[name] / 2:.3g} ms", 100 * share, "%", 1e4 / LEAST_SHARE))

    facts = describe_machine(torch) | {"load at the end": f"{os.getloadavg()[0]:.2f}"}
    text = "\n".join(["# Recurrent layers and BatchNorm", "", facts_list(facts), "", table(HEADER, (row.cells() for row in rows)), "",
                      "Medians of the rounds' medians; a ratio is the median of the rounds' ratios.", ""])
    publish(text, options.output, facts, rows, times=times)


if __name__ == "__main__":
    peer() if sys.argv[1:] == ["--peer"] else main()
