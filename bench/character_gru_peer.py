#!/usr/bin/env python3
"""The model of examples/13_character_gru.cpp in PyTorch, trained in the same way; prints its loss on held-out text as JSON.

    character_gru_peer.py TEXT SEED STEPS

The settings below are those of the demo. PyTorch draws its own weights, stretches and dropout.
"""

import json
import math
import sys
import time
from pathlib import Path

import torch
from torch import nn

CONTEXT, EMBEDDING, WIDTH, BATCH = 64, 32, 128, 16
LEARNING_RATE, WARM_UP, DROPOUT, LARGEST_NORM = 5e-3, 20, 0.3, 1
HELD_OUT_STRETCHES = 64


class CharacterModel(nn.Module):
    def __init__(self, alphabet: int) -> None:
        super().__init__()
        self.symbols = nn.Embedding(alphabet, EMBEDDING)
        self.gru = nn.GRU(EMBEDDING, WIDTH, batch_first=True)
        self.logits = nn.Linear(WIDTH, alphabet)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.gru(self.dropout(self.symbols(tokens)))
        return self.logits(self.dropout(outputs))


def stretches(text: torch.Tensor, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    places = starts.unsqueeze(1) + torch.arange(CONTEXT)
    return text[places], text[places + 1]


def loss_of(model: CharacterModel, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(model(inputs).flatten(0, 1), labels.flatten())


def main() -> None:
    path, seed, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.manual_seed(seed)
    characters = path.read_bytes().decode()
    alphabet = sorted(set(characters))
    text = torch.tensor([alphabet.index(character) for character in characters])
    split = len(text) // 10 * 9
    training, rest = text[:split], text[split:]
    held_out = stretches(rest, (len(rest) - CONTEXT - 1) * torch.arange(HELD_OUT_STRETCHES) // HELD_OUT_STRETCHES)

    def rate(step: int) -> float:
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * step / steps)) / 2
        return cosine * min(1, (step + 1) / WARM_UP)

    model = CharacterModel(len(alphabet))
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, rate)
    began = time.perf_counter()
    for _ in range(steps):
        loss = loss_of(model, *stretches(training, (torch.rand(BATCH) * (split - CONTEXT)).long()))
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
        adam.step()
        schedule.step()
    seconds = time.perf_counter() - began
    model.eval()
    with torch.no_grad():
        print(json.dumps({"loss": loss_of(model, *held_out).item(), "seconds": seconds}))


if __name__ == "__main__":
    main()
