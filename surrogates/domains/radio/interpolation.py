"""Gaussian-process interpolation of a few cells of a map, batched and differentiable."""

import math

import torch
from torch import Tensor


def interpolate(
    values: Tensor, cell: float, length: float, noise: float, *, most: int = 512
) -> tuple[Tensor, Tensor]:
    """Interpolate known cells with an exponential covariance and zero mean.

    Parameters
    ----------
    values
        Shape (batch, y, x); NaN where unknown.
    cell, length
        Side of a cell and correlation length, m.
    noise
        Variance of a value's own noise, relative to that of the field.
    most
        At most this many known cells of a map are used, spread evenly over them.

    Returns
    -------
    mean, deviation
        Posterior mean in the units of the values, and posterior standard deviation relative to that of the
        field: 1 far from every known cell. Both (batch, y, x).

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, (2.25-2.26).
    """
    batch, ny, nx = values.shape
    order, known = known_cells(values, most)
    if order.shape[1] == 0:
        return torch.zeros_like(values), torch.ones_like(values)
    given = torch.where(known, values.flatten(1).gather(1, order), 0.0)
    points = torch.stack([order // nx, order % nx], dim=-1).to(values.dtype) * cell
    rows, columns = (torch.arange(n, device=values.device, dtype=values.dtype) * cell for n in (ny, nx))
    grid = torch.cartesian_prod(rows, columns).expand(batch, -1, -1)
    pairs = known[:, :, None] & known[:, None, :]
    among = torch.where(pairs, torch.exp(torch.cdist(points, points) / -length), 0.0)
    identity = torch.eye(points.shape[1], device=values.device, dtype=values.dtype)
    factor = torch.linalg.cholesky(among * (1 - identity) + identity * (1.0 + noise))
    towards = torch.exp(torch.cdist(points, grid) / -length) * known.unsqueeze(-1)
    weights = torch.cholesky_solve(given.unsqueeze(-1), factor)
    mean = (towards * weights).sum(1)
    explained = torch.linalg.solve_triangular(factor, towards, upper=False).square().sum(1)
    deviation = (1.0 - explained).clamp(min=0.0).sqrt()
    return mean.view(batch, ny, nx), deviation.view(batch, ny, nx)


def known_cells(values: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return flat indices of the known cells of each map, padded to the longest, and which are no padding."""
    finite = values.flatten(1).isfinite()
    counts = finite.sum(1)
    longest = int(counts.max())
    order = finite.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :longest]
    known = torch.arange(longest, device=values.device) < counts[:, None]
    if longest > most:
        stride = math.ceil(longest / most)
        order, known = order[:, ::stride], known[:, ::stride]
    return order, known
