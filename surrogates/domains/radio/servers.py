"""Several sectors at once: who serves a cell, how strongly, and how much the others disturb."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import xarray as xr

from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT
from physics.propagation import tr38901_antenna_gain
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.radio.link import GEOMETRY, GROUND, HEIGHTS, POSITION, Link
from surrogates.domains.radio.patterns import AntennaPattern, read_pattern
from surrogates.inference.surrogate import Surrogate

GAIN = "path_gain"
PEAK = 8.0
"""Gain of the element of 3GPP TR 38.901, dBi."""
BOLTZMANN, TEMPERATURE = 1.380649e-23, 290.0  # J/K, K


@dataclass(frozen=True)
class Sector:
    """A sector antenna.

    Attributes
    ----------
    position
        East and north of the map's corner, and height above the ground, m.
    azimuth
        Boresight, degrees clockwise from north.
    eirp
        Effective isotropic radiated power at the peak of the pattern over the whole carrier, dBm.
    tilt
        Mechanical tilt below the horizon, degrees; an electrical one is in the pattern.
    pattern
        Pattern, or the path of its MSI Planet file; None takes the element of 3GPP TR 38.901.
    name
        What the answer calls it; its number if there is none.
    """

    position: tuple[float, float, float]
    azimuth: float
    eirp: float
    tilt: float = 0.0
    pattern: AntennaPattern | str | Path | None = None
    name: str = ""

    def gain(self, azimuth: np.ndarray, zenith: np.ndarray) -> np.ndarray:
        """Return the gain relative to the peak towards some directions, rad, in dB."""
        offset, tilt = azimuth - math.radians(self.azimuth), math.radians(self.tilt)
        if self.pattern is None:
            return np.asarray(tr38901_antenna_gain(offset, zenith - tilt * np.cos(offset))) - PEAK
        known = self.pattern if isinstance(self.pattern, AntennaPattern) else read_pattern(self.pattern)
        return known.relative(offset, zenith - math.pi / 2.0, tilt)


def best_server(
    surrogate: Surrogate,
    area: xr.Dataset,
    sectors: Sequence[Sector],
    *,
    bandwidth: float,
    noise_figure: float = 7.0,
    subcarrier_spacing: float = 15e3,
) -> xr.Dataset:
    """Return best server, signal strength and SINR of several sectors on one carrier.

    The surrogate answers the path gain from each mast between isotropic antennas, the pattern of each sector
    is added along the direct ray. All sectors send at full load, their power spread evenly over the
    bandwidth (guard bands are not taken off), so that the SINR is that of every resource element.

    Parameters
    ----------
    surrogate
        Of isotropic path gain, such as ``zoo:radio/geo2sigmap``.
    area
        `building_height` and `terrain_height` of one map, m, (y, x).
    sectors
        The sectors, on this map.
    bandwidth
        Of the carrier, Hz.
    noise_figure
        Of the receiver, dB; its noise is that of 290 K.
    subcarrier_spacing
        Width of a resource element, Hz.

    Returns
    -------
    xr.Dataset
        ``best_server`` (y, x), number of the strongest sector; ``rsrp`` (y, x), its power in a resource
        element, dBm; ``sinr`` (y, x), that power over the other sectors' and the noise, dB; ``sector_rsrp``
        (sector, y, x), the power of each, dBm. NaN under buildings.

    Raises
    ------
    ConfigError
        When the surrogate answers something else, or there is no sector.
    """
    link = _link_of(surrogate)
    if not sectors:
        raise ConfigError("best_server got no sector; expected at least one")
    if not (bandwidth >= subcarrier_spacing > 0):
        raise ConfigError(
            f"bandwidth={bandwidth:g} Hz and subcarrier_spacing={subcarrier_spacing:g} Hz found; expected a "
            "bandwidth of at least one subcarrier, both above zero"
        )
    names = [each.name or str(number) for number, each in enumerate(sectors)]
    given = _for_each(area, sectors, surrogate.record_dimension)
    path_gain = surrogate.predict(given)[GAIN].transpose(surrogate.record_dimension, "y", "x")
    directions = link.directions(
        {name: torch.as_tensor(np.array(given[name].values, np.float64)) for name in (GROUND, POSITION)}
    )
    azimuth, zenith = (torch.as_tensor(each).numpy() for each in (directions.azimuth, directions.zenith))
    share = 10.0 * math.log10(bandwidth / subcarrier_spacing)
    power = np.stack(
        [
            each.eirp - share + each.gain(azimuth[number], zenith[number]) + path_gain.values[number]
            for number, each in enumerate(sectors)
        ]
    )
    noise = 10.0 * math.log10(BOLTZMANN * TEMPERATURE * subcarrier_spacing * 1e3) + noise_figure
    best, strongest, ratio = _serving(power, noise)
    coordinates = {
        name: values
        for name, values in path_gain.coords.items()
        if surrogate.record_dimension not in values.dims
    }
    dbm = {"units": DECIBEL_MILLIWATT, "display_units": "dBm"}
    numbered = {"units": "1", "long_name": "number of the strongest sector"}
    return xr.Dataset(
        {
            "best_server": (("y", "x"), best, numbered),
            "rsrp": (("y", "x"), strongest, {**dbm, "long_name": "RSRP of the best server"}),
            "sinr": (("y", "x"), ratio, {"units": DECIBEL, "display_units": "dB", "long_name": "SINR"}),
            "sector_rsrp": (("sector", "y", "x"), power, {**dbm, "long_name": "RSRP of each sector"}),
        },
        coords={**coordinates, "sector": names},
        attrs={"title": f"Best server among {len(sectors)} sectors", "source": "sciml-surrogates"},
    )


def _serving(power: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number and power of the strongest sector, and its SINR, from powers (sector, ...), dBm."""
    known = np.isfinite(power).all(0)
    linear = np.where(known, 10.0 ** (power / 10.0), 0.0)
    best = np.argmax(linear, axis=0)
    serving = np.take_along_axis(linear, best[None], axis=0)[0]
    disturbing = linear.sum(0) - serving + 10.0 ** (noise / 10.0)
    strongest = np.take_along_axis(power, best[None], axis=0)[0]
    ratio = strongest - 10.0 * np.log10(disturbing)
    return tuple(np.where(known, each, np.nan) for each in (best, strongest, ratio))  # type: ignore[return-value]


@runtime_checkable
class Linked(Protocol):
    """A transform that knows the link from a transmitter to each cell."""

    link: Link


def _link_of(surrogate: Surrogate) -> Link:
    """Return the link of a surrogate of isotropic path gain; refuse any other."""
    if list(surrogate.outputs) != [GAIN] or set(surrogate.inputs) != set(GEOMETRY):
        raise ConfigError(
            f"best_server takes a surrogate of {GAIN} from {listing(GEOMETRY)}, found one of "
            f"{listing(surrogate.outputs)} from {listing(surrogate.inputs)}; load one of radio/geo2sigmap"
        )
    transform = surrogate.bundle.parts[0][0].transform
    if not isinstance(transform, Linked):
        raise ConfigError(
            f"the transform {type(transform).__name__} of the surrogate has no link to look along; load a "
            "surrogate of radio/geo2sigmap"
        )
    return transform.link


def _for_each(area: xr.Dataset, sectors: Sequence[Sector], record_dimension: str) -> xr.Dataset:
    """Return the map once for each sector, with its position."""
    for name in (HEIGHTS, GROUND):
        if name not in area.variables or set(area[name].dims) != {"y", "x"}:
            found = area[name].dims if name in area.variables else "nothing"
            raise ConfigError(
                f"best_server needs '{name}' (y, x) of one map, found {found}; choose a record, such as "
                f"area.isel({record_dimension}=0)"
            )
    maps = area[[HEIGHTS, GROUND]].expand_dims({record_dimension: len(sectors)})
    positions = np.array([each.position for each in sectors], dtype=np.float64)
    return maps.assign({POSITION: ((record_dimension, "enu"), positions, {"units": "m"})})
