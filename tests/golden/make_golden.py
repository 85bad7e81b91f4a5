#!/usr/bin/env python3
"""Writes golden.json beside this file: values and gradients of the ops and losses as PyTorch computes them, in float64.

    pip install torch numpy entmax
    mkdir inputs && 08_sparse_attention --save inputs      the example's own random inputs
    python make_golden.py inputs

Layout, where an array is {"shape": [2, 3], "values": [six numbers in row-major order]}:

    {"made_with": "torch …",
     "ops": [{"op": "sum",                    name of the op or loss in Taper
              "attributes": {"axes": [1]},    its arguments that are not tensors
              "inputs": [array, …],
              "output": array,
              "cotangent": array,             v, of the output's shape
              "gradients": [array, …]},       d(sum of v * output)/d(input), for each input
             …],
     "documented": [{"example": 1, "k": 3, "input": array,     examples 1 and 2 of the zeta.ops page:
                     "projection": array,                      sparse_softmax,
                     "as_written": array,                      sparse_softmax_as_written
                     "topk_softmax": array}, …],               and topk_softmax of the input
     "attention": {"k": 2,                    its example 3: bmm(sparse_softmax(bmm(queries, keys^T), k), values)
                   "queries": array, "keys": array, "values": array,
                   "output": array, "cotangent": array,
                   "gradients": {"queries": array, "keys": array, "values": array}},
     "example_03": {…}}                       the same for the inputs of examples/08_sparse_attention, cotangent 1

The projection is torch.topk, then sparsemax of the k largest by the package entmax, scattered back: a program
that shares nothing with Taper's.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from entmax import SparsemaxLoss, sparsemax
from torch.nn import functional as F

torch.manual_seed(20240607)
torch.set_default_dtype(torch.float64)


def array(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def projection(z, k, axis=-1):
    top, where = torch.topk(z, min(k, z.shape[axis]), dim=axis)
    return torch.zeros_like(z).scatter(axis, where, sparsemax(top, dim=axis))


def as_written(z, k, axis=-1):
    top, _ = torch.topk(z, min(k, z.shape[axis]), dim=axis)
    tau = (top.sum(axis, keepdim=True) - 1) / top.shape[axis]
    return torch.relu(z - tau)


def topk_softmax(z, k, axis=-1):
    top, where = torch.topk(z, min(k, z.shape[axis]), dim=axis)
    return torch.zeros_like(z).scatter(axis, where, torch.softmax(top, axis))


def randn(*shape):
    return torch.randn(shape)


def positive(*shape):
    return 0.5 + 2 * torch.rand(shape)


def cases():
    """Yields (op, attributes, inputs, function of the inputs)."""
    unary = {
        "abs": torch.abs, "exp": torch.exp, "gelu": F.gelu, "neg": torch.neg, "relu": torch.relu,
        "sigmoid": torch.sigmoid, "square": torch.square, "tanh": torch.tanh,
    }
    for op, f in unary.items():
        yield op, {}, [3 * randn(4, 5)], f
    for op, f in {"log": torch.log, "sqrt": torch.sqrt}.items():
        yield op, {}, [positive(4, 5)], f
    yield "cast", {"dtype": "float32"}, [randn(3, 4)], lambda x: x.float().double()

    binary = {
        "add": torch.add, "div": torch.div, "maximum": torch.maximum, "mul": torch.mul, "pow": torch.pow,
        "sub": torch.sub,
    }
    for op, f in binary.items():
        for a, b in [((3, 4), (3, 4)), ((2, 3, 1), (4,)), ((), (2, 3)), ((2, 1, 3), (4, 1))]:
            yield op, {}, [positive(*a), randn(*b) + 0.01 if op == "div" else randn(*b)], f
    # Ties and zeros, at which the derivative is a convention.
    yield "maximum", {}, [torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 1, 5])], torch.maximum
    yield "max", {"axes": [0]}, [torch.tensor([2.0, 1, 2, 2])], lambda x: x.amax(0)
    yield "relu", {}, [torch.tensor([0.0, 1, -1])], torch.relu
    yield "abs", {}, [torch.tensor([0.0, 1, -1])], torch.abs
    yield "pow", {}, [torch.tensor([0.0, 0, 0, 2]), torch.tensor([0.0, 1, 2, 0])], torch.pow

    for op, f in {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}.items():
        for axes in [[0], [1], [-1], [0, 2], [0, 1, 2]]:
            for keepdims in [False, True]:
                yield (op, {"axes": axes, "keepdims": keepdims}, [randn(2, 3, 4)],
                       lambda x, f=f, axes=axes, keepdims=keepdims: f(x, dim=axes, keepdim=keepdims))
    for shape in [[], [3], [2, 1], [1, 3]]:
        yield "sum_to", {"shape": shape}, [randn(4, 2, 3)], lambda x, shape=shape: x.sum_to_size(shape)

    yield "broadcast_to", {"shape": [4, 2, 3]}, [randn(2, 1)], lambda x: x.broadcast_to(4, 2, 3)
    yield "concat", {"axis": 1}, [randn(2, 3), randn(2, 1), randn(2, 2)], lambda *x: torch.cat(x, 1)
    yield "reshape", {"shape": [4, -1]}, [randn(2, 6)], lambda x: x.reshape(4, -1)
    yield "transpose", {"axes": [0, 2]}, [randn(2, 3, 4)], lambda x: x.transpose(0, 2)
    picks = torch.tensor([[1, 0], [1, 1]])
    yield "gather", {"indices": array(picks), "axis": 1}, [randn(2, 3, 2)], lambda x: x[:, picks]
    yield "slice", {"axis": 1, "start": 1, "stop": 7, "step": 3}, [randn(2, 8, 2)], lambda x: x[:, 1:7:3]
    condition = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
    yield ("where", {"condition": array(condition)}, [randn(3), randn(2, 1)],
           lambda a, b: torch.where(condition != 0, a, b))

    for ta in [False, True]:
        for tb in [False, True]:
            def product(a, b, ta=ta, tb=tb):
                return (a.mT if ta else a) @ (b.mT if tb else b)
            a, b = (4, 3) if ta else (3, 4), (5, 4) if tb else (4, 5)
            flags = {"transpose_a": ta, "transpose_b": tb}
            yield "bmm", flags, [randn(2, *a), randn(2, *b)], product
            yield "mm", flags, [randn(*a), randn(*b)], product
    for a, b in [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((2, 4, 3), (3, 2)),
                 ((2, 1, 4, 3), (3, 3, 2))]:
        yield "matmul", {}, [randn(*a), randn(*b)], torch.matmul

    for op, f in {"softmax": torch.softmax, "log_softmax": torch.log_softmax}.items():
        for axis in [0, 1, -1]:
            yield op, {"axis": axis}, [2 * randn(3, 5, 4)], lambda x, f=f, axis=axis: f(x, axis)
    sparse = {
        "sparse_softmax": projection, "sparse_softmax_as_written": as_written, "topk_softmax": topk_softmax,
    }
    for op, f in sparse.items():
        for k in [1, 2, 3, 8, 50]:
            for axis in [0, -1]:
                for scale in [0.2, 1.0]:
                    yield (op, {"k": k, "axis": axis}, [scale * randn(4, 6)],
                           lambda x, f=f, k=k, axis=axis: f(x, k, axis))


def layer_cases():
    """The same for the ops that a model's layers are made of."""
    for shape in [(4, 6), (2, 3, 5), (3, 200)]:
        width = shape[-1:]
        for epsilon in [1e-5, 0.1]:
            yield ("layer_norm", {"epsilon": epsilon}, [3 * randn(*shape) + 1, randn(*width), randn(*width)],
                   lambda x, gain, bias, epsilon=epsilon: F.layer_norm(x, gain.shape, gain, bias, epsilon))
            yield ("rms_norm", {"epsilon": epsilon}, [3 * randn(*shape) + 1, randn(*width)],
                   lambda x, gain, epsilon=epsilon: F.rms_norm(x, gain.shape, gain, epsilon))

    def rotary(x, first, base):  # as multiplication of complex numbers
        n, width = x.shape[-2:]
        angles = torch.outer(torch.arange(first, first + n).double(), base ** (-torch.arange(0, width, 2) / width))
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2)

    for first, base, shape in [(0, 10000, (5, 8)), (100, 10000, (2, 3, 4, 6)), (3, 50, (2, 4, 2))]:
        yield ("rotary", {"first_position": first, "base": base}, [randn(*shape)],
               lambda x, first=first, base=base: rotary(x, first, base))

    labels = torch.tensor([[3, -100, 0], [4, 2, -100]])
    for smoothing in [0, 0.1, 1]:
        yield ("cross_entropy", {"labels": array(labels), "label_smoothing": smoothing, "ignored_label": -100},
               [2 * randn(2, 3, 5)],
               lambda z, smoothing=smoothing: F.cross_entropy(z.mT, labels, label_smoothing=smoothing))
    yield ("cross_entropy", {"labels": array(labels % 5), "label_smoothing": 0.2, "ignored_label": 2},
           [2 * randn(2, 3, 5)],
           lambda z: F.cross_entropy(z.mT, labels % 5, label_smoothing=0.2, ignore_index=2))

    def fenchel_young(z, k):
        p = projection(z, k)
        at_label = z.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        losses = (p * z).sum(-1) - p.square().sum(-1) / 2 + 0.5 - at_label
        return losses[labels >= 0].mean()

    for scale in [0.3, 1.0]:
        # k is the whole row: the package's own loss.
        yield ("sparsemax_loss", {"labels": array(labels), "k": 5, "ignored_label": -100}, [scale * randn(2, 3, 5)],
               lambda z: SparsemaxLoss()(z[labels >= 0], labels[labels >= 0]))
        for k in [1, 2, 3]:
            yield ("sparsemax_loss", {"labels": array(labels), "k": k, "ignored_label": -100},
                   [scale * randn(2, 3, 5)], lambda z, k=k: fenchel_young(z, k))


def with_gradients(f, inputs, cotangent=None):
    inputs = [x.detach().requires_grad_() for x in inputs]
    output = f(*inputs)
    cotangent = torch.randn_like(output) if cotangent is None else cotangent
    return output, cotangent, torch.autograd.grad(output, inputs, cotangent)


def op_entry(op, attributes, inputs, f):
    output, cotangent, gradients = with_gradients(f, inputs)
    return {"op": op, "attributes": attributes, "inputs": [array(x) for x in inputs], "output": array(output),
            "cotangent": array(cotangent), "gradients": [array(g) for g in gradients]}


def documented_entry(example, k, values):
    z = torch.tensor(values)
    return {"example": example, "k": k, "input": array(z), "projection": array(projection(z, k)),
            "as_written": array(as_written(z, k)), "topk_softmax": array(topk_softmax(z, k))}


def attention_entry(inputs, cotangent=None):
    names = ["queries", "keys", "values"]

    def attention(queries, keys, values):
        return torch.bmm(projection(torch.bmm(queries, keys.transpose(1, 2)), 2), values)

    output, cotangent, gradients = with_gradients(attention, inputs, cotangent)
    return {"k": 2, **{name: array(x) for name, x in zip(names, inputs)}, "output": array(output),
            "cotangent": array(cotangent), "gradients": {name: array(g) for name, g in zip(names, gradients)}}


def main():
    saved = [torch.from_numpy(np.load(pathlib.Path(sys.argv[1]) / f"{name}.npy")).double()
             for name in ["queries", "keys", "values"]]
    ops = [op_entry(*case) for case in cases()]
    documented = [
        documented_entry(1, 3, [2.0, 1.5, 0.1, -1.0, 3.2, 0.7]),
        documented_entry(2, 2, [[2.0, -0.5], [1.5, -1.0], [0.1, 2.5], [-1.0, 3.0]]),
    ]
    attention = attention_entry([randn(2, 3, 5) for _ in range(3)])
    ops += [op_entry(*case) for case in layer_cases()]  # drawn last, so that the older cases keep their values
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    lines = lambda entries: ",\n".join(compact(entry) for entry in entries)
    text = (f'{{"made_with": "torch {torch.__version__}",\n"ops": [\n{lines(ops)}\n],\n'
            f'"documented": [\n{lines(documented)}\n],\n"attention":\n{compact(attention)},\n'
            f'"example_03":\n{compact(attention_entry(saved, torch.ones(2, 3, 5)))}\n}}\n')
    json.loads(text)
    pathlib.Path(__file__).with_name("golden.json").write_text(text)


if __name__ == "__main__":
    main()
