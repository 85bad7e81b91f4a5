#!/usr/bin/env python3
"""Looks for false alarms of the gradient checker: every variant of every op of the registry, at extreme inputs.

Elements are drawn from 1e-8 to 1e8, and at and near kinks (tests/gradcheck/seeds/gradcheck_seeds_test.cpp). No check may
fail. Undecided checks are counted, so that "undecided" is no way out. A thousand seeds take some seven minutes on two
cores; the first seed is printed and repeats a run. Exits with 1 if there was a false alarm.
"""

import argparse
import collections
import os
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALARM = "derivatives, TAPER_SEED="


def build() -> pathlib.Path:
    folder = ROOT / "build" / "release"
    subprocess.run(["cmake", "--preset", "release", "--log-level=WARNING"], check=True, cwd=ROOT)
    subprocess.run(["cmake", "--build", folder, "--target", "taper_gradcheck_seeds"], check=True)
    return folder / "tests" / "taper_gradcheck_seeds"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=random.SystemRandom().randrange(2**31), help="the first seed")
    parser.add_argument("--batch", type=int, default=10, help="seeds a process runs (default: 10)")
    options = parser.parse_args()
    program = build()
    print(f"first seed: {options.first}", flush=True)

    waiting = list(range(options.first, options.first + options.seeds, options.batch))
    running: list[subprocess.Popen[str]] = []
    totals: dict[tuple[str, str], list[int]] = collections.defaultdict(lambda: [0] * 5)
    alarms: list[str] = []
    started, done = time.monotonic(), 0
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            environment = {**os.environ, "TAPER_SEED": str(waiting[0]),
                           "TAPER_SEEDS": str(min(options.batch, options.first + options.seeds - waiting.pop(0)))}
            running.append(subprocess.Popen([program, "--gtest_brief=1"], stdout=subprocess.PIPE, text=True, env=environment))
        process = running.pop(0)
        lines = process.communicate()[0].splitlines()
        for line in lines:
            if line.startswith("seeds "):
                _, op, order, *counts = line.split()
                totals[op, order] = [a + int(b) for a, b in zip(totals[op, order], counts, strict=True)]
        found = [line for line in lines if ALARM in line]
        if process.returncode and not found:
            sys.exit("the program failed without an alarm:\n" + "\n".join(lines[-20:]))
        alarms += found
        done = min(done + options.batch, options.seeds)
        print(f"\r{done} of {options.seeds} seeds, {len(alarms)} false alarms", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    print(f"{'op':28}{'order':>6}{'checks':>9}{'decided':>9}{'compared':>10}{'kinks':>8}{'undecided':>11}")
    for (op, order), counts in totals.items():
        print(f"{op:28}{order:>6}{counts[0]:>9}{counts[1]:>9}{counts[2]:>10}{counts[3]:>8}{counts[4]:>11}")
    print(f"{options.seeds} seeds in {time.monotonic() - started:.0f} s, {len(alarms)} false alarms", *alarms, sep="\n  ")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
