"""Metrics as functions of sums of named statistics.

A metric has two halves. `statistics` reduces a batch to one sum per example and statistic; `combine` turns
sums over any set of examples into the metric. Sums add, so a metric is exact whatever the batches, weights,
blocks of a bootstrap or processes were (up to float64 rounding). The split is that of WeatherBench-X
(https://github.com/google-research/weatherbenchX).

In every `statistics`: prediction, target and weight have the shape (batch, ...); a cell that does not count
has weight 0 and finite values. Of complex targets the error is the modulus of prediction minus target. In
every `combine`: each total has the leading shape of the result, () or (resamples,).
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from datasets.store.units import difference
from surrogates.core.ranges import Level
from surrogates.learning.contract import Best, Metric, Statistics, Totals

Step = PositiveInt | Literal[-1]
"""A step ahead: from 1, or -1 for the last one."""


def exact(values: Tensor) -> Tensor:
    """Return values in double precision; complex ones stay complex."""
    return values.to(torch.complex128) if values.is_complex() else values.double()


def squared(values: Tensor) -> Tensor:
    """Return the squares, of complex values those of the modulus."""
    return values.real.square() + values.imag.square() if values.is_complex() else values.square()


def parts_total(name: str, values: Tensor, weight: Tensor) -> Statistics:
    """Return the weighted sum of each example; of complex values that of the imaginary part beside it."""
    if not values.is_complex():
        return {name: total(values, weight)}
    return {name: total(values.real, weight), f"{name}_imag": total(values.imag, weight)}


def squared_mean_of(totals: Totals, name: str) -> np.ndarray:
    """Return the squared modulus of the mean of a statistic that `parts_total` gave."""
    square = mean_of(totals, name) ** 2
    imag = f"{name}_imag"
    return square + mean_of(totals, imag) ** 2 if imag in totals else square


def total(values: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted sum of each example, float64."""
    return _rows(values.double() * weight.double()).sum(1)


def at_step(values: Tensor, step: int, dim: int = 1) -> Tensor:
    """Return the values at one step ahead.

    Parameters
    ----------
    values
        Shape (batch, horizon, ...).
    step
        From 1, or -1 for the last one.
    dim
        Dimension of the horizon.

    Raises
    ------
    ValueError
        If there is no such dimension or step.
    """
    if values.ndim <= dim:
        raise ValueError(f"step {step} was asked for, but the target has no horizon; leave `step` out")
    if step > (steps := values.shape[dim]):
        raise ValueError(
            f"step {step} was asked for, but the horizon has {steps}; name a step from 1 to {steps}"
        )
    return values.select(dim, step - 1 if step > 0 else step)


def _rows(values: Tensor) -> Tensor:
    return values.reshape(len(values), -1)


def mean_of(totals: Totals, name: str) -> np.ndarray:
    """Return the mean of a statistic over all cells that count; NaN without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(totals[name] / totals["weight"])


def mean_over_examples(totals: Totals, name: str) -> np.ndarray:
    """Return the mean over the examples that count, each alike; NaN without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(totals[name] / totals["examples"])


@dataclass(frozen=True)
class RMSE(Metric):
    """Root of the mean squared error."""

    takes_complex = True
    takes_directions = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = exact(prediction) - exact(target)
        return {"weight": total(weight, weight.bool()), "squared_error": total(squared(error), weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return np.sqrt(mean_of(totals, "squared_error"))

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class MAE(Metric):
    """Mean absolute error."""

    takes_complex = True
    takes_directions = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = exact(prediction) - exact(target)
        return {"weight": total(weight, weight.bool()), "absolute_error": total(error.abs(), weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_of(totals, "absolute_error")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class Bias(Metric):
    """Mean of prediction minus target; of complex targets the modulus of that mean."""

    best: ClassVar[Best] = "zero"
    takes_complex = True
    takes_directions = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = exact(prediction) - exact(target)
        return {"weight": total(weight, weight.bool()), **parts_total("error", error, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        if "error_imag" in totals:
            return np.sqrt(squared_mean_of(totals, "error"))
        return mean_of(totals, "error")

    def units(self, units: str) -> str:
        return difference(units)


@dataclass(frozen=True)
class NMSE(Metric):
    """Energy of the error over the energy of the target, sum over sum: `E|p - t|^2 / E|t|^2`."""

    takes_complex = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = exact(prediction) - exact(target)
        return {
            "squared_error": total(squared(error), weight),
            "squared_target": total(squared(exact(target)), weight),
        }

    def combine(self, totals: Totals) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(totals["squared_error"] / totals["squared_target"])

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class RelativeL2(Metric):
    """Length of the error over that of the target, `|p - t| / |t|`, the mean over examples.

    Each example counts alike, as in the losses of neural operators; `NMSE` is of all examples together, so
    that strong ones count more. An example whose target is zero everywhere does not count.

    References
    ----------
    Z. Li et al., "Fourier neural operator for parametric partial differential equations", ICLR 2021.
    """

    takes_complex = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = total(squared(exact(prediction) - exact(target)), weight)
        energy = total(squared(exact(target)), weight)
        counts = energy > 0
        relative = (error / energy.where(counts, math.inf)).sqrt()
        return {"examples": counts.double(), "relative_error": relative}

    def combine(self, totals: Totals) -> np.ndarray:
        return mean_over_examples(totals, "relative_error")

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class R2(Metric):
    """Coefficient of determination over all cells that count: `1 - E|p - t|^2 / Var(t)`."""

    best: ClassVar[Best] = "largest"
    takes_complex = True

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        t = exact(target)
        return {
            "weight": total(weight, weight.bool()),
            "squared_error": total(squared(exact(prediction) - t), weight),
            **parts_total("target", t, weight),
            "squared_target": total(squared(t), weight),
        }

    def combine(self, totals: Totals) -> np.ndarray:
        variance = mean_of(totals, "squared_target") - squared_mean_of(totals, "target")
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(variance > 0, 1 - mean_of(totals, "squared_error") / variance, np.nan))

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class Correlation(Metric):
    """Pearson's correlation of prediction and target over all cells that count."""

    best: ClassVar[Best] = "largest"

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        p, t = prediction.double(), target.double()
        return {
            "weight": total(weight, weight.bool()),
            "prediction": total(p, weight),
            "target": total(t, weight),
            "squared_prediction": total(p.square(), weight),
            "squared_target": total(t.square(), weight),
            "product": total(p * t, weight),
        }

    def combine(self, totals: Totals) -> np.ndarray:
        p, t = mean_of(totals, "prediction"), mean_of(totals, "target")
        covariance = mean_of(totals, "product") - p * t
        squares = mean_of(totals, "squared_prediction"), mean_of(totals, "squared_target")
        variances = (squares[0] - p**2) * (squares[1] - t**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(variances > 0, covariance / np.sqrt(variances), np.nan))

    def units(self, units: str) -> str:
        return "1"


@dataclass(frozen=True)
class AbsoluteErrorQuantile(Metric):
    """Quantile of the absolute error, from a histogram that adds up over examples (see `histogram`).

    It is within 1 % of the exact quantile between 1e-9 and 1e9 of the target's unit; smaller errors count as
    1e-9, larger ones as 1e9.

    Parameters
    ----------
    quantile
        Between 0 and 1.
    """

    quantile: Level = 0.9

    takes_complex = True
    takes_directions = True

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile is {self.quantile}; expected a number between 0 and 1, e.g. 0.9.")

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = (exact(prediction) - exact(target)).abs()
        return {"absolute_error_histogram": histogram(error, weight)}

    def combine(self, totals: Totals) -> np.ndarray:
        return histogram_quantile(totals["absolute_error_histogram"], self.quantile)

    def units(self, units: str) -> str:
        return difference(units)


def histogram(values: Tensor, weight: Tensor) -> Tensor:
    """Return a histogram of each example's values, (batch, bins), float64.

    The bins grow geometrically by (1 + a) / (1 - a) with a = 1 %, from 1e-9 to 1e9; smaller values count as
    1e-9, larger ones as 1e9. Histograms add up, however the examples were batched (Masson et al. 2019,
    DDSketch, doi:10.14778/3352063.3352135).

    Parameters
    ----------
    values
        Not negative, (batch, ...); a NaN that counts makes its example's histogram NaN.
    weight
        Of the values, of the same shape.
    """
    values, weight = _rows(values.double()), _rows(weight.double())
    # 0 * values carries a NaN into the counts: it must not pass for a small value.
    counts = torch.where(weight > 0, weight + 0 * values, 0.0)
    bins = torch.ceil(torch.log(values.clamp(_SMALLEST, _LARGEST) / _SMALLEST) / _LOG_GROWTH)
    bins = bins.nan_to_num(0.0).long().clamp(0, _BINS - 1)
    empty = torch.zeros(len(values), _BINS, dtype=torch.float64, device=values.device)
    return empty.scatter_add_(1, bins, counts)


def histogram_quantile(total: np.ndarray, quantile: float) -> np.ndarray:
    """Return a quantile of summed histograms, the centre of its bin: within 1 % of the exact one.

    Parameters
    ----------
    total
        Sum of histograms, (..., bins).
    quantile
        Between 0 and 1.
    """
    cumulative = np.cumsum(total, axis=-1)
    wanted = quantile * cumulative[..., -1:]
    bins = np.argmax(cumulative >= wanted, axis=-1)
    centre = _SMALLEST * np.exp(_LOG_GROWTH * bins) * (1 - _RELATIVE_ACCURACY)
    counted = cumulative[..., -1]
    return np.where(np.isfinite(counted) & (counted > 0), centre, np.nan)


def p90_absolute_error() -> AbsoluteErrorQuantile:
    """Return the error that nine of ten cells stay below."""
    return AbsoluteErrorQuantile(0.9)


_RELATIVE_ACCURACY = 0.01
_SMALLEST, _LARGEST = 1e-9, 1e9
_LOG_GROWTH = math.log((1 + _RELATIVE_ACCURACY) / (1 - _RELATIVE_ACCURACY))
_BINS = math.ceil(math.log(_LARGEST / _SMALLEST) / _LOG_GROWTH) + 1
