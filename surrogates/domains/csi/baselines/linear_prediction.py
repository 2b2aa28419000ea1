"""Linear prediction of series that share their coefficients, by least squares on their own past.

A group of series obeys ``h[t] = a[1] h[t - 1] + ... + a[p] h[t - p]``, which every sum of p complex
exponentials does exactly (Prony 1795). Nothing is learned from other examples: each user moves at a speed of
its own.
"""

import torch
from torch import Tensor

SMALLEST = 1e-200
"""Least diagonal of the normal equations, so that a past of zeros is continued by zeros."""


def coefficients(past: Tensor, order: int, ridge: float) -> Tensor:
    """Return the coefficients of each group, (group, order), the last step's first.

    Parameters
    ----------
    past
        Shape (group, time, series), complex128.
    order
        Number of steps that the next one follows from.
    ridge
        Weight of the squared coefficients, in units of the mean diagonal of the normal equations.

    Raises
    ------
    ValueError
        If the past is too short for an equation.
    """
    lags, following = _equations(past, order)
    normal = torch.einsum("gptk,gqtk->gpq", lags.conj(), lags)
    right = torch.einsum("gptk,gtk->gp", lags.conj(), following)
    diagonal = normal.diagonal(dim1=1, dim2=2).real.mean(1)
    damping = (ridge * diagonal).clamp(min=SMALLEST)
    identity = torch.eye(order, dtype=past.dtype, device=past.device)
    return torch.linalg.solve(normal + damping[:, None, None] * identity, right)


def residual_variance(past: Tensor, weights: Tensor) -> Tensor:
    """Return the mean squared error of the prediction by one step within the past, (group,)."""
    lags, following = _equations(past, weights.shape[1])
    error = following - torch.einsum("gp,gptk->gtk", weights, lags)
    return error.abs().square().mean((1, 2))


def roll_out(past: Tensor, weights: Tensor, horizon: int) -> Tensor:
    """Return the steps ahead, each from those before it, (group, horizon, series)."""
    order = weights.shape[1]
    steps = list(past[:, -order:].unbind(1))
    for _ in range(horizon):
        recent = torch.stack(steps[: -order - 1 : -1], dim=1)
        steps.append(torch.einsum("gp,gpk->gk", weights, recent))
    return torch.stack(steps[order:], dim=1)


def _equations(past: Tensor, order: int) -> tuple[Tensor, Tensor]:
    """Return the steps before, (group, lag, equation, series), and the steps, (group, equation, series)."""
    steps = past.shape[1]
    if steps <= order:
        raise ValueError(
            f"a past of {steps} snapshots was found, more than {order} expected for linear prediction of "
            f"order {order}; take a longer history or a lower order"
        )
    lags = [past[:, order - lag : steps - lag] for lag in range(1, order + 1)]
    return torch.stack(lags, dim=1), past[:, order:]
