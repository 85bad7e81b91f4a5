#!/usr/bin/env python3
"""Writes op_samples.safetensors beside this file: what PyTorch's own tests give its ops, and what comes out, in float64.

    pip install torch numpy expecttest
    python make_op_samples.py

The samples are those of torch.testing._internal.common_methods_invocations.op_db, of at most 250 elements, and of the first 40
elements if the op works element by element; for functions of one tensor special values besides. The file's metadata "samples" is JSON, a list of

    {"name": "clamp/3",             of its tensors, which are called
                                        clamp/3/input0, …      the inputs that are differentiated
                                        clamp/3/output
                                        clamp/3/cotangent      v, of the output's shape
                                        clamp/3/gradient0, …   g_i = d(sum of v * output)/d(input i)
                                        clamp/3/weight0, …     w_i, of the inputs' shapes
                                        clamp/3/second0, …     d(sum of w_j * g_j over all j)/d(input i)
     "op": "clamp",                 in Taper
     "arguments": {"low": 0.5}}     those that are not tensors

An op without a gradient (a comparison, argmax) has input and output only.
"""

import json
import pathlib
import struct
from itertools import chain

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db

LARGEST = 250  # elements of a tensor
FEW = 40  # of one in an op that works element by element
MOST = 6  # samples of an op, of different shapes and arguments
SPECIAL = [0.0, -0.0, 5e-324, 1e-300, 1.0, -1.0, 20.0, -20.0, 1e20, -1e20, 1e155, -1e155,
           float("inf"), float("-inf"), float("nan")]


def axes_of(x, dim):
    """The axes that a reduction takes in PyTorch, all of them if none are named."""
    if dim is None or dim == () or x.dim() == 0:  # PyTorch lets a number have an axis 0
        return list(range(x.dim()))
    return list(dim) if isinstance(dim, (tuple, list)) else [dim]


def called(sample, *names, **defaults):
    """The arguments after the input by name, whether a sample gives them by place or by name."""
    given = dict(zip(names, sample.args)) | sample.kwargs
    if unknown := set(given) - set(names):
        raise KeyError(f"unknown arguments {unknown}")
    return defaults | given


def few(x):
    """Some of the elements, in an op that takes each by itself."""
    return x.flatten()[:FEW] if x.numel() > FEW else x


def unary(f):
    def take(s):
        assert not s.args and s.kwargs.get("approximate") != "tanh"
        return [few(s.input)], {}, f
    return take


def binary(f):
    def take(s):
        (b,) = s.args
        assert not s.kwargs and isinstance(b, torch.Tensor)
        return [s.input, b], {}, f
    return take


def number(name, given, **defaults):
    """Ops of one tensor and numbers: `given` maps PyTorch's names to Taper's."""
    def take(s):
        a = called(s, *given, **defaults)
        f = getattr(torch.nn.functional, name, None) or getattr(torch, name)
        assert all(isinstance(x, (int, float)) for x in a.values())
        return [few(s.input)], {given[k]: v for k, v in a.items()}, lambda x: f(x, **a)
    return take


def reduction(f):
    def take(s):
        a = called(s, "dim", "keepdim", dim=None, keepdim=False)
        axes, keep = axes_of(s.input, a["dim"]), a["keepdim"]
        return [s.input], {"axes": axes, "keepdims": keep}, lambda x: f(x, dim=tuple(axes), keepdim=keep)
    return take


def clamp(s):
    """Its samples' bounds are tensors; Taper's are numbers."""
    assert s.args and s.args[0] is not None and s.input.numel()
    low, high = -0.5, 0.75
    return [few(s.input)], {"low": low, "high": high}, lambda x: torch.clamp(x, low, high)


def variance(f):
    def take(s):
        a = called(s, "dim", "correction", "keepdim", "unbiased", dim=None, correction=1, keepdim=False)
        if isinstance(a["dim"], bool):
            a["dim"], a["unbiased"] = None, a["dim"]
        if "unbiased" in a:
            a["correction"] = int(a["unbiased"])
        axes, keep, correction = axes_of(s.input, a["dim"]), a["keepdim"], a["correction"]
        assert correction is not None
        return ([s.input], {"axes": axes, "keepdims": keep, "correction": correction},
                lambda x: f(x, dim=tuple(axes), keepdim=keep, correction=correction))
    return take


def norm(s):
    a = called(s, "ord", "dim", "keepdim", "dtype", ord=2, dim=None, keepdim=False, dtype=None)
    assert a["ord"] == 2 and a["dtype"] is None
    axes, keep = axes_of(s.input, a["dim"]), a["keepdim"]
    return ([s.input], {"axes": axes, "keepdims": keep},
            lambda x: torch.linalg.vector_norm(x, dim=tuple(axes), keepdim=keep))


def along(f):
    """Ops along one axis."""
    def take(s):
        axis = called(s, "dim")["dim"]
        assert s.input.dim() or f is torch.unsqueeze
        return [s.input], {"axis": axis}, lambda x: f(x, axis)
    return take


def prod(s):
    a = called(s, "dim", "keepdim", "dtype", dim=None, keepdim=False, dtype=None)
    assert a["dtype"] is None
    axes, keep = axes_of(s.input, a["dim"]), a["keepdim"]
    f = (lambda x: torch.prod(x)) if a["dim"] is None else lambda x: torch.prod(x, a["dim"], keepdim=keep)
    return [s.input], {"axes": axes, "keepdims": keep}, f


def stack(s):
    a = called(s, "dim", dim=0)
    return list(s.input), {"axis": a["dim"]}, lambda *x: torch.stack(x, a["dim"])


def split(s):
    a = called(s, "sizes", "dim", dim=0)
    parts = [part.shape[a["dim"]] for part in torch.split(s.input, a["sizes"], a["dim"])]
    last = len(parts) - 1
    return [s.input], {"sizes": parts, "axis": a["dim"], "part": last}, lambda x: torch.split(x, parts, a["dim"])[last]


def squeeze(s):
    a = called(s, "dim", dim=None)
    axes = [axis for axis in axes_of(s.input, a["dim"]) if s.input.dim() and s.input.shape[axis] == 1]
    return [s.input], {"axes": axes}, lambda x: x.squeeze(tuple(axes))


def shifted(f):
    def take(s):
        a = called(s, "diagonal", diagonal=0)
        return [s.input], a, lambda x: f(x, a["diagonal"])
    return take


def permuted(f):
    def take(s):
        axes = list(s.args[0]) if s.args and isinstance(s.args[0], (tuple, list)) else list(s.args) or list(s.kwargs["dims"])
        return [s.input], {"axes": axes}, lambda x: f(x, tuple(axes))
    return take


def pad(s):
    a = called(s, "pad", "mode", "value", mode="constant", value=0.0)
    assert a["mode"] == "constant" and min(a["pad"]) >= 0
    pairs = [list(a["pad"][i:i + 2]) for i in range(0, len(a["pad"]), 2)][::-1]  # Taper begins with the first axis
    pairs = [[0, 0]] * (s.input.dim() - len(pairs)) + pairs
    value = float(a["value"] or 0)
    return [s.input], {"widths": pairs, "value": value}, lambda x: torch.nn.functional.pad(x, list(a["pad"]), value=value)


def arg(f):
    def take(s):
        a = called(s, "dim", "keepdim", dim=None, keepdim=False)
        assert a["dim"] is not None and s.input.dim()
        return [s.input], {"axis": a["dim"]}, lambda x: f(x, a["dim"]).double()
    return take


def top_k(s):
    a = called(s, "k", "dim", "largest", "sorted", dim=-1, largest=True, sorted=True)
    assert a["largest"] and s.input.dim()
    return [s.input], {"k": a["k"], "axis": a["dim"]}, lambda x: torch.topk(x, a["k"], a["dim"]).values


def sort(s):
    a = called(s, "dim", "descending", "stable", dim=-1, descending=False, stable=False)
    assert s.input.dim()
    return ([s.input], {"axis": a["dim"], "descending": bool(a["descending"])},
            lambda x: torch.sort(x, dim=a["dim"], descending=bool(a["descending"])).values)


def pair(value):
    """[height, width] of an argument that may be one number, or a list of one."""
    values = [value] * 2 if isinstance(value, int) else list(value)
    return values * (3 - len(values))


def conv2d(s):
    weight, bias = (list(s.args) + [None])[:2]
    a = called(s, "weight", "bias", "stride", "padding", "dilation", "groups", bias=None, stride=1, padding=0, dilation=1,
               groups=1)
    assert s.input.dim() == 4 and a["padding"] != "same"
    a = {"stride": pair(a["stride"]), "padding": pair(0 if a["padding"] == "valid" else a["padding"]),
         "dilation": pair(a["dilation"]), "groups": a["groups"]}
    inputs = [s.input[:1], weight] + ([] if bias is None else [bias])
    return inputs, a, lambda x, w, b=None: F.conv2d(x, w, b, **a)


def max_pool2d(s):
    a = called(s, "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices", stride=None, padding=0,
               dilation=1, ceil_mode=False, return_indices=False)
    assert pair(a["dilation"]) == [1, 1] and not a["ceil_mode"] and not a["return_indices"]
    a = {"size": pair(a["kernel_size"]), "stride": pair(a["stride"] or a["kernel_size"]), "padding": pair(a["padding"])}
    return [s.input], a, lambda x: F.max_pool2d(x, *a.values())


def avg_pool2d(s):
    a = called(s, "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override", stride=None,
               padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)
    # The mean is Taper's also if the sample's sum is divided by something else or its windows may jut out.
    a = {"size": pair(a["kernel_size"]), "stride": pair(a["stride"] or a["kernel_size"]), "padding": pair(a["padding"])}
    return [s.input], a, lambda x: F.avg_pool2d(x, *a.values())


def batch_norm(s):
    a = called(s, "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps",
               weight=None, bias=None, training=False, momentum=0.1, eps=1e-5)
    assert a["training"] and s.input.dim() > 1 and s.input.numel() > s.input.shape[1]
    channels = s.input.shape[1]
    gain, bias = (torch.full((channels,), fill, dtype=s.input.dtype) if given is None else given
                  for given, fill in ((a["weight"], 1.0), (a["bias"], 0.0)))
    return ([s.input, gain, bias], {"epsilon": a["eps"]},
            lambda x, gain, bias: F.batch_norm(x, None, None, gain, bias, True, 0.1, a["eps"]))


F = torch.nn.functional
UNARY = {name: (name, getattr(torch, name)) for name in
         ("abs", "sin", "cos", "erf", "log1p", "expm1", "exp", "log", "neg", "sigmoid", "sqrt", "square", "tanh")}
UNARY |= {"relu": ("nn.functional.relu", F.relu), "gelu": ("nn.functional.gelu", F.gelu), "silu": ("nn.functional.silu", F.silu),
          "log_sigmoid": ("nn.functional.logsigmoid", F.logsigmoid),
          # PyTorch's own goes over to x above a threshold.
          "softplus": ("nn.functional.softplus", lambda x: torch.logaddexp(x, torch.zeros_like(x)))}
OPS = {op: (name, unary(f)) for op, (name, f) in UNARY.items()} | {
    "elu": ("nn.functional.elu", number("elu", {"alpha": "alpha"})),
    "leaky_relu": ("nn.functional.leaky_relu", number("leaky_relu", {"negative_slope": "slope"})),
    "batch_norm": ("nn.functional.batch_norm", batch_norm),
    "clamp": ("clamp", clamp),
    "minimum": ("minimum", binary(torch.minimum)),
    "maximum": ("maximum", binary(torch.maximum)),
    "min": ("amin", reduction(torch.amin)),
    "max": ("amax", reduction(torch.amax)),
    "logsumexp": ("logsumexp", reduction(torch.logsumexp)),
    "var": ("var", variance(torch.var)),
    "stddev": ("std", variance(torch.std)),
    "norm": ("linalg.vector_norm", norm),
    "prod": ("prod", prod),
    "cumsum": ("cumsum", along(torch.cumsum)),
    "stack": ("stack", stack),
    "split": ("split", split),
    "squeeze": ("squeeze", squeeze),
    "unsqueeze": ("unsqueeze", along(torch.unsqueeze)),
    "permute": ("permute", permuted(torch.permute)),
    "flip": ("flip", permuted(torch.flip)),
    "pad": ("nn.functional.pad", pad),
    "triu": ("triu", shifted(torch.triu)),
    "tril": ("tril", shifted(torch.tril)),
    "top_k": ("topk", top_k),
    "sort": ("sort", sort),
    "argmax": ("argmax", arg(torch.argmax)),
    "argmin": ("argmin", arg(torch.argmin)),
    "conv2d": ("nn.functional.conv2d", conv2d),
    "max_pool2d": ("nn.functional.max_pool2d", max_pool2d),
    "avg_pool2d": ("nn.functional.avg_pool2d", avg_pool2d),
} | {op: (name, binary(lambda a, b, f=getattr(torch, name): f(a, b).double()))
     for op, name in {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
                      "greater_equal": "ge"}.items()}


def samples_of(op, name, take):
    """Yields (inputs, arguments, function) of the samples of PyTorch's op `name` that fit."""
    seen, skipped = set(), 0
    for info in op_db:
        if info.name != name:
            continue
        for sample in info.sample_inputs("cpu", torch.float64, requires_grad=False):
            try:
                inputs, arguments, f = take(sample)
            except (AssertionError, KeyError, TypeError, ValueError):
                skipped += 1
                continue
            key = repr(([tuple(x.shape) for x in inputs], arguments))
            if key in seen or any(x.numel() > LARGEST or x.is_complex() for x in inputs) or len(seen) == MOST:
                continue
            seen.add(key)
            yield [x.detach().clone().contiguous() for x in inputs], arguments, f
    print(f"{op}: {len(seen)} samples, {skipped} with arguments that Taper's op does not have", flush=True)


def zero_if_none(gradients, inputs):
    return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, inputs)]


def write(path, ops, special):
    """`ops` are Taper's names with PyTorch's and what makes a sample of its sample; `special` has further samples of some."""
    torch.manual_seed(20261130)
    tensors, listed = {}, []
    for op, (theirs, take) in ops.items():
        for place, (inputs, arguments, f) in enumerate(chain(samples_of(op, theirs, take), special.get(op, ()))):
            name = f"{op}/{place}"
            listed.append({"name": name, "op": op, "arguments": arguments})
            xs = [x.requires_grad_() for x in inputs]
            y = f(*xs)
            of_sample = {f"input{i}": x for i, x in enumerate(xs)} | {"output": y}
            if y.requires_grad:
                v = torch.randn_like(y)
                g = zero_if_none(torch.autograd.grad(y, xs, v, create_graph=True, allow_unused=True), xs)
                w = [torch.randn_like(x) for x in xs]
                total = sum((a * b).sum() for a, b in zip(w, g))
                second = [None] * len(xs)
                if total.requires_grad:
                    second = torch.autograd.grad(total, xs, allow_unused=True)
                of_sample["cotangent"] = v
                for i, (a, b, c) in enumerate(zip(g, w, zero_if_none(second, xs))):
                    of_sample |= {f"gradient{i}": a, f"weight{i}": b, f"second{i}": c}
            for what, x in of_sample.items():
                assert x.dtype == torch.float64, (name, what, x.dtype)
                tensors[f"{name}/{what}"] = x.detach().numpy(force=True)
    save(path, tensors, {"made_with": f"torch {torch.__version__}", "samples": json.dumps(listed)})
    print(f"{len(listed)} samples, {path.stat().st_size} bytes")


def save(path, tensors, metadata):
    """The format of the package safetensors, which is not needed for this."""
    header, offset = {"__metadata__": metadata}, 0
    for name, x in tensors.items():
        header[name] = {"dtype": "F64", "shape": list(x.shape), "data_offsets": [offset, offset + x.nbytes]}
        offset += x.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for x in tensors.values():
            file.write(numpy.ascontiguousarray(x).tobytes())


if __name__ == "__main__":
    special_inputs = [torch.tensor(SPECIAL, dtype=torch.float64)]
    functions = {op: f for op, (_, f) in UNARY.items()} | {"elu": F.elu, "leaky_relu": F.leaky_relu}
    write(pathlib.Path(__file__).with_name("op_samples.safetensors"), OPS,
          {op: [(special_inputs, {}, f)] for op, f in functions.items()})
