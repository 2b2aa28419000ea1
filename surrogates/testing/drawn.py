"""Batches that follow from the specs alone: numbers of the right shape, type and range."""

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.learning.context import Context


def draw_batch(context: Context, count: int = 4, seed: int = 0) -> dict[str, Tensor]:
    """Return a batch of random numbers within the valid ranges of all variables of a context.

    Numbers that stand for something are drawn among the meanings that they have; masks are true in two of
    three cells; what may be missing is missing in one of ten.

    Parameters
    ----------
    context
        Of the data.
    count
        Number of records.
    seed
        Of the numbers.
    """
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(_draw(spec, (count,) if context.record_dimension in spec.dims else (), rng))
        for name, spec in sorted(context.specs.items())
    }


def _draw(spec: VariableSpec, records: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    shape, dtype = (*records, *spec.shape), np.dtype(spec.dtype)
    low, high = spec.minimum, spec.maximum
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 2 / 3)
    if dtype.kind in "iu":
        meanings = spec.attributes.get("flag_values") or range(int(low or 0), int(high or 3) + 1)
        return np.asarray(rng.choice(np.array(meanings), shape).astype(dtype))
    if low is not None and high is not None:
        values = rng.uniform(low, high, shape)
    elif low is not None or high is not None:
        distance = rng.exponential(1.0, shape)
        values = low + distance if low is not None else high - distance  # type: ignore[operator]
    else:
        values = rng.standard_normal(shape)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    if spec.missing:
        values = np.where(rng.random(shape) < 0.1, np.nan, values)
    return np.asarray(values, dtype)
