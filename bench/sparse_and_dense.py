#!/usr/bin/env python3
"""Runs the demos with several k and with dense softmax, and puts what they print into one table.

Each demo trains the same model from the same seed in the same number of steps; only the attention differs. Needs the
demos, built by examples/run.sh. Takes some five minutes; the times mean something on a machine that does nothing else.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, describe_machine_without_peers, facts_list, table

PROGRAMS = ROOT / "build" / "release" / "examples"
# The task, the program with its options, and the values of k. The first is the demo's own.
TASKS = (
    ("recall: 8 pairs in 64 tokens", ["09_associative_recall"], (4, 8, 2)),
    ("recall: 16 pairs in 128 tokens", ["09_associative_recall", "--hard"], (4, 8, 2)),
    ("characters: 64 of the GPL at a time", ["10_character_transformer"], (8, 16, 4)),
    ("digits: 8 rows of a picture", ["11_digits", "--networks", "transformer"], (3, 8, 2)),
    ("sorting: trained on 2 to 8 numbers", ["12_sorting"], (8, 4, 2)),
)
UNTOLD = ("attention", "support recall", "training time", "parameters")


def run(command: list[str], k: int, dense: bool) -> list[dict[str, str]]:
    """The rows of the table that the demo prints, by its header."""
    with tempfile.TemporaryDirectory() as folder:
        words = [str(PROGRAMS / command[0]), *command[1:], "--k", str(k), "--dense" if dense else "--no-dense",
                 "--output", folder]
        print(" ".join([Path(words[0]).name, *words[1:-2]]), file=sys.stderr, flush=True)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{words[0]} failed:\n{done.stderr[-2000:]}")
    printed = done.stdout.replace("transformer, k", "sparse, k").replace("transformer, dense", "dense softmax")
    lines = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines()]
    first = next((i for i, cells in enumerate(lines) if cells[0].startswith("sparse, k = ") and len(cells) > 2), 1)
    header = ["attention", *lines[first - 1][1:]]
    rows = [dict(zip(header, cells, strict=True)) for cells in lines[first:] if len(cells) == len(header)]
    if len(rows) != 1 + dense:
        sys.exit(f"no table of {1 + dense} rows in:\n{done.stdout}")
    return rows


def cells(task: str, row: dict[str, str]) -> list[str]:
    results = [(name, value) for name, value in row.items() if name not in UNTOLD]
    told = results[0][1] if len(results) == 1 else ", ".join(f"{name}: {value}" for name, value in results)
    return [task, row["attention"], told, row.get("support recall", ""), row["training time"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write this Markdown file")
    options = parser.parse_args()
    if not PROGRAMS.is_dir():
        sys.exit("the demos are not built: run examples/run.sh first")
    rows = []
    for task, command, ks in TASKS:
        for k in ks:
            rows += [cells(task, row) for row in run(command, k, dense=k == ks[0])]
    facts = describe_machine_without_peers() | {
        "threads": os.environ.get("TAPER_THREADS", f"{len(os.sched_getaffinity(0))}"),
        "command": "`python3 bench/sparse_and_dense.py`"}
    text = "\n".join([
        "# Sparse and dense attention on the same budget", "",
        "What the demos print with several k and with dense softmax: the same model, seed, data and number of steps. "
        "Support recall is the share of questions whose true place is among the k keys to which some head of the last "
        "layer gives most. [demos.md](demos.md) describes the tasks.", "",
        table(["task", "attention", "on data it was not trained on", "support recall", "training time"], rows), "",
        facts_list(facts), ""])
    print(text)
    if options.output:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
