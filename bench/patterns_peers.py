"""The peers of bench/patterns.py in PyTorch. Answers each line of standard input with a line of JSON.

    WHAT STRIDE N WIDTH SECONDS   runs WHAT with the strided pattern, causal, for so many seconds, replies with medians

WHAT is masked (scaled_dot_product_attention with the pattern as a boolean mask, forward and backward) or flex
(FlexAttention, compiled, with the pattern's block mask; forward alone, since it has no backward on the CPU).
"""

import json
import statistics
import sys
import time

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

torch.set_num_threads(int(sys.argv[1]))
compiled = torch.compile(flex_attention)


def answer(what: str, stride: int, n: int, width: int, seconds: float) -> dict[str, float]:
    inputs = [torch.randn(1, 1, n, width) for _ in range(3)]
    cotangent = torch.randn(1, 1, n, width)

    def shows(_b: torch.Tensor, _h: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return (j <= i) & ((i - j <= stride) | ((i - j) % stride == 0))

    positions = torch.arange(n)
    if what == "masked":
        mask = shows(positions, positions, positions[:, None], positions[None])
        for x in inputs:
            x.requires_grad_()
    else:
        blocks = create_block_mask(shows, 1, 1, n, n, device="cpu")

    def run() -> tuple[float, float]:
        begin = time.perf_counter()
        if what == "flex":
            compiled(*inputs, block_mask=blocks)
            return time.perf_counter() - begin, 0
        y = scaled_dot_product_attention(*inputs, attn_mask=mask)
        middle = time.perf_counter()
        torch.autograd.grad(y, inputs, cotangent)
        return middle - begin, time.perf_counter() - middle

    if what == "flex":
        run()  # which compiles it
    first = run()
    times = [first] if sum(first) > seconds else []
    start = time.perf_counter()
    while not times or (sum(first) <= seconds and time.perf_counter() - start < seconds):
        times.append(run())
    return {
        "forward": statistics.median(t[0] for t in times),
        "backward": statistics.median(t[1] for t in times),
        "total": statistics.median(sum(t) for t in times),
        "runs": len(times),
    }


for line in sys.stdin:
    what, *numbers, seconds = line.split()
    print(json.dumps(answer(what, *map(int, numbers), float(seconds))), flush=True)  # type: ignore[arg-type]
