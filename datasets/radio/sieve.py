"""Which rows of a drive test are left out: by a key, or because they cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.factory.left_out import LeftOut
from datasets.factory.tables import places
from datasets.radio.log_rows import Rows
from surrogates.core.text import listing, nearest

Mask = NDArray[np.bool_]
Value = str | int | float | bool
WHAT = "readings"
_BARE = re.compile(r"(?!(?:yes|no|on|off|true|false|null)$)[\w+./-]+(?: [\w+./-]+)*", re.IGNORECASE)
"""Texts that YAML takes as they stand."""
SHOWN = 10
"""Values of a column that a message shows."""


@dataclass
class Sieve:
    """Which rows are still in, and how many were left out by cause.

    Attributes
    ----------
    rows
        All rows.
    kept
        Which of them are in, (n,).
    causes, chosen
        Counts by cause, as in `datasets.factory.left_out.LeftOut`.
    """

    rows: Rows
    kept: Mask
    causes: dict[str, int] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Return a sieve that keeps all rows."""
        return cls(rows, np.ones(len(rows.line), dtype=np.bool_))

    def leave_out(self, which: Mask, cause: str, *, chosen: bool = False) -> None:
        """Leave rows out, (n,); `chosen` if a key says so."""
        which = which & self.kept
        if not which.any():
            return
        row = int(np.flatnonzero(which)[0])
        first = f"{self.rows.paths[self.rows.file[row]].name}, line {self.rows.line[row]}"
        (self.chosen if chosen else self.causes)[f"{cause} (first: {first})"] = int(which.sum())
        self.kept = self.kept & ~which

    def left_out(self, most: float) -> LeftOut:
        """Return the counts."""
        return LeftOut(WHAT, len(self.kept), self.causes, self.chosen, most)


def choose(sieve: Sieve, where: Mapping[str, Sequence[Value]]) -> None:
    """Leave out the rows whose columns hold other values than the wanted ones.

    Raises
    ------
    BuildError
        When there is no such column, it stands twice, or a value is in no row; names those that are there.
    """
    rows = sieve.rows
    for column, values in where.items():
        found = places(column, rows.header)
        if len(found) != 1:
            many = "two columns" if found else "no column"
            raise BuildError(
                f"{rows} has {many} '{column}', of which `where:` asks for {listing(map(str, values))}."
                f"{nearest(column, rows.header)} Columns: {listing(rows.header)}"
            )
        texts = rows.texts(rows.header[found[0]])
        for value in values:
            if not any(_same(text, value) for text in set(texts)):
                raise BuildError(
                    f"{rows} has no reading whose '{column}' is '{value}', as `where:` asks."
                    f"{nearest(str(value), set(texts))} Values: {counted(texts)}"
                )
        wanted = {text for text in set(texts) if any(_same(text, value) for value in values)}
        sieve.leave_out(np.array([text not in wanted for text in texts]), f"of another {column}", chosen=True)


def choose_devices(sieve: Sieve, device: NDArray[np.str_], wanted: Sequence[str] | None) -> None:
    """Leave out the readings of devices that are not wanted.

    Raises
    ------
    BuildError
        When a wanted one has no reading.
    """
    if wanted is None:
        return
    known = np.unique(device[sieve.kept]).tolist()
    for each in wanted:
        if each not in known:
            there = listing(known) if "device" in sieve.rows.named else "no column: name it by `columns:`"
            raise BuildError(
                f"{sieve.rows} has no reading of the device '{each}'.{nearest(each, known)} Devices: {there}"
            )
    sieve.leave_out(~np.isin(device, wanted), "of another device", chosen=True)


def choose_cells(sieve: Sieve, cell: NDArray[np.str_], described: Sequence[str], *, wanted: bool) -> None:
    """Leave out the readings of no cell and, if that is wanted, of cells that are not described.

    Raises
    ------
    BuildError
        When there are readings of other cells, and they are not to be left out.
    """
    if "cell" not in sieve.rows.named:
        return
    sieve.leave_out(cell == "", "without cell", chosen=wanted)
    unknown = ~np.isin(cell, described) & sieve.kept
    if unknown.any() and not wanted:
        raise BuildError(
            f"{sieve.rows} has {int(unknown.sum())} readings of cells that are not described: "
            f"{counted(cell[unknown])}, where {listing(described)} are; add them under `cells:`, or "
            "`leave_out: [other_cells]`"
        )
    sieve.leave_out(unknown, "of another cell", chosen=True)


def counted(texts: Iterable[str]) -> str:
    """Return the most frequent texts and how often each is there, such as "Alpha (120), Beta (60)"."""
    found: dict[str, int] = {}
    for text in texts:
        found[text] = found.get(text, 0) + 1
    most = sorted(found, key=lambda text: (-found[text], text))
    rest = f" and {len(most) - SHOWN} others" if len(most) > SHOWN else ""
    return ", ".join(f"{text or 'nothing'} ({found[text]})" for text in most[:SHOWN]) + rest


def flow(**keys: str | Sequence[str]) -> str:
    """Return keys as a user types them, in YAML on one line, such as ``{operator: Alpha, EARFCN: 1300}``."""

    def written(value: str | Sequence[str]) -> str:
        if not isinstance(value, str):
            return f"[{', '.join(map(written, value))}]"
        return (
            value if _BARE.fullmatch(value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        )

    return f"{{{', '.join(f'{written(key)}: {written(value)}' for key, value in keys.items())}}}"


def _same(text: str, value: Value) -> bool:
    """Tell whether a cell is a value: letters of either case, numbers by what they are worth."""
    if text.casefold() == str(value).casefold():
        return True
    try:
        return float(text) == float(value)
    except ValueError:
        return False
