"""The quantities of a volume, and the planes of height that its receivers lie on."""

from collections.abc import Mapping

import numpy as np

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.radio.link import CELL, FREQUENCY
from surrogates.learning.context import Context, Fact

GAIN, FIRST_DELAY, DELAY, AZIMUTH, ZENITH, DELAY_SPREAD, AZIMUTH_SPREAD = QUANTITIES = (
    "path_gain",
    "first_time_of_arrival",
    "time_of_arrival",
    "azimuth_of_arrival",
    "zenith_of_arrival",
    "delay_spread",
    "azimuth_spread",
)
DELAYS = (FIRST_DELAY, DELAY, DELAY_SPREAD)
VOLUME_FACTS: Mapping[str, Fact] = {"frequency": FREQUENCY, "cell": CELL}
"""Numbers that all volumes of a data set share."""


def planes_of(context: Context) -> np.ndarray:
    """Return the heights of the receivers above the local ground, m, (planes,).

    Raises
    ------
    ConfigError
        If the data have no coordinate ``z``, or it reaches below the ground.
    """
    heights = context.field("z", "m")
    if heights is None:
        raise ConfigError(
            f"volumes need the heights of their planes, but {context.source} has no coordinate 'z'; write it "
            "into the store, in m"
        )
    if not (heights > 0).all():
        raise ConfigError(
            f"the coordinate 'z' of {context.source} reaches down to {heights.min():g} m; expected heights "
            "above the ground, greater than 0"
        )
    return heights.copy()


def require_known(targets: list[str], piece: str) -> list[str]:
    """Return the targets if all are quantities of a volume."""
    if unknown := [name for name in targets if name not in QUANTITIES]:
        raise ConfigError(
            f"{piece} answers {listing(QUANTITIES)}, not {listing(unknown)}; take it off `task.baselines`"
        )
    return targets
