"""Verbs of a surrogate of seismic data: `surrogate.seismic.invert(gathers)`."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from physics.waves.seismic.inversion import Widths
from surrogates.domains.seismic.inversion import invert
from surrogates.domains.seismic.judgement import TRUSTED_BELOW
from surrogates.inference.surrogate import Surrogate


class SeismicVerbs:
    """Verbs of a surrogate.

    Parameters
    ----------
    surrogate
        Surrogate whose verbs they are.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    def invert(
        self,
        gathers: xr.Dataset,
        refine_steps: int = 0,
        *,
        frequencies: Sequence[float] | None = None,
        smoothing: Widths | Sequence[Widths] | None = None,
        noise: float | Sequence[float] | np.ndarray | None = None,
        trusted_below: float = TRUSTED_BELOW,
        batch_size: int | None = None,
        device: str | None = None,
        progress: bool = True,
    ) -> xr.Dataset:
        """Predict velocity models from gathers, simulate their gathers, and make them fit better.

        As `surrogates.domains.seismic.inversion.invert`.
        """
        return invert(
            self._surrogate,
            gathers,
            refine_steps,
            frequencies=frequencies,
            smoothing=smoothing,
            noise=noise,
            trusted_below=trusted_below,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )
