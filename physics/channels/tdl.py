"""Tapped delay lines (TDL) of 3GPP TR 38.901."""

from collections.abc import Sequence

import numpy as np
import torch

from physics.channels.cdl import MODELS
from physics.channels.checks import check_delay_spread, check_speed, one_of
from physics.channels.response import Paths
from physics.channels.sounding import Sounding


def tdl(
    model: str,
    delay_spread: float,
    speed: float,
    rngs: Sequence[np.random.Generator],
    sounding: Sounding,
    *,
    device: str | torch.device = "cpu",
) -> Paths:
    """Return taps that fade by a sum of sinusoids, those of one sample drawn by its own generator.

    Antennas fade independently: of the panel, only the number of ports counts.

    Parameters
    ----------
    model
        ``A``, ``B``, ``C`` (Rayleigh), ``D`` or ``E`` (the first tap Rician).
    delay_spread
        RMS delay spread, s.
    speed
        Of the users, m/s.
    rngs
        One for each sample. Another device draws other numbers from the same generator.
    sounding
        Carrier, number of antennas, instants.
    device
        Where to compute.

    Returns
    -------
    Paths
        complex64, on `device`; the expected power of all taps together is 1.

    Raises
    ------
    ValueError
        If the model is unknown, or delay spread or speed is out of range.

    References
    ----------
    3GPP TR 38.901, section 7.7.2 and tables 7.7.2-1 to 7.7.2-5.
    """
    one_of("model", model, MODELS)
    check_delay_spread(delay_spread)
    check_speed(speed)
    from physics.channels.tr38901 import VERSION, device_name, drawn_by, models

    name = device_name(device)
    channel = models.TDL(
        model,
        delay_spread,
        sounding.carrier_frequency,
        min_speed=speed,
        max_speed=speed,
        num_rx_ant=sounding.panel.ports,
        device=name,
        spec_version=VERSION,
    )
    found = []
    for rng in rngs:
        with drawn_by(rng, name):
            found.append(channel(1, sounding.snapshots, 1 / sounding.interval))
    coefficients = torch.cat([each[:, 0, :, 0, 0] for each, _ in found])
    return Paths(coefficients, torch.cat([delays[:, 0, 0] for _, delays in found]))
