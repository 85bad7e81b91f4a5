#!/usr/bin/env python3
"""Writes entmax.json beside this file: entmax and its loss by bisection with 80 digits, and as the package entmax computes them.

    pip install torch numpy mpmath entmax==1.3
    python make_entmax.py

Layout, where an array is {"shape": [2, 3], "values": [six numbers in row-major order]}; each row is a case of its own:

    {"made_with": "torch …, entmax …, mpmath …",
     "entmax": [{"alpha": 1.5, "k": 3,       k may be larger than a row
                 "input": array,             z
                 "output": array,            p
                 "cotangent": array,         v
                 "gradient": array,          of v . p by z
                 "direction": array,         w
                 "second": array,            of w . gradient by z
                 "package": {"output": array, "gradient": array}},    only if k does not bind
                …],
     "losses": [{"alpha": 1.5, "k": 3, "input": array, "target": array,
                 "output": number, "gradient": array,
                 "package": number},         only if k does not bind, the target is one label a row, and alpha 1.5 or 2
                …]}

p maximises p . z + H(p), and a loss is the mean over rows of that maximum less q . z + H(q). Derivatives are central
differences in steps of 1e-20: no formula of a derivative stands here.
"""

import json
import pathlib

import entmax
import mpmath
import numpy as np
import torch
from mpmath import mpf

mpmath.mp.dps = 80
STEP = mpf(10) ** -20
NO_LIMIT = 1000
random = np.random.default_rng(20261130)


def array(values):
    values = np.asarray(values, dtype=float)
    return {"shape": list(values.shape), "values": values.reshape(-1).tolist()}


def solve(z, alpha, k):
    """entmax of one row, of mpf: the threshold tau in p_i = max(0, (alpha - 1) z_i - tau)^(1 / (alpha - 1)) by bisection."""
    chosen = sorted(range(len(z)), key=lambda i: -z[i])[:k]
    slope = mpf(alpha) - 1
    if slope == 0:
        total = sum(mpmath.exp(z[i]) for i in chosen)
        return [mpmath.exp(z[i]) / total if i in chosen else mpf(0) for i in range(len(z))]
    x = {i: slope * z[i] for i in chosen}
    low, high = max(x.values()) - 1, max(x.values())
    for _ in range(270):
        tau = (low + high) / 2
        total = sum((x[i] - tau) ** (1 / slope) for i in chosen if x[i] > tau)
        low, high = (tau, high) if total > 1 else (low, tau)
    return [(x[i] - high) ** (1 / slope) if i in chosen and x[i] > high else mpf(0) for i in range(len(z))]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b)), mpf(0))


def slope_of(f, z, w):
    """The derivative of f at z along w."""
    return (f([a + STEP * b for a, b in zip(z, w)]) - f([a - STEP * b for a, b in zip(z, w)])) / (2 * STEP)


def gradient(f, z):
    return [slope_of(f, z, [mpf(int(i == j)) for j in range(len(z))]) for i in range(len(z))]


def entropy(p, alpha):
    if alpha == 1:
        return -sum(x * mpmath.log(x) for x in p if x > 0)
    return sum(x - x ** mpf(alpha) for x in p if x > 0) / (mpf(alpha) * (mpf(alpha) - 1))


def rows_of(z):
    return [[mpf(float(x)) for x in row] for row in z]


def package_entmax(z, alpha, v):
    z = torch.tensor(z, requires_grad=True)
    p = entmax.entmax15(z) if alpha == 1.5 else entmax.entmax_bisect(z, alpha, n_iter=100)
    p.backward(torch.tensor(v))
    return {"output": array(p.detach()), "gradient": array(z.grad)}


def entmax_case(alpha, k, z):
    v, w = random.standard_normal(z.shape), random.standard_normal(z.shape)
    p, first, second = [], [], []
    for row, cotangent, direction in zip(rows_of(z), rows_of(v), rows_of(w)):
        def weighted(x, cotangent=cotangent):
            return dot(cotangent, solve(x, alpha, k))
        p.append(solve(row, alpha, k))
        first.append(gradient(weighted, row))
        second.append(gradient(lambda x, f=weighted, w=direction: slope_of(f, x, w), row))
    case = {"alpha": alpha, "k": k, "input": array(z), "output": array(p), "cotangent": array(v),
            "gradient": array(first), "direction": array(w), "second": array(second)}
    if k >= z.shape[1]:
        case["package"] = package_entmax(z, alpha, v)
    return case


def loss_case(alpha, k, z, q):
    n = len(z)
    total, slopes = mpf(0), []
    for row, target in zip(rows_of(z), rows_of(q)):
        def loss(x, target=target):
            p = solve(x, alpha, k)
            return (dot(p, x) + entropy(p, alpha) - dot(target, x) - entropy(target, alpha)) / n
        total += loss(row)
        slopes.append(gradient(loss, row))
    case = {"alpha": alpha, "k": k, "input": array(z), "target": array(q), "output": float(total), "gradient": array(slopes)}
    package = {1.5: entmax.entmax15_loss, 2: entmax.sparsemax_loss}
    if k >= z.shape[1] and q.max() == q.sum(1).min() == 1 and alpha in package:
        case["package"] = package[alpha](torch.tensor(z), torch.tensor(q).argmax(1)).mean().item()
    return case


cases = [entmax_case(alpha, k, scale * random.standard_normal(shape))
         for alpha in (1.05, 1.25, 1.5, 1.75, 1.9)
         for k, scale, shape in ((NO_LIMIT, 0.3, (2, 9)), (NO_LIMIT, 1.5, (2, 6)), (3, 0.5, (2, 6)))]
losses = []
for alpha in (1, 1.25, 1.5, 1.75, 2):
    for k, n in ((NO_LIMIT, 6), (3, 6), (1, 4)):
        z = random.standard_normal((3, n))
        losses.append(loss_case(alpha, k, z, np.eye(n)[random.integers(n, size=3)]))
    q = random.dirichlet(np.ones(5), size=3)
    q[0, :2], q[1, 2:] = 0, 0
    losses.append(loss_case(alpha, NO_LIMIT, random.standard_normal((3, 5)), q / q.sum(1, keepdims=True)))

versions = f"torch {torch.__version__}, entmax {entmax.__version__}, mpmath {mpmath.__version__}"
text = json.dumps({"made_with": versions, "entmax": cases, "losses": losses})
pathlib.Path(__file__).with_name("entmax.json").write_text(text.replace('}, {"alpha"', '},\n{"alpha"') + "\n")
