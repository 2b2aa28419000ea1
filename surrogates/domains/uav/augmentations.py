"""Changes of windows of positions under which the physics of a flight holds, in training or in a score."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor

from datasets.uav.variables import TRACKS
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.data.window import forecast_name
from surrogates.learning.contract import Preparation

PAST = "position"
AHEAD = forecast_name(PAST)
NORTH = 1
Vector = Annotated[tuple[float, float, float], Field(description="east, north, up")]


class Moved(Preparation):
    """Move past and truth elsewhere, turn them, or fly them faster.

    Parameters
    ----------
    shift
        Shift of all positions (east, north, up), m.
    rotation_deg
        Rotation about the vertical through the last known position, degrees, counter-clockwise from above.
    speed
        Factor on all distances from the last known position, and so on the velocity.
    """

    def __init__(
        self, shift: Vector = (0.0, 0.0, 0.0), rotation_deg: float = 0.0, speed: PositiveFloat = 1.0
    ) -> None:
        angle = math.radians(rotation_deg)
        # Quarter turns have no exact sine in floating point.
        cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
        turn = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]).double()
        self._matrix = speed * turn
        self._shift = torch.tensor(shift, dtype=torch.float64)

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Move every example in the same way."""
        return _about_last(batch, lambda tracks: tracks @ self._matrix.T + self._shift)


class Faster(Preparation):
    """Fly faster or slower: multiply distances from the last known position by a drawn factor.

    Parameters
    ----------
    largest
        Largest factor; its logarithm is uniform, and its inverse the smallest.
    """

    def __init__(self, largest: Annotated[float, Field(ge=1.0)] = 1.5) -> None:
        self._reach = math.log(largest)

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Scale every example by a factor of its own."""
        drawn = np.exp([rng.uniform(-self._reach, self._reach) for rng in rngs])
        factors = torch.from_numpy(drawn).view(-1, 1, 1)
        return _about_last(batch, lambda tracks: tracks * factors)


class Mirror(Preparation):
    """Exchange left and right in half of the examples, about the last known position."""

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Mirror north and south; with any rotation that is every vertical mirror."""
        signs = torch.ones(len(rngs), 1, 3, dtype=torch.float64)
        signs[:, 0, NORTH] = torch.tensor([1.0 - 2.0 * int(rng.integers(2)) for rng in rngs])
        return _about_last(batch, lambda tracks: tracks * signs)


class Noise(Preparation):
    """Add white noise to the known past, with a standard deviation that is drawn for each example.

    Half of the examples stay unchanged; the truth ahead always does.

    Parameters
    ----------
    largest
        Largest standard deviation, m.
    """

    def __init__(self, largest: NonNegativeFloat = 0.05) -> None:
        self.largest = largest

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add noise to the past."""
        past = batch[PAST]
        noise = np.stack([self._draw(rng, past.shape[1:]) for rng in rngs])
        return {**batch, PAST: (past.double() + torch.from_numpy(noise)).to(past.dtype)}

    def _draw(self, rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        deviation = rng.uniform(0.0, self.largest) if rng.random() < 0.5 else 0.0
        return deviation * rng.standard_normal(shape)


def _about_last(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """Apply a change to past and truth, seen from the last known position."""
    others = {name for track in TRACKS if track != PAST for name in (track, forecast_name(track))}
    if found := sorted(others & batch.keys()):
        raise ConfigError(
            f"the batch also holds {listing(found)}, which would stay while the positions move; "
            "take only positions as inputs and targets"
        )
    last = batch[PAST][:, -1:].double()
    # Once in double precision, so that what is stored is rounded once.
    moved = {
        name: (change(batch[name].double() - last) + last).to(batch[name].dtype)
        for name in (PAST, AHEAD)
        if name in batch
    }
    return {**batch, **moved}
