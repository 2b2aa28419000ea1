"""Verbs of a surrogate of sound in rooms: `surrogate.acoustics.impulse_response(source, receiver)`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from surrogates.domains.acoustics import animation, responses
from surrogates.domains.acoustics.responses import Positions
from surrogates.domains.acoustics.signals import Signal
from surrogates.inference.surrogate import Surrogate


class AcousticsVerbs:
    """Verbs of a surrogate.

    Parameters
    ----------
    surrogate
        Surrogate whose verbs they are.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    def impulse_response(
        self, source: Positions, receiver: Positions, times: np.ndarray | None = None, **given: float
    ) -> xr.DataArray:
        """Return the sound pressure at receivers after a pulse of 1 Pa of sources.

        As `surrogates.domains.acoustics.responses.impulse_response`.
        """
        return responses.impulse_response(self._surrogate, source, receiver, times, **given)

    def move(
        self,
        source_path: Positions,
        receiver_path: Positions,
        signal: str | Path | Signal,
        *,
        rate: int = 44_100,
        interval: float = 0.02,
        out: str | Path | None = None,
        **given: float,
    ) -> xr.DataArray:
        """Return what a listener hears of a signal while source and listener move.

        As `surrogates.domains.acoustics.responses.move`.
        """
        return responses.move(
            self._surrogate,
            source_path,
            receiver_path,
            signal,
            rate=rate,
            interval=interval,
            out=out,
            **given,
        )

    def field(
        self,
        source: Positions,
        times: Sequence[float] | np.ndarray,
        height: float | None = None,
        spacing: float | None = None,
        **given: float,
    ) -> xr.DataArray:
        """Return the sound pressure on a plane of the room after a pulse of each source.

        As `surrogates.domains.acoustics.animation.field`.
        """
        return animation.field(self._surrogate, source, times, height, spacing, **given)

    def animate(
        self,
        source_path: Positions,
        out: str | Path,
        *,
        time: float | None = None,
        frames: int = 24,
        height: float | None = None,
        **given: float,
    ) -> Path:
        """Write a GIF of the field at one time after the pulse, while the source moves along a path.

        As `surrogates.domains.acoustics.animation.animate`.
        """
        return animation.animate(
            self._surrogate, source_path, out, time=time, frames=frames, height=height, **given
        )
