"""A shard row before it is written: checked values and the statistics of its records."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from datasets.store.checks import cast, check_values
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments

BLOCK_BYTES = 1 << 23  # bounds the float64 copies that the statistics need


def checked_row(
    specs: Mapping[str, VariableSpec], records: range, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the arrays of a row in their specified types, or refuse them with variable and record."""
    if set(arrays) != set(specs):
        raise ContractError(f"a row of variables {sorted(arrays)}, expected {sorted(specs)}")
    values = {}
    for name, spec in specs.items():
        expected = (len(records), *spec.shape)
        data = np.asarray(arrays[name])
        if data.shape != expected:
            raise ContractError(f"variable {name!r}: shape {data.shape}, expected {expected}")
        values[name] = cast(spec, data)
        check_values(spec, values[name], first_record=records.start)
    return values


def aligned(mask: np.ndarray, dims: tuple[str, ...], target: tuple[str, ...]) -> np.ndarray:
    """Lay the axes of a mask along those of the variable it masks; absent dimensions get length one."""
    order = [dims.index(dim) for dim in target if dim in dims]
    present = tuple(slice(None) if dim in dims else np.newaxis for dim in target)
    return np.asarray(mask.astype(bool).transpose(order)[present])


def row_statistics(spec: VariableSpec, data: np.ndarray, mask: np.ndarray | None) -> Moments:
    """Measure each record of a row, along the axes that the variable does not keep apart.

    Parameters
    ----------
    data
        Shape (records, ...).
    mask
        Bool of as many axes that broadcasts against `data`; None counts every cell that is not NaN.
    """
    names, _ = spec.kept()
    axes = tuple(axis for axis, name in enumerate(spec.dims) if axis and name not in names)
    length = max(1, BLOCK_BYTES // max(8 * data[0].size, 1))
    moments = []
    for start in range(0, len(data), length):
        block = slice(start, start + length)
        counted = mask[block] if mask is not None and len(mask) > 1 else mask
        moments.append(Moments.of(data[block], counted, axes))
    return Moments(
        *(np.concatenate([getattr(each, field.name) for each in moments]) for field in fields(Moments))
    )


def absent_records(stored: Moments) -> np.ndarray:
    """Return for each record whether its statistics are missing or incomplete."""
    lost = stored.count < 0
    for field in ("mean", "m2", "minimum", "maximum"):
        lost = lost | ((stored.count > 0) & np.isnan(getattr(stored, field)))
    return np.asarray(lost.reshape(len(stored), -1).any(axis=1))
