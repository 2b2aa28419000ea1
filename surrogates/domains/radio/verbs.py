"""Verbs of a surrogate of radio maps: `surrogate.radio.best_server(area, sectors, bandwidth=20e6)`."""

from collections.abc import Sequence

import xarray as xr

from surrogates.domains.radio.servers import Sector, best_server
from surrogates.inference.surrogate import Surrogate


class RadioVerbs:
    """Verbs of a surrogate.

    Parameters
    ----------
    surrogate
        Surrogate whose verbs they are.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    def best_server(
        self,
        area: xr.Dataset,
        sectors: Sequence[Sector],
        *,
        bandwidth: float,
        noise_figure: float = 7.0,
        subcarrier_spacing: float = 15e3,
    ) -> xr.Dataset:
        """Return best server, signal strength and SINR of several sectors on one carrier.

        As `surrogates.domains.radio.servers.best_server`; bandwidth and spacing in Hz, noise figure in dB.
        """
        return best_server(
            self._surrogate,
            area,
            sectors,
            bandwidth=bandwidth,
            noise_figure=noise_figure,
            subcarrier_spacing=subcarrier_spacing,
        )
