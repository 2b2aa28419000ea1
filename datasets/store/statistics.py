"""Mergeable statistics: count, mean, sum of squared deviations, minimum, maximum.

Partial results merge exactly (Chan, Golub & LeVeque, 1983, "Algorithms for computing the sample variance"),
so the statistics of any split follow from those of its records.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Statistics in float64 (`count` int64), an entry per cell kept apart; NaN where nothing counted."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray

    @classmethod
    def of(
        cls, values: np.ndarray, mask: np.ndarray | None = None, axes: int | tuple[int, ...] | None = None
    ) -> Self:
        """Measure an array along some axes.

        Parameters
        ----------
        values
            Numbers of any shape; NaN does not count. Real and imaginary part are two samples.
        mask
            Bool that broadcasts against `values`: True counts.
        axes
            Axes to sum over; all when None.
        """
        if values.dtype.kind == "c":
            axes = tuple(range(values.ndim)) if axes is None else tuple(np.atleast_1d(axes) % values.ndim)
            values, axes = np.stack([values.real, values.imag], axis=-1), (*axes, values.ndim)
            mask = None if mask is None else mask[..., np.newaxis]
        data = values.astype(np.float64)
        if mask is not None:
            data[~np.broadcast_to(mask, data.shape)] = np.nan
        seen = ~np.isnan(data)
        count = np.asarray(seen.sum(axis=axes))
        some = np.where(count > 0, 1.0, np.nan)
        mean = np.sum(data, axis=axes, where=seen) / np.maximum(count, 1) * some
        kept = mean if axes is None else np.expand_dims(mean, axes)
        m2 = np.sum((data - kept) ** 2, axis=axes, where=seen) * some
        low = np.min(data, axis=axes, where=seen, initial=np.inf) * some
        high = np.max(data, axis=axes, where=seen, initial=-np.inf) * some
        return cls(count.astype(np.int64), *(np.asarray(each) for each in (mean, m2, low, high)))

    def __getitem__(self, key: object) -> Self:
        """Index all fields alike."""
        return type(self)(*(getattr(self, field.name)[key] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.count)

    @property
    def variance(self) -> np.ndarray:
        """Population variance."""
        return self.m2 / np.maximum(self.count, 1)

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation."""
        return np.sqrt(self.variance)


def _pair(first: Moments, second: Moments) -> Moments:
    count = first.count + second.count
    total = np.maximum(count, 1)
    some = np.where(count > 0, 1.0, np.nan)
    mean_1, mean_2 = (np.where(each.count > 0, each.mean, 0.0) for each in (first, second))
    m2_1, m2_2 = (np.where(each.count > 0, each.m2, 0.0) for each in (first, second))
    difference = mean_2 - mean_1
    mean = (mean_1 * (first.count / total) + mean_2 * (second.count / total)) * some
    m2 = (m2_1 + m2_2 + difference**2 * (first.count / total * second.count)) * some
    return Moments(
        count, mean, m2, np.fmin(first.minimum, second.minimum), np.fmax(first.maximum, second.maximum)
    )


def reduce(records: Moments) -> Moments:
    """Merge the statistics of records along the first axis, as a tree fixed by their order."""
    if len(records) == 0:
        raise ValueError("statistics of no records do not exist; choose at least one record")
    while len(records) > 1:
        even = len(records) // 2 * 2
        merged, rest = _pair(records[0:even:2], records[1:even:2]), records[even:]
        records = Moments(
            *(np.concatenate([getattr(merged, f.name), getattr(rest, f.name)]) for f in fields(Moments))
        )
    return records[0]


def merge(moments: Sequence[Moments]) -> Moments:
    """Merge partial statistics of equal shape, in the order given."""
    if not moments:
        raise ValueError("nothing to merge; give at least one `Moments`")
    return reduce(Moments(*(np.stack([getattr(m, f.name) for m in moments]) for f in fields(Moments))))
