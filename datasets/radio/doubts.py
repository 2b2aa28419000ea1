"""What in a drive test contradicts the description of its site: said in one line each, and never decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.factory.cells import is_number
from datasets.radio.carriers import lte_frequency, nr_frequency
from datasets.radio.log_columns import family, is_of_neighbour, words
from datasets.radio.log_rows import Rows
from datasets.radio.rsrp import floor
from datasets.radio.sieve import counted, flow

Floats = NDArray[np.float64]
APART = {
    "operator": "operators",
    "channel": "carriers",
    "frequency": "carriers",
    "band": "bands",
    "technology": "technologies",
    "identity": "cells",
    "device": "devices",
    "beam": "beams",
    "role": "cells, serving and neighbouring",
}
"""Kinds of columns that have one value in the readings of one cell, and what several values mean."""
SAME_CARRIER = 0.01
"""Share by which the frequency of a channel number may differ from the stated one: channels are some wide."""
LOWEST = 4e8
"""Below all carriers of LTE and NR, Hz."""
LEVELS = (-20.0, 60.0)
"""Levels at the antenna's peak, dBm: 20 dB beyond the 0 to 40 of a base station's reference element."""
FRONT, BACK, SIDES = 60.0, 120.0, 20
"""Degrees off boresight that end the front and begin the back of an antenna; cells that each has to have."""
BEHIND = 6.0
"""How much stronger than before the antenna it has to be behind, dB, to be said."""
BUILT, TURNED = 0.6, 1.0 / 3.0
"""Share of the measured cells in buildings that is said, and the share of it that a turned raster leaves."""
DECIMALS, METRES_PER_DEGREE = 5, 111_000.0
"""Decimals of degrees that are looked at, and the length of a degree of latitude, m."""
INACCURATE = 50.0
"""Stated accuracy of a position that is said, m: a street and its houses."""
TALL = 100.0
"""Height of a building that half of the built cells may have at most, m."""


class Sector(NamedTuple):
    """What a site says of a cell: position in the window, m, azimuth from grid north, rad, carrier, Hz."""

    position: NDArray[np.float32]
    azimuth: float
    frequency: float


def doubts_of_columns(
    rows: Rows, kept: NDArray[np.bool_], cells: NDArray[np.str_], frequencies: Mapping[str, float]
) -> list[str]:
    """Return what the other columns say against the description of the site.

    Parameters
    ----------
    rows
        All readings.
    kept
        Which of them are averaged, (n,).
    cells
        Cell of each, (n,); the name of the only one where no column tells.
    frequencies
        Carrier of each cell, Hz.
    """
    cells = np.where(kept, cells, "")
    return [*_several(rows, cells), *_carriers(rows, cells, frequencies), *_mixed(rows)]


def doubts_of_map(name: str, rsrp: Floats, receiver_height: float, antenna: Sector, side: float) -> list[str]:
    """Return what the map of a cell says against its antenna.

    Parameters
    ----------
    name
        Name of the record, for messages.
    rsrp
        Means of the cells of the map, (y, x), dBm; NaN where nothing was measured.
    receiver_height
        Height of the phones, m.
    antenna
        What the site says.
    side
        Side of a cell of the map, m.
    """
    row, column = np.nonzero(np.isfinite(rsrp))
    values = rsrp[row, column]
    east = (column + 0.5) * side - antenna.position[0]
    north = (row + 0.5) * side - antenna.position[1]
    distance = np.maximum(side, np.hypot(np.hypot(east, north), antenna.position[2] - receiver_height))
    free_space = 20.0 * np.log10(4.0 * np.pi * distance * antenna.frequency / 299_792_458.0)
    found = []
    level = float(np.percentile(values + free_space, 95))
    if not LEVELS[0] <= level <= LEVELS[1]:
        much = "more" if level > LEVELS[1] else "less"
        found.append(
            f"the strongest readings of '{name}' ask for {level:.0f} dBm at the antenna (free space, "
            f"{antenna.frequency / 1e6:g} MHz), much {much} than the 0 to 40 dBm of a base station's "
            "reference element; is the column RSRP, and are position and frequency_hz right?"
        )
    fit = np.column_stack([np.ones_like(values), np.log10(distance)])
    rest = values - fit @ np.linalg.lstsq(fit, values, rcond=None)[0]
    off = np.degrees(np.abs(np.angle(np.exp(1j * (np.arctan2(east, north) - antenna.azimuth)))))
    before, behind = rest[off < FRONT], rest[off > BACK]
    if min(before.size, behind.size) >= SIDES and (more := behind.mean() - before.mean()) > BEHIND:
        found.append(
            f"readings of '{name}' are {more:.0f} dB stronger behind the antenna than before it, at equal "
            "distance; is azimuth_deg that of the boresight, clockwise from north, and is it this cell's?"
        )
    return found


def doubt_of_buildings(heights: Floats, measured: NDArray[np.bool_]) -> list[str]:
    """Return whether the heights are believable, and whether the readings say that they are turned over.

    Parameters
    ----------
    heights
        Of the buildings, (y, x), m.
    measured
        Cells with readings, (y, x).
    """
    turned = {
        "upside down: row 0 has to be in the north": heights[::-1],
        "mirrored: column 0 has to be in the west": heights[:, ::-1],
        "turned by half: row 0 has to be in the north": heights[::-1, ::-1],
        "transposed: rows run from north to south": heights[::-1].T[::-1],
    }
    found = []
    built = heights[heights > 0]
    if built.size and (typical := float(np.median(built))) > TALL:
        found.append(
            f"half of the built cells are higher than {typical:g} m; are the heights in feet or centimetres?"
        )
    share = float((heights[measured] > 0).mean())
    shares = {how: float((other[measured] > 0).mean()) for how, other in turned.items()}
    best = min(shares, key=lambda how: shares[how])
    clear = share > 0.15 and shares[best] < TURNED * share
    if share <= BUILT and not clear:
        return found
    guess = f"is the raster {best}?" if clear else "are the buildings those of this window?"
    return [*found, f"{share:.0%} of the measured cells lie in buildings; {guess}"]


def doubts_of_positions(
    rows: Rows, kept: NDArray[np.bool_], latitude: Floats, longitude: Floats, side: float
) -> list[str]:
    """Return whether the positions, (n,) in degrees, are coarser than the cells of the map, `side` in m."""
    found = []
    for decimals in range(DECIMALS):
        scaled = np.stack([latitude[kept], longitude[kept]]) * 10.0**decimals
        step = METRES_PER_DEGREE / 10.0**decimals
        if step > side and np.allclose(scaled, np.round(scaled), rtol=0.0, atol=1e-6):
            found.append(
                f"all positions are rounded to {10.0**-decimals:g} degrees, {step:.3g} m, where the cells of "
                f"the map are {side:g} m wide; export more digits, or choose a larger `cell_size=`"
            )
            break
    for column in rows.columns_of("accuracy"):
        stated = np.array([float(text) if is_number(text) else 0.0 for text in rows.texts(column)])
        if many := int((kept & (stated > INACCURATE)).sum()):
            found.append(
                f"{many} readings are more than {INACCURATE:g} m uncertain by the column '{column}', and "
                "averaged where they lie; remove them if streets matter"
            )
    return found


def doubt_of_floor(rsrp: Floats) -> list[str]:
    """Return whether a value of the readings, (n,) in dBm, seems to stand for "no signal"."""
    if (found := floor(rsrp)) is None:
        return []
    return [
        f"{found[1]} readings are exactly {found[0]:g} dBm, 10 dB below all others: if that stands for no "
        "signal, remove them, for they are averaged"
    ]


def _several(rows: Rows, cells: NDArray[np.str_]) -> Iterator[str]:
    """Say where readings of one cell come from several operators, carriers, cells, ..."""
    for kind, what in APART.items():
        for column, texts in _texts(kind, rows).items():
            mixed = {
                cell: counted(texts[own])
                for cell, own in _by_cell(cells, texts)
                if _number_of_values(kind, texts[own]) > 1
            }
            if not mixed:
                continue
            cell, values = next(iter(mixed.items()))
            others = f" (as do {len(mixed) - 1} other cells)" if len(mixed) > 1 else ""
            device = f", or name it by `columns: {flow(device=column)}`" if kind == "device" else ""
            serving = ("false", "0", "no") if "neigh" in column.lower() else ("true", "1", "yes")
            told = [text for text in np.unique(texts) if kind == "role" and text.lower() in serving]
            one = flow(**{column: str(told[0]) if told else values.partition(" (")[0]})
            yield (
                f"cell '{cell}' holds readings of several {what}{others}: column '{column}' has {values}; "
                f"choose one by `where: {one}`{device}"
            )
            break


def _carriers(rows: Rows, cells: NDArray[np.str_], frequencies: Mapping[str, float]) -> Iterator[str]:
    """Say where channel numbers or frequencies are not those of the stated carrier."""
    technologies = [*_texts("technology", rows).values()]
    for kind in ("channel", "frequency"):
        for column, texts in _texts(kind, rows).items():
            for cell, own in _by_cell(cells, texts):
                known = {family(text) for each in technologies for text in np.unique(each[own])}
                values, counts = np.unique(texts[own], return_counts=True)
                text, stated = str(values[counts.argmax()]), frequencies[cell]
                found = _frequencies(kind, words(column), text, known)
                if found and not any(abs(each - stated) <= SAME_CARRIER * stated for each in found):
                    said = " or ".join(f"{each / 1e6:g} MHz" for each in found)
                    yield (
                        f"column '{column}' says {text}, {said}, of cell '{cell}', whose frequency_hz is "
                        f"{stated / 1e6:g} MHz; correct it"
                    )


def _texts(kind: str, rows: Rows) -> dict[str, NDArray[np.str_]]:
    """Return the cells of the columns of a kind."""
    return {name: np.array(rows.texts(name), dtype=np.str_) for name in rows.columns_of(kind)}


def _by_cell(cells: NDArray[np.str_], texts: NDArray[np.str_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Return each cell with its rows that have a text."""
    for cell in np.unique(cells[cells != ""]).tolist():
        own = (cells == cell) & (texts != "")
        if own.any():
            yield cell, own


def _number_of_values(kind: str, texts: NDArray[np.str_]) -> int:
    values = set(texts.tolist())
    return len(values if kind != "technology" else {family(text) for text in values} - {""})


def _frequencies(kind: str, column: str, text: str, technologies: set[str]) -> list[float]:
    """Return the frequencies, Hz, that a channel number or a frequency may mean; none if it is neither."""
    try:
        number = float(text)
    except ValueError:
        return []
    if kind == "frequency":
        unit = next((scale for scale in (1e9, 1e6, 1e3, 1.0) if 1e8 <= number * scale <= 1e11), None)
        return [] if unit is None else [number * unit]
    if not number.is_integer() or number < 0:
        return []
    ways = {"LTE": lte_frequency(int(number)), "NR": nr_frequency(int(number))}
    joined, technology = column.replace(" ", ""), technologies - {""}
    likely = "LTE" if "earfcn" in joined else "NR" if "nrarfcn" in joined else "".join(technology)
    chosen = [ways[likely]] if ways.get(likely) is not None else list(ways.values())
    return [found for found in chosen if found is not None and found > LOWEST]


def _mixed(rows: Rows) -> Iterator[str]:
    """Say where the RSRP is that of a neighbour and the cell is not, or the other way round."""
    power, cell = rows.named["rsrp"], rows.named.get("cell")
    if cell is not None and is_of_neighbour(power) != is_of_neighbour(cell):
        yield f"of the columns '{power}' and '{cell}' one is of a neighbouring cell by its name, one is not"
