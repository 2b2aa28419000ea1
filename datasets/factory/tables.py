"""Tables in CSV text: rows with their lines, columns by name, and numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from surrogates.core.text import listing, nearest


class Table(NamedTuple):
    """A header line and the rows below it.

    Attributes
    ----------
    header
        Names of the columns, without spaces around them; empty if the text is.
    rows
        Cells of each row, as they stand.
    lines
        Line of the text that each row ends on, (n,).
    """

    header: list[str]
    rows: list[list[str]]
    lines: NDArray[np.int64]

    def cells(self, column: str) -> list[str]:
        """Return the cells of a column without spaces around them; rows that end earlier have empty ones."""
        index = self.header.index(column)
        return [row[index].strip() if index < len(row) else "" for row in self.rows]


def read_table(name: str, text: str) -> Table:
    """Read CSV with a header line; empty lines are ignored.

    Raises
    ------
    BuildError
        When the text is no CSV, or a row has more cells than the header; names file and line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        found = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise BuildError(f"{name}, line {reader.line_num}: no CSV ({error}); is it a text file?") from None
    header, *rows = found or [(0, [])]
    for line, row in rows:
        if not _separator(header[1]) and any(map(str.strip, row[len(header[1]) :])):
            raise BuildError(
                f"{name}, line {line}: {len(row)} cells below a header of {len(header[1])}; write numbers "
                "with a decimal point, and quote text that holds a comma"
            )
    lines = np.array([line for line, _ in rows], dtype=np.int64)
    return Table([cell.strip() for cell in header[1]], [row for _, row in rows], lines)


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
        Advice besides commas, for columns without commas between them.

    Raises
    ------
    BuildError
        Tells an empty file, another separator, a missing header, a missing column and one that stands twice
        apart.
    """
    if not any(header):
        raise BuildError(f"{name} is empty; expected a header line with {listing(wanted.values())}")
    if separator := _separator(header):
        raise BuildError(
            f"{name} separates its columns by {separator!r}: '{header[0]}', expected commas; save it with "
            f"commas{other_layout}"
        )
    for key, column in wanted.items():
        if column not in header:
            advice = f"name yours by `columns: {{{key}: ...}}`"
            if _is_number(header[0]):
                advice = "is the header line missing?"
            there = f"{nearest(column, header)} It has {listing(header)}"
            raise BuildError(f"{name} has no column '{column}'.{there}; {advice}")
        if header.count(column) > 1:
            raise BuildError(
                f"{name} has {header.count(column)} columns '{column}'; give them names of their own"
            )


def _separator(header: Sequence[str]) -> str | None:
    """Return what separates the names of a header if it is not commas."""
    return next((each for each in (";", "\t", "|", " ") if len(header) == 1 and each in header[0]), None)


def numbers(
    name: str, column: str, cells: Sequence[str], lines: NDArray[np.int64], *, finite: bool = False
) -> NDArray[np.float64]:
    """Return the numbers of a column.

    Parameters
    ----------
    name, column
        Names of the file and the column, for messages.
    cells, lines
        Texts of the cells, and the line of each.
    finite
        Whether to refuse nan and inf too.

    Raises
    ------
    BuildError
        When a cell is no number; names file, line and column.
    """
    values = np.array([_number(cell) for cell in cells], dtype=np.float64)
    bad = [
        index
        for index in np.flatnonzero(~np.isfinite(values)).tolist()
        if finite or not _is_number(cells[index])
    ]
    if bad:
        raise BuildError(
            f"{name}, line {lines[bad[0]]}: {column} is {cells[bad[0]].strip()!r}, expected a number; "
            f"correct or remove {'this line' if len(bad) == 1 else f'these {len(bad)} lines'}"
        )
    return values


def _number(text: str) -> float:
    return float(text) if _is_number(text) else np.nan


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000
