"""The toy training step and the scalar product, timed with PyTorch in eager mode: the peer of toy_step.cpp.

Prints one line of JSON, which bench/small_steps.py reads. measure.hpp holds the same constants for C++.
"""

import argparse
import json
import math
import time
from collections.abc import Callable

import torch

from projection import sparse_softmax

BATCH, TOKENS, WIDTH, K = 2, 3, 5, 2
LEARNING_RATE = 1e-3
CHECKED_STEPS = 1000  # after so many steps the programs compare their losses
CHAIN_LENGTH = 1000  # scalar products between two backwards
STEPS_A_BATCH = 20


def numbers(stream: int, shape: tuple[int, ...], amplitude: float) -> torch.Tensor:
    """amplitude * sin(1 + i + 100 * stream), as bench::numbers in measure.hpp."""
    values = [amplitude * math.sin(1.0 + i + 100.0 * stream) for i in range(math.prod(shape))]
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def layer(index: int) -> torch.nn.Linear:
    linear = torch.nn.Linear(WIDTH, WIDTH)
    with torch.no_grad():
        linear.weight.copy_(numbers(4 + index, (WIDTH, WIDTH), 0.5).T)  # PyTorch's is (outputs, inputs)
        linear.bias.copy_(numbers(8 + index, (WIDTH,), 0.1))
    return linear


class Model(torch.nn.Module):
    """Linear layers for queries, keys and values, sparse attention, and a Linear layer for the output."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = (layer(index) for index in range(4))
        self.register_buffer("ranks", torch.arange(1, K + 1, dtype=torch.float32))

    def forward(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        scores = self.query(queries).bmm(self.key(keys).transpose(1, 2))
        return self.output(sparse_softmax(scores, self.ranks).bmm(self.value(values)))


def make_step(**adam_options: bool) -> Callable[[], float]:
    """A training step of a fresh model; it returns its loss."""
    shape = (BATCH, TOKENS, WIDTH)
    queries, keys, values, target = (numbers(stream, shape, 1) for stream in range(4))
    model = Model()
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, **adam_options)

    def step() -> float:
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(model(queries, keys, values), target)
        loss.backward()
        adam.step()
        return loss.item()

    return step


def make_chain() -> Callable[[], float]:
    """CHAIN_LENGTH products and a backward; it returns dx/dy, which is CHAIN_LENGTH because all factors are 1."""
    y = torch.ones((), requires_grad=True)
    one = torch.ones(())

    def chain() -> float:
        y.grad = None
        x = one
        for _ in range(CHAIN_LENGTH):
            x = x * y
        x.backward()
        return y.grad.item()

    return chain


def time_batches(seconds: float, units: int, work: Callable[[], object]) -> dict[str, float]:
    """Quartiles of the microseconds of processor time for one of the `units` units of work that `work` does."""
    end = time.process_time() + 0.2 * seconds
    while time.process_time() < end:  # warm-up
        work()
    times: list[float] = []
    end = time.process_time() + seconds
    while time.process_time() < end or len(times) < 5:
        before = time.process_time()
        work()
        times.append(1e6 * (time.process_time() - before) / units)
    times.sort()
    n = len(times)
    return {"lower_quartile": times[n // 4], "median": times[n // 2], "upper_quartile": times[3 * n // 4], "batches": n}


def time_step(seconds: float, step: Callable[[], float]) -> tuple[float, dict[str, float]]:
    """The loss after CHECKED_STEPS steps, and the time of a step."""
    for _ in range(CHECKED_STEPS):
        loss = step()
    return loss, time_batches(seconds, STEPS_A_BATCH, lambda: [step() for _ in range(STEPS_A_BATCH)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    options = parser.parse_args()

    torch.set_num_threads(1)
    result: dict[str, object] = {"seconds": options.seconds}
    result["loss"], result["toy_step"] = time_step(options.seconds, make_step())
    result["fused_loss"], result["toy_step_fused_adam"] = time_step(options.seconds, make_step(fused=True))
    chain = make_chain()
    result["gradient"] = chain()
    result["scalar_node"] = time_batches(options.seconds, CHAIN_LENGTH, chain)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
