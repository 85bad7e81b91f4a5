#!/usr/bin/env python3
"""Writes trajectories.json beside this file: how PyTorch's optimizers move the parameters of a small network.

    pip install torch
    python make_trajectories.py

The network is y = tanh(x w1 + b1) w2 + b2, without b1 in every third step (in which b1 has no gradient). The loss is the
mean of (y - target)^2. Layout, where an array is {"shape": [2, 3], "values": [six numbers in row-major order]}:

    {"made_with": "torch …",
     "x": array, "target": array,
     "start": [w1, b1, w2, b2],               arrays
     "runs": [{"name": "…",
               "optimizer": "Adam",           Sgd, Adam or AdamW
               "settings": {"beta1": 0.8, …}, by Taper's names
               "schedule": "cosine(…)",       as Taper writes it
               "max_norm": 0.5,               for clip_gradients; absent: not called
               "dtype": "float32",
               "rates": [100 numbers],        the learning rate of each step, from torch.optim.lr_scheduler
               "points": [{"step": 1,         after so many steps
                           "norm": 0.5,       what clip_grad_norm_ returned in this step, if called
                           "parameters": [w1, b1, w2, b2]}, …]}, …]}
"""

import json
import pathlib

import torch
from torch.optim import SGD, Adam, AdamW, lr_scheduler

STEPS = 100
POINTS = (1, 2, 10, 100)

torch.manual_seed(20240626)
x, target = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
# Numbers that float32 holds exactly, so that runs in both dtypes start from the same values.
x, target = x.float().double(), target.float().double()
START = [torch.randn(*shape).div(2).double() for shape in ((3, 4), (4,), (4, 2), (2,))]


def array(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().double().reshape(-1).tolist()}


def constant(optimizer):
    return lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


def cosine_with_warm_up(optimizer):
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    warm_up = lr_scheduler.LinearLR(optimizer, start_factor=1 / 10, end_factor=1, total_iters=9)
    return lr_scheduler.ChainedScheduler([cosine, warm_up])


def torch_names(settings):
    names = {k: v for k, v in settings.items() if k not in ("learning_rate", "beta1", "beta2", "epsilon")}
    names["lr"] = settings["learning_rate"]
    if "beta1" in settings:
        names |= {"betas": (settings["beta1"], settings["beta2"]), "eps": settings["epsilon"]}
    return names


def run(dtype, optimizer, settings, schedule, scheduler, max_norm=None, start=START):
    parameters = [tensor.to(dtype).clone().detach().requires_grad_() for tensor in start]
    w1, b1, w2, b2 = parameters
    inputs, wanted = x.to(dtype), target.to(dtype)
    trained = {"Sgd": SGD, "Adam": Adam, "AdamW": AdamW}[optimizer](parameters, **torch_names(settings))
    scheduled = scheduler(trained)
    result = {"optimizer": optimizer, "settings": settings, "schedule": schedule,
              **({"max_norm": max_norm} if max_norm else {}), "dtype": str(dtype).removeprefix("torch."), "rates": []}
    points, norms = [], []
    for step in range(STEPS):
        trained.zero_grad()
        product = inputs @ w1
        hidden = torch.tanh(product if step % 3 == 2 else product + b1)
        (hidden @ w2 + b2 - wanted).square().mean().backward()
        assert (b1.grad is None) == (step % 3 == 2)
        if max_norm:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, max_norm).item())
        result["rates"].append(trained.param_groups[0]["lr"])
        trained.step()
        scheduled.step()
        if step + 1 in POINTS:
            points.append({"step": step + 1, **({"norm": norms[-1]} if max_norm else {}),
                           "parameters": [array(parameter) for parameter in parameters]})
    if max_norm:  # both cases occur
        assert min(norms) < 0.9 * max_norm < 1.1 * max_norm < max(norms), (min(norms), max(norms))
    return result | {"points": points}


ADAM = {"learning_rate": 0.01, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}
DEFAULT = {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
RUNS = {
    "sgd": ("Sgd", {"learning_rate": 0.05}, "constant(0.05)", constant),
    "momentum": ("Sgd", {"learning_rate": 0.05, "momentum": 0.9}, "constant(0.05)", constant),
    "nesterov": ("Sgd", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}, "constant(0.05)", constant),
    "adam": ("Adam", ADAM, "constant(0.01)", constant),
    "adam with the usual settings": ("Adam", DEFAULT, "constant(0.01)", constant),
    "adamw": ("AdamW", ADAM | {"weight_decay": 0.3}, "constant(0.01)", constant),
    "adam with clipping": ("Adam", ADAM, "constant(0.01)", constant, 0.5),
    "adam with cosine and warm-up": ("Adam", ADAM, "cosine(0.01, 100, 0).warm_up(10)", cosine_with_warm_up),
    "sgd with cosine": ("Sgd", {"learning_rate": 0.05}, "cosine(0.05, 100, 0.01)",
                        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=0.01)),
    "adamw with steps": ("AdamW", ADAM | {"weight_decay": 0.1}, "step(0.01, 30, 0.5)",
                         lambda optimizer: lr_scheduler.StepLR(optimizer, 30, 0.5)),
}

runs = [{"name": name, **run(dtype, *arguments)} for dtype in (torch.float64, torch.float32)
        for name, arguments in RUNS.items()]
# If a last digit of float32 grew to more than this, no other library could stay within 1e-6.
for exact, arguments in zip(runs, RUNS.values()):
    moved = run(torch.float64, *arguments, start=[tensor * (1 + 2**-23) for tensor in START])
    for a, b in zip(exact["points"][-1]["parameters"], moved["points"][-1]["parameters"]):
        growth = max(abs(p - q) / max(1, abs(p)) for p, q in zip(a["values"], b["values"]))
        assert growth < 2e-7, (exact["name"], growth)

everything = {
    "made_with": f"torch {torch.__version__}",
    "x": array(x), "target": array(target), "start": [array(tensor) for tensor in START],
    "runs": runs,
}
(pathlib.Path(__file__).parent / "trajectories.json").write_text(json.dumps(everything) + "\n")
