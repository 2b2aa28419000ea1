"""Records that stand in two stores, found by their statistics: no values are read."""

import numpy as np

from datasets.store.layout import Store
from datasets.store.statistics import Moments

LEAST_CELLS = 16
"""Cells of a variable that tells records apart: fewer may agree by chance."""


def repeated(
    first: Store, other: Store, of_first: np.ndarray | None = None, of_other: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of two stores whose values are the same, whatever their place and their shard rows.

    Two records are the same when all variables of numbers that both stores hold have the same statistics in
    them: count, minimum and maximum, mean and variance in single precision. One of these variables has to
    vary over at least `LEAST_CELLS` cells; where none does, no record counts as the same.

    Parameters
    ----------
    first, other
        Complete stores.
    of_first, of_other
        Records that are compared; all by default.

    Returns
    -------
    of_first, of_other
        Those of each store that stand in the other too, ascending.
    """
    ones, others = (
        np.arange(store.records) if records is None else np.sort(records)
        for store, records in ((first, of_first), (other, of_other))
    )
    telling = np.zeros(len(ones), bool)
    keys = [np.empty((len(records), 0)) for records in (ones, others)]
    for name in _numeric(first, other):
        if not (len(ones) and len(others)):
            break
        known = first.statistics_of_each(name, ones), other.statistics_of_each(name, others)
        telling |= _varies(known[0])
        keys = [np.concatenate([key, _numbers(each)], axis=1) for key, each in zip(keys, known, strict=True)]
        one, two = (_whole(key) for key in keys)
        kept, kept_of_other = np.isin(one, two), np.isin(two, one)
        ones, telling, others = ones[kept], telling[kept], others[kept_of_other]
        keys = [keys[0][kept], keys[1][kept_of_other]]
    if not telling.all():
        found = np.isin(_whole(keys[1]), _whole(keys[0][telling]))
        ones, others = ones[telling], others[found]
    return ones, others


def _numeric(first: Store, other: Store) -> list[str]:
    """Return the variables of numbers that both stores hold for each record, the largest first."""
    found = [
        name
        for name, spec in first.specs.items()
        if name in other.specs
        and np.dtype(spec.dtype).kind in "fc"
        and spec.statistics_mask == other.specs[name].statistics_mask
        and spec.statistics_axes == other.specs[name].statistics_axes
        and spec.shape == other.specs[name].shape
    ]
    return sorted(found, key=lambda name: (-np.prod(first.specs[name].shape, dtype=int), name))


def _varies(known: Moments) -> np.ndarray:
    """Return for each record whether enough cells of a variable differ."""
    cells = known.count.reshape(len(known), -1).sum(axis=1)
    spread = np.nan_to_num(known.m2).reshape(len(known), -1).sum(axis=1)
    return np.asarray((cells >= LEAST_CELLS) & (spread > 0))


def _numbers(known: Moments) -> np.ndarray:
    """Return what is compared of each record, as rows; sums may differ in their last digits."""
    exact = known.count, known.minimum, known.maximum
    rounded = (each.astype(np.float32) for each in (known.mean, known.variance))
    columns = [np.nan_to_num(each).reshape(len(known), -1).astype(float) for each in (*exact, *rounded)]
    return np.concatenate(columns, axis=1) + 0.0  # -0.0 is 0.0


def _whole(rows: np.ndarray) -> np.ndarray:
    """Return rows as single items that compare by their bytes."""
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
