#!/usr/bin/env python3
"""Writes transformer_block.json beside this file: transformer blocks as PyTorch computes them, in float64.

    pip install torch numpy entmax
    python make_transformer_block.py

Layout, with arrays as in make_golden.py and parameters by Taper's names, weights as (inputs, outputs):

    {"made_with": "torch …",
     "blocks": [{"options": {"width": 8, "heads": 2, "k": 3, "hidden": 6, "causal": true, "rotary": true, "dense": false,
                             "norm": "rms", "bias": true},
                 "x": array, "z": array, "cotangent": array,
                 "parameters": {"norm1.gain": array, …},
                 "gradients": {"x": array, "norm1.gain": array, …}},     d(sum of cotangent * z)
                …]}

The dense blocks are torch.nn.TransformerEncoderLayer(norm_first=True). The sparse ones are composed of torch's linear,
norms and gelu, entmax's sparsemax of the k largest scores, and rotations as products of complex numbers.
"""

import json
import math
import pathlib

import torch
from entmax import sparsemax
from torch import nn
from torch.nn import functional as F

torch.manual_seed(20261124)
torch.set_default_dtype(torch.float64)

WIDTH, HEADS, HIDDEN = 8, 2, 6
DEPTH = WIDTH // HEADS


def array(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def hidden_from(n):
    """True at the places that a position may not look at: those that come later."""
    return torch.ones(n, n, dtype=torch.bool).triu(1)


def encoder_layer(options, x):
    """PyTorch's own block, and its parameters by Taper's names."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, dropout=0, activation="gelu", batch_first=True, norm_first=True)
    for parameter in layer.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    z = layer(x, src_mask=hidden_from(x.shape[1]) if options["causal"] else None)
    attention = layer.self_attn
    parameters = [layer.norm1.weight, layer.norm1.bias, attention.in_proj_weight, attention.in_proj_bias,
                  attention.out_proj.weight, attention.out_proj.bias, layer.norm2.weight, layer.norm2.bias,
                  layer.linear1.weight, layer.linear1.bias, layer.linear2.weight, layer.linear2.bias]

    def named(values):
        gain1, bias1, projections, biases, wo, bo, gain2, bias2, w1, b1, w2, b2 = values
        query, key, value = (w.T for w in projections.chunk(3))
        query_bias, key_bias, value_bias = biases.chunk(3)
        return {"norm1.gain": gain1, "norm1.bias": bias1,
                "attention.query.weight": query, "attention.query.bias": query_bias,
                "attention.key.weight": key, "attention.key.bias": key_bias,
                "attention.value.weight": value, "attention.value.bias": value_bias,
                "attention.output.weight": wo.T, "attention.output.bias": bo,
                "norm2.gain": gain2, "norm2.bias": bias2,
                "mlp.hidden.weight": w1.T, "mlp.hidden.bias": b1, "mlp.output.weight": w2.T, "mlp.output.bias": b2}

    return z, parameters, named


def turned(x):
    """Pairs of the last axis as complex numbers, times e^(i position 10000^(-2j / d))."""
    positions = torch.arange(x.shape[-2]).double()
    angles = positions[:, None] * 10000.0 ** (-torch.arange(0, DEPTH, 2).double() / DEPTH)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], DEPTH // 2, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).reshape(x.shape)


def composed(options, x):
    """A sparse block, and its parameters."""
    names = []
    for linear, inputs, outputs in [("attention.query", WIDTH, WIDTH), ("attention.key", WIDTH, WIDTH),
                                    ("attention.value", WIDTH, WIDTH), ("attention.output", WIDTH, WIDTH),
                                    ("mlp.hidden", WIDTH, HIDDEN), ("mlp.output", HIDDEN, WIDTH)]:
        names.append((f"{linear}.weight", (inputs, outputs)))
        if options["bias"]:
            names.append((f"{linear}.bias", (outputs,)))
    for norm in ["norm1", "norm2"]:
        names.append((f"{norm}.gain", (WIDTH,)))
        if options["norm"] == "layer":
            names.append((f"{norm}.bias", (WIDTH,)))
    p = {name: (0.6 * torch.randn(shape)).requires_grad_() for name, shape in names}

    def linear(name, t):
        return F.linear(t, p[f"{name}.weight"].T, p.get(f"{name}.bias"))

    def norm(name, t):
        if options["norm"] == "rms":
            return F.rms_norm(t, (WIDTH,), p[f"{name}.gain"], 1e-6)
        return F.layer_norm(t, (WIDTH,), p[f"{name}.gain"], p[f"{name}.bias"], 1e-5)

    def heads(t):
        return t.unflatten(-1, (HEADS, DEPTH)).transpose(1, 2)

    normalised = norm("norm1", x)
    q, k, v = (heads(linear(f"attention.{name}", normalised)) for name in ["query", "key", "value"])
    if options["rotary"]:
        q, k = turned(q), turned(k)
    scores = q @ k.mT / math.sqrt(DEPTH)
    if options["causal"]:
        scores = scores.masked_fill(hidden_from(x.shape[1]), -1e9)
    top, where = torch.topk(scores, options["k"], dim=-1)
    probabilities = torch.zeros_like(scores).scatter(-1, where, sparsemax(top, dim=-1))
    y = x + linear("attention.output", (probabilities @ v).transpose(1, 2).flatten(2))
    z = y + linear("mlp.output", F.gelu(linear("mlp.hidden", norm("norm2", y))))
    return z, list(p.values()), lambda values: dict(zip(p, values))


def entry(**changed):
    options = {"width": WIDTH, "heads": HEADS, "k": 3, "hidden": HIDDEN, "causal": False, "rotary": False, "dense": False,
               "norm": "layer", "bias": True, **changed}
    x = torch.randn(2, 5, WIDTH, requires_grad=True)
    z, parameters, named = (encoder_layer if options["dense"] else composed)(options, x)
    cotangent = torch.randn_like(z)
    dx, *gradients = torch.autograd.grad(z, [x, *parameters], cotangent)
    return {"options": options, "x": array(x), "z": array(z), "cotangent": array(cotangent),
            "parameters": {name: array(value) for name, value in named(parameters).items()},
            "gradients": {"x": array(dx), **{name: array(value) for name, value in named(gradients).items()}}}


def main():
    blocks = [entry(dense=True), entry(dense=True, causal=True), entry(causal=True),
              entry(rotary=True, norm="rms", bias=False), entry(causal=True, rotary=True, k=2)]
    path = pathlib.Path(__file__).with_name("transformer_block.json")
    path.write_text(json.dumps({"made_with": f"torch {torch.__version__}", "blocks": blocks}) + "\n")


if __name__ == "__main__":
    main()
