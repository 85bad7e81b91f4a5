"""What bench/attention.py makes of its times: the targets, the floors and the tables."""

import dataclasses
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import HEADER, Row, facts_list, table

ATTENTION, SPARSE_SOFTMAX, SCALING = "attention", "sparse_softmax", "time against n"
BYTES = 4  # of a float32
SCALING_FROM = 4096  # the slope is taken from here on: for larger n only the n x n scores count
NAMES = {
    "composition": "PyTorch composition",
    "compiled": "compiled",
    "compiled_both": "compiled, keys gathered",
    "dense": "dense softmax",
    "sdpa": "sdpa",
    "gemm": "bare Q K^T",
    "softmax_composition": "PyTorch composition",
    "topk": "torch.topk",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """What the sides of a measurement do: attention over (batch, rows, width), or work on (rows, width) matrices."""

    what: str
    batch: int
    rows: int
    width: int
    k: int = 1
    deviation: float = 1

    def words(self) -> tuple[object, ...]:
        """The case in the form that the programs read."""
        return self.batch, self.rows, self.width, self.k, self.deviation

    def shape(self) -> str:
        extents = (self.rows, self.width) if self.what == SPARSE_SOFTMAX else (self.batch, self.rows, self.width)
        return " x ".join(map(str, extents))

    def __str__(self) -> str:
        return f"{self.what} {self.shape()}, k = {self.k}, deviation {self.deviation:g}"


CHECKED = Case(ATTENTION, 8, 1024, 64, 8)


@dataclasses.dataclass
class Measurement:
    """What each side answered in each round: medians in seconds."""

    case: Case
    sides: dict[str, list[dict[str, float]]]

    def median(self, side: str, part: str = "total") -> float:
        return statistics.median(answer[part] for answer in self.sides[side])

    def ratio(self, above: tuple[str, str], below: tuple[str, str]) -> float:
        """The median of the rounds' ratios of two (side, part)."""
        return statistics.median(a[above[1]] / b[below[1]]
                                 for a, b in zip(self.sides[above[0]], self.sides[below[0]], strict=True))


def milliseconds(seconds: float) -> str:
    """To three figures if it is below 100."""
    return f"{1e3 * seconds:.0f} ms" if seconds >= 0.1 else f"{1e3 * seconds:.3g} ms"


def attention_rows(found: Measurement) -> list[Row]:
    case = found.case
    ours = ("sparse_attention", "total")
    time = milliseconds(found.median(*ours))
    is_flat = case.deviation < 1  # many scores lie close to the largest
    has_targets = case.k == 8
    rows = []

    def row(label: str, peer: str, value: float, unit: str, target: float | None, taper: str = time) -> None:
        rows.append(Row(f"{case}: {label}", taper, peer, value, unit, target))

    def against(side: str, target: float | None) -> None:
        if side in found.sides:
            row(NAMES[side], milliseconds(found.median(side)), found.ratio((side, "total"), ours), "times", target)

    against("composition", (10 if is_flat else 12 if case.rows == 1024 else 15) if has_targets else None)
    best = [side for side in ("compiled", "sdpa") if side in found.sides]
    if has_targets and best:
        side = min(best, key=found.median)
        row("the better of compiled and sdpa", f"{milliseconds(found.median(side))} ({side})",
            found.ratio((side, "total"), ours), "times", 5 if is_flat else 7)
    elif "sdpa" in found.sides:
        against("sdpa", None)
    against("compiled_both", None)

    gemm_target = 1.6 if is_flat else {1024: 1.4, 4096: 1.25}.get(case.rows)
    row("bare Q K^T", milliseconds(found.median("gemm")), found.ratio(ours, ("gemm", "total")), "of its time",
        gemm_target)
    row("backward, against our forward", milliseconds(found.median(ours[0], "forward")),
        found.ratio((ours[0], "backward"), (ours[0], "forward")), "of its time",
        0.15 if has_targets and case.rows == 4096 else None, milliseconds(found.median(ours[0], "backward")))
    return rows


def sparse_softmax_rows(found: Measurement) -> list[Row]:
    ours = "sparse_softmax"
    rows = []
    for part, target in (("forward", 2), ("backward", 1.5)):
        rows.append(Row(f"{found.case}: {part}, against a copy", milliseconds(found.median(ours, part)),
                        milliseconds(found.median("copy")), found.ratio((ours, part), ("copy", "total")),
                        "of its time", target))
    for side, target in (("softmax_composition", 8), ("entmax", 12)):
        rows.append(Row(f"{found.case}: {NAMES.get(side, side)}", milliseconds(found.median(ours)),
                        milliseconds(found.median(side)), found.ratio((side, "total"), (ours, "total")),
                        "times", target))
    return rows


def target_rows(measurements: list[Measurement]) -> list[Row]:
    makers = {ATTENTION: attention_rows, SPARSE_SOFTMAX: sparse_softmax_rows}
    return [row for found in measurements if found.case.what in makers for row in makers[found.case.what](found)]


def memory_row(case: Case, peak: float) -> Row:
    return Row(f"{case.what} {case.shape()}, k = {case.k}: peak memory of the process", f"{peak:.0f} MiB", "", peak,
               "MiB", 1024)


class Floor:
    """The least possible seconds: operations over the cores' peak, bytes over the memory's bandwidth, both of them those
    of the best round of this run."""

    def __init__(self, measurements: list[Measurement]) -> None:
        def best(work: dict[str, Callable[[Case], float]]) -> float:
            return max(count(found.case) / answer["total"] for found in measurements for side, count in work.items()
                       for answer in found.sides.get(side, []))

        self.operations = best({"peak": lambda case: 2 * case.rows**3,
                                "gemm": lambda case: 2 * case.batch * case.rows**2 * case.width})
        self.bandwidth = best({"copy": lambda case: 2 * BYTES * case.rows * case.width})

    def attention(self, case: Case) -> float:
        """The scores, and for each of the k keys of a query four rows in backward and one in forward."""
        pairs = case.batch * case.rows * case.rows, case.batch * case.rows * case.k
        return (2 * case.width * pairs[0] + 5 * 2 * case.width * pairs[1]) / self.operations

    def sparse_softmax(self, case: Case) -> tuple[float, float]:
        """Forward reads and writes the matrix, backward writes one: it reads the cotangent on the support only."""
        size = BYTES * case.rows * case.width
        return 2 * size / self.bandwidth, size / self.bandwidth

    def __str__(self) -> str:
        return (f"Peak {self.operations / 1e9:.0f} GFlop/s (the fastest product of this run), bandwidth "
                f"{self.bandwidth / 1e9:.1f} GB/s (the copy, read and written).")


def cell(found: Measurement, side: str) -> str:
    """Forward + backward in milliseconds, or the only part there is."""
    if side not in found.sides:
        return ""
    both = [milliseconds(found.median(side, part)).removesuffix(" ms") for part in ("forward", "backward")]
    return both[0] if found.median(side, "backward") == 0 else " + ".join(both)


def times_table(measurements: list[Measurement], sides: list[str], floor: Floor) -> str:
    rows = []
    for found in measurements:
        case = found.case
        bounds = floor.sparse_softmax(case) if case.what == SPARSE_SOFTMAX else (floor.attention(case),)
        bound = " + ".join(milliseconds(seconds).removesuffix(" ms") for seconds in bounds)
        rows.append([case.shape(), str(case.k), f"{case.deviation:g}", bound, *(cell(found, side) for side in sides)])
    names = ["Taper", *(NAMES.get(side, side) for side in sides[1:])]
    return table(["shape", "k", "deviation", "floor", *names], rows)


def slope(measurements: list[Measurement]) -> float | None:
    """The exponent of n in our time, fitted to the larger n."""
    points = [(math.log(found.case.rows), math.log(found.median("sparse_attention"))) for found in measurements
              if found.case.what == SCALING and found.case.rows >= SCALING_FROM]
    return statistics.linear_regression(*zip(*points, strict=True)).slope if len(points) > 1 else None


def spread(measurements: list[Measurement]) -> str:
    ratios = [max(totals) / min(totals) for found in measurements for answers in found.sides.values()
              if len(totals := [answer["total"] for answer in answers]) > 1]
    return (f"The slowest round of a side took {statistics.median(ratios):.2f} times as long as its fastest (median), "
            f"{max(ratios):.2f} times at most.")


def report(measurements: list[Measurement], rows: list[Row], facts: dict[str, Any], picture: Path | None) -> str:
    groups = {what: [found for found in measurements if found.case.what == what]
              for what in (ATTENTION, SPARSE_SOFTMAX, SCALING)}
    floor = Floor(measurements)
    attention_sides = ["sparse_attention", "gemm", "composition", "compiled", "compiled_both", "dense", "sdpa"]
    softmax_sides = ["sparse_softmax", "copy", "softmax_composition", "entmax", "topk"]
    exponent = slope(measurements)
    lines = [
        "# Attention", "", facts_list(facts), "",
        "Medians of the rounds' medians; a ratio is the median of the rounds' ratios.", spread(measurements), "",
        "## Targets", "", table(HEADER, (row.cells() for row in rows)), "",
        "## Attention: milliseconds, forward + backward", "",
        times_table(groups[ATTENTION], attention_sides, floor), "",
        f"## {SPARSE_SOFTMAX}: milliseconds, forward + backward", "",
        times_table(groups[SPARSE_SOFTMAX], softmax_sides, floor), "",
        str(floor), "",
        "## Time against n: milliseconds, forward + backward", "",
        *([f"![Time against n]({picture.name})", ""] if picture else []),
        times_table(groups[SCALING], [side for side in attention_sides if side != "compiled_both"], floor), "",
    ]
    if exponent is not None:
        lines += [f"From n = {SCALING_FROM} on, our time grows as n to the power of {exponent:.2f}.", ""]
    return "\n".join(lines)
