"""Errors of predicted snapshots, of which the metrics are means."""

import torch
from torch import Tensor

from surrogates.evaluation.metrics import exact


def snapshot_nmse(prediction: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the energy of the error over that of the truth, of each antenna and snapshot.

    Parameters
    ----------
    prediction, truth
        Shape (..., sub-carrier), real or complex.
    weight
        Of each cell; all count alike by default.

    Returns
    -------
    Tensor
        Shape (...), float64; NaN where the truth has no energy.
    """
    prediction, truth = exact(prediction), exact(truth)
    counts = torch.ones((), dtype=torch.float64) if weight is None else weight.double()
    error = ((prediction - truth).abs().square() * counts).sum(-1)
    energy = (truth.abs().square() * counts).sum(-1)
    return error / energy.where(energy > 0, torch.nan)
