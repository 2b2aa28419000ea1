"""Whether a method knows where it is wrong: coverage by group, and error against distance and width."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor

from datasets.store.units import difference
from surrogates.evaluation.metrics import exact
from surrogates.evaluation.probabilistic import Spread

LEVEL = 0.9
"""Level of the intervals."""
SHARES = tuple(np.round(np.arange(0.05, 1.001, 0.05), 2).tolist())
"""Shares of the records that are kept, the most trusted ones."""
TENTH = 0.1
BY_TRUST, BY_WIDTH, BY_DISTANCE, BY_ERROR = "trust", "interval width", "distance", "the error itself"
"""What records are ordered by: the last one is the best that there could be."""
MOST_GROUPS = 1000


@dataclass(frozen=True)
class Recorded:
    """What became of each example: arrays of shape (examples,), NaN where nothing counts or is known.

    Attributes
    ----------
    error
        Root mean square over the cells that count, in the target's units.
    covered
        Share of these cells inside the interval of `LEVEL`.
    width
        Mean width of the interval, of complex targets the diameter.
    distance
        To the training data.
    doubt
        What trust falls with.
    """

    error: np.ndarray
    covered: np.ndarray
    width: np.ndarray
    distance: np.ndarray
    doubt: np.ndarray

    def of(self, rows: np.ndarray) -> Self:
        """Return only some examples, by a mask or by their numbers."""
        return type(self)(*(column[rows] for column in self._columns))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the examples of several batches."""
        return cls(*map(np.concatenate, zip(*(part._columns for part in parts), strict=True)))

    @property
    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.error, self.covered, self.width, self.distance, self.doubt


@dataclass(frozen=True)
class Covered:
    """Coverage of one group of examples, each of which counts alike."""

    group: str
    examples: int
    coverage: float


@dataclass(frozen=True)
class Reliability:
    """How coverage and errors of a target depend on what a method knows of itself.

    Attributes
    ----------
    target, units
        Of the errors.
    level
        Of the intervals.
    variables
        Of the groups.
    covered
        All examples together, then the groups, the least covered first.
    correlation
        Spearman's rank correlation of the error with what trust falls with, with the width of the interval
        and with the distance to the training data, by `BY_TRUST`, `BY_WIDTH` and `BY_DISTANCE`; without those
        that do not vary, and without the distance where trust falls with nothing else.
    tail
        Median error of the tenth that is trusted least, over the median of all; by the same names.
    kept
        Root mean square error of the most trusted records against `SHARES`, by what orders them.
    """

    target: str
    units: str
    level: float
    variables: tuple[str, ...]
    covered: list[Covered]
    correlation: dict[str, float]
    tail: dict[str, float]
    kept: dict[str, list[float]]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {key: _plain(value) for key, value in {**asdict(self), "shares": SHARES}.items()}


def recorded(
    guess: Tensor, truth: Tensor, weight: Tensor, spread: Spread, doubts: Tensor | None = None
) -> Recorded:
    """Return what became of the examples of a batch.

    Parameters
    ----------
    guess, truth, weight
        Of each cell, (batch, ...); cells of weight 0 do not count.
    spread
        With the calibration.
    doubts
        What trust falls with, (batch,); None where it is not known.
    """
    error = (exact(guess) - exact(truth)).abs()
    inside = (error <= spread.radius(LEVEL, guess, truth)).double()
    width = 2 * spread.radius(LEVEL, guess) + 0 * error
    weights = weight.double().flatten(1) if weight.ndim > 1 else weight.double()[:, None]

    def mean(values: Tensor) -> np.ndarray:
        rows = values.double().reshape(weights.shape).where(weights > 0, 0.0)
        return np.asarray(((rows * weights).sum(1) / weights.sum(1)).cpu())

    def told(values: Tensor | None) -> np.ndarray:
        return np.full(len(known), np.nan) if values is None else np.asarray(values.cpu().double())

    known = np.isfinite(mean(width))
    return Recorded(
        error=np.sqrt(mean(error.square())),
        covered=np.where(known, mean(inside), np.nan),
        width=mean(width),
        distance=told(spread.distance),
        doubt=told(doubts),
    )


def reliability(
    target: str, units: str, found: Recorded, variables: Sequence[str], labels: np.ndarray | None
) -> Reliability:
    """Return how coverage and errors depend on group, distance and width.

    Parameters
    ----------
    target, units
        Name and units of the target.
    found
        Of its examples.
    variables, labels
        Names of the variables of the groups, and the group of each example, shape (examples,); None without.
    """
    known = np.isfinite(found.error)
    error = found.error[known]
    orders = {BY_TRUST: found.doubt[known], BY_WIDTH: found.width[known]}
    if not np.array_equal(found.doubt, found.distance):
        orders[BY_DISTANCE] = found.distance[known]
    orders = {n: v for n, v in orders.items() if np.isfinite(v).all() and v.size > 1 and np.ptp(v) > 0}
    ends = {name: values >= np.quantile(values, 1 - TENTH) for name, values in orders.items()}
    middle = np.median(error) if error.size else np.nan
    return Reliability(
        target=target,
        units=difference(units),
        level=LEVEL,
        variables=tuple(variables),
        covered=_by_group(found.covered, labels),
        correlation={name: _correlation(values, error) for name, values in orders.items()},
        tail={name: float(np.median(error[end]) / middle) for name, end in ends.items() if middle > 0},
        kept={name: _kept(values, error) for name, values in {**orders, BY_ERROR: error}.items()}
        if orders
        else {},
    )


def _by_group(covered: np.ndarray, labels: np.ndarray | None) -> list[Covered]:
    known = np.isfinite(covered)
    if not known.any():
        return []
    whole = Covered("all", int(known.sum()), float(covered[known].mean()))
    if labels is None:
        return [whole]
    names, members = np.unique(labels[known], return_inverse=True)
    counts = np.bincount(members)
    means = np.bincount(members, covered[known]) / counts
    order = np.argsort(means, kind="stable")[:MOST_GROUPS]
    return [whole, *(Covered(str(names[n]), int(counts[n]), float(means[n])) for n in order)]


def _correlation(values: np.ndarray, error: np.ndarray) -> float:
    return float(spearmanr(values, error).statistic) if np.ptp(error) > 0 else float("nan")


def _kept(values: np.ndarray, error: np.ndarray) -> list[float]:
    """Return the root mean square error of the records with the smallest values, against `SHARES`."""
    squares = np.cumsum(error[np.argsort(values, kind="stable")] ** 2)
    counts = np.maximum(1, np.round(np.array(SHARES) * len(error)).astype(int))
    return [float(value) for value in np.sqrt(squares[counts - 1] / counts)]


def _plain(value: Any) -> Any:
    """Return a JSON value; a number that does not exist is None."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
