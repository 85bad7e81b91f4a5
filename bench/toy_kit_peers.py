"""PyTorch's side of bench/toy_kit.py. Answers each line of standard input, "CASE SECONDS", with a line of JSON: the median
time of the case's work, and what it computed. toy_kit.cpp understands the same lines, and says more."""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

Work = Callable[[], float]


def numbers(shape: tuple[int, ...], k: int, deviation: float = 1) -> torch.Tensor:
    """The same numbers as in toy_kit.cpp."""
    n = torch.arange(math.prod(shape), dtype=torch.float64) % 10007
    return (deviation * math.sqrt(2) * torch.sin(n * n + k)).float().reshape(shape)


def set_parameters(model: nn.Module) -> None:
    """Taper keeps a Linear's weight as (inputs, outputs)."""
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters(), 1):
            is_linear = parameter.dim() == 2
            values = numbers(tuple(parameter.shape[::-1] if is_linear else parameter.shape), k, 0.05)
            parameter.copy_(values.T if is_linear else values)


def lenet(first: int, second: int) -> Work:
    model = nn.Sequential(nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(first, second, 5), nn.ReLU(),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(second * 25, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                          nn.Linear(84, 10))
    set_parameters(model)
    adam = torch.optim.Adam(model.parameters(), lr=1e-4)
    x, y = numbers((64, 1, 28, 28), 0), torch.arange(64) % 10

    def step() -> float:
        loss = functional.cross_entropy(model(x), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return step


CASES: dict[str, Callable[[], Work]] = {
    "lenet_6_16": lambda: lenet(6, 16),
    "lenet_32_64": lambda: lenet(32, 64),
}


def answer(name: str, seconds: float) -> None:
    work = CASES[name]()
    value = work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    print(json.dumps({"total": statistics.median(times), "value": value}), flush=True)


def main() -> None:
    for line in sys.stdin:
        name, seconds = line.split()
        answer(name, float(seconds))


if __name__ == "__main__":
    main()
