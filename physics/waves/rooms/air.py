"""The medium."""

from typing import NamedTuple


class Air(NamedTuple):
    """Air at rest.

    Attributes
    ----------
    speed
        Speed of sound, m/s.
    density
        kg/m^3.
    """

    speed: float = 343.0
    density: float = 1.2

    @property
    def impedance(self) -> float:
        """Characteristic impedance, Pa s/m."""
        return self.speed * self.density


AIR = Air()
