"""Compare two stores: metadata, recipes, splits, statistics and values."""

from collections.abc import Iterator

import numpy as np
from pydantic import BaseModel

from datasets.factory.copies import open_source
from datasets.factory.differences import (
    Difference,
    of_attributes,
    of_recipes,
    of_shared,
    of_splits,
    of_variables,
)
from datasets.factory.report import Answer
from datasets.store.chunking import record_bytes
from datasets.store.layout import Store
from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.progress import Progress

BLOCK_BYTES = 1 << 26


class VariableComparison(BaseModel):
    """How the values of a variable compare.

    Attributes
    ----------
    largest
        Largest difference among the records that were read, in `units`; infinite where only one is NaN.
    record
        Where it is.
    cells
        Number of cells that differ by more than the variable's repeatability.
    """

    name: str
    units: str
    largest: float
    record: int | None
    cells: int


class Comparison(BaseModel):
    """The result of a comparison, ready for JSON.

    Attributes
    ----------
    answer
        ``same``, ``different``, or ``not comparable`` without a variable of the same shape and units.
    read
        Records whose values were compared, the same ones of both stores.
    """

    first: str
    other: str
    answer: Answer
    read: int
    differences: list[Difference]
    variables: list[VariableComparison]


def compare(
    first: str,
    other: str,
    *,
    records: int | None = 100,
    progress: bool = True,
) -> Comparison:
    """Compare two finished stores.

    Parameters
    ----------
    first, other
        The stores.
    records
        Number of records whose values are compared, evenly spread over those that both have; None: all.
    progress
        Whether progress is shown.
    """
    one, two = open_source(first), open_source(other)
    both = min(one.records, two.records)
    chosen = (
        np.arange(both)
        if records is None
        else np.unique(np.linspace(0, both - 1, min(records, both)).astype(int))
    )
    specs = {name: spec for name, spec in one.specs.items() if _comparable(spec, two.specs.get(name))}
    found = [
        *of_attributes(one, two),
        *of_recipes(one, two),
        *of_variables(one, two),
        *of_shared(one, two),
        *of_splits(one, two, labels=True),
        *_of_records(one, two),
    ]
    with Progress(len(chosen) * len(specs), "record", label="compare", shown=progress) as shown:
        values = [_values(one, two, spec, chosen, shown) for spec in specs.values()]
    for spec, each in zip(specs.values(), values, strict=True):
        found += _of_values(each, len(chosen))
        found += _of_statistics(one, two, spec, both)
    answer: Answer = "not comparable" if not specs else "different" if found else "same"
    return Comparison(
        first=first, other=other, answer=answer, read=len(chosen), differences=found, variables=values
    )


def _comparable(spec: VariableSpec, other: VariableSpec | None) -> bool:
    return other is not None and (spec.dims, spec.shape, spec.units) == (other.dims, other.shape, other.units)


def _of_records(one: Store, two: Store) -> Iterator[Difference]:
    if one.records != two.records:
        yield Difference(kind="records", message=f"{one.records} records, {two.records} records")


def _values(
    one: Store, two: Store, spec: VariableSpec, records: np.ndarray, shown: Progress
) -> VariableComparison:
    readers = [store.reader([spec.name]) for store in (one, two)]
    length = max(1, BLOCK_BYTES // max(record_bytes(spec), 1))
    largest, record, cells = 0.0, None, 0
    for start in range(0, len(records), length):
        block = records[start : start + length]
        apart = _apart(*(reader.read(block)[spec.name] for reader in readers))
        cells += int((apart > spec.repeatability).sum())
        each = apart.reshape(len(block), -1).max(axis=1, initial=0.0)
        if each.max() > largest:
            largest, record = float(each.max()), int(block[each.argmax()])
        shown.advance(len(block))
    return VariableComparison(
        name=spec.name, units=display(spec.units), largest=largest, record=record, cells=cells
    )


def _apart(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return the distance of values; 0 where both are missing, infinite where one is."""
    if one.dtype.kind not in "fc":
        apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
        return np.where(one == two, 0.0, np.maximum(apart, 1.0))  # neighbours beyond 2**53 are one float64
    apart = np.abs(one.astype(np.result_type(one, np.float64)) - two)
    missing = np.isnan(one), np.isnan(two)
    return np.where(missing[0] & missing[1], 0.0, np.where(missing[0] | missing[1], np.inf, apart))


def _of_values(each: VariableComparison, records: int) -> Iterator[Difference]:
    if each.cells:
        yield Difference(
            kind="values",
            message=f"'{each.name}' differs in {each.cells} cells of {records} records, by up to "
            f"{each.largest:g} {each.units} (record {each.record})".replace("  ", " "),
        )


def _of_statistics(one: Store, two: Store, spec: VariableSpec, records: int) -> Iterator[Difference]:
    """Yield the statistics that differ over all records that both have, also those that were not read."""
    if spec.repeatability:
        return
    before, after = (store.statistics(spec.name, np.arange(records)) for store in (one, two))
    scale = np.nanmax(np.abs([before.minimum, before.maximum]), initial=0.0)
    for key in ("count", "mean", "std", "minimum", "maximum"):
        old, new = np.atleast_1d(getattr(before, key)), np.atleast_1d(getattr(after, key))
        unlike = ~np.isclose(old, new, rtol=1e-9, atol=1e-9 * scale, equal_nan=True)
        if unlike.any():
            message = (
                f"{key} of '{spec.name}' over {records} records: {old[unlike][0]:.6g}, {new[unlike][0]:.6g}"
            )
            yield Difference(kind="statistics", message=message)
