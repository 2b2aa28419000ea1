"""Uplink and downlink bands, a gap between them."""

from dataclasses import dataclass

import numpy as np

from physics.channels.response import subcarrier_frequencies


@dataclass(frozen=True)
class Bands:
    """Subcarriers of the uplink, of the gap above it, and of the downlink above that.

    Attributes
    ----------
    uplink, gap, downlink
        Number of subcarriers.
    spacing
        Hz.
    """

    uplink: int
    gap: int
    downlink: int
    spacing: float

    @property
    def frequencies(self) -> np.ndarray:
        """Frequencies of all subcarriers relative to the carrier, Hz."""
        return subcarrier_frequencies(self.uplink + self.gap + self.downlink, self.spacing)

    @property
    def uplink_slice(self) -> slice:
        """Indices of the uplink."""
        return slice(0, self.uplink)

    @property
    def downlink_slice(self) -> slice:
        """Indices of the downlink."""
        return slice(self.uplink + self.gap, None)
