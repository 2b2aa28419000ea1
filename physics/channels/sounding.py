"""How a channel is observed: carrier, base station antennas, and instants."""

from dataclasses import dataclass, field

from physics.channels.checks import within
from physics.channels.panel import Panel
from physics.geometry import SPEED_OF_LIGHT


@dataclass(frozen=True)
class Sounding:
    """The carrier, the panel of the base station, and evenly spaced snapshots.

    The user transmits (uplink): the channel leads from its one antenna to the ports of the panel.

    Attributes
    ----------
    panel
        Antennas of the base station.
    carrier_frequency
        Hz.
    interval
        Time between two snapshots, s. By default 70 symbols of 33.6 microseconds.
    snapshots
        Number of snapshots.
    """

    panel: Panel = field(default_factory=Panel)
    carrier_frequency: float = 2.4e9
    interval: float = 70 * (1 + 6 / 750) / 30e3
    snapshots: int = 20

    def __post_init__(self) -> None:
        within("carrier_frequency", self.carrier_frequency, 0.5e9, 100e9, "Hz")
        within("interval", self.interval, 1e-9, 60.0, "s")
        within("snapshots", self.snapshots, 1, 1 << 16, "instants")

    @property
    def wavelength(self) -> float:
        """Wavelength of the carrier, m."""
        return SPEED_OF_LIGHT / self.carrier_frequency

    def doppler(self, speed: float) -> float:
        """Return the largest Doppler shift at a speed (m/s), Hz."""
        return speed / self.wavelength
