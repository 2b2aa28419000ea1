"""Clustered delay lines (CDL) of 3GPP TR 38.901."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from physics.channels.checks import check_delay_spread, check_speed, one_of
from physics.channels.panel import TERMINAL
from physics.channels.response import Paths
from physics.channels.sounding import Sounding

if TYPE_CHECKING:
    import torch

Doppler = Literal["ut", "csi-rrg"]
MODELS = ("A", "B", "C", "D", "E")
DOPPLERS = ("ut", "csi-rrg")
BATCH = 10
"""Samples of one call: rays times antennas times snapshots of more leave the cache."""


def cdl(
    model: str,
    delay_spread: float,
    speed: float,
    rngs: Sequence[np.random.Generator],
    sounding: Sounding,
    *,
    doppler: Doppler = "ut",
    device: str | torch.device = "cpu",
) -> Paths:
    """Return the paths from moving users to a base station, each drawn by its own generator.

    Parameters
    ----------
    model
        ``A``, ``B``, ``C`` (no line of sight), ``D`` or ``E`` (with one).
    delay_spread
        RMS delay spread, s.
    speed
        Of the users, m/s; each moves in a direction of its own, see `velocities`.
    rngs
        One for each sample. A sample depends on its generator only, not on the others.
    sounding
        Carrier, antennas, instants.
    doppler
        ``ut``: from the angles at the user, who moves. ``csi-rrg``: from the angles at the base station, as
        in the published data of that name.
    device
        Where to compute.

    Returns
    -------
    Paths
        complex64, on `device`; their mean power is about 1 for antennas that radiate alike in all directions.

    Raises
    ------
    ValueError
        If the model or the Doppler mode is unknown, or delay spread or speed is out of range.

    References
    ----------
    3GPP TR 38.901, section 7.7.1 and tables 7.7.1-1 to 7.7.1-5; steps 10 and 11 of section 7.5.
    """
    one_of("model", model, MODELS)
    one_of("doppler", doppler, DOPPLERS)
    check_delay_spread(delay_spread)
    check_speed(speed)
    import torch

    from physics.channels.tr38901 import VERSION, DrawnCDL, array, device_name

    name, carrier = device_name(device), sounding.carrier_frequency
    base, terminal = (array(panel, carrier, name) for panel in (sounding.panel, TERMINAL))
    found = []
    for start in range(0, len(rngs), BATCH):
        batch = rngs[start : start + BATCH]
        channel = DrawnCDL(
            ut_velocity=torch.from_numpy(velocities(speed, batch)),
            rngs=batch,
            arrival_doppler=doppler == "csi-rrg",
            model=model,
            delay_spread=delay_spread,
            carrier_frequency=carrier,
            ut_array=terminal,
            bs_array=base,
            direction="uplink",
            device=name,
            spec_version=VERSION,
        )
        with torch.no_grad():
            found.append(channel(len(batch), sounding.snapshots, 1 / sounding.interval))
    # sionna: (sample, receiver, antenna, sender, antenna, path, time) and (sample, receiver, sender, path)
    coefficients = torch.cat([each[:, 0, :, 0, 0] for each, _ in found])
    return Paths(coefficients, torch.cat([delays[:, 0, 0] for _, delays in found]))


def velocities(speed: float, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw the velocity of each user, m/s, shape (sample, 3).

    Azimuth and zenith angle are uniform, as in sionna and thus in CSI-RRG: steep directions are more frequent
    than on a sphere.
    """
    azimuth, zenith = np.array([rng.random(2) for rng in rngs]).T * [[2 * np.pi], [np.pi]]
    flat = np.sin(zenith)
    unit = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(zenith)], axis=1)
    return np.asarray(speed * unit, np.float32)
