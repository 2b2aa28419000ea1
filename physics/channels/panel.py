"""Antenna panels."""

from dataclasses import dataclass

import numpy as np

SPACING = 0.5
"""Distance between neighbouring elements, wavelengths."""
SLANTS = {1: (0.0,), 2: (-45.0, 45.0)}
"""Slant of the elements of each polarisation, degrees from the vertical."""
PATTERNS = ("38.901", "omni")


@dataclass(frozen=True)
class Panel:
    """A rectangle of elements half a wavelength apart, in the plane x = 0, looking along x.

    Ports run down the columns, column by column; with two polarisations all ports of the first come first.

    Attributes
    ----------
    rows, columns
        Elements along z and along y.
    polarisations
        1 (vertical), or 2 (slanted by -45 and +45 degrees at the same position).
    pattern
        Radiation pattern of an element: ``38.901`` (3GPP TR 38.901, table 7.3-1) or ``omni``.
    """

    rows: int = 4
    columns: int = 4
    polarisations: int = 2
    pattern: str = "38.901"

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            if getattr(self, name) < 1:
                raise ValueError(f"panel: {name} {getattr(self, name)} found, 1 or more expected")
        if self.polarisations not in SLANTS:
            raise ValueError(f"panel: polarisations {self.polarisations} found, 1 or 2 expected")
        if self.pattern not in PATTERNS:
            raise ValueError(f"panel: pattern '{self.pattern}' found, {' or '.join(PATTERNS)} expected")

    @property
    def ports(self) -> int:
        """Number of antenna ports."""
        return self.rows * self.columns * self.polarisations

    @property
    def positions(self) -> np.ndarray:
        """Position of each port along y and z, wavelengths, shape (ports, 2)."""
        y, z = np.meshgrid(np.arange(self.columns), -np.arange(self.rows), indexing="ij")
        grid = SPACING * np.stack([y.ravel(), z.ravel()], axis=1)
        return np.tile(grid - grid.mean(0), (self.polarisations, 1))

    @property
    def slants(self) -> np.ndarray:
        """Slant of each port from the vertical, degrees, shape (ports,)."""
        return np.repeat(SLANTS[self.polarisations], self.rows * self.columns)


TERMINAL = Panel(1, 1, 1, "omni")
"""The one vertical antenna of a user terminal."""
