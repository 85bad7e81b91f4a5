#!/usr/bin/env python3
"""Trains the same character transformer in Taper and in PyTorch, and times both.

Two processes with equally many threads, pinned to the same cores, take turns: training.cpp, and training_peers.py in a
virtual environment with PyTorch. README.md says what is measured. Needs Linux, g++, CMake and what the library needs.
"""

import dataclasses
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from harness import (HEADER, SETTLE, Row, Worker, arguments, build_bench_program, describe_machine, facts_list, publish, table)
from peers import BENCH, find_torch, log

HEADS, LAYERS, K = 4, 4, 8
TOKENS_A_STEP = 2048
PEERS = {"composition": "PyTorch, top-k composition", "sdpa": "PyTorch, scaled_dot_product_attention (dense)"}
TARGETS = {(128, "composition"): 1.5, (128, "sdpa"): 1.2, (1024, "composition"): 4, (1024, "sdpa"): 3}
LARGEST_LOSS_DIFFERENCE = 2  # per cent
PARTS = ("step", "products", "attention")

# Draws the place at which each row of each batch begins, and lists the places to measure at: the last tenth of the
# text, window by window.
PREPARE = """
import sys, numpy
path, folder, context, batch, steps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
characters = open(path, encoding="utf-8").read()
number = {character: i for i, character in enumerate(sorted(set(characters)))}
text = numpy.array([number[character] for character in characters], numpy.float32)
split = len(text) * 9 // 10
starts = numpy.random.default_rng(0).integers(0, split - context, (steps, batch))
held_out = numpy.arange(split, len(text) - context - 1, context)
for name, array in {"text": text, "starts": starts, "held_out": held_out}.items():
    numpy.save(f"{folder}/{name}.npy", array.astype(numpy.float32))
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """A model for this many characters at a time."""

    context: int
    folder: Path

    @property
    def batch(self) -> int:
        return TOKENS_A_STEP // self.context

    def words(self) -> tuple[object, ...]:
        return self.folder, self.context, self.batch, HEADS, LAYERS, K


class Side:
    """One implementation within one of the two processes."""

    def __init__(self, worker: Worker, *name: str) -> None:
        self.worker, self.name = worker, name

    def ask(self, what: str, *words: object) -> dict[str, Any]:
        time.sleep(SETTLE)
        return self.worker.ask(what, *self.name, *words)


Times = dict[str, dict[str, list[float]]]  # by side and part, a median for each round


def measure(sides: dict[str, Side], rounds: int, seconds: float) -> Times:
    """The sides take turns, every second round in reverse order, so that all meet the same machine."""
    times: Times = {name: {part: [] for part in PARTS} for name in sides}
    for i in range(rounds):
        for name in list(sides) if i % 2 == 0 else list(sides)[::-1]:
            for part in PARTS:
                times[name][part].append(sides[name].ask(part, seconds)["total"])
    return times


def tokens_a_second(times: Times, side: str) -> float:
    return TOKENS_A_STEP / statistics.median(times[side]["step"])


def speed_rows(case: Case, times: Times) -> list[Row]:
    rows = []
    for side, name in PEERS.items():
        ratio = statistics.median(peer / ours for peer, ours in zip(times[side]["step"], times["taper"]["step"], strict=True))
        rows.append(Row(f"context {case.context}: tokens a second, against {name}", f"{tokens_a_second(times, 'taper'):.0f}",
                        f"{tokens_a_second(times, side):.0f}", ratio, "times", TARGETS[case.context, side]))
    return rows


def share_cells(name: str, times: dict[str, list[float]]) -> list[str]:
    """Where a step's time goes. What is not products or attention is the difference."""
    step, products, attention = (1e3 * statistics.median(times[part]) for part in PARTS)
    return [name, f"{step:.1f} ms", *(f"{part:.1f} ms ({part / step:.0%})"
                                      for part in (products, attention, step - products - attention))]


def report(rows: list[Row], measured: dict[int, Times], losses: dict[str, dict[str, Any]], facts: dict[str, str]) -> str:
    parts = [["", "step", "products", "attention", "the rest"]]
    shares = [share_cells(f"context {context}: {PEERS.get(side, 'Taper')}", times)
              for context, of_sides in measured.items() for side, times in of_sides.items()]
    shown = list(losses)
    steps = len(losses["taper"]["losses"])
    moments = sorted({0, 9, 99, steps // 2 - 1, steps - 1} & set(range(steps)))
    curve = [[f"step {i + 1}", *(f"{losses[side]['losses'][i]:.4f}" for side in shown)] for i in moments]
    curve.append(["held out, at the end", *(f"{losses[side]['held_out']:.4f}" for side in shown)])
    return "\n".join([
        "# A character transformer beside PyTorch", "", facts_list(facts), "",
        f"Width 64, {HEADS} heads, {LAYERS} blocks, k = {K}, batches of {TOKENS_A_STEP} characters, float32; forward, "
        "backward and Adam. [bench/README.md](../README.md) says how it was measured.", "",
        table(HEADER, [row.cells() for row in rows]), "",
        "## Where a step's time goes", "", table(parts[0], shares), "",
        "## The losses", "", "In nats a character, context 128, from the same weights in the same order.", "",
        table(["", *(PEERS.get(side, "Taper") for side in shown)], curve), ""])


def main() -> None:
    parser = arguments(__doc__, rounds=15, seconds=0.5, needs="torch, numpy and safetensors")
    parser.add_argument("--steps", type=int, default=500, help="of the training whose losses are compared (default: 500)")
    parser.add_argument("--text", type=Path, default=Path("/usr/share/common-licenses/GPL-3"), help="a UTF-8 text file")
    parser.add_argument("--quick", action="store_true", help="two short rounds, to see whether all works; the times say little")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.steps = 2, 0.1, 20

    options.work_dir.mkdir(parents=True, exist_ok=True)
    work_dir = options.work_dir.resolve()
    torch = find_torch(options.python, work_dir / "venv", "safetensors")
    command = f"python3 bench/training.py --rounds {options.rounds} --seconds {options.seconds:g} --steps {options.steps}"
    facts = describe_machine(torch) | {
        "threads": f"{len(options.cores)}, on cores {', '.join(map(str, options.cores))}",
        "text": f"{options.text.name}, the last tenth held out",
        "command": f"`{command}{' --quick' if options.quick else ''}`",
        "load before the first round": f"{os.getloadavg()[0]:.2f}",
    }
    log("building Taper's program")
    program = build_bench_program(work_dir, "training")
    taper = Worker([str(program)], options.cores, work_dir)
    pytorch = Worker([str(torch.python), str(BENCH / "training_peers.py")], options.cores, work_dir)
    sides = {"taper": Side(taper), **{side: Side(pytorch, side) for side in PEERS}}

    rows: list[Row] = []
    measured: dict[int, Times] = {}
    losses: dict[str, dict[str, Any]] = {}
    for context in (128, 1024):
        case = Case(context, work_dir / f"training_{context}")
        case.folder.mkdir(exist_ok=True)
        (case.folder / "weights.safetensors").unlink(missing_ok=True)
        prepare = [torch.python, "-c", PREPARE, options.text, case.folder, context, case.batch, options.steps]
        subprocess.run(list(map(str, prepare)), check=True)
        for side in reversed(sides.values()):  # PyTorch draws the weights
            side.ask("model", *case.words())
        if context == 128:
            for name, side in sides.items():
                log(f"training: {name}")
                losses[name] = side.ask("train", options.steps)
            ours, theirs = losses["taper"]["held_out"], losses["composition"]["held_out"]
            rows.append(Row(f"context 128: held-out loss after {options.steps} steps, against {PEERS['composition']}",
                            f"{ours:.4f}", f"{theirs:.4f}", 100 * abs(ours / theirs - 1), "%", LARGEST_LOSS_DIFFERENCE))
        log(f"timing: context {context}")
        measured[context] = measure(sides, options.rounds, options.seconds)
        rows += speed_rows(case, measured[context])
    publish(report(rows, measured, losses, facts), options.output, facts, rows, times=measured, losses=losses)


if __name__ == "__main__":
    main()
