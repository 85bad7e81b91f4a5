"""The projection that Taper calls sparse_softmax, in PyTorch's tensor operations: what its users would write today."""

import torch


def top_k_projection(z: torch.Tensor, ranks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The probabilities of the k largest elements along the last axis, and their places. `ranks` is 1, 2, …, k."""
    largest, indices = z.topk(ranks.numel(), dim=-1)
    return project(largest, ranks), indices


def project(largest: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """The projection of elements in descending order onto the simplex."""
    sums = largest.cumsum(-1)
    support = (1 + ranks * largest > sums).sum(-1, keepdim=True)
    tau = (sums.gather(-1, support - 1) - 1) / support
    return (largest - tau).clamp_min(0)


def sparse_softmax(z: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """The same probabilities in rows as long as z's, with exact zeros elsewhere."""
    probabilities, indices = top_k_projection(z, ranks)
    return torch.zeros_like(z).scatter(-1, indices, probabilities)
