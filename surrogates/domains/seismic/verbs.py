"""Verbs of a surrogate of seismic data: `surrogate.seismic.invert(gathers)`."""

import xarray as xr

from surrogates.domains.seismic.inversion import invert
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
        batch_size: int | None = None,
        device: str | None = None,
        progress: bool = True,
    ) -> xr.Dataset:
        """Predict velocity models from gathers, simulate their gathers, and make them fit better.

        As `surrogates.domains.seismic.inversion.invert`.
        """
        return invert(
            self._surrogate, gathers, refine_steps, batch_size=batch_size, device=device, progress=progress
        )
