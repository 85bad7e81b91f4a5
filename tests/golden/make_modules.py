#!/usr/bin/env python3
"""Writes modules.safetensors beside this file: what PyTorch's recurrent layers and BatchNorm give, in float64.

    pip install torch numpy
    python make_modules.py

The file's metadata "samples" is JSON, a list of

    {"name": "lstm/1",              of its tensors, which are called
                                        lstm/1/x, lstm/1/state, lstm/1/cell             what goes in, if it is given
                                        lstm/1/parameter/weight_ih_l0, …                under PyTorch's names
                                        lstm/1/outputs, lstm/1/last_state, lstm/1/last_cell
                                        lstm/1/gradient/x, …                            g = d(sum of (v * output))/d(each), over all outputs,
                                                                                        with v = cos(1), cos(2), … for each output
                                        lstm/1/second/x, …                              d(sum of g^2 over all)/d(each)
     "layer": "lstm",
     "inputs": 2, "width": 3, "layers": 2, "bidirectional": true, "bias": true, "lengths": [3, 1]}

and for batch_norm of three calls in training mode and one in evaluation mode, on x0, x1, x2 and x3, with outputs0, …, running_mean0, …,
running_var0, … after each, and the gradients of the first alone.
"""

import json
import pathlib

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from make_op_samples import save

LAYERS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
CASES = [
    {"inputs": 2, "width": 3, "layers": 1, "bidirectional": False, "bias": True, "lengths": []},
    {"inputs": 3, "width": 2, "layers": 2, "bidirectional": True, "bias": True, "lengths": []},
    {"inputs": 1, "width": 2, "layers": 2, "bidirectional": False, "bias": False, "lengths": [3, 4, 1]},
    {"inputs": 2, "width": 18, "layers": 1, "bidirectional": True, "bias": True, "lengths": [2, 4, 3]},
]
BATCH, STEPS = 3, 4


def cosines(y):
    return torch.cos(torch.arange(1, y.numel() + 1, dtype=torch.float64)).reshape(y.shape)


def derivatives(outputs, inputs):
    """By name, the gradient of the outputs' weighted sum, and the second derivative."""
    total = sum((cosines(y) * y).sum() for y in outputs)
    first = torch.autograd.grad(total, list(inputs.values()), create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), list(inputs.values()), allow_unused=True)
    second = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs.values(), second)]
    return ({f"gradient/{name}": g for name, g in zip(inputs, first)}
            | {f"second/{name}": g for name, g in zip(inputs, second)})


def recurrent(kind, case, gives_state):
    layer = LAYERS[kind](case["inputs"], case["width"], case["layers"], bias=case["bias"],
                         bidirectional=case["bidirectional"], batch_first=True, dtype=torch.float64)
    x = torch.randn(BATCH, STEPS, case["inputs"], dtype=torch.float64, requires_grad=True)
    given = {"x": x}
    if gives_state:
        shape = (case["layers"] * (1 + case["bidirectional"]), BATCH, case["width"])
        for name in ("state", "cell") if kind == "lstm" else ("state",):
            given[name] = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    states = tuple(given.values())[1:]
    start = (states[0] if kind != "lstm" else states) if states else None
    if case["lengths"]:
        packed = pack_padded_sequence(x, torch.tensor(case["lengths"]), batch_first=True, enforce_sorted=False)
        y, last = layer(packed, start)
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=STEPS)
    else:
        y, last = layer(x, start)
    results = {"outputs": y} | dict(zip(("last_state", "last_cell"), last if kind == "lstm" else (last,)))
    parameters = dict(layer.named_parameters())
    return given | {f"parameter/{n}": p for n, p in parameters.items()} | results | derivatives(
        results.values(), given | {f"parameter/{n}": p for n, p in parameters.items()})


def batch_norm(layer, shape):
    parameters = dict(layer.named_parameters())
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    stored = {f"parameter/{n}": p.detach().clone() for n, p in parameters.items()}
    for call in range(4):
        layer.train(call < 3)
        x = (3 * torch.randn(shape, dtype=torch.float64) + call).requires_grad_()
        y = layer(x)
        stored |= {f"x{call}": x, f"outputs{call}": y, f"running_mean{call}": layer.running_mean.clone(),
                   f"running_var{call}": layer.running_var.clone()}
        if call == 0:
            stored |= derivatives([y], {"x": x} | {f"parameter/{n}": p for n, p in parameters.items()})
    return stored


def main():
    torch.manual_seed(20261130)
    tensors, samples = {}, []

    def add(name, arguments, values):
        samples.append({"name": name} | arguments)
        for what, value in values.items():
            tensors[f"{name}/{what}"] = value.detach().numpy().copy()

    for kind in LAYERS:
        for i, case in enumerate(CASES):
            add(f"{kind}/{i}", {"layer": kind} | case, recurrent(kind, case, gives_state=i % 2 == 1))
    norms = [(torch.nn.BatchNorm1d(4, dtype=torch.float64), (5, 4)),
             (torch.nn.BatchNorm1d(3, eps=0.1, momentum=0.3, dtype=torch.float64), (2, 3, 5)),
             (torch.nn.BatchNorm2d(2, dtype=torch.float64), (3, 2, 3, 2))]
    for i, (layer, shape) in enumerate(norms):
        add(f"batch_norm/{i}", {"layer": "batch_norm", "epsilon": layer.eps, "momentum": layer.momentum}, batch_norm(layer, shape))
    path = pathlib.Path(__file__).with_name("modules.safetensors")
    save(path, tensors, {"made_with": f"torch {torch.__version__}", "samples": json.dumps(samples)})
    print(f"{len(samples)} samples, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
