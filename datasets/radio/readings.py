"""Readings of a drive test: a CSV file, checked line by line, and their mean in the cells of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from datasets.factory.errors import BuildError
from datasets.factory.formats import require_format
from datasets.factory.tables import numbers, read_table, require_columns
from datasets.factory.text import SAVE_OR_NAME, read_text

WEAKEST, STRONGEST = -160.0, -25.0
"""Bounds of a believable RSRP, dBm; phones report -156 to -31 (3GPP TS 36.133, table 9.1.4-1, extended)."""
NUMBERS = ("latitude", "longitude", "rsrp")


class Columns(BaseModel):
    """Names of the columns of the CSV file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: str = Field("latitude", description="Degrees north, WGS84.")
    longitude: str = Field("longitude", description="Degrees east, WGS84.")
    rsrp: str = Field("rsrp", description="Reference signal received power, dBm.")
    cell: str | None = Field(None, description="Cell that was heard; none where the site has one.")
    device: str | None = Field(None, description="Device that measured; none where there was one.")


@dataclass(frozen=True)
class Readings:
    """Readings in the order of the file.

    Attributes
    ----------
    latitude, longitude
        Degrees, (n,).
    rsrp
        dBm, (n,).
    cell, device
        Names, (n,); empty where the file has no such column.
    line
        Line of the file, (n,), for messages.
    """

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    rsrp: NDArray[np.float64]
    cell: NDArray[np.str_]
    device: NDArray[np.str_]
    line: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Readings:
        """Return the readings where a mask is true."""
        return Readings(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def read_readings(path: Path, columns: Columns, encoding: str | None = None) -> Readings:
    """Read a CSV file with a header line.

    Raises
    ------
    BuildError
        When it is no text, is empty, is in another encoding, lacks a column, has a cell that is no number, or
        its RSRP cannot be dBm.
    """
    named = {key: name for key, name in columns.model_dump().items() if name is not None}
    require_format(path, ("text",), "a CSV file with a header line")
    table = read_table(str(path), read_text(path, encoding, SAVE_OR_NAME))
    require_columns(str(path), table.header, named)
    if not table.rows:
        raise BuildError(f"{path} has a header but no reading; expected one reading a line below it.")
    line = table.lines
    texts = {key: table.cells(name) for key, name in named.items()}
    latitude, longitude, rsrp = (
        numbers(str(path), named[key], texts[key], line, finite=True) for key in NUMBERS
    )
    _require_degrees(path, {"latitude": latitude, "longitude": longitude}, line)
    _require_dbm(path, rsrp, line)
    nothing = [""] * len(table.rows)
    cell, device = (np.array(texts.get(key, nothing), dtype=np.str_) for key in ("cell", "device"))
    return Readings(latitude, longitude, rsrp, cell, device, line)


def mean_power(
    rsrp: NDArray[np.float64], row: NDArray[np.int64], column: NDArray[np.int64], cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Average readings in the cells of a square map, in linear power.

    Parameters
    ----------
    rsrp
        dBm, (n,).
    row, column
        Cell of each reading, (n,).
    cells
        Cells along a side.

    Returns
    -------
    mean, count
        dBm, NaN where there is no reading; number of readings; both (cells, cells).
    """
    power, count = np.zeros((cells, cells)), np.zeros((cells, cells), np.int64)
    np.add.at(power, (row, column), 10.0 ** (rsrp / 10.0))
    np.add.at(count, (row, column), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10.0 * np.log10(power / count), count


def _require_degrees(path: Path, numbers: Mapping[str, NDArray[np.float64]], line: NDArray[np.int64]) -> None:
    for key, limit in (("latitude", 90.0), ("longitude", 180.0)):
        if (bad := np.flatnonzero(np.abs(numbers[key]) > limit)).size:
            raise BuildError(
                f"{path}, line {line[bad[0]]}: the {key} is {numbers[key][bad[0]]:g}, expected degrees "
                f"within +-{limit:g} ({bad.size} such lines); are the columns swapped, or the positions in "
                "metres?"
            )


def _require_dbm(path: Path, rsrp: NDArray[np.float64], line: NDArray[np.int64]) -> None:
    bad = np.flatnonzero((rsrp < WEAKEST) | (rsrp > STRONGEST))
    if not bad.size:
        return
    typical = float(np.median(rsrp[bad]))
    if typical < 10 * WEAKEST:
        guess = "are they hundredths of a dBm? Divide them by 100"
    elif typical > 3.0:
        guess = "is the sign missing, or are they percent or ASU (RSRP = ASU - 140)?"
    elif typical > STRONGEST:
        guess = "are they RSRQ or SINR in dB, or milliwatts?"
    else:
        guess = "remove readings that no phone reports"
    raise BuildError(
        f"{path}, line {line[bad[0]]}: an RSRP of {rsrp[bad[0]]:g}, expected dBm between {WEAKEST:g} and "
        f"{STRONGEST:g} ({bad.size} of {rsrp.size} readings are not); {guess}"
    )
