"""Maps of the readings of a drive test: one for each cell and device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.factory.errors import BuildError
from datasets.radio.readings import Readings
from datasets.radio.rsrp import mean_power
from datasets.radio.sieve import Sieve
from datasets.radio.site_window import SiteWindow


class Measurement(NamedTuple):
    """One record: what one device heard of one cell.

    Attributes
    ----------
    cell, device
        Their names; that of the device is empty where the file has no such column.
    rsrp
        Means in linear power, dBm, (y, x); NaN where nothing was measured.
    readings
        Number of readings, (y, x).
    """

    cell: str
    device: str
    rsrp: NDArray[np.float64]
    readings: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Such as "A Samsung"."""
        return f"{self.cell} {self.device}".strip()


def measurements_of(
    readings: Readings, sieve: Sieve, cells: Iterable[str], window: SiteWindow
) -> list[Measurement]:
    """Average the readings that are still in, by cell, then by device.

    Raises
    ------
    BuildError
        When a cell has none.
    """
    kept = sieve.kept
    east, north = window.local(readings.latitude[kept], readings.longitude[kept])
    column, row = ((each // window.cell).astype(np.int64) for each in (east, north))
    rsrp, heard, devices = (each[kept] for each in (readings.rsrp, readings.cell, readings.device))
    found = []
    for cell in cells:
        of_cell = heard == cell if "cell" in sieve.rows.named else np.ones(len(row), dtype=np.bool_)
        if not of_cell.any():
            said = sieve.left_out(1.0).remark()
            raise BuildError(
                f"{sieve.rows} has no reading of cell '{cell}' inside the window{said and f' ({said})'}; "
                "correct `cells:`, or remove it"
            )
        for device in np.unique(devices[of_cell]).tolist():
            own = of_cell & (devices == device)
            maps = mean_power(rsrp[own], row[own], column[own], window.count)
            found.append(Measurement(cell, device, *maps))
    return found
