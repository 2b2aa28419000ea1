"""Cells of tables as numbers: decimal commas, missing values, and units in headers and behind numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.store.errors import ContractError
from datasets.store.units import parse

MISSING = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "-", "--", "?", "nan(ind)", "-nan(ind)")
) | frozenset(("1.#qnan", "-1.#ind", "#div/0!", "#value!", "#num!"))
"""Cells without a number, in lower case, as programs and spreadsheets write them."""
SUFFIXES = {
    **{name: name for name in ("m", "mm", "cm", "km", "ft", "s", "ms", "us", "ns", "deg", "rad")},
    **{"feet": "ft", "meters": "m", "metres": "m", "sec": "s", "secs": "s", "seconds": "s", "msec": "ms"},
    **{"usec": "us", "nsec": "ns", "mps": "m s-1", "kmh": "km h-1", "degrees": "deg", "dbm": "dBm"},
}
"""Units that a name may end in behind an underscore, in lower case."""
_SPELLINGS = SUFFIXES | {
    **{"kph": "km h-1", "mph": "mile h-1", "kts": "knot", "µs": "us", "μs": "us", "db": "dB"},
    **{"millimeters": "mm", "centimeters": "cm", "kilometers": "km", "milliseconds": "ms"},
    **{"microseconds": "us", "nanoseconds": "ns"},
}
_MINUS = "\u2212"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+(?:[eE][+-]?\d+)?")
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""A thousand with a separator, or one with three decimals."""
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:([,. '\u2019\u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")
_SEXAGESIMAL = re.compile(r"[+-]?\d+ *[°ºd:] *\d+ *['\u2032\u2019m:].*")
_HEMISPHERE = re.compile(r"[+-]?\d+[.,]?\d*°? *[NSEWO]")
_WITH_UNIT = re.compile(rf"({_NUMBER.pattern}|{_COMMA.pattern})\s*([^\d\s.,+-].*)")
_UNIT = re.compile(r"-|(?:1 ?/ ?)?[A-Za-z°%µμ][A-Za-z°%µμ0-9²³⁻¹ /*^.-]*")
_BRACKETS = re.compile(r"(.*\S)\s*(?:\(([^()]*)\)|\[([^\[\]]*)\])")


def unit_named(text: str) -> str | None:
    """Return the unit that a text means; None for numbers and for what is no unit."""
    text = text.strip()
    spelling = _SPELLINGS.get(text.lower(), text)
    if text and not _UNIT.fullmatch(text):
        return None
    try:
        parse(spelling)
    except ContractError:
        return None
    return spelling or "1"


def bracketed(title: str) -> tuple[str, str | None]:
    """Return the name of a column and the unit in brackets behind it; None where they hold no unit."""
    if match := _BRACKETS.fullmatch(title):
        unit = unit_named(match[2] if match[2] is not None else match[3])
        if unit is not None:
            return match[1], unit
    return title, None


def suffixed(title: str) -> tuple[str, str | None]:
    """Return the name of a column and the unit behind its last underscore; None where that is no unit."""
    name, _, suffix = title.rpartition("_")
    return (name, SUFFIXES[suffix.lower()]) if name and suffix.lower() in SUFFIXES else (title, None)


def is_missing(cell: str) -> bool:
    """Tell whether a cell says that it holds no number."""
    return cell.strip().lower() in MISSING


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number, with a decimal point or comma."""
    cell = cell.strip().replace(_MINUS, "-")
    return bool(_NUMBER.fullmatch(cell) or _COMMA.fullmatch(cell))


def decimal_of(cells: Iterable[str]) -> str:
    """Return the sign before the fraction: a comma if some number has one that cannot mean thousands.

    Where some numbers have a point, or ``1,234`` could be both, it is a point: a number with a comma is
    refused then.
    """
    commas = False
    for cell in map(str.strip, cells):
        if "." in cell and _NUMBER.fullmatch(cell):
            return "."
        commas = commas or ("," in cell and bool(_COMMA.fullmatch(cell)) and not _EITHER.fullmatch(cell))
    return "," if commas else "."


def all_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return cells as numbers if all are, with decimal points and without units; None otherwise."""
    try:
        return None if any("_" in cell for cell in cells) else np.array(cells, dtype=np.float64)
    except ValueError:
        return None


def without_units(
    name: str, column: str, cells: Sequence[str], lines: NDArray[np.int64]
) -> tuple[list[str], str | None]:
    """Return cells without the unit behind each number, and that unit; None where they have none.

    Raises
    ------
    BuildError
        When cells have different units, or some have none; names file, line and column.
    """
    found: dict[str | None, int] = {}
    bare = list(cells)
    if all_numbers(cells) is not None:
        return bare, None
    for index, cell in enumerate(cells):
        if is_missing(cell):
            continue
        plain = any(each.fullmatch(cell) for each in (_NUMBER, _COMMA, _HEMISPHERE, _SEXAGESIMAL))
        match = None if plain else _WITH_UNIT.fullmatch(cell)
        unit = None if match is None else unit_named(match[2])
        if match is not None and unit is not None:
            bare[index] = match[1]
        found.setdefault(unit, index)
    if len(found) > 1:
        (_, first), (other, second) = list(found.items())[:2]
        raise BuildError(
            f"{name}, line {lines[second]}: {column} is {cells[second]!r}, in {other or 'no unit'}, but "
            f"{cells[first]!r} in line {lines[first]}, expected one unit; write all cells alike"
        )
    return bare, next(iter(found), None)


def numbers(
    name: str,
    column: str,
    cells: Sequence[str],
    lines: NDArray[np.int64],
    *,
    finite: bool = False,
    decimal: str = ".",
) -> NDArray[np.float64]:
    """Return the numbers of a column, NaN for cells of `MISSING`.

    Parameters
    ----------
    name, column
        Names of the file and the column, for messages.
    cells, lines
        Texts of the cells, and the line of each.
    finite
        Whether to refuse missing cells and infinity too.
    decimal
        Sign before the fraction.

    Raises
    ------
    BuildError
        When a cell is no number; names file, line and column, and what the cell looks like.
    """
    plain = all_numbers(cells) if decimal == "." else None
    values = np.array([_number(cell, decimal) for cell in cells]) if plain is None else plain
    bad = [
        index
        for index in np.flatnonzero(~np.isfinite(values)).tolist()
        if finite or (np.isnan(values[index]) and not is_missing(cells[index]))
    ]
    if bad:
        cell = cells[bad[0]].strip()
        raise BuildError(
            f"{name}, line {lines[bad[0]]}: {column} is {cell!r}, expected {_advice(cell, decimal, len(bad))}"
        )
    return values


def _number(cell: str, decimal: str) -> float:
    cell = cell.strip().replace(_MINUS, "-")
    if decimal == ",":
        if not (_COMMA.fullmatch(cell) or _WHOLE.fullmatch(cell) or cell.lower().lstrip("+-") == "inf"):
            return np.nan
        cell = cell.replace(",", ".")
    try:
        return np.nan if "_" in cell else float(cell)  # Python reads 1_000
    except ValueError:
        return np.nan


def _advice(cell: str, decimal: str, count: int) -> str:
    """Return what is expected instead of a cell, and what to do, by what the cell looks like."""
    if _SEXAGESIMAL.fullmatch(cell):
        return (
            "decimal degrees such as 48.1377 instead of degrees, minutes and seconds (or a clock): convert "
            f"the column ({count} such cells)"
        )
    if _HEMISPHERE.fullmatch(cell):
        return f"degrees with a sign instead of a letter: south and west are negative ({count} such cells)"
    if decimal == "." and _EITHER.fullmatch(cell):
        return (
            "a number that can be read in one way: say `decimal=comma` if the comma begins the fraction, or "
            f"write thousands without a separator ({count} such cells)"
        )
    if decimal == "." and _COMMA.fullmatch(cell):
        return (
            "a decimal point, as in other cells: write all numbers alike, or say `decimal=comma` "
            f"({count} such cells)"
        )
    if _THOUSANDS.fullmatch(cell):
        sign = "comma" if decimal == "," else "point"
        return (
            f"a number with a decimal {sign} and no thousands separator, such as 1234{decimal}5: write all "
            f"like that ({count} such cells)"
        )
    return f"a number; correct or remove {'this line' if count == 1 else f'these {count} lines'}"
