#!/usr/bin/env python3
"""Writes loss_samples.safetensors beside this file: what PyTorch's own tests give its losses, and what comes out, in float64.

    pip install torch numpy expecttest
    python make_loss_samples.py

Samples and layout are those of make_op_samples.py. Taper's losses are means, so that a sample whose reduction is another one,
or which has weights, is left out; special values stand beside ordinary ones.
"""

import pathlib

import torch
from make_op_samples import SPECIAL, called, write

F = torch.nn.functional


def elementwise(f, **numbers):
    """A loss of two tensors; `numbers` are its other arguments and their defaults."""
    def take(s):
        a = called(s, "target", "reduction", *numbers, reduction="mean", **numbers)
        target = a.pop("target")
        assert a.pop("reduction") == "mean"
        return [s.input, target], a, lambda x, y: f(x, y, **a)
    return take


def kl_divergence(s):
    """Taper's rows are all axes but the last, and a vector is one row."""
    a = called(s, "target", "reduction", "log_target", reduction="mean", log_target=False)
    assert a["reduction"] == "batchmean" and not a["log_target"]
    rows = s.input.numel() // s.input.shape[-1]
    return [s.input, a["target"]], {}, lambda x, y: F.kl_div(x, y, reduction="sum") / rows


def cross_entropy(s):
    """PyTorch has the classes on axis 1, Taper on the last."""
    a = called(s, "target", "reduction", "ignore_index", reduction="mean", ignore_index=-100)
    labels = a["target"]
    assert a["reduction"] == "mean" and labels.dtype == torch.int64
    arguments = {"labels": {"shape": list(labels.shape), "values": labels.flatten().tolist()},
                 "ignored_label": a["ignore_index"], "label_smoothing": 0.1 * (labels.dim() - 1)}
    return [s.input.movedim(1, -1)], arguments, lambda x: F.cross_entropy(
        x.movedim(-1, 1), labels, ignore_index=a["ignore_index"], label_smoothing=arguments["label_smoothing"])


def special(f, target):
    x = torch.tensor(SPECIAL, dtype=torch.float64)
    return [x, torch.full_like(x, target)], {}, f


LOSSES = {
    "mean_squared_error": ("nn.functional.mse_loss", elementwise(F.mse_loss)),
    "mean_absolute_error": ("nn.functional.l1_loss", elementwise(F.l1_loss)),
    "huber_loss": ("nn.functional.huber_loss", elementwise(F.huber_loss, delta=1.0)),
    "binary_cross_entropy_with_logits": ("nn.functional.binary_cross_entropy_with_logits",
                                         elementwise(F.binary_cross_entropy_with_logits)),
    "kl_divergence": ("nn.functional.kl_div", kl_divergence),
    "cross_entropy": ("nn.functional.cross_entropy", cross_entropy),
}
SPECIAL_SAMPLES = {
    "mean_squared_error": [special(F.mse_loss, 0.5)],
    "mean_absolute_error": [special(F.l1_loss, 0.5)],
    "huber_loss": [special(F.huber_loss, 0.5)],
    "binary_cross_entropy_with_logits": [special(F.binary_cross_entropy_with_logits, y) for y in (0.0, 0.5, 1.0)],
}

if __name__ == "__main__":
    write(pathlib.Path(__file__).with_name("loss_samples.safetensors"), LOSSES, SPECIAL_SAMPLES)
