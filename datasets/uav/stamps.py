"""Stamps of a table as seconds: numbers of any unit, ISO 8601, and the clock of the day."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from datasets.factory.cells import is_missing
from datasets.factory.errors import BuildError
from datasets.factory.tables import Table
from datasets.uav.tracks import SLOWEST, Numbers

TimeUnit = Literal["s", "ms", "us", "ns"]
PER_SECOND: dict[str, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
DAY = 86_400.0
"""s."""
FAST = 1e-3
"""Spacing that a unit of time has to give to be the one that was meant, s."""
FEWEST = 5
"""Steps that tell a unit."""
_DATE = re.compile(r"\d{4}[-/]?\d\d[-/]?\d\d[T ]\d.*")
_DAY_FIRST = re.compile(r"\d\d?[-/. ]+(\d\d?|[A-Za-z]{3,})[-/. ]+\d\d(\d\d)?\b")
_CLOCK = re.compile(r"(\d\d?):(\d\d):(\d\d(?:[.,]\d*)?)")


def stamps_of(table: Table, column: str, time_unit: TimeUnit | None) -> tuple[Numbers, list[str]]:
    """Return the stamps of a table in seconds, NaN where there is none, and what a user should read of them.

    Parameters
    ----------
    table
        The table.
    column
        Name of the column.
    time_unit
        Unit of numbers; None takes that of the header, or seconds.

    Raises
    ------
    BuildError
        When the stamps are neither numbers nor dates, or in another unit than is said.
    """
    cells = table.cells(column)
    first = next((cell for cell in cells if not is_missing(cell)), "")
    if _DATE.fullmatch(first):
        read = _dates
    elif _CLOCK.fullmatch(first):
        read = _clock
    elif _DAY_FIRST.match(first):
        raise BuildError(
            f"{table.name}, line {table.lines[0]}: {column} is {first!r}, expected a number or a date, the "
            "year first, such as 2024-05-01T10:00:00.000Z: days and months cannot be told apart; write the "
            "column like that"
        )
    else:
        return _numbers(table, column, time_unit), []
    if time_unit is not None:
        raise BuildError(
            f"{table.name}, line {table.lines[0]}: {column} is {first!r}, but `time_unit={time_unit}` is "
            "said of it; leave `time_unit` out"
        )
    return read(table, column, cells)


def _numbers(table: Table, column: str, time_unit: TimeUnit | None) -> Numbers:
    stated = table.unit(column, "s")
    if time_unit is not None and stated is not None and stated != time_unit:
        raise BuildError(
            f"{table.name}: column '{column}' is in {stated} by its header, but `time_unit={time_unit}` is "
            "said of it; leave `time_unit` out, or correct the header"
        )
    found = table.values(column, "s", time_unit or "s")
    steps = np.diff(found[np.isfinite(found)])
    if 2 * (steps == 0).sum() > len(steps):  # they lack digits, whatever their unit
        return found
    spacing = float(np.median(steps[steps > 0])) if (steps > 0).sum() >= FEWEST else SLOWEST
    if FAST <= spacing <= SLOWEST:
        return found
    said = time_unit or stated or "s"
    raw = spacing * PER_SECOND.get(said, 1.0)
    told = f"{table.name}: a stamp every {spacing:.4g} s (median) if `{column}` is in {said}"
    for unit, factor in PER_SECOND.items():
        if unit != said and FAST <= raw / factor <= SLOWEST:
            advice = f"say `time_unit={unit}`" if stated is None else "correct the unit in the header"
            raise BuildError(
                f"{told}, expected 10 or more a second; if they are in {unit}, {advice}, else leave the file "
                "out"
            )
    if FAST <= raw * DAY <= SLOWEST and np.nanmedian(found) > 1e4:
        raise BuildError(
            f"{told}, expected 10 or more a second; they look like days of a spreadsheet: write them as "
            "seconds, or as 2024-05-01T10:00:00.000Z"
        )
    return found


def _dates(table: Table, column: str, cells: list[str]) -> tuple[Numbers, list[str]]:
    """Return seconds since 1970; dates without a zone are taken for UTC."""
    found = np.full(len(cells), np.nan)
    zones: dict[bool, int] = {}
    for index, cell in enumerate(cells):
        if is_missing(cell):
            continue
        text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", cell.replace("/", "-").removesuffix(" UTC"))
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            raise _no_date(table, column, index, cell) from None
        known = date.tzinfo is not None or cell.endswith(" UTC")
        zones.setdefault(known, index)
        found[index] = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if len(zones) > 1:
        naive, aware = zones[False], zones[True]
        raise BuildError(
            f"{table.name}, line {table.lines[naive]}: {column} is {cells[naive]!r} without a time zone, but "
            f"{cells[aware]!r} in line {table.lines[aware]} has one, expected one kind; write all alike"
        )
    remark = f"{table.name}: stamps such as {cells[zones.get(False, 0)]!r} name no time zone; taken for UTC"
    return found, [remark] if False in zones else []


def _clock(table: Table, column: str, cells: list[str]) -> tuple[Numbers, list[str]]:
    """Return seconds since the first midnight; a day is added where the clock passes another."""
    found = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if is_missing(cell):
            continue
        if not (match := _CLOCK.fullmatch(cell)):
            raise _no_date(table, column, index, cell)
        found[index] = 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3].replace(",", "."))
    known = np.isfinite(found)
    days = np.concatenate([[0], np.cumsum(np.diff(found[known]) < -DAY / 2)])
    found[known] += DAY * days
    wrapped = f"; midnight passes {days[-1]} times" if days[-1] else ""
    return found, [f"{table.name}: stamps are the clock of a day, read as seconds since midnight{wrapped}"]


def _no_date(table: Table, column: str, index: int, cell: str) -> BuildError:
    return BuildError(
        f"{table.name}, line {table.lines[index]}: {column} is {cell!r}, expected a date and time such as "
        "2024-05-01T10:00:00.000Z, as in other lines; correct or remove this line"
    )
