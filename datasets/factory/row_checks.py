"""Checks the content of one shard row."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from datasets.factory.errors import resume_command
from datasets.factory.report import Problem
from datasets.store.checks import check_values
from datasets.store.errors import ContractError
from datasets.store.layout import Store
from datasets.store.specs import VariableSpec

DAMAGE = (ContractError, ValueError, OSError, RuntimeError)
"""What a reader raises on damaged bytes, depending on the store and the codec."""

TOLERANCE = 1e-9
"""Relative difference up to which float64 statistics count as equal: machines sum in different orders."""


def check_row(store: Store, row: int) -> Iterator[Problem]:
    """Compare checksums, hashes, values and statistics of a row; one variable and its mask in memory."""
    certified = (store.receipt(row) or {}).get("hashes") or {}
    for name, spec in store.specs.items():
        names = {each for each in (name, spec.statistics_mask) if each is not None and each in store.specs}
        arrays: dict[str, np.ndarray] = {}
        for each in sorted(names):
            values, damage = read_row(store, each, row)
            if values is not None:
                arrays[each] = values
            elif each == name:
                yield from damage
        if name in arrays:
            yield from _hash(store, name, row, arrays[name], certified.get(name))
            yield from _values(store, spec, row, arrays[name])
        if names == arrays.keys():
            yield from _statistics(store, spec, row, arrays)


def read_row(store: Store, name: str, row: int) -> tuple[np.ndarray | None, list[Problem]]:
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
            message = f"{found}; {_remedy(store, row)}"
            problems.append(Problem(check="checksums", variable=name, row=row, message=message))
    return None, problems


def _hash(store: Store, name: str, row: int, values: np.ndarray, certified: str | None) -> Iterator[Problem]:
    if hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() != certified:
        records = store.row_records(row)
        yield Problem(
            check="hashes",
            variable=name,
            row=row,
            message=f"variable '{name}', records {records[0]} to {records[-1]}: the values are not those "
            f"that the receipt certifies; {_remedy(store, row)}",
        )


def _values(store: Store, spec: VariableSpec, row: int, values: np.ndarray) -> Iterator[Problem]:
    try:
        check_values(spec, values, first_record=store.row_records(row).start)
    except ContractError as error:
        yield Problem(check="values", variable=spec.name, row=row, message=str(error))


def _statistics(
    store: Store, spec: VariableSpec, row: int, arrays: dict[str, np.ndarray]
) -> Iterator[Problem]:
    records = store.row_records(row)
    size = np.nanmax(np.abs(arrays[spec.name]), initial=0.0)
    scale = {"count": 0.0, "m2": size**2 * max(1, arrays[spec.name][0].size)}
    measured = store.measure(spec.name, arrays)
    for field in (each.name for each in fields(measured)):
        stored = store.array(f"statistics/{spec.name}/{field}")[records.start : records.stop]
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
                f"the data; {_remedy(store, row)}",
            )


def _remedy(store: Store, row: int) -> str:
    return f"to make it again, delete {store.url}/build/row-{row:06d} and run `{resume_command(store.url)}`"
