"""Rows of the CSV files that a phone or scanner logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.errors import BuildError
from datasets.factory.formats import require_format
from datasets.factory.limits import MOST_BYTES, read_bytes
from datasets.factory.tables import Table, places, read_table, require_columns
from datasets.factory.text import SAVE_OR_NAME, opened
from datasets.radio.log_columns import columns_of
from surrogates.core.text import listing

Column = str | int
PREAMBLE = 100
"""Lines among which the header is looked for: programs write where and with what they measured above it."""


class Columns(BaseModel):
    """Columns of the CSV files, each by its name or by its position, counted from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: Column = Field("latitude", description="Degrees north, WGS84.")
    longitude: Column = Field("longitude", description="Degrees east, WGS84.")
    rsrp: Column = Field("rsrp", description="Reference signal received power, dBm.")
    cell: Column | None = Field(None, description="Cell that was heard; none where the site has one.")
    device: Column | None = Field(None, description="Device that measured; none where there was one.")
    time: Column | None = Field(
        None, description="Time stamp, to find repeated rows; columns such as Time and Date by themselves."
    )

    def named(self) -> dict[str, Column]:
        """Return the columns that are given, by key."""
        return {key: column for key, column in self.model_dump().items() if column is not None}


@dataclass(frozen=True)
class Rows:
    """Rows of CSV files that have the same header.

    Attributes
    ----------
    header
        Names of the columns; of those that stand twice the ones chosen by position have it behind a ``#``.
    named
        Names of the columns that are used, by key.
    tables
        The files.
    paths
        Their paths.
    file, line
        Index of the file and line in it of each row, (n,).
    remarks
        What a user should read of how the files were read.
    """

    header: list[str]
    named: dict[str, str]
    tables: tuple[Table, ...]
    paths: tuple[Path, ...]
    file: NDArray[np.int64]
    line: NDArray[np.int64]
    remarks: tuple[str, ...] = ()

    def texts(self, column: str) -> list[str]:
        """Return the cells of a column without spaces around them; rows that end earlier have empty ones."""
        return [text for table in self.tables for text in table.cells(column)]

    def columns_of(self, kind: str) -> list[str]:
        """Return the columns of a kind, of `datasets.radio.log_columns.KINDS`, that have no key yet."""
        names = columns_of(kind, self.header, self.named.values())
        return [name for name in names if names.count(name) == 1]

    def where(self, row: int) -> str:
        """Return the path and the line of a row."""
        return f"{self.paths[self.file[row]]}, line {self.line[row]}"

    def brief(self, row: int) -> str:
        """Return the line of a row, and the name of its file if there are several."""
        several = f"{self.paths[self.file[row]].name}, " if len(self.paths) > 1 else ""
        return f"{several}line {self.line[row]}"

    def __str__(self) -> str:
        return ", ".join(map(str, self.paths))


def read_rows(
    paths: Sequence[Path],
    columns: Columns,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    most: int = MOST_BYTES,
) -> Rows:
    """Read CSV files with a header line.

    Raises
    ------
    BuildError
        When one is no text, is empty, is in another encoding, lacks a column, has one of its name twice, or
        has another header than the first file.
    """
    tables: list[Table] = []
    remarks = []
    for path in paths:
        require_format(path, ("text",), "a CSV file with a header line")
        text = opened(read_bytes(path, most), str(path), encoding, SAVE_OR_NAME)
        remarks += [text.remark] if text.remark else []
        table = read_table(str(path), _from_header(text.content, columns), separator, decimal)
        table, named = _named(table, columns)
        if not table.rows:
            raise BuildError(f"{path} has a header but no reading; expected one reading a line below it.")
        if tables and table.header != tables[0].header:
            other = sorted(set(table.header) ^ set(tables[0].header)) or table.header
            raise BuildError(
                f"{path} has other columns than {paths[0]} ({listing(other)}); import files of one layout "
                "each"
            )
        tables.append(table)
    counts = [len(table.rows) for table in tables]
    return Rows(
        tables[0].header,
        named,
        tuple(tables),
        tuple(paths),
        np.repeat(np.arange(len(tables)), counts),
        np.concatenate([table.lines for table in tables]),
        tuple(remarks),
    )


def _from_header(text: str, columns: Columns) -> str:
    """Return a text without what stands above its header, which is the first line with all names."""
    names = [name.casefold() for name in columns.named().values() if isinstance(name, str)]
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines[:PREAMBLE]):
        if all(name in line.casefold() for name in names):
            above = (
                each if each.strip('" ').casefold().startswith("sep=") else "\n" for each in lines[:index]
            )
            return "".join((*above, *lines[index:]))
    return text


def _named(table: Table, columns: Columns) -> tuple[Table, dict[str, str]]:
    """Return a table and the names in its header of the columns that keys name."""
    header, given = list(table.header), columns.named()
    for key, column in given.items():
        if not isinstance(column, int):
            continue
        if not 1 <= column <= len(header):
            raise BuildError(
                f"{table.name} has {len(header)} columns, `columns: {{{key}: {column}}}` asks for another; "
                f"it has {listing(header)}"
            )
        name = table.header[column - 1]
        header[column - 1] = f"{name}#{column}" if table.header.count(name) > 1 else name
    texts = {key: column for key, column in given.items() if isinstance(column, str)}
    for key, column in texts.items():
        if len(found := places(column, header)) > 1:
            keys = " or ".join(f"`columns: {{{key}: {index + 1}}}`" for index in found)
            raise BuildError(
                f"{table.name} has {len(found)} columns '{column}'; choose one by its position, {keys}"
            )
    positions = {key: header[column - 1] for key, column in given.items() if isinstance(column, int)}
    require_columns(table.name, header, texts)
    named = {key: header[places(column, header)[0]] for key, column in texts.items()}
    return table._replace(header=header), named | positions
