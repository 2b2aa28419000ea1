"""Tables in text: how columns are separated, their names and units, and rows with their lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from statistics import mode
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from datasets.factory.cells import (
    bracketed,
    decimal_of,
    is_missing,
    is_number,
    numbers,
    suffixed,
    unit_named,
    without_units,
)
from datasets.factory.errors import BuildError
from datasets.store.errors import ContractError
from datasets.store.units import convert, convertible
from surrogates.core.text import listing, nearest

SEPARATORS = {"semicolon": ";", "tab": "\t", "bar": "|", "comma": ",", "space": " "}
DECIMALS = {"point": ".", "comma": ","}
COMMENT = ("#", "%")
MOST_LINE = 1 << 16
"""Characters of a line."""
_LOOKED_AT = 50
"""Rows that tell what separates columns."""

Row = tuple[int, list[str]]
"""Line and cells."""


def _named(signs: Mapping[str, str]) -> BeforeValidator:
    """Let the sign itself stand for its name."""
    names = {sign: name for name, sign in signs.items()}
    return BeforeValidator(lambda given: names.get(given, given) if isinstance(given, str) else given)


Separator = Annotated[
    Literal["comma", "semicolon", "tab", "bar", "space"] | None,
    _named(SEPARATORS),
    Field(description="What separates columns: comma, semicolon, tab, bar or space; recognised by default."),
]
"""Type of the parameter `separator` of importers that read tables."""
Decimal = Annotated[
    Literal["point", "comma"] | None,
    _named(DECIMALS),
    Field(description="What begins the fraction of a number: point or comma; recognised by default."),
]
"""Type of the parameter `decimal` of importers that read tables."""


class Table(NamedTuple):
    """A header line and the rows below it.

    Attributes
    ----------
    header
        Names of the columns as they stand, without spaces around them; empty if the text is.
    rows
        Cells of each row, as they stand.
    lines
        Line of the text that each row ends on, (n,).
    name
        Name of the file, for messages.
    units
        Unit of each column by the brackets in its header or a row of units below; None where neither says.
    decimal
        Sign that begins the fraction of a number.
    comments
        Comments before the first row, without their sign.
    """

    header: list[str]
    rows: list[list[str]]
    lines: NDArray[np.int64]
    name: str = ""
    units: Sequence[str | None] = ()
    decimal: str = "."
    comments: Sequence[str] = ()

    def cells(self, column: str) -> list[str]:
        """Return the cells of a column without spaces around them; rows that end earlier have empty ones."""
        index = places(column, self.header)[0]
        return [row[index].strip() if index < len(row) else "" for row in self.rows]

    def unit(self, column: str, units: str) -> str | None:
        """Return the unit that header or row of units state for a column; None where they state none.

        Parameters
        ----------
        column
            Its name.
        units
            What is wanted: a suffix such as ``_s`` that is no such quantity is a part of the name.
        """
        index = places(column, self.header)[0]
        if index < len(self.units) and self.units[index] is not None:
            return self.units[index]
        name, suffix = suffixed(self.header[index])
        if suffix is not None and (convertible(suffix, units) or _plain(name) == _plain(column)):
            return suffix
        return None

    def values(self, column: str, units: str, unstated: str | None = None) -> NDArray[np.float64]:
        """Return the numbers of a column in given units; NaN where a cell holds none.

        What the file says of units (in the header, in a row of units, behind each number) is converted.

        Parameters
        ----------
        column
            Its name, in any case, with or without the unit in its header.
        units
            Units of the result.
        unstated
            Units of numbers whose unit the file does not state; `units` by default.

        Raises
        ------
        BuildError
            When a cell is no number, or a unit cannot be converted; names file and column.
        """
        cells, behind = without_units(self.name, column, self.cells(column), self.lines)
        stated = self.unit(column, units)
        if behind is not None and stated is not None and behind != stated:
            raise BuildError(
                f"{self.name}: column '{column}' is in {stated!r} by its header and in {behind!r} by its "
                "cells, expected one unit; correct the header"
            )
        found = numbers(self.name, column, cells, self.lines, decimal=self.decimal)
        unit = stated or behind or unstated or units
        try:
            return np.asarray(convert(found, unit, units), np.float64)
        except ContractError:
            raise BuildError(
                f"{self.name}: column '{column}' is in {unit!r}, which cannot be converted to {units!r}; "
                "name the column that is meant by `columns`, or correct its unit"
            ) from None


def read_table(
    name: str,
    text: str,
    separator: str | None = None,
    decimal: str | None = None,
    header: Sequence[str] = (),
) -> Table:
    """Read a table with a header line, which may be a comment; other comments and empty lines are left out.

    Parameters
    ----------
    name
        Name of the file, for messages.
    text
        Its content.
    separator, decimal
        Names of `SEPARATORS` and `DECIMALS`; None finds them.
    header
        Names of the columns where the text begins with numbers.

    Raises
    ------
    BuildError
        When the text is no table, or a row has more cells than the header; names file and line.
    """
    lines, comments, sign = _lines(text)
    for number, text_line in enumerate(lines, 1):
        if len(text_line) > MOST_LINE:
            raise BuildError(
                f"{name}, line {number}: {len(text_line):,} characters found, at most {MOST_LINE:,} "
                "expected; is it a table with a row a line?"
            )
    sign = SEPARATORS[separator] if separator else sign or _sign([each for each in lines if each] or comments)
    found = _split(name, lines, sign)
    if found and not _is_data(found[0][1]):
        titles, rows = found[0][1], found[1:]
    else:
        titles, rows = list(header) or _commented(found, comments, sign), found
        if not titles and found:
            titles, rows = found[0][1], found[1:]
    titles = [title.strip() for title in titles]
    for line, row in rows:
        if any(map(str.strip, row[len(titles) :])):
            raise BuildError(
                f"{name}, line {line}: {len(row)} cells found, expected {len(titles)} ({sign.join(titles)}); "
                "write numbers with a decimal point or separate columns by semicolons, quote text that holds "
                "a separator, and remove lines above the header"
            )
    if sign == " " and rows:  # nothing says which cell of a short row is lacking
        width = mode([len(row) for _, row in rows])
        rows = [(line, row if len(row) == width else []) for line, row in rows]
    units, rows = _units(name, titles, rows)
    sign = DECIMALS[decimal] if decimal else decimal_of(cell for _, row in rows for cell in row)
    return Table(
        titles,
        [row for _, row in rows],
        np.array([line for line, _ in rows], dtype=np.int64),
        name,
        units,
        sign,
        comments,
    )


def require_columns(
    name: str, header: Sequence[str], wanted: Mapping[str, str], other_layout: str = ""
) -> None:
    """Refuse a header that lacks a column.

    Parameters
    ----------
    name
        Name of the file, for messages.
    header
        Names of its columns.
    wanted
        Names of the columns that are needed, by the keys of the parameter `columns` that name them.
    other_layout
        Advice besides, where the first line holds numbers.

    Raises
    ------
    BuildError
        Tells an empty file, a missing header, a missing column and one that stands twice apart.
    """
    if not any(header):
        raise BuildError(f"{name} is empty; expected a header line with {listing(wanted.values())}")
    for key, column in wanted.items():
        found = places(column, header)
        if not found:
            advice = f"name yours by `columns: {{{key}: ...}}`"
            if is_number(header[0]):
                advice = f"is the header line missing?{other_layout}"
            there = f"{nearest(column, header)} It has {listing(header)}"
            raise BuildError(f"{name} has no column '{column}'.{there}; {advice}")
        if len(found) > 1:
            raise BuildError(
                f"{name} has {len(found)} columns '{column}' ({', '.join(header[each] for each in found)}); "
                "give them names of their own"
            )


def places(column: str, header: Sequence[str]) -> list[int]:
    """Return the indices of the columns that have a name: as it stands, in any case, or without its unit."""
    plain = _plain(column)
    for same in (
        lambda title: title == column,
        lambda title: _plain(title) == plain,
        lambda title: _plain(bracketed(title)[0]) == plain,
        lambda title: _plain(suffixed(title)[0]) == plain,
    ):
        if found := [index for index, title in enumerate(header) if same(title)]:
            return found
    return []


def _plain(title: str) -> str:
    return " ".join(title.split()).casefold().lstrip("".join(COMMENT) + " ")


def _lines(text: str) -> tuple[list[str], list[str], str]:
    """Return the lines, empty where they are comments; the comments before the first; a stated separator."""
    lines: list[str] = []
    comments: list[str] = []
    stated, begun = "", False
    for line in re.split(r"\r\n|\r|\n", text):
        bare = line.strip()
        if bare.startswith(COMMENT):
            comments += [bare.lstrip("".join(COMMENT) + " ")] if not begun else []
            bare = ""
        elif not begun and (excel := re.fullmatch(r'"?sep=(.)"?', bare)):
            stated, bare = excel[1], ""
        begun = begun or bool(bare)
        lines.append(line if bare else "")
    return lines, comments, stated


def _sign(lines: Sequence[str]) -> str:
    """Return what separates columns: most rows then have as many cells as the first, and most are numbers."""
    scores: dict[str, tuple[float, float]] = {}
    for sign in SEPARATORS.values():
        rows = [row for _, row in _split("", lines[:_LOOKED_AT], sign, strict=False)]
        if rows and len(rows[0]) > 1:
            cells = [cell for row in rows for cell in row if cell.strip()]
            alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
            scores[sign] = (round(alike, 1), sum(map(is_number, cells)) / len(cells))
    return max(scores, key=lambda sign: scores[sign], default=",")


def _split(name: str, lines: Sequence[str], sign: str, *, strict: bool = True) -> list[Row]:
    """Return the rows that are not empty."""
    if sign == " ":
        lines = [re.sub(r" (?=[\[(])", "", " ".join(line.split())) for line in lines]
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=sign, skipinitialspace=sign != "\t")
    found = []
    try:
        for row in reader:
            if any(map(str.strip, row)):
                found.append((reader.line_num, row))
    except csv.Error as error:
        if strict:
            raise BuildError(
                f"{name}, line {reader.line_num}: no CSV ({error}); is it a text file?"
            ) from None
    return found


def _is_data(row: Sequence[str]) -> bool:
    cells = [cell for cell in row if cell.strip()]
    return 2 * sum(map(is_number, cells)) >= len(cells)


def _commented(found: Sequence[Row], comments: Sequence[str], sign: str) -> list[str]:
    """Return the names in the last comment above numbers, if it has as many as they; else none."""
    for comment in [each for each in comments if each][-1:]:
        for each in dict.fromkeys((sign, *SEPARATORS.values())):
            titles = [row for _, row in _split("", [comment], each, strict=False)]
            if titles and found and len(titles[0]) == len(found[0][1]):
                return titles[0]
    return []


def _units(name: str, titles: Sequence[str], rows: list[Row]) -> tuple[list[str | None], list[Row]]:
    """Return the units in the header or in a row of units, and the rows below that."""
    units = [bracketed(title)[1] for title in titles]
    cells = [cell.strip() for cell in rows[0][1]] if rows else []
    below = [unit_named(cell.strip("()[]")) if cell else None for cell in cells]
    stated = [unit for cell, unit in zip(cells, below, strict=True) if cell and not is_missing(cell)]
    if not stated or None in stated or any(map(is_number, cells)):
        return units, rows
    below += [None] * (len(units) - len(below))
    for title, first, second in zip(titles, units, below, strict=False):
        if first is not None and second is not None and first != second:
            raise BuildError(
                f"{name}, line {rows[0][0]}: '{title}' has the unit {second!r} below it, expected one unit; "
                "correct either"
            )
    return [first or second for first, second in zip(units, below, strict=False)], rows[1:]
