"""Readings of a drive test: positions in degrees, RSRP in dBm, and the cell and device of each row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datasets.factory.cells import is_missing, is_number, numbers, without_units
from datasets.factory.errors import BuildError
from datasets.factory.tables import Table
from datasets.radio.degrees import degrees_of
from datasets.radio.log_columns import family, other_quantity
from datasets.radio.log_rows import Rows
from datasets.radio.rsrp import STRONGEST, WEAKEST, unbelievable, what_instead
from datasets.radio.sieve import Mask, Sieve, counted, flow
from datasets.store.errors import ContractError
from datasets.store.specs import DECIBEL_MILLIWATT
from datasets.store.units import convert

Floats = NDArray[np.float64]
MISSING = frozenset(("unknown", "no signal", "no service", "n.a.", "invalid"))
"""Cells without a reading, in lower case, besides those of any table."""
APART = ("channel", "frequency", "operator", "device", "identity", "beam")
"""Kinds of columns that tell readings of one moment apart."""
_SHORTENED = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
_SECOND = re.compile(
    r"\d:\d{2}:\d{2}|[_T ]\d{1,2}[.h]\d{2}[.m]\d{2}|[_T ]\d{6}(?!\d)|^(?!\d{8}$)\d+(?:[.,]\d+)?$"
)
"""Times of day with seconds, and seconds since some moment; no dates."""
_OTHER_LEVEL = re.compile(r"[(\[]\s*(dB(?!mW?(?![a-z]))[^)\]]*)[)\]]", re.IGNORECASE)
"""Levels in the name of a column that are no power, such as dBµV/m."""
_WHOLE = re.compile(r"(\d+)\.0*")


@dataclass(frozen=True)
class Readings:
    """What each row says, also of the rows that are left out.

    Attributes
    ----------
    latitude, longitude
        Degrees, (n,); NaN where a row has none.
    rsrp
        dBm, (n,); NaN where a row has none.
    cell, device
        Names, (n,); empty where the file has no such column.
    """

    latitude: Floats
    longitude: Floats
    rsrp: Floats
    cell: NDArray[np.str_]
    device: NDArray[np.str_]


def cell_name(text: str) -> str:
    """Return the name of a cell: 101 for the ``101.0`` that spreadsheets and data frames make of it."""
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


def names_of(rows: Rows) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the cell and the device of each row, (n,).

    Raises
    ------
    BuildError
        When a spreadsheet has shortened the names of the cells.
    """
    nothing = [""] * len(rows.line)
    cell = list(map(cell_name, rows.texts(rows.named["cell"]))) if "cell" in rows.named else nothing
    for row, text in enumerate(cell):
        if _SHORTENED.fullmatch(text):
            raise BuildError(
                f"{rows.where(row)}: the cell is '{text}', a number whose digits a spreadsheet has dropped; "
                "export the log again, or name another column by `columns: {cell: ...}`"
            )
    device = rows.texts(rows.named["device"]) if "device" in rows.named else nothing
    return np.array(cell, dtype=np.str_), np.array(device, dtype=np.str_)


def read_positions(sieve: Sieve) -> tuple[Floats, Floats]:
    """Return latitude and longitude of each row, degrees, (n,); leave out rows without.

    Raises
    ------
    BuildError
        When no row has one, or the header states a unit that is no angle.
    """
    found = []
    for key, axis in (("latitude", "NS"), ("longitude", "EW")):
        column = sieve.rows.named[key]
        texts = sieve.rows.texts(column)
        values = np.concatenate([_degrees(table, column, axis) for table in sieve.rows.tables])
        expected = f"degrees of {key}, such as 48.137 or 48°08'13\"{axis[0]}"
        _require_some(sieve, column, texts, values, expected)
        sieve.leave_out(_missing(texts) & np.isnan(values), "without position")
        sieve.leave_out(np.isnan(values), f"with a {key} that is no number")
        found.append(values)
    latitude, longitude = found
    sieve.leave_out((latitude == 0.0) & (longitude == 0.0), "without position (0, 0)")
    return latitude, longitude


def read_rsrp(sieve: Sieve, quantity: Literal["rsrp"] | None) -> Floats:
    """Return the RSRP of each row, dBm, (n,); leave out rows without.

    Parameters
    ----------
    sieve
        Rows that are looked at.
    quantity
        States that the column holds RSRP, whatever its name and the technology of its rows say.

    Raises
    ------
    BuildError
        When the column is of another quantity, unit or code.
    """
    rows, column = sieve.rows, sieve.rows.named["rsrp"]
    if quantity is None and (other := other_quantity(column)):
        raise BuildError(
            f"{rows}: the column '{column}' is {other} by its name, expected RSRP in dBm; name that column "
            "by `columns: {rsrp: ...}`, or state that this is it by `quantity: rsrp`"
        )
    texts = rows.texts(column)
    values = np.concatenate([_dbm(table, column, stated=quantity is not None) for table in rows.tables])
    _require_some(sieve, column, texts, values, "RSRP in dBm")
    sieve.leave_out(_missing(texts) & np.isnan(values), "without RSRP")
    sieve.leave_out(np.isnan(values), "with an RSRP that is no number")
    if quantity is None:
        _require_technology(sieve)
    kept = np.flatnonzero(sieve.kept)
    if kept.size and (instead := what_instead(values[kept])):
        bad = kept[np.logical_or(*unbelievable(values[kept]))]
        row = int(bad[0] if bad.size else kept[0])
        raise BuildError(
            f"{rows.where(row)}: {column} is {values[row]:.10g}, expected RSRP in dBm between {WEAKEST:g} "
            f"and {STRONGEST:g} (of {kept.size} readings the median is {np.median(values[kept]):.6g}); "
            f"{instead}"
        )
    marked, wrong = unbelievable(values)
    for marker in np.unique(values[marked & sieve.kept]).tolist():
        sieve.leave_out(values == marker, f"without RSRP ({marker:.10g})")
    sieve.leave_out(wrong, f"with an RSRP outside {WEAKEST:g} to {STRONGEST:g} dBm")
    return values


def repeated(sieve: Sieve, readings: Readings) -> tuple[Mask, str]:
    """Return which rows repeat an earlier one, (n,), and a remark on those that contradict one.

    Rows repeat each other if time, position, cell, device and RSRP are the same, and whatever else tells
    readings of one moment apart (`APART`). Without a time that tells the second, or one that a key names,
    nothing is a repetition: a phone at rest writes the same line again and again.
    """
    rows = sieve.rows
    times = [rows.named["time"]] if "time" in rows.named else _times(rows)
    again = np.zeros(len(rows.line), dtype=bool)
    if not times:
        return again, ""
    apart = [name for kind in APART for name in rows.columns_of(kind)]
    moments = list(zip(*(rows.texts(column) for column in (*times, *apart)), strict=True))
    whole_of: set[tuple[object, ...]] = set()
    first_of: dict[tuple[object, ...], int] = {}
    other: list[tuple[int, int]] = []
    for row in np.flatnonzero(sieve.kept).tolist():
        if not any(moments[row][: len(times)]):
            continue
        moment = (*moments[row], readings.cell[row], readings.device[row])
        whole = (*moment, readings.latitude[row], readings.longitude[row], readings.rsrp[row])
        again[row] = whole in whole_of
        whole_of.add(whole)
        before = first_of.setdefault(moment, row)
        if not again[row] and readings.rsrp[before] != readings.rsrp[row]:
            other.append((before, row))
    if not other:
        return again, ""
    before, row = other[0]
    return again, (
        f"{len(other)} readings have time, cell and device of another one but not its RSRP, such as "
        f"{rows.brief(row)}, as {rows.brief(before)}: all are averaged; if there were several phones, name "
        "their column by `columns: {device: ...}`"
    )


def _times(rows: Rows) -> list[str]:
    """Return the columns that tell the time by their names; none if they do not tell the second."""
    names = rows.columns_of("time")
    texts = [next(filter(None, rows.texts(name)), "") for name in names]
    return names if any(_SECOND.search(text) for text in texts) else []


def _degrees(table: Table, column: str, axis: str) -> Floats:
    values = degrees_of(table.cells(column), axis)
    values[~np.isfinite(values)] = np.nan
    unit = table.unit(column, "degree")
    if unit is None or unit in "NSEW":  # "Latitude (N)"
        unit = "degree"
    try:
        return np.asarray(convert(values, unit, "degree"), np.float64)
    except ContractError:
        raise BuildError(
            f"{table.name}: column '{column}' is in {unit!r}, expected degrees; name the column of "
            "degrees by `columns:`"
        ) from None


def _dbm(table: Table, column: str, *, stated: bool) -> Floats:
    """Return the RSRP of a file; NaN where a cell is no number."""
    cells = [cell.replace("\N{MINUS SIGN}", "-") for cell in table.cells(column)]
    cells, behind = without_units(table.name, column, cells, table.lines)
    told = [cell if is_number(cell) else "" for cell in cells]
    values = numbers(table.name, column, told, table.lines, decimal=table.decimal)
    unit = table.unit(column, DECIBEL_MILLIWATT) or behind
    if unit is None and (other := _OTHER_LEVEL.search(column)):
        unit = other[1]
    if unit is None or (unit == "dB" and stated):
        unit = "dBm"
    try:
        return np.asarray(convert(values, unit, DECIBEL_MILLIWATT), np.float64)
    except ContractError:
        these = ", or state by `quantity: rsrp` that these dB are dBm" if unit == "dB" else ""
        raise BuildError(
            f"{table.name}: column '{column}' is in {unit!r}, expected a power such as dBm; name the column "
            f"of RSRP by `columns: {{rsrp: ...}}`{these}"
        ) from None


def _missing(texts: Sequence[str]) -> Mask:
    return np.array([is_missing(text) or text.lower() in MISSING for text in texts], dtype=bool)


def _require_some(sieve: Sieve, column: str, texts: Sequence[str], values: Floats, expected: str) -> None:
    """Refuse a column of which no row that is looked at has a value."""
    kept = np.flatnonzero(sieve.kept)
    if kept.size and np.isnan(values[kept]).all():
        row = next((row for row in kept.tolist() if not is_missing(texts[row])), int(kept[0]))
        raise BuildError(
            f"{sieve.rows.where(row)}: {column} is {texts[row]!r}, expected {expected}; none of {kept.size} "
            "readings has it"
        )


def _require_technology(sieve: Sieve) -> None:
    """Refuse readings of technologies that have no RSRP."""
    for column in sieve.rows.columns_of("technology"):
        texts = np.array(sieve.rows.texts(column))[sieve.kept].tolist()
        others = [text for text in texts if family(text) == "other"]
        if others:
            with_rsrp = sorted({text for text in texts if family(text) in ("LTE", "NR")})
            raise BuildError(
                f"{sieve.rows}: {len(others)} readings are of {counted(others)} by the column '{column}', "
                f"whose level is no RSRP; choose by `where: {flow(**{column: with_rsrp or ['LTE']})}`, or "
                "state that it is by `quantity: rsrp`"
            )
