"""Errors of what is read from predicted impulse responses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from surrogates.domains.acoustics import measures
from surrogates.domains.acoustics.names import TIME
from surrogates.domains.acoustics.ranges import TimeStep
from surrogates.evaluation.metrics import mean_of
from surrogates.learning.context import Fact, Spacing
from surrogates.learning.contract import Metric, Statistics, Totals

Measure = Literal["reverberation_time", "clarity", "definition", "level"]


def _level(response: np.ndarray, time_step: float) -> np.ndarray:
    energy = np.square(response).sum(-1) * time_step
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(energy / measures.REFERENCE))


MEASURES: dict[str, tuple[Callable[[np.ndarray, float], np.ndarray], str]] = {
    "reverberation_time": (measures.reverberation_time, "s"),
    "clarity": (measures.clarity, "0.1 lg(re 1)"),
    "definition": (measures.definition, "1"),
    "level": (_level, "0.1 lg(re 1)"),
}
"""Each measure of a response with the units of its error."""


@dataclass(frozen=True)
class ResponseError(Metric):
    """Mean absolute error of a measure of impulse responses, whose last axis is the time.

    Samples that do not count are silent in both responses. A response counts where the measure of the
    reference is finite, and that of the prediction too: one that is too short has no reverberation time. A
    prediction that is NaN makes the score NaN.

    Parameters
    ----------
    time_step
        Read from the data, s.
    measure
        `reverberation_time` (T30, s), `clarity` (C50, dB), `definition` (D50) or `level` (sound exposure
        level, dB).

    References
    ----------
    ISO 3382-1:2009.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"time_step": Spacing("s", (TIME,))}

    time_step: TimeStep
    measure: Measure = "reverberation_time"

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        known = (weight > 0).numpy()
        predicted, reference = (np.where(known, each.double().numpy(), 0.0) for each in (prediction, target))
        lost = np.isnan(predicted).any(-1)
        of = MEASURES[self.measure][0]
        with np.errstate(invalid="ignore"):
            error = np.abs(
                of(np.nan_to_num(predicted), self.time_step) - of(np.nan_to_num(reference), self.time_step)
            )
        counts = np.isfinite(error) | (lost & known.any(-1))
        error = np.where(lost, np.nan, error)

        def summed(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values.reshape(len(values), -1).sum(1).astype(np.float64))

        return {"weight": summed(counts), "error": summed(np.where(counts, error, 0.0))}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "error")

    def units(self, units: str) -> str:
        return MEASURES[self.measure][1]
