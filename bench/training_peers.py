"""The character transformer of bench/training.py in PyTorch. Answers each line of standard input with a line of JSON.

    model SIDE FOLDER CONTEXT BATCH HEADS LAYERS K  builds the model; its weights come from FOLDER, or go there
    train SIDE STEPS                                trains it; replies with each step's loss and the held-out loss
    step|products|attention SIDE SECONDS            a training step, or what it spends on that alone: the median

SIDE says how it attends: `composition` (top-k, projected, in PyTorch's operations) or `sdpa` (dense). training.cpp
understands the same lines without a SIDE.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from projection import sparse_softmax

WIDTH = 64
LEARNING_RATE = 1e-3


class Attention(nn.Module):
    """Multi-head causal self-attention, its three projections as one product."""

    def __init__(self, side: str, context: int, heads: int, k: int) -> None:
        super().__init__()
        self.heads, self.is_dense = heads, side == "sdpa"
        self.projections = nn.Linear(WIDTH, 3 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("hidden", torch.ones(context, context, dtype=torch.bool).triu(1), persistent=False)
        self.register_buffer("ranks", torch.arange(1, min(k, context) + 1), persistent=False)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values, (3, batch, heads, positions, width of a head)."""
        b, n, _ = x.shape
        return self.projections(x).view(b, n, 3, self.heads, WIDTH // self.heads).permute(2, 0, 3, 1, 4)

    def attend(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        if self.is_dense:
            return functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        scores = queries @ keys.mT * (1 / math.sqrt(queries.shape[-1]))
        return sparse_softmax(scores.masked_fill(self.hidden, -math.inf), self.ranks) @ values

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.attend(*self.split(x)).transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, side: str, context: int, heads: int, k: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention(side, context, heads, k)
        self.hidden, self.output = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.output(functional.gelu(self.hidden(self.norm2(x))))


class CharacterModel(nn.Module):
    def __init__(self, side: str, alphabet: int, context: int, heads: int, layers: int, k: int) -> None:
        super().__init__()
        self.symbols, self.positions = nn.Embedding(alphabet, WIDTH), nn.Embedding(context, WIDTH)
        self.blocks = nn.ModuleList(Block(side, context, heads, k) for _ in range(layers))
        self.norm, self.logits = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, alphabet)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.symbols(tokens) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        return self.logits(self.norm(x))

    def weights(self) -> dict[str, torch.Tensor]:
        """The weights by Taper's names, as (inputs, outputs). They are views: copying into them changes the model."""
        found = {"symbols.table": self.symbols.weight, "positions.table": self.positions.weight}

        def add_linear(name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
            found[f"{name}.weight"], found[f"{name}.bias"] = weight.mT, bias

        def add_norm(name: str, norm: nn.LayerNorm) -> None:
            found[f"{name}.gain"], found[f"{name}.bias"] = norm.weight, norm.bias

        for i, block in enumerate(self.blocks):
            together = block.attention.projections
            for part, name in enumerate(("query", "key", "value")):
                rows = slice(part * WIDTH, (part + 1) * WIDTH)
                add_linear(f"blocks.{i}.attention.{name}", together.weight[rows], together.bias[rows])
            add_linear(f"blocks.{i}.attention.output", block.attention.output.weight, block.attention.output.bias)
            add_linear(f"blocks.{i}.mlp.hidden", block.hidden.weight, block.hidden.bias)
            add_linear(f"blocks.{i}.mlp.output", block.output.weight, block.output.bias)
            add_norm(f"blocks.{i}.norm1", block.norm1)
            add_norm(f"blocks.{i}.norm2", block.norm2)
        add_norm("norm", self.norm)
        add_linear("logits", self.logits.weight, self.logits.bias)
        return {name: tensor.detach() for name, tensor in found.items()}


def median_time(seconds: float, work: Callable[[], object]) -> dict[str, float]:
    """The median time of `work`, which runs for about `seconds` after a first run that doesn't count."""
    work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return {"total": statistics.median(times), "runs": len(times)}


class Training:
    def __init__(self, side: str, folder: Path, context: int, batch: int, heads: int, layers: int, k: int) -> None:
        self.context, self.batch_size = context, batch
        self.text, self.starts, self.held_out = (torch.from_numpy(numpy.load(folder / f"{name}.npy")).long()
                                                 for name in ("text", "starts", "held_out"))
        torch.manual_seed(0)
        self.model = CharacterModel(side, int(self.text.max()) + 1, context, heads, layers, k)
        file = folder / "weights.safetensors"
        if file.exists():
            for name, tensor in load_file(file).items():
                self.model.weights()[name].copy_(tensor)
        else:
            save_file({name: tensor.contiguous() for name, tensor in self.model.weights().items()}, file)
        self.adam = torch.optim.Adam(self.model.parameters(), LEARNING_RATE, fused=True)
        self.steps = 0

    def batch(self, starts: torch.Tensor, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = starts.view(-1)[i * self.batch_size:(i + 1) * self.batch_size]
        windows = self.text[chosen.unsqueeze(1) + torch.arange(self.context + 1)]
        return windows[:, :-1], windows[:, 1:]

    def loss(self, starts: torch.Tensor, i: int) -> torch.Tensor:
        inputs, labels = self.batch(starts, i)
        return functional.cross_entropy(self.model(inputs).flatten(0, 1), labels.flatten())

    def step(self) -> float:
        loss = self.loss(self.starts, self.steps % (self.starts.numel() // self.batch_size))
        self.steps += 1
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return loss.item()

    def train(self, steps: int) -> dict[str, Any]:
        losses = [self.step() for _ in range(steps)]
        with torch.no_grad():
            held_out = [self.loss(self.held_out, i).item() for i in range(self.held_out.numel() // self.batch_size)]
        return {"losses": losses, "held_out": statistics.fmean(held_out)}

    def time_products(self, seconds: float) -> dict[str, float]:
        """Every product of a layer with its weight, and the two products of its gradient, for random numbers."""
        rows = self.batch_size * self.context
        operands = [(torch.randn(rows, layer.in_features), layer.weight.detach(), torch.randn(rows, layer.out_features))
                    for layer in self.model.modules() if isinstance(layer, nn.Linear)]

        def work() -> None:
            for x, w, dy in operands:
                _ = x @ w.mT
                _ = dy @ w
                _ = dy.mT @ x

        return median_time(seconds, work)

    def time_attention(self, seconds: float) -> dict[str, float]:
        """The attention of each block, with the queries, keys and values that the model has for a batch of the text."""
        problems = []
        with torch.no_grad():
            x = self.model.symbols(self.batch(self.starts, 0)[0]) + self.model.positions.weight
            for block in self.model.blocks:
                inputs = [part.contiguous() for part in block.attention.split(block.norm1(x))]
                problems.append((block.attention.attend, inputs, torch.randn_like(inputs[0])))
                x = block(x)
        for _, inputs, _ in problems:
            for part in inputs:
                part.requires_grad_()

        def work() -> None:
            for attend, inputs, cotangent in problems:
                torch.autograd.grad(attend(*inputs), inputs, cotangent)

        return median_time(seconds, work)


def main() -> None:
    trainings: dict[str, Training] = {}
    for line in sys.stdin:
        what, side, *words = line.split()
        answer: dict[str, Any] = {}
        if what == "model":
            trainings[side] = Training(side, Path(words[0]), *map(int, words[1:]))
        elif what == "train":
            answer = trainings[side].train(int(words[0]))
        else:
            work = {"products": trainings[side].time_products, "attention": trainings[side].time_attention,
                    "step": lambda seconds, side=side: median_time(seconds, trainings[side].step)}
            answer = work[what](float(words[0]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
