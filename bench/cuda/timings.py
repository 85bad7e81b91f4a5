#!/usr/bin/env python3
"""Times Taper on a CUDA device, and PyTorch on the same one: writes the cases, lets cuda_timings and torch_peers.py work
through them one after the other, and makes tables of what they print. run.sh calls it; README.md beside bench/ says what is
measured."""

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness import facts_list, table, write_numbers

HERE = Path(__file__).resolve().parent
Line = dict[str, Any]  # what a program measured

TARGET = {"heads": 256, "n": 4096, "d": 64, "k": 16, "causal": False, "deviation": 1}
CASES = {
    "seconds": 0.1,  # for each measurement of a kernel
    "elements": 2**26,
    "columns": 1024,
    "k": 16,
    "row_lengths": [2**i for i in range(6, 16)],
    "deviations": [0.25, 8],
    "deviations_row_length": 4096,
    "products": [{"batch": batch, "m": m, "n": n, "k": k, "dtype": dtype} for batch, m, n, k, dtype in (
        (1, 8192, 8192, 8192, "float32"), (1, 2048, 2048, 2048, "float32"), (1, 65536, 2048, 512, "float32"),
        (256, 1024, 1024, 64, "float32"), (256, 1024, 64, 1024, "float32"), (1, 4096, 4096, 4096, "float64"))],
    # Cases of one shape follow each other, so that their inputs are drawn only once.
    "attention": [TARGET | changes for changes in (
        {}, {"causal": True}, {"k": 8}, {"k": 32}, {"deviation": 0.25}, {"deviation": 8},
        *({"n": n, "causal": causal} for n in (512, 1024, 2048, 8192) for causal in (False, True)), {"d": 128})],
    "training_seconds": 2,
    "training": [{"width": 64, "heads": 4, "layers": 4, "k": 8, "context": 128, "batch": 16},
                 {"width": 512, "heads": 8, "layers": 4, "k": 16, "context": 1024, "batch": 8}],
}
TINY_TARGET = {"heads": 2, "n": 64, "d": 16, "k": 4, "causal": False, "deviation": 1}
TINY = CASES | {
    "seconds": 0.01, "elements": 2**12, "columns": 64, "k": 4, "row_lengths": [64, 256], "deviations_row_length": 64,
    "products": [{"batch": 2, "m": 16, "n": 16, "k": 8, "dtype": dtype} for dtype in ("float32", "float64")],
    "attention": [TINY_TARGET, TINY_TARGET | {"causal": True}],
    "training_seconds": 0.1,
    "training": [{"width": 16, "heads": 2, "layers": 1, "k": 4, "context": 16, "batch": 2}],
}
PEERS = ("top-k, scatter", "top-k, gather", "sdpa math", "sdpa efficient")  # the sides that do every case


def run(command: list[str], seconds: float) -> tuple[list[Line], str]:
    """The lines that the program printed, and how it ended, unless it ended well."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            ending = f"ended with status {process.returncode}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            ending = f"was stopped after {seconds:g} s"
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{") and line.endswith("}")]
    return lines, f"{Path(command[1]).name if command[0] == sys.executable else 'cuda_timings'} {ending}" if ending else ""


def time_cell(line: Line | None) -> str:
    if line is None:
        return ""
    if "error" in line:
        return "out of memory" if "out of" in line["error"] else "error"
    milliseconds = 1e3 * line["seconds"]
    return f"{milliseconds:.1f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def share(floor: float, line: Line | None) -> str:
    """The share of the measured time that the floor makes up."""
    return "" if line is None or "error" in line else f"{floor / line['seconds']:.0%}"


def mebibytes(line: Line | None) -> str:
    return "" if line is None or "error" in line else f"{line['peak_bytes'] / 2**20:.0f}"


def rate(lines: list[Line], unit: str) -> float:
    """The best rate that was reached, per second."""
    return max((line[unit] / line["seconds"] for line in lines if "error" not in line), default=0)


class Results:
    """All lines, by group."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.copy_rates = (rate(self.of("kernels", name="copy"), "bytes"), rate(self.of("ceilings", name="copy"), "bytes"))
        self.product_rates = (rate(self.of("products", dtype="float32"), "operations"),
                              rate(self.of("ceilings", name="product float32"), "operations"))
        self.bandwidth, self.operations = max(self.copy_rates), max(self.product_rates)

    def of(self, group: str, **wanted: Any) -> list[Line]:
        return [line for line in self.lines
                if line["group"] == group and all(line.get(key) == value for key, value in wanted.items())]

    def one(self, group: str, **wanted: Any) -> Line | None:
        return next(iter(self.of(group, **wanted)), None)

    def copy_share(self, line: Line | None) -> str:
        return share(line["bytes"] / self.bandwidth, line) if line and self.bandwidth else ""

    def product_share(self, line: Line | None) -> str:
        return share(line["operations"] / self.operations, line) if line and self.operations else ""

    def kernel_rows(self) -> list[list[str]]:
        rows = []
        for line in self.of("kernels"):
            if line["name"] != "sparse_softmax":
                rows.append([line["name"], line["part"], line["shape"], time_cell(line), self.copy_share(line)])
        return rows

    def sparse_softmax_rows(self) -> list[list[str]]:
        rows = []
        for line in self.of("kernels", name="sparse_softmax", part="forward"):
            backward = self.one("kernels", name="sparse_softmax", part="backward", length=line["length"],
                                deviation=line["deviation"])
            rows.append([str(line["length"]), f"{line['deviation']:g}", time_cell(line), self.copy_share(line),
                         time_cell(backward), self.copy_share(backward)])
        return rows

    def product_rows(self) -> list[list[str]]:
        return [[f"{line['batch']} x {line['m']} x {line['n']} x {line['k']}", line["dtype"], time_cell(line),
                 "" if "error" in line else f"{1e-12 * line['operations'] / line['seconds']:.1f}"]
                for line in self.of("products")]

    def attention_rows(self, cases: list[Line]) -> list[list[str]]:
        rows = []
        for case in cases:
            forward = self.one("attention", part="forward", **case)
            both = self.one("attention", part="forward and backward", **case)
            peers = [self.one("peers", side=side, part="forward and backward", **case) for side in PEERS]
            if not any((forward, both, *peers)):
                continue
            rows.append([f"{case['n']}", f"{case['d']}", f"{case['k']}", "yes" if case["causal"] else "",
                         f"{case['deviation']:g}", time_cell(forward), self.product_share(forward), time_cell(both),
                         mebibytes(both), *map(time_cell, peers)])
        return rows

    def side_rows(self, case: Line) -> list[list[str]]:
        """Every side at one size."""
        sides = {"Taper": ("attention", {})}
        sides |= {line["side"]: ("peers", {"side": line["side"]}) for line in self.of("peers", **case)}
        rows = []
        for name, (group, wanted) in sides.items():
            forward, both = (self.one(group, part=part, **case, **wanted) for part in ("forward", "forward and backward"))
            if forward or both:
                rows.append([name, time_cell(forward), time_cell(both), mebibytes(both)])
        return rows

    def training_rows(self) -> list[list[str]]:
        rows = []
        for line in self.of("training", device="cuda"):
            case = {key: line[key] for key in ("width", "context", "batch", "layers", "heads", "k")}
            cpu = self.one("training", device="cpu", **case)
            losses = ("" if cpu is None or "error" in cpu or "error" in line else
                      f"{max(abs(a / b - 1) for a, b in zip(line['losses'], cpu['losses'], strict=True)):.0e}")
            rows.append([", ".join(f"{key} {value}" for key, value in case.items()), time_cell(cpu), time_cell(line), losses])
        return rows

    def report(self, facts: dict[str, str], cases: dict[str, Any]) -> str:
        parts = ["# Taper on a CUDA device", facts_list(facts)]
        parts.append("Bounds, ours and PyTorch's: a copy moves " + " and ".join(f"{1e-12 * x:.2f}" for x in self.copy_rates) +
                     " TB/s, read and written; float32 products do " +
                     " and ".join(f"{1e-12 * x:.1f}" for x in self.product_rates) + " TFLOP/s. Shares below are of the best.")
        def add(title: str, header: list[str], rows: list[list[str]]) -> None:
            if rows:
                parts.extend([f"## {title}", table(header, rows)])

        add("Kernels that move bytes", ["", "", "shape", "time", "of the copy's rate"], self.kernel_rows())
        add(f"sparse_softmax by row length, k = {cases['k']}",
            ["length", "deviation", "forward", "of the copy's rate", "backward", "of the copy's rate"],
            self.sparse_softmax_rows())
        add("Matrix products", ["batch x m x n x k", "", "time", "TFLOP/s"], self.product_rows())
        add(f"sparse_attention, b x h = {cases['attention'][0]['heads']}, float32, beside PyTorch's forward and backward",
            ["n", "d", "k", "causal", "deviation", "forward", "of the products' rate", "forward and backward", "MiB",
             *PEERS], self.attention_rows(cases["attention"]))
        for case in cases["attention"][:2]:
            add("All sides: " + ", ".join(f"{key} {value}" for key, value in case.items()),
                ["", "forward", "forward and backward", "MiB"], self.side_rows(case))
        add("A training step of the character transformer",
            ["", "CPU", "device", "largest difference of 5 losses"], self.training_rows())
        errors = sorted({f"{line.get('side', line.get('name', line['group']))}: {line['error']}" for line in self.lines
                         if "error" in line})
        if errors:
            parts.extend(["## What failed", "\n".join(f"- {error}" for error in errors)])
        return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="cuda_timings")
    parser.add_argument("output", type=Path, help="the folder to write timings.md and timings.json.gz to")
    parser.add_argument("--fact", action="append", default=[], metavar="NAME=VALUE", help="what the report says of the run")
    parser.add_argument("--seconds", type=float, default=130, help="each of the two programs may run (default: 130)")
    parser.add_argument("--tiny", action="store_true", help="sizes for the emulator, to see whether all works")
    options = parser.parse_args()

    cases = TINY if options.tiny else CASES
    facts = {"date": datetime.datetime.now().astimezone().isoformat(timespec="minutes")}
    facts |= dict(fact.split("=", 1) for fact in options.fact)
    path = options.output / "cases.json"
    path.write_text(json.dumps(cases))
    lines: list[Line] = []
    endings: list[str] = []
    for command in ([str(options.program), "time", str(path)], [sys.executable, str(HERE / "torch_peers.py"), str(path)]):
        found, ending = run(command, options.seconds)
        lines += found
        endings += [ending] if ending else []
    path.unlink()
    facts |= {line["what"]: line["name"] for line in lines if line["group"] == "facts"}
    if endings:
        facts["incomplete"] = "; ".join(endings)
    text = Results(lines).report(facts, cases)
    (options.output / "timings.md").write_text(text)
    write_numbers(options.output / "timings.json.gz", {"facts": facts, "cases": cases, "lines": lines})
    print(text)
    sys.exit(1 if any("cuda_timings" in ending for ending in endings) else 0)


if __name__ == "__main__":
    main()
