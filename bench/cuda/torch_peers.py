"""PyTorch's side of timings.py: attention on the device, its back ends by name and the composition that Taper's
sparse_attention replaces, and the two bounds. Works through the cases of a file of JSON; prints a line of JSON for each."""

import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from projection import sparse_softmax, top_k_projection

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"  # cpu only shows that everything works
COMPOSITIONS = ("top-k, scatter", "top-k, gather")
BACKENDS = {"sdpa math": SDPBackend.MATH, "sdpa efficient": SDPBackend.EFFICIENT_ATTENTION,
            "sdpa flash": SDPBackend.FLASH_ATTENTION, "sdpa cudnn": SDPBackend.CUDNN_ATTENTION}
IN_FLOAT32 = (*COMPOSITIONS, "sdpa math", "sdpa efficient")
# Side, dtype, and whether float32 products may use TF32: for every case, and for the first two cases alone.
EVERYWHERE = [(side, torch.float32, False) for side in IN_FLOAT32]
AT_THE_TARGET = [*((side, torch.float32, True) for side in IN_FLOAT32), *((side, torch.bfloat16, False) for side in BACKENDS)]


def say(group: str, **line: Any) -> None:
    print(json.dumps({"group": group, **line}), flush=True)


def time_on_device(seconds: float, work: Callable[[], object]) -> dict[str, float]:
    """The median time of a run, between events on the device, for about `seconds`, after runs that don't count."""
    start = end = time.perf_counter()
    while end - start < seconds / 2:
        before = end
        work()
        synchronize()
        end = time.perf_counter()
    runs = int(min(max(seconds / (end - before), 3), 300))
    if DEVICE == "cpu":
        moments = [time.perf_counter()]
        for _ in range(runs):
            work()
            moments.append(time.perf_counter())
        times = [b - a for a, b in zip(moments, moments[1:])]
    else:
        events = [torch.cuda.Event(enable_timing=True) for _ in range(runs + 1)]
        events[0].record()
        for event in events[1:]:
            work()
            event.record()
        synchronize()
        times = [1e-3 * a.elapsed_time(b) for a, b in zip(events, events[1:])]
    quartiles = statistics.quantiles(times, n=4)
    return {"seconds": statistics.median(times), "lower_quartile": quartiles[0], "upper_quartile": quartiles[2], "runs": runs}


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def measure(seconds: float, work: Callable[[], object]) -> dict[str, Any]:
    """The time and the peak of allocated memory, inputs included; or why there is none."""
    gc.collect()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        result = time_on_device(seconds, work)
    except (RuntimeError, torch.OutOfMemoryError) as error:
        return {"error": str(error).splitlines()[0][:200]}
    return result | {"peak_bytes": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0}


def top_k_attention(side: str, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, ranks: torch.Tensor, scale: float,
                    hidden: torch.Tensor | None) -> torch.Tensor:
    scores = (scale * q).bmm(k.mT)
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    if side == "top-k, scatter":
        return sparse_softmax(scores, ranks).bmm(v)
    probabilities, indices = top_k_projection(scores, ranks)
    b, n, count = indices.shape
    rows = v.gather(1, indices.reshape(b, n * count, 1).expand(-1, -1, v.shape[-1])).reshape(b, n, count, -1)
    return (probabilities.unsqueeze(2) @ rows).squeeze(2)


def attend(side: str, case: dict[str, Any], inputs: list[torch.Tensor], hidden: torch.Tensor | None) -> torch.Tensor:
    q, k, v = inputs
    scale = case["deviation"] / math.sqrt(case["d"])
    if side in BACKENDS:
        with sdpa_kernel(BACKENDS[side]):
            return scaled_dot_product_attention(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), is_causal=case["causal"],
                                                scale=scale).squeeze(0)
    ranks = torch.arange(1, min(case["k"], case["n"]) + 1, device=q.device, dtype=q.dtype)
    return top_k_attention(side, q, k, v, ranks, scale, hidden)


def time_side(seconds: float, side: str, case: dict[str, Any], inputs: list[torch.Tensor],
              cotangent: torch.Tensor) -> dict[str, dict[str, Any]]:
    leaves = [x.detach().requires_grad_() for x in inputs]
    hidden = None
    if case["causal"] and side not in BACKENDS:
        hidden = torch.ones(case["n"], case["n"], dtype=torch.bool, device=DEVICE).triu(1)

    def forward() -> None:
        with torch.no_grad():
            attend(side, case, inputs, hidden)

    def both() -> None:
        torch.autograd.grad(attend(side, case, leaves, hidden), leaves, cotangent)

    return {"forward": measure(seconds, forward), "forward and backward": measure(seconds, both)}


def time_attention(cases: dict[str, Any]) -> None:
    of_dense: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}  # neither k nor the deviation changes these
    for i, case in enumerate(cases["attention"]):
        for side, dtype, tf32 in EVERYWHERE + (AT_THE_TARGET if i < 2 else []):
            torch.set_float32_matmul_precision("high" if tf32 else "highest")
            key = (side, dtype, tf32, case["heads"], case["n"], case["d"], case["causal"])
            found = of_dense.get(key)
            if found is None:
                shape = (case["heads"], case["n"], case["d"])
                *inputs, cotangent = (torch.randn(shape, device=DEVICE).to(dtype) for _ in range(4))
                found = time_side(cases["seconds"], side, case, inputs, cotangent)
                del inputs, cotangent
            if side in BACKENDS:
                of_dense[key] = found
            name = side + (", TF32" if tf32 else ", bfloat16" if dtype == torch.bfloat16 else "")
            for part, line in found.items():
                say("peers", side=name, part=part, **case, **line)
    torch.set_float32_matmul_precision("highest")


def time_bounds(cases: dict[str, Any]) -> None:
    seconds, elements = cases["seconds"], 4 * cases["elements"]
    a = torch.randn(elements, device=DEVICE)
    b = torch.empty_like(a)
    say("ceilings", name="copy", bytes=8 * elements, **measure(seconds, lambda: b.copy_(a)))
    del a, b
    n = cases["products"][0]["m"]
    for name, dtype, tf32 in (("product float32", torch.float32, False), ("product float32, TF32", torch.float32, True),
                              ("product bfloat16", torch.bfloat16, False)):
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        x, y = (torch.randn(n, n, device=DEVICE).to(dtype) for _ in range(2))
        say("ceilings", name=name, operations=2 * n**3, **measure(seconds, lambda x=x, y=y: x @ y))
    torch.set_float32_matmul_precision("highest")


def main() -> None:
    cases = json.loads(Path(sys.argv[1]).read_text())
    torch.manual_seed(0)
    where = torch.cuda.get_device_name() if DEVICE == "cuda" else "the CPU"
    say("facts", what="PyTorch", name=f"{torch.__version__} with CUDA {torch.version.cuda}, on {where}")
    time_bounds(cases)
    time_attention(cases)


if __name__ == "__main__":
    main()
