"""Intervals by resampling blocks of examples (Efron and Tibshirani 1993)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from surrogates.learning.contract import Metric

Totals = Mapping[str, np.ndarray]
MOST_BLOCKS, FEWEST_BLOCKS = 20_000, 20  # of all groups together; of a group that has as many


@dataclass(frozen=True)
class Blocks:
    """Which block each example belongs to; blocks are drawn whole, and each lies in one group.

    Parameters
    ----------
    index : np.ndarray, shape (examples,), int64
        Block of each example.
    groups : tuple of str, length blocks
        Group of each block, e.g. its city.
    """

    index: np.ndarray
    groups: tuple[str, ...]

    @classmethod
    def of(
        cls,
        examples: int,
        *,
        groups: np.ndarray | None = None,
        blocks: np.ndarray | None = None,
        limit: int = 500,
    ) -> Self:
        """Make blocks from labels of each example.

        Parameters
        ----------
        examples : int
            Number of examples, in the order in which they are evaluated.
        groups : np.ndarray, shape (examples,), optional
            Label of the rows to report separately, e.g. the city.
        blocks : np.ndarray, shape (examples,), optional
            Label of what is not independent, e.g. overlapping windows; by default each example is a block.
        limit : int
            A group with more blocks than this has neighbours merged, which bounds memory; it is lowered where
            many groups would have more than `MOST_BLOCKS` together, but not below `FEWEST_BLOCKS`.
        """
        names = np.full(examples, "all") if groups is None else np.asarray(groups).astype(str)
        labels = (
            np.arange(examples) if blocks is None else np.unique(np.asarray(blocks), return_inverse=True)[1]
        )
        if len(names) != examples or len(labels) != examples:
            raise ValueError(
                f"{examples} examples, {len(names)} groups, {len(labels)} blocks; expected one label each."
            )
        index = np.empty(examples, dtype=np.int64)
        owners: list[str] = []
        members_of = members(names.tolist())
        limit = min(limit, max(FEWEST_BLOCKS, MOST_BLOCKS // max(1, len(members_of))))
        for name, chosen in members_of.items():
            rank = np.unique(labels[chosen], return_inverse=True)[1]
            count = min(rank.max() + 1, limit)
            index[chosen] = len(owners) + rank * count // (rank.max() + 1)
            owners += [name] * int(count)
        return cls(index, tuple(owners))

    @property
    def members(self) -> dict[str, np.ndarray]:
        """Indices of the blocks of each group, in the order of the groups."""
        return members(self.groups)


def members(labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the indices at which each label stands, in the order of their first ones."""
    found: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        found.setdefault(label, []).append(number)
    return {label: np.array(numbers) for label, numbers in found.items()}


@dataclass(frozen=True)
class Estimate:
    """A value, the ends of its interval, and the resampled values behind them."""

    value: float
    low: float
    high: float
    samples: np.ndarray

    def minus(self, other: "Estimate", level: float = 0.95) -> "Estimate":
        """Difference to an estimate on the same blocks and seed: resampled in pairs."""
        samples = self.samples - other.samples
        return Estimate(self.value - other.value, *interval(samples, level), samples)


def bootstrap(
    totals: Totals, metric: Metric, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Percentile interval of a metric over resampled blocks.

    Parameters
    ----------
    totals : mapping of str to np.ndarray, shape (blocks, ...)
        Sums of the metric's statistics per block.
    level : float
        Coverage of the interval.
    resamples, seed : int
        Number of draws and their seed; equal seeds and blocks give paired draws.

    Returns
    -------
    Estimate
        Ends are NaN when there are fewer than two blocks.
    """
    value = float(metric.combine({name: total.sum(axis=0) for name, total in totals.items()}))
    count = len(next(iter(totals.values())))
    if count < 2:
        return Estimate(value, np.nan, np.nan, np.full(resamples, np.nan))
    draws = resampled(count, resamples, seed)
    with np.errstate(invalid="ignore"):
        samples = metric.combine({name: draws @ total for name, total in totals.items()})
    return Estimate(value, *interval(samples, level), samples)


@lru_cache(maxsize=1)
def resampled(count: int, resamples: int, seed: int) -> np.ndarray:
    """Return how often each of `count` blocks is drawn in each resample, (resamples, count), read-only."""
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
    draws.flags.writeable = False
    return draws


def interval(samples: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the quantiles of resampled values between which `level` of the finite ones lie; NaN without."""
    finite = samples[np.isfinite(samples)]
    if finite.size == 0:
        return np.nan, np.nan
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
