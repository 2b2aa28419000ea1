"""Checks the content of one shard row."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from datasets.factory.advice import how_to_resume
from datasets.factory.recipe import Recipe
from datasets.factory.report import Problem
from datasets.store.checks import check_values
from datasets.store.errors import ContractError
from datasets.store.layout import Store
from datasets.store.specs import VariableSpec

DAMAGE = (ContractError, ValueError, OSError, RuntimeError)
"""What a reader raises on damaged bytes, depending on the store and the codec."""

TOLERANCE = 1e-9
"""Relative difference up to which float64 statistics count as equal: machines sum in different orders."""


def check_row(store: Store, row: int, recipe: type[Recipe] | str) -> Iterator[Problem]:
    """Compare checksums, hashes, values and statistics of a row; one variable and what masks it in memory.

    Parameters
    ----------
    store, row
        What is compared.
    recipe
        The recipe or its name, for the command that makes a damaged row again.
    """
    again = f"to make it again, delete {store.url}/build/row-{row:06d} and {how_to_resume(store.url, recipe)}"
    hashes = (store.receipt(row) or {}).get("hashes")
    certified = hashes if isinstance(hashes, dict) else {}
    for name, spec in store.specs.items():
        names = set(store.measured_with(name))
        arrays: dict[str, np.ndarray] = {}
        for each in sorted(names):
            values, damage = _read(store, each, row, again)
            if values is not None:
                arrays[each] = values
            elif each == name:
                yield from damage
        if name in arrays:
            yield from _hash(store, name, row, arrays[name], certified.get(name), again)
            yield from _values(store, spec, row, arrays[name])
        if names == arrays.keys():
            yield from _statistics(store, spec, row, arrays, again)


def _read(store: Store, name: str, row: int, again: str) -> tuple[np.ndarray | None, list[Problem]]:
    """Return a variable's values in a shard row, or None and every damaged chunk."""
    reader = store.reader([name])
    records = np.asarray(store.row_records(row))
    try:
        return reader.read(records)[name], []
    except DAMAGE:
        pass
    chunk = store.array(name).chunks[0]
    problems = []
    for first in records[::chunk]:
        try:
            reader.read([first])
        except DAMAGE as error:
            found = str(error).split("; ")[0]
            message = f"{found}; {again}"
            problems.append(Problem(check="checksums", variable=name, row=row, message=message))
    return None, problems


def _hash(
    store: Store, name: str, row: int, values: np.ndarray, certified: str | None, again: str
) -> Iterator[Problem]:
    if hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() != certified:
        records = store.row_records(row)
        yield Problem(
            check="hashes",
            variable=name,
            row=row,
            message=f"variable '{name}', records {records[0]} to {records[-1]}: the values are not those "
            f"that the receipt certifies; {again}",
        )


def _values(store: Store, spec: VariableSpec, row: int, values: np.ndarray) -> Iterator[Problem]:
    try:
        check_values(spec, values, first_record=store.row_records(row).start)
    except ContractError as error:
        yield Problem(check="values", variable=spec.name, row=row, message=str(error))


def _statistics(
    store: Store, spec: VariableSpec, row: int, arrays: dict[str, np.ndarray], again: str
) -> Iterator[Problem]:
    records = store.row_records(row)
    size = np.nanmax(np.abs(arrays[spec.name]), initial=0.0)
    scale = {"count": 0.0, "m2": size**2 * max(1, arrays[spec.name][0].size)}
    measured = store.measure(spec.name, arrays)
    for field in (each.name for each in fields(measured)):
        path = f"statistics/{spec.name}/{field}"
        try:
            stored = store.array(path)[records.start : records.stop]
        except DAMAGE as error:
            message = f"{store.url}/{path}: {error}; {again}"
            yield Problem(check="checksums", variable=spec.name, row=row, message=message)
            continue
        slack = TOLERANCE * scale.get(field, size)
        close = np.isclose(
            np.asarray(stored), getattr(measured, field), rtol=TOLERANCE, atol=slack, equal_nan=True
        )
        if not close.all():
            record = records.start + int(np.argwhere(~close)[0][0])
            yield Problem(
                check="statistics",
                variable=spec.name,
                row=row,
                message=f"variable '{spec.name}', record {record}: the stored {field} does not follow from "
                f"the data; {again}",
            )
