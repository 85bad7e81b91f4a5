#!/usr/bin/env python3
"""Writes trajectories.json beside this file: how PyTorch's optimizers move the parameters of a small network.

    pip install torch
    python make_trajectories.py

The network is y = tanh(x w1 + b1) w2 + b2, without b1 in every third step (in which b1 has no gradient). Layout, where an
array is {"shape": [2, 3], "values": [six numbers in row-major order]}:

    {"made_with": "torch …",
     "x": array,
     "targets": {"mean_squared_error": array, …},  for each loss of y and a target, by Taper's names
     "start": [w1, b1, w2, b2],               arrays
     "runs": [{"name": "…",
               "loss": "mean_squared_error",
               "delta": 0.5,                  of huber_loss
               "optimizer": "Adam",           Sgd, Adam, AdamW or RmsProp
               "settings": {"beta1": 0.8, …}, by Taper's names
               "factors": [1, 0.1, 1, 0.5],   of each parameter's learning rate; absent: all 1
               "frozen": {"parameters": [0, 1], "from": 20, "to": 60},   in which steps; absent: none
               "schedule": "cosine(…)",       as Taper writes it; absent: "plateau"
               "plateau": {"factor": …},      its options, by Taper's names; it is told the loss of each step
               "max_norm": 0.5,               for clip_gradients; absent: not called
               "average": 0.9,                decay of a moving average of the parameters; absent: none
               "dtype": "float32",
               "rates": [100 numbers],        the learning rate of each step, from torch.optim.lr_scheduler
               "points": [{"step": 1,         after so many steps
                           "norm": 0.5,       what clip_grad_norm_ returned in this step, if called
                           "averages": [w1, b1, w2, b2],                 if asked for
                           "parameters": [w1, b1, w2, b2]}, …]}, …]}
"""

import json
import pathlib

import torch
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop, lr_scheduler, swa_utils

STEPS = 100
POINTS = (1, 2, 10, 100)

torch.manual_seed(20240626)
x, target = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
START = [torch.randn(*shape).div(2).double() for shape in ((3, 4), (4,), (4, 2), (2,))]
# Of the labels of binary cross entropy, the first column is 0 or 1; a row of kl_divergence's has one that is 0.
distribution = torch.where(torch.arange(12).reshape(6, 2) == 5, 0, torch.softmax(target, -1))
TARGETS = {
    "mean_squared_error": target,
    "mean_absolute_error": target,
    "huber_loss": target,
    "binary_cross_entropy_with_logits": torch.stack([(target[:, 0] > 0).double(), torch.sigmoid(target[:, 1])], 1),
    "kl_divergence": distribution / distribution.sum(-1, keepdim=True),
}
# Numbers that float32 holds exactly, so that runs in both dtypes start from the same values.
x, TARGETS = x.float().double(), {name: target.float().double() for name, target in TARGETS.items()}
LOSSES = {
    "mean_squared_error": F.mse_loss,
    "mean_absolute_error": F.l1_loss,
    "huber_loss": lambda y, target: F.huber_loss(y, target, delta=DELTA),
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "kl_divergence": lambda y, target: F.kl_div(torch.log_softmax(y, -1), target, reduction="batchmean"),
}
DELTA = 0.5


def array(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().double().reshape(-1).tolist()}


def constant(optimizer):
    return lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


def cosine_with_warm_up(optimizer):
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    warm_up = lr_scheduler.LinearLR(optimizer, start_factor=1 / 10, end_factor=1, total_iters=9)
    return lr_scheduler.ChainedScheduler([cosine, warm_up])


def torch_names(settings):
    names = {"learning_rate": "lr", "decay": "alpha", "epsilon": "eps"}
    result = {names.get(name, name): value for name, value in settings.items() if name not in ("beta1", "beta2")}
    return result | ({"betas": (settings["beta1"], settings["beta2"])} if "beta1" in settings else {})


def run(dtype, optimizer, settings, schedule="constant(0.05)", scheduler=constant, start=START,
        loss="mean_squared_error", factors=None, frozen=None, plateau=None, max_norm=None, average=None):
    network = torch.nn.ParameterList([tensor.to(dtype).clone() for tensor in start])
    parameters = list(network)
    w1, b1, w2, b2 = parameters
    inputs, wanted = x.to(dtype), TARGETS[loss].to(dtype)
    rate = settings["learning_rate"]
    groups = [{"params": [p], "lr": rate * factor} for p, factor in zip(parameters, factors or (1, 1, 1, 1))]
    kinds = {"Sgd": SGD, "Adam": Adam, "AdamW": AdamW, "RmsProp": RMSprop}
    trained = kinds[optimizer](groups, **torch_names(settings))
    if plateau:
        scheduled = lr_scheduler.ReduceLROnPlateau(
            trained, **{{"last": "min_lr"}.get(name, name): value for name, value in plateau.items()})
    else:
        scheduled = scheduler(trained)
    if average:
        averaged = swa_utils.AveragedModel(network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(average))
    given = {"factors": factors, "frozen": frozen, "plateau": plateau, "max_norm": max_norm, "average": average,
             "delta": DELTA if loss == "huber_loss" else None, "schedule": None if plateau else schedule}
    result = {"loss": loss, "optimizer": optimizer, "settings": settings,
              **{name: value for name, value in given.items() if value is not None},
              "dtype": str(dtype).removeprefix("torch."), "rates": []}
    points, norms = [], []
    for step in range(STEPS):
        for i in frozen["parameters"] if frozen else ():
            parameters[i].requires_grad_(not frozen["from"] <= step < frozen["to"])
        trained.zero_grad()
        product = inputs @ w1
        hidden = torch.tanh(product if step % 3 == 2 else product + b1)
        value = LOSSES[loss](hidden @ w2 + b2, wanted)
        value.backward()
        assert (b1.grad is None) == (step % 3 == 2 or not b1.requires_grad)
        if max_norm:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, max_norm).item())
        result["rates"].append(trained.param_groups[0]["lr"] / (factors or [1])[0])
        trained.step()
        scheduled.step(*([value.item()] if plateau else []))
        if average:
            averaged.update_parameters(network)
        if step + 1 in POINTS:
            points.append({"step": step + 1, **({"norm": norms[-1]} if max_norm else {}),
                           **({"averages": [array(p) for p in averaged.module]} if average else {}),
                           "parameters": [array(parameter) for parameter in parameters]})
    if max_norm:  # both cases occur
        assert min(norms) < 0.9 * max_norm < 1.1 * max_norm < max(norms), (min(norms), max(norms))
    if plateau:  # it is reached several times, and ends at the last rate
        assert len(set(result["rates"])) > 3 and result["rates"][-1] == plateau["last"], result["rates"]
    return result | {"points": points}


ADAM = {"learning_rate": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}
DEFAULT = {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
SGD_005, RMS_PROP = {"learning_rate": 0.05}, {"learning_rate": 0.01, "decay": 0.9, "epsilon": 1e-3}
NESTEROV = {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}
RUNS = {
    "sgd": dict(optimizer="Sgd", settings=SGD_005),
    "momentum": dict(optimizer="Sgd", settings=SGD_005 | {"momentum": 0.9}),
    "nesterov": dict(optimizer="Sgd", settings=NESTEROV),
    "sgd with weight decay": dict(optimizer="Sgd", settings=SGD_005 | {"weight_decay": 0.2}),
    "momentum with weight decay": dict(optimizer="Sgd", settings=SGD_005 | {"momentum": 0.9, "weight_decay": 0.1}),
    "nesterov with weight decay": dict(optimizer="Sgd", settings=NESTEROV | {"weight_decay": 0.1}),
    "adam": dict(optimizer="Adam", settings=ADAM, schedule="constant(0.01)"),
    "adam with the usual settings": dict(optimizer="Adam", settings=DEFAULT, schedule="constant(0.01)"),
    "adamw": dict(optimizer="AdamW", settings=ADAM | {"weight_decay": 0.3}, schedule="constant(0.01)"),
    "rmsprop": dict(optimizer="RmsProp", settings=RMS_PROP, schedule="constant(0.01)"),
    "adam with clipping": dict(optimizer="Adam", settings=ADAM, schedule="constant(0.01)", max_norm=0.5),
    "adam with cosine and warm-up": dict(optimizer="Adam", settings=ADAM, schedule="cosine(0.01, 100, 0).warm_up(10)",
                                         scheduler=cosine_with_warm_up),
    "sgd with cosine": dict(optimizer="Sgd", settings=SGD_005, schedule="cosine(0.05, 100, 0.01)",
                            scheduler=lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.01)),
    "adamw with steps": dict(optimizer="AdamW", settings=ADAM | {"weight_decay": 0.1}, schedule="step(0.01, 30, 0.5)",
                             scheduler=lambda o: lr_scheduler.StepLR(o, 30, 0.5)),
    "momentum with an exponential schedule": dict(
        optimizer="Sgd", settings=SGD_005 | {"momentum": 0.9}, schedule="exponential(0.05, 0.97)",
        scheduler=lambda o: lr_scheduler.ExponentialLR(o, 0.97)),
    "rmsprop on a plateau": dict(optimizer="RmsProp", settings=RMS_PROP,
                                 plateau={"factor": 0.5, "patience": 2, "threshold": 0.2, "last": 0.0005}),
    "adam with rates of their own": dict(optimizer="Adam", settings=ADAM, factors=[1, 0.1, 1, 0.5],
                                         schedule="step(0.01, 30, 0.5)",
                                         scheduler=lambda o: lr_scheduler.StepLR(o, 30, 0.5)),
    "adamw with rates of their own": dict(optimizer="AdamW", settings=ADAM | {"weight_decay": 0.3},
                                          factors=[1, 0.1, 2, 0.5], schedule="constant(0.01)"),
    "momentum with rates of their own": dict(optimizer="Sgd", settings=NESTEROV | {"weight_decay": 0.1},
                                             factors=[1, 0.1, 2, 0.5]),
    "rmsprop with rates of their own": dict(optimizer="RmsProp", settings=RMS_PROP, factors=[1, 0.1, 2, 0.5],
                                            schedule="constant(0.01)"),
    "adam with frozen parameters": dict(optimizer="Adam", settings=ADAM, schedule="constant(0.01)", max_norm=0.25,
                                        frozen={"parameters": [0, 1], "from": 20, "to": 60}),
    "sgd and an average": dict(optimizer="Sgd", settings=SGD_005, average=0.9),
    "mean absolute error": dict(optimizer="Sgd", settings=SGD_005, loss="mean_absolute_error"),
    "huber": dict(optimizer="Sgd", settings=SGD_005, loss="huber_loss"),
    "binary cross entropy": dict(optimizer="Sgd", settings=SGD_005, loss="binary_cross_entropy_with_logits"),
    "kl divergence": dict(optimizer="Sgd", settings=SGD_005, loss="kl_divergence"),
}

runs = [{"name": name, **run(dtype, **arguments)} for dtype in (torch.float64, torch.float32)
        for name, arguments in RUNS.items()]
# If a last digit of float32 grew to more than this, no other library could stay within 1e-6.
for exact, arguments in zip(runs, RUNS.values()):
    moved = run(torch.float64, **arguments, start=[tensor * (1 + 2**-23) for tensor in START])
    assert exact["rates"] == moved["rates"], exact["name"]
    for a, b in zip(exact["points"][-1]["parameters"], moved["points"][-1]["parameters"]):
        growth = max(abs(p - q) / max(1, abs(p)) for p, q in zip(a["values"], b["values"]))
        assert growth < 2e-7, (exact["name"], growth)

everything = {
    "made_with": f"torch {torch.__version__}",
    "x": array(x), "targets": {name: array(target) for name, target in TARGETS.items()},
    "start": [array(tensor) for tensor in START],
    "runs": runs,
}
(pathlib.Path(__file__).parent / "trajectories.json").write_text(json.dumps(everything) + "\n")
