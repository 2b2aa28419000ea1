"""Path-gain maps with Sionna RT's radio-map solver.

The solver launches rays from each transmitter and counts their power where they cross a measurement surface
[1]_. Here that surface follows the terrain: two triangles per cell at the receiver's height above the ground.

References
----------
.. [1] F. Ait Aoudia et al., "Sionna RT: Technical Report", arXiv:2504.21719, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from physics.raytracing.backend import sionna
from physics.raytracing.scenes import Scene, Window

Pattern = Literal["iso", "tr38901"]
BOTH = "surrogates_iso_tr38901"


@dataclass(frozen=True)
class Settings:
    """How finely rays are traced.

    Attributes
    ----------
    frequency : float
        Carrier frequency, Hz.
    rays : int
        Rays per transmitter.
    depth : int
        Largest number of reflections of a path.
    diffraction : bool
        Whether first-order diffraction at edges is traced.
    receiver_height : float
        Height of the measurement surface above the ground, m.
    """

    frequency: float = 3.66e9
    rays: int = 1_000_000
    depth: int = 8
    diffraction: bool = True
    receiver_height: float = 2.0


def yaw(azimuth: float) -> float:
    """Sionna's yaw (counter-clockwise from east) of an azimuth (clockwise from north), both in rad."""
    return math.pi / 2.0 - azimuth
