"""Records that stand twice, in two stores or in two subsets of one, found by their statistics."""

import numpy as np

from datasets.store.layout import Store
from datasets.store.statistics import Moments

LEAST_CELLS = 16
"""Cells of a variable that tells records apart: fewer may agree by chance."""
READ = 8
"""Pairs of records whose values are read, since a record and its mirror image have the same statistics."""


def repeated(
    first: Store, other: Store, of_first: np.ndarray | None = None, of_other: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of two stores whose values are the same, whatever their place and their shard rows.

    Two records are the same when all variables of numbers that both stores hold have the same statistics in
    them: count, minimum and maximum, mean and variance in single precision. One of these variables has to
    vary over at least `LEAST_CELLS` cells; where none does, no record counts as the same. The values of that
    variable are read of up to `READ` pairs, and none counts where all of these differ.

    Parameters
    ----------
    first, other
        Complete stores.
    of_first, of_other
        Records that are compared; all by default.

    Returns
    -------
    of_first, of_other
        Pairs of the same records: for each of the other store that stands in the first, the one there.
    """
    ones, others = (
        np.arange(store.records) if records is None else np.sort(records)
        for store, records in ((first, of_first), (other, of_other))
    )
    names = _numeric(first, other)
    if not names or np.prod(first.specs[names[0]].shape, dtype=int) < LEAST_CELLS:
        return ones[:0], others[:0]
    keys = np.zeros(len(ones), "V1"), np.zeros(len(others), "V1")
    telling = np.full(len(ones), "", dtype=object)
    for name in names:
        known = first.statistics_of_each(name, ones) if len(ones) else None
        if known is None or not len(others):
            return ones[:0], others[:0]
        telling[(telling == "") & _varies(known)] = name
        keys = _joined(keys[0], known), _joined(keys[1], other.statistics_of_each(name, others))
        kept, kept_of_other = np.isin(keys[0], keys[1]), np.isin(keys[1], keys[0])
        ones, telling, others = ones[kept], telling[kept], others[kept_of_other]
        keys = keys[0][kept], keys[1][kept_of_other]
    place = {key.tobytes(): number for number, key in reversed(list(enumerate(keys[0])))}
    pairs = np.array([place[key.tobytes()] for key in keys[1]], int)
    told = telling[pairs] != ""
    pairs, others = pairs[told], others[told]
    few = np.unique(np.linspace(0, len(pairs) - 1, READ).astype(int)) if len(pairs) else pairs
    if not any(_same(first, other, telling[pairs[i]], ones[pairs[i]], others[i]) for i in few):
        return ones[:0], others[:0]
    return ones[pairs], others


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


def _joined(keys: np.ndarray, known: Moments) -> np.ndarray:
    """Return the keys of records, bytes, with what is compared of one more variable.

    Sums may differ in their last digits, so that single precision is kept of what follows from them.
    """
    exact = known.count, known.minimum, known.maximum
    rounded = (each.astype(np.float32) for each in (known.mean, known.variance))
    columns = [np.nan_to_num(each).reshape(len(known), -1).astype(float) for each in (*exact, *rounded)]
    numbers = np.ascontiguousarray(np.concatenate(columns, axis=1) + 0.0)  # -0.0 is 0.0
    before = keys.view(np.uint8).reshape(len(keys), -1)
    rows = np.concatenate([before, numbers.view(np.uint8).reshape(len(keys), -1)], axis=1)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()


def _same(first: Store, other: Store, name: str, one: int, two: int) -> bool:
    """Return whether two records have the same values of a variable."""
    known, compared = (
        store.reader([name]).read([record])[name] for store, record in ((first, one), (other, two))
    )
    return np.array_equal(known, compared, equal_nan=True)
