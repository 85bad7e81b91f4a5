"""The peers of bench/attention.py in PyTorch. Answers each line of standard input with a line of JSON.

    WHAT BATCH ROWS WIDTH K DEVIATION SECONDS   runs WHAT for so many seconds, replies with medians
    inputs FOLDER BATCH ROWS WIDTH K DEVIATION  writes .npy inputs to check with
    compare FOLDER K                            compares the results that attention.cpp put beside them

attention.cpp understands the same lines. WHAT is a function of ATTENTION or of ROW_WISE.
"""

import contextlib
import functools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
from entmax import sparsemax
from torch.nn.functional import scaled_dot_product_attention

from projection import project, sparse_softmax, top_k_projection

Function = Callable[..., torch.Tensor]

# Two programs may choose different keys for a query because they round differently. This may happen if the gap between
# the k-th score and the next one, or between a score and tau, is smaller than this (times the deviation, if above 1).
UNCLEAR_GAP = 1e-4
SPARSEMAX_HINT = 64  # entmax sorts so many of the largest first


def select_rows(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """x (b, m, d) and indices (b, n, k) give (b, n, k, d)."""
    b, n, k = indices.shape
    return x.gather(1, indices.reshape(b, n * k, 1).expand(-1, -1, x.shape[-1])).reshape(b, n, k, -1)


def composition(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    return sparse_softmax(queries.bmm(keys.mT), ranks).bmm(values)


def gather_values(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """The composition that reads only the k rows of the values."""
    probabilities, indices = top_k_projection(queries.bmm(keys.mT), ranks)
    return (probabilities.unsqueeze(-1) * select_rows(values, indices)).sum(2)


def gather_both(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """The same, with the k scores computed once more, so that backward needs no n x n matrix either."""
    with torch.no_grad():
        indices = queries.bmm(keys.mT).topk(ranks.numel(), dim=-1).indices
    probabilities = project((queries.unsqueeze(2) * select_rows(keys, indices)).sum(-1), ranks)
    return (probabilities.unsqueeze(-1) * select_rows(values, indices)).sum(2)


def dense(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return queries.bmm(keys.mT).softmax(-1).bmm(values)


def sdpa(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    # Its fused kernel wants an axis for heads.
    q, k, v = (x.unsqueeze(1) for x in (queries, keys, values))
    return scaled_dot_product_attention(q, k, v, scale=1.0).squeeze(1)


ATTENTION: dict[str, Function] = {
    "composition": composition,
    "compiled": torch.compile(gather_values, dynamic=False),
    "compiled_both": torch.compile(gather_both, dynamic=False),
    "dense": dense,
    "sdpa": sdpa,
}
ROW_WISE: dict[str, Function] = {
    "softmax_composition": sparse_softmax,
    "entmax": lambda z, ranks: sparsemax(z, dim=-1, k=SPARSEMAX_HINT),
    "topk": lambda z, ranks: z.topk(ranks.numel(), dim=-1).values,
}
FORWARD_ONLY = ("topk",)


def attention_inputs(batch: int, rows: int, width: int, deviation: float) -> list[torch.Tensor]:
    """Queries and keys whose scores have this standard deviation, values and a cotangent."""
    amplitude = math.sqrt(deviation / math.sqrt(width))
    queries, keys, values, cotangent = (torch.randn(batch, rows, width) for _ in range(4))
    return [amplitude * queries, amplitude * keys, values, cotangent]


class Peers:
    """What this process keeps between two requests: the inputs, and the shapes for which functions are compiled."""

    def __init__(self) -> None:
        self.inputs_key: tuple[Any, ...] = ()
        self.inputs: list[torch.Tensor] = []
        self.compiled: set[tuple[Any, ...]] = set()

    def time(self, what: str, words: list[str]) -> dict[str, float]:
        batch, rows, width, k = map(int, words[:4])
        deviation, seconds = map(float, words[4:])
        self.prepare(what in ATTENTION, batch, rows, width, deviation)
        *inputs, cotangent = self.inputs
        inputs.append(torch.arange(1, k + 1, dtype=torch.float32))
        function = (ATTENTION | ROW_WISE)[what]
        if what.startswith("compiled") and (what, batch, rows, width, k) not in self.compiled:
            run(function, inputs, cotangent)  # compiles; nobody times it
            self.compiled.add((what, batch, rows, width, k))
        return time_runs(seconds, lambda: run(function, inputs, None if what in FORWARD_ONLY else cotangent))

    def prepare(self, *key: Any) -> None:
        """Makes the inputs, unless they are those of the last request."""
        if key == self.inputs_key:
            return
        is_attention, batch, rows, width, deviation = key
        self.inputs = (attention_inputs(batch, rows, width, deviation) if is_attention
                       else [deviation * torch.randn(rows, width), torch.randn(rows, width)])
        for x in self.inputs[:-1]:
            x.requires_grad_()
        self.inputs_key = key


def run(function: Function, inputs: list[torch.Tensor], cotangent: torch.Tensor | None) -> tuple[float, float]:
    """Seconds of the forward and the backward part of one run."""
    backward_threads = threads_for_one_head() if function is sdpa and len(inputs[0]) == 1 else torch.get_num_threads()
    start = time.perf_counter()
    y = function(*inputs)
    middle = time.perf_counter()
    if cotangent is None:
        return middle - start, 0
    with limited_threads(backward_threads):
        torch.autograd.grad(y, inputs[:-1], cotangent)
    return middle - start, time.perf_counter() - middle


@contextlib.contextmanager
def limited_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count != before:
        torch.set_num_threads(count)
    yield
    if count != before:
        torch.set_num_threads(before)


@functools.cache
def threads_for_one_head() -> int:
    """The number of threads with which sdpa's backward is fastest for a batch of 1. It shares out the batch among them;
    if it can't, its many small products are shared out instead, which took up to ten times as long as one thread."""
    *inputs, cotangent = attention_inputs(1, 1024, 64, 1)
    for x in inputs:
        x.requires_grad_()

    def seconds(count: int) -> float:
        y = sdpa(*inputs, torch.empty(0))
        with limited_threads(count):
            start = time.perf_counter()
            torch.autograd.grad(y, inputs, cotangent)
            return time.perf_counter() - start

    counts = (1, torch.get_num_threads())
    return min(counts, key=lambda count: statistics.median(seconds(count) for _ in range(9)))


def time_runs(seconds: float, work: Callable[[], tuple[float, float]]) -> dict[str, float]:
    """Runs for about `seconds`. As in attention.cpp, the first run doesn't count unless it is long."""
    start = time.perf_counter()
    first = work()
    runs = [first if sum(first) > seconds else work()]
    while time.perf_counter() - start < seconds:
        runs.append(work())
    return {
        "forward": statistics.median(forward for forward, _ in runs),
        "backward": statistics.median(backward for _, backward in runs),
        "total": statistics.median(map(sum, runs)),
        "runs": len(runs),
    }


def unclear_queries(scores: torch.Tensor, k: int, gap: float) -> torch.Tensor:
    """Queries whose support may differ between two programs that round differently, (b, n)."""
    largest = scores.double().topk(k + 1, dim=-1).values
    probabilities = project(largest[..., :k], torch.arange(1, k + 1, dtype=torch.float64))
    tau = largest[..., :1] - probabilities[..., :1]
    is_near_tau = ((largest[..., :k] - tau).abs() < gap).any(-1)
    is_near_next = (largest[..., k - 1] - largest[..., k] < gap) & (largest[..., k] > tau[..., 0] - gap)
    return is_near_tau | is_near_next


def write_inputs(folder: Path, batch: int, rows: int, width: int, k: int, deviation: float) -> dict[str, float]:
    """Writes inputs. The cotangent is 0 for unclear queries, so that they add nothing to any gradient."""
    torch.manual_seed(0)
    queries, keys, values, cotangent = attention_inputs(batch, rows, width, deviation)
    unclear = unclear_queries(queries.double().bmm(keys.double().mT), k, UNCLEAR_GAP * max(1.0, deviation))
    cotangent[unclear] = 0
    for name, x in {"queries": queries, "keys": keys, "values": values, "cotangent": cotangent}.items():
        numpy.save(folder / f"{name}.npy", x.numpy())
    return {"unclear": unclear.double().mean().item()}


def compare(folder: Path, k: int) -> dict[str, float]:
    """The largest difference of each result from the composition's, relative to the largest element of the latter."""
    def load(name: str) -> torch.Tensor:
        return torch.from_numpy(numpy.load(folder / f"{name}.npy"))

    inputs = [load(name).requires_grad_() for name in ("queries", "keys", "values")]
    cotangent = load("cotangent")
    output = composition(*inputs, torch.arange(1, k + 1, dtype=torch.float32))
    gradients = torch.autograd.grad(output, inputs, cotangent)
    is_clear = (cotangent != 0).any(-1, keepdim=True)
    wanted = dict(zip(("d_queries", "d_keys", "d_values"), gradients, strict=True))
    wanted["output"] = output.detach() * is_clear
    differences = {}
    for name, x in wanted.items():
        found = load(name) * is_clear if name == "output" else load(name)
        differences[name] = ((found - x).abs().max() / x.abs().max()).item()
    return differences


def main() -> None:
    torch.compiler.config.recompile_limit = 64  # one for each shape
    peers = Peers()
    for line in sys.stdin:
        what, *words = line.split()
        answer: dict[str, Any]
        try:
            if what == "inputs":
                answer = write_inputs(Path(words[0]), *map(int, words[1:5]), float(words[5]))
            elif what == "compare":
                answer = compare(Path(words[0]), int(words[1]))
            else:
                answer = peers.time(what, words)
        except Exception as error:  # a peer that fails is left out, with its reason in the report
            answer = {"error": " ".join([type(error).__name__, *str(error).splitlines()[:1]])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
