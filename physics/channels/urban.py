"""Urban cells of 3GPP TR 38.901: users at given positions around a base station."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from physics.channels.checks import SPEEDS, one_of, within
from physics.channels.panel import TERMINAL
from physics.channels.response import Paths
from physics.channels.sounding import Sounding

KINDS = ("UMi", "UMa")
HEIGHTS = {"UMi": 10.0, "UMa": 25.0}
"""Height of the base station, m (TR 38.901, table 7.2-1)."""


def urban(
    kind: Literal["UMi", "UMa"],
    positions: np.ndarray,
    velocities: np.ndarray,
    rngs: Sequence[np.random.Generator],
    sounding: Sounding,
    *,
    line_of_sight: bool | None = None,
    device: str | torch.device = "cpu",
) -> Paths:
    """Return the paths of outdoor users, each sample drawn by its own generator.

    The base station stands at the origin, as high as TR 38.901 says, and its panel looks along x. Path loss
    and shadow fading are left out, so that delays, angles, K-factor and fading remain.

    Parameters
    ----------
    kind
        ``UMi`` (street canyon) or ``UMa``.
    positions : (sample, 3) array
        East, north and up, m.
    velocities : (sample, 3) array
        m/s.
    rngs
        One for each sample. Another device draws other numbers from the same generator.
    sounding
        Carrier, antennas, instants.
    line_of_sight
        Whether users see the base station; None draws it with the probability of their distance.
    device
        Where to compute.

    Returns
    -------
    Paths
        complex64, on `device`. Samples with fewer paths end with ones of coefficient and delay 0.

    Raises
    ------
    ValueError
        If the kind is unknown, or positions or velocities have another shape, are not finite or out of range.

    References
    ----------
    3GPP TR 38.901, sections 7.2, 7.4.2 and 7.5.
    """
    one_of("kind", kind, KINDS)
    for name, values in (("positions", positions), ("velocities", velocities)):
        if values.shape != (len(rngs), 3) or not np.isfinite(values).all():
            raise ValueError(
                f"{name}: shape {values.shape} found, ({len(rngs)}, 3) without NaN expected, a row for each "
                "generator"
            )
    distance = np.hypot(positions[:, 0], positions[:, 1])
    if len(rngs):
        within("distance", float(distance.min()), 10.0, 5000.0, "m")
        within("distance", float(distance.max()), 10.0, 5000.0, "m")
        within("speed", float(np.linalg.norm(velocities, axis=1).max()), *SPEEDS, "m/s")
    from physics.channels.tr38901 import device_name

    found = [
        _one(kind, position, velocity, rng, sounding, line_of_sight, device_name(device))
        for position, velocity, rng in zip(positions, velocities, rngs, strict=True)
    ]
    return _padded(found)


def _one(
    kind: str,
    position: np.ndarray,
    velocity: np.ndarray,
    rng: np.random.Generator,
    sounding: Sounding,
    line_of_sight: bool | None,
    device: str,
) -> Paths:
    from physics.channels.tr38901 import VERSION, array, drawn_by, models

    def row(values: np.ndarray | list[float]) -> torch.Tensor:
        return torch.tensor(np.asarray(values, np.float32), device=device)[None, None]

    carrier = sounding.carrier_frequency
    with drawn_by(rng, device), torch.no_grad():
        channel = getattr(models, kind)(
            carrier_frequency=carrier,
            o2i_model="low",
            ut_array=array(TERMINAL, carrier, device),
            bs_array=array(sounding.panel, carrier, device),
            direction="uplink",
            enable_pathloss=False,
            enable_shadow_fading=False,
            device=device,
            spec_version=VERSION,
        )
        channel.set_topology(
            row(position),
            row([0.0, 0.0, HEIGHTS[kind]]),
            row([0.0, 0.0, 0.0]),
            row([0.0, 0.0, 0.0]),
            row(velocity),
            torch.zeros((1, 1), dtype=torch.bool, device=device),
            "random" if line_of_sight is None else line_of_sight,
        )
        coefficients, delays = channel(sounding.snapshots, 1 / sounding.interval)
    return Paths(coefficients[:, 0, :, 0, 0], delays[:, 0, 0])


def _padded(found: Sequence[Paths]) -> Paths:
    most = max(each.delays.shape[1] for each in found)
    coefficients, delays = [], []
    for each in found:
        lacks = most - each.delays.shape[1]
        coefficients.append(torch.nn.functional.pad(each.coefficients, (0, 0, 0, lacks)))
        delays.append(torch.nn.functional.pad(each.delays, (0, lacks)))
    return Paths(torch.cat(coefficients), torch.cat(delays))
