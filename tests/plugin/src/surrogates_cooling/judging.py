"""What the network is compared with, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Baseline, Metric, Statistics, Totals


class Newton(Baseline):
    """Newton's law itself, T = T_room + (T_start - T_room) exp(-t / time constant).

    Parameters
    ----------
    context
        Of the data.
    ambient
        Temperature of the room, K.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"ambient": Scalar("K")}

    def __init__(self, context: Context, ambient: float) -> None:
        self._ambient = ambient
        self._time = torch.tensor(context.field("time", "s"))

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the temperature."""
        start, time_constant = inputs["start"][:, None], inputs["time_constant"][:, None]
        left = torch.exp(-self._time.to(start) / time_constant)
        return {"temperature": self._ambient + (start - self._ambient) * left}


@dataclass(frozen=True)
class Warming(Metric):
    """Share of the steps at which a body warms up by itself, which the second law forbids."""

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        """Return the number of steps, and of those that warm."""
        counts = (weight[:, 1:] > 0) & (weight[:, :-1] > 0)
        rise = prediction.double().diff(dim=1)
        warms = (rise > 0) + 0 * rise  # NaN stays NaN: what is unknown neither warms nor cools
        return {"steps": counts.double().sum(1), "warming": torch.where(counts, warms, 0.0).sum(1)}

    def combine(self, totals: Totals) -> np.ndarray:
        """Return the share."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(totals["warming"] / totals["steps"])

    def units(self, units: str) -> str:
        """Return one: a share."""
        return "1"
