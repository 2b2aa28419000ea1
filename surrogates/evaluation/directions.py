"""Scores of directions, whose errors are taken the shorter way round."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.evaluation.metrics import exact, mean_of, total
from surrogates.learning.contract import Metric, Statistics, Totals
from surrogates.learning.directions import full_turn, wrapped


@dataclass(frozen=True)
class CircularError(Metric):
    """Mean absolute error of a direction, the shorter way round: at most half a turn; NaN of other targets.

    That of guesses without any knowledge is a quarter of a turn.
    """

    of_spec: ClassVar[bool] = True
    takes_directions = True

    def statistics(
        self, prediction: Tensor, target: Tensor, weight: Tensor, spec: VariableSpec
    ) -> Statistics:
        turn = full_turn(spec)
        if turn is None:
            error = torch.full_like(target, torch.nan, dtype=torch.float64)
        else:
            error = wrapped(exact(prediction) - exact(target), turn).abs()
        return {"weight": total(weight, weight.bool()), "circular_error": total(error, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "circular_error")

    def units(self, units: str) -> str:
        return units
