#!/usr/bin/env python3
"""Trains character models that grow sparse, and draws the loss on held-out text against the share that is zero.

growing_sparsity.cpp does the training: a GRU and a transformer whose weights are pruned gradually (Narang et al., arXiv
1704.05119), the GRU also in one step, after half of the steps or after the last one, and the transformer with attention in which
a query may look at ever fewer keys (nn::KSchedule). Each point is the mean of some seeds.
"""

import argparse
import collections
import html
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

SHARES, KEYS = (0.5, 0.8, 0.9, 0.95, 0.98), (64, 32, 16, 8, 4, 2)
NOTHING = {"gradual": "dense", "keys": "softmax"}  # the way of a model without zeros, where a curve has one
# What is drawn: the model, how it grows sparse, what is counted, the label, the colour.
SERIES = (
    ("gru", "gradual", "weights", "GRU, weights pruned gradually", "#cf222e"),
    ("gru", "halfway", "weights", "GRU, weights pruned at once, halfway", "#bc4c00"),
    ("gru", "after", "weights", "GRU, weights pruned at once, at the end", "#8250df"),
    ("transformer", "gradual", "weights", "transformer, weights pruned gradually", "#0969da"),
    ("transformer", "keys", "attention", "transformer, attention, by k", "#1a7f37"),
)
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 440, 60, 330, 20, 50
LOWEST, HIGHEST, LEAST_LEFT = 1.8, 2.8, 0.02


def x_of(left: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(max(left, LEAST_LEFT)) / math.log(LEAST_LEFT)


def y_of(loss: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (HIGHEST - loss) / (HIGHEST - LOWEST)


def svg(points: dict[int, list[tuple[float, float]]]) -> str:
    """Loss against what is left, from all of it to 2 %, on a logarithmic axis. What lies above the highest loss is cut off."""
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines.append(f'<clipPath id="area"><rect x="{LEFT - 5}" y="{TOP}" width="{right - LEFT + 10}" height="{bottom - TOP}"/></clipPath>')
    for share in (0, 0.5, 0.8, 0.9, 0.95, 0.98):
        x = x_of(1 - share)
        lines.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#e4e7eb"/>'
                     f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#57606a">{100 * share:g} %</text>')
    for step in range(round((HIGHEST - LOWEST) / 0.2) + 1):
        loss = LOWEST + 0.2 * step
        lines.append(f'<path d="M{LEFT} {y_of(loss):.1f}H{right}" stroke="#e4e7eb"/>'
                     f'<text x="{LEFT - 8}" y="{y_of(loss) + 4:.1f}" text-anchor="end" fill="#57606a">{loss:.1f}</text>')
    lines.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="#1f2328">share that is zero</text>')
    lines.append(f'<text x="16" y="{HEIGHT / 2}" transform="rotate(-90 16 {HEIGHT / 2})" text-anchor="middle" '
                 'fill="#1f2328">loss on held-out text, nats</text>')
    for i, (_, _, _, label, colour) in enumerate(SERIES):
        if i not in points:
            continue
        places = [(x_of(1 - zeros), y_of(loss)) for zeros, loss in sorted(points[i])]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
        lines.append(f'<g clip-path="url(#area)"><path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{circles}</g>')
        y = TOP + 20 + 24 * i
        lines.append(f'<path d="M{right + 16} {y}h22" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{right + 46}" y="{y + 4}" fill="#1f2328">{html.escape(label)}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    from harness import build_bench_program, describe_machine_without_peers, facts_list, pinned, table, write_numbers
    from peers import BENCH, log

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--work-dir", type=Path, default=BENCH.parent / "build" / "bench", help="default: build/bench")
    parser.add_argument("--program", type=Path, help="bench/growing_sparsity, built already")
    parser.add_argument("--output", type=Path, help="write this Markdown file, the same name with .svg, and with .json.gz")
    options = parser.parse_args()
    options.work_dir.mkdir(parents=True, exist_ok=True)
    program = options.program.resolve() if options.program else build_bench_program(options.work_dir.resolve(), "growing_sparsity")

    def answers(seed: int) -> list[tuple[int, float, dict[str, float]]]:
        """The number of the series, the amount, and what came of it."""
        jobs = [(i, amount, f"{model} {seed} {options.steps} {way if amount else NOTHING.get(way)} {amount}")
                for i, (model, way, *_) in enumerate(SERIES)
                for amount in (*((0,) if way in NOTHING else ()), *(KEYS if way == "keys" else SHARES))]
        process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   **pinned(sorted(os.sched_getaffinity(0))))
        assert process.stdin and process.stdout
        found = []
        for i, amount, words in jobs:
            print(words, file=process.stdin, flush=True)
            line = process.stdout.readline()
            if not line:
                sys.exit(f"the program ended; it was asked: {words}")
            found.append((i, amount, json.loads(line)))
            log(f"{words}: {line.strip()}")
        return found

    runs = [answers(seed) for seed in range(options.seeds)]
    points: dict[int, list[tuple[float, float]]] = collections.defaultdict(list)
    rows = []
    for each in zip(*runs, strict=True):
        i, amount, _ = each[0]
        _, way, counted, label, _ = SERIES[i]
        zeros, loss = (statistics.mean(result[key] for _, _, result in each) for key in (counted, "loss"))
        points[i].append((zeros, loss))
        asked = NOTHING[way] if amount == 0 else f"k = {amount}" if way == "keys" else f"{amount:.0%}"
        rows.append([label, asked, f"{zeros:.1%}", f"{loss:.3f}"])
    facts = describe_machine_without_peers() | {"steps": str(options.steps), "seeds": str(options.seeds)}
    text = "\n".join(["# Growing sparsity", "", table(["", "asked for", "zero", "loss on held-out text"], rows), "",
                      facts_list(facts), ""])
    print(text)
    if options.output:
        options.output.write_text(text)
        options.output.with_suffix(".svg").write_text(svg(points))
        write_numbers(options.output.with_suffix(".json.gz"), {"facts": facts, "runs": runs})


if __name__ == "__main__":
    main()
