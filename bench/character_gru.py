#!/usr/bin/env python3
"""Puts the GRU demo beside the same model in PyTorch: the loss on held-out text, each the mean of some seeds.

The two draw their own weights, stretches of text and dropout, so that equal means say that they learn alike, and not that they
compute the same (tests/golden shows that). Needs the demo, built by examples/run.sh; PyTorch is installed into a virtual
environment. Takes some minutes; the times mean something on a machine that does nothing else.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import HEADER, ROOT, Row, describe_machine, facts_list, pinned, publish, table
from peers import BENCH, Torch, find_torch, log

PROGRAM = ROOT / "build" / "release" / "examples" / "13_character_gru"
TEXT = "/usr/share/common-licenses/GPL-3"
TARGET = 2  # per cent


def run(command: list[str], cores: list[int]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
                          **pinned(cores)).stdout


def train_taper(seed: int, steps: int, cores: list[int]) -> dict[str, float]:
    """The loss that the demo prints in its table, in the column "loss after"."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        printed = run([str(PROGRAM), TEXT, "--seed", str(seed), "--steps", str(steps), "--output", folder], cores)
        seconds = time.perf_counter() - began
    row = re.search(r"^GRU\s+[\d.]+\s+([\d.]+)", printed, re.M)
    if not row:
        sys.exit(f"no loss in:\n{printed}")
    return {"loss": float(row[1]), "seconds": seconds}


def train_torch(torch: Torch, seed: int, steps: int, cores: list[int]) -> dict[str, float]:
    answer: dict[str, float] = json.loads(run(
        [str(torch.python), str(BENCH / "character_gru_peer.py"), TEXT, str(seed), str(steps)], cores))
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--cores", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--python", type=Path, help="an interpreter that has torch and numpy")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "build" / "bench", help="default: build/bench")
    parser.add_argument("--output", type=Path, help="write this Markdown file, and the numbers beside it")
    options = parser.parse_args()
    if not PROGRAM.exists():
        sys.exit("the demo is not built: run examples/run.sh first")
    torch = find_torch(options.python, options.work_dir / "venv")
    runs: dict[str, list[dict[str, Any]]] = {"taper": [], "pytorch": []}
    for seed in range(options.seeds):
        runs["taper"].append(train_taper(seed, options.steps, options.cores))
        runs["pytorch"].append(train_torch(torch, seed, options.steps, options.cores))
        log(f"seed {seed}: " + ", ".join(f"{side} {of_side[-1]['loss']:.3f} in {of_side[-1]['seconds']:.1f} s"
                                         for side, of_side in runs.items()))

    def mean(side: str, what: str) -> float:
        return statistics.mean(run[what] for run in runs[side])

    losses = [mean(side, "loss") for side in runs]
    rows = [Row(f"loss on held-out text, mean of {options.seeds} seeds", f"{losses[0]:.3f}", f"{losses[1]:.3f}",
                100 * abs(losses[0] / losses[1] - 1), "%", TARGET)]
    facts = describe_machine(torch) | {
        "seconds of a training run": f"Taper {mean('taper', 'seconds'):.1f}, PyTorch {mean('pytorch', 'seconds'):.1f}",
        "cores": " ".join(map(str, options.cores)), "command": f"`python3 bench/character_gru.py --seeds {options.seeds}`"}
    text = "\n".join(["# The GRU that writes, beside PyTorch", "", table(HEADER, [row.cells() for row in rows]), "",
                      facts_list(facts), ""])
    publish(text, options.output, facts, rows, runs=runs)


if __name__ == "__main__":
    main()
