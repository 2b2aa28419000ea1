"""Noise on the past channel that a network is given; what it is to predict stays clean."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from physics.channels import noise
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.learning.contract import Preparation

HISTORY = "uplink_history"
Kind = Literal["awgn", "phase", "burst", "packet_drop"]
Degree = Annotated[float, Field(ge=-100.0, le=200.0)]
CALIBRATED = {"phase": noise.PHASE, "burst": noise.BURST}


class Noise(Preparation):
    """Disturb the past uplink as the benchmark CSI-RRG does.

    Parameters
    ----------
    kind
        ``awgn``, ``phase``, ``burst`` or ``packet_drop``, see `physics.channels.noise`.
    degree
        ``awgn``: mean power of the channel over that of the noise, dB; or a range, of which each example
        draws its own. ``phase`` and ``burst``: 10, 15, 20 or 25 dB, which the benchmark has calibrated.
        ``packet_drop``: probability that a snapshot is lost.

    Raises
    ------
    ConfigError
        If the kind has no such degree.
    """

    def __init__(self, kind: Kind = "awgn", degree: Degree | tuple[Degree, Degree] = (0.0, 25.0)) -> None:
        self._kind = kind
        self._ends = degree if isinstance(degree, tuple) else (degree, degree)
        lowest, highest = self._ends
        if lowest > highest:
            raise ConfigError(
                f"csi/noise: the range runs from {lowest:g} down to {highest:g}; give the smaller end first"
            )
        if kind != "awgn" and lowest < highest:
            raise ConfigError(f"csi/noise: a range of degrees found, one number expected for {kind} noise")
        if kind in CALIBRATED and lowest not in CALIBRATED[kind]:
            known = listing([f"{each:g}" for each in CALIBRATED[kind]])
            raise ConfigError(f"csi/noise: {kind} noise of {lowest:g} dB found, one of {known} expected")
        if kind == "packet_drop" and not 0 <= lowest <= 1:
            raise ConfigError(f"csi/noise: packet drops with probability {lowest:g} found, 0 to 1 expected")

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Disturb the past of every example."""
        history, degree = batch[HISTORY], self._ends[0]
        if not history.is_complex():
            raise ConfigError(
                f"csi/noise: '{HISTORY}' of {history.dtype} found, complex numbers expected; leave channels "
                "as they are stored until after the noise"
            )
        if not history.isfinite().all():
            raise ConfigError(
                f"csi/noise: NaN or infinite values found in '{HISTORY}', numbers expected: the power of a "
                "past sets its noise; import the data anew, or leave such records out by dataset.select"
            )
        if self._kind == "awgn":
            noisy = noise.white_noise(history, [rng.uniform(*self._ends) for rng in rngs], rngs)
        elif self._kind == "packet_drop":
            noisy = noise.packet_drop(history, degree, rngs)
        elif self._kind == "phase":
            noisy = noise.phase_noise(history, noise.PHASE[int(degree)], rngs)
        else:
            noisy = noise.burst_noise(history, noise.BURST[int(degree)], rngs)
        return {**batch, HISTORY: noisy}
