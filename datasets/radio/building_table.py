"""The buildings of several maps in one table, and what their files hold beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from datasets.factory.left_out import LeftOut
from datasets.radio import variables
from datasets.radio.buildings import Buildings
from datasets.radio.heights import SOURCES
from datasets.radio.mapped import RIGHTLY

ROWS = ("building_key", "building_bottom", "building_top", "building_height_source")


def table(maps: Sequence[Buildings], codes: Mapping[str, int]) -> xr.Dataset:
    """Return the table of the buildings: where each height came from.

    Parameters
    ----------
    maps
        Buildings of each map.
    codes
        Number of each map by its name, in the same order.
    """
    found = {key: np.concatenate([each[key] for each in map(_rows, maps)]) for key in ROWS}
    numbers = np.repeat(list(codes.values()), [len(each.keys) for each in maps]).astype(np.int8)
    flags = {"flag_values": list(range(len(SOURCES))), "flag_meanings": " ".join(SOURCES)}
    texts = {
        "building_key": {"long_name": "name of the building in its file"},
        "building_bottom": {"units": "m", "long_name": "height of the floor above the ground"},
        "building_top": {"units": "m", "long_name": "height of the roof above the ground"},
        "building_height_source": {"units": "1", "long_name": "where the height came from", **flags},
    }
    columns = {name: xr.Variable("buildings", found[name], texts[name]) for name in ROWS}
    city = {"units": "1", "long_name": "extract of the building"} | variables.city_flags(dict(codes))
    return xr.Dataset(columns | {"building_city": xr.Variable("buildings", numbers, city)})


def left_out(maps: Mapping[str, Buildings], most: float) -> list[LeftOut]:
    """Return of each map the buildings that are not built, and the heights that cannot be read, by cause."""
    return [each for name, buildings in maps.items() for each in _left_out(name, buildings, most)]


def _left_out(name: str, buildings: Buildings, most: float) -> tuple[LeftOut, LeftOut]:
    causes, texts = Counter(buildings.left_out), Counter(buildings.unreadable)
    built = len(buildings.keys)
    often = ", ".join(f"'{text}'" for text, _ in texts.most_common(3))
    return (
        LeftOut(
            f"buildings of {name}",
            built + causes.total(),
            {cause: count for cause, count in causes.items() if cause not in RIGHTLY},
            {cause: causes[cause] for cause in RIGHTLY},
            most,
        ),
        LeftOut(
            f"heights of {name}",
            max(built, texts.total()),
            {f"in words that cannot be read (such as {often})": texts.total()},
            most=most,
        ),
    )


def _rows(buildings: Buildings) -> dict[str, np.ndarray]:
    """Return one row for each mapped building, from the first of its footprints."""
    _, first = np.unique(buildings.owner, return_index=True)
    bottom, top = (each[first].astype(np.float32) for each in (buildings.bottom, buildings.top))
    return dict(zip(ROWS, (buildings.keys, bottom, top, buildings.source), strict=True))
