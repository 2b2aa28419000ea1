"""Coordinates of points in a room, scaled as the published network has them, with Fourier features."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import pi
from typing import Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.acoustics.names import BRANCH_SPACE, INITIAL, POINT_SPACE, POINT_TIME, SOURCE
from surrogates.domains.acoustics.ranges import Frequency, Speed
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.points import BRANCH, TRUNK, Points
from surrogates.learning.transform import Features
from surrogates.nn.sine import FourierFeatures

Frequencies = Annotated[tuple[Frequency, ...], Field(max_length=64)]
PARTS = (2, 4, 6)
"""Of the highest frequency, whose Fourier features are taken: 500, 250 and 167 Hz of 1000 Hz."""


class RoomPoints(Points):
    """Points in a room: one scale for all axes of space, time in the same unit, and Fourier features [1]_.

    Space is scaled to [-1, 1] over the longest extent L of the grid of the initial pressure, the aspect ratio
    kept. Behind the scaled coordinates follow cosine and sine of each for each frequency. `source_position`
    may be among the inputs and is not handed on: so the bundle knows where sources stood in training, and
    baselines can interpolate between them.

    Parameters
    ----------
    context
        Of the data.
    speed_of_sound, highest_frequency
        Read from the data, m/s and Hz.
    frequencies
        Of the Fourier features, Hz; None takes a half, a quarter and a sixth of the highest frequency.
    wave_numbers
        `true` features have the wave number 2 pi f / c in metres; `published` ones that number in units of
        the scaled coordinates, as the code of the paper has it.
    time_scale
        `consistent` scales time so that sound covers one unit of space in one of time; `published` ones are
        four times as long.
    pressure_scale
        `published` halves the initial pressure; `standard` leaves it to the normaliser, as does a branch with
        other inputs too.

    References
    ----------
    .. [1] N. Borrel-Jensen, S. Goswami, A. Engsig-Karup, G. Karniadakis, C.-H. Jeong, "Sound propagation in
       realistic interactive 3D scenes with parameterized sources using deep neural operators", PNAS 121,
       2024, arXiv:2308.05141, and its repository.
    """

    _origin: Tensor
    _factor: Tensor
    _phases: Tensor

    facts: ClassVar[Mapping[str, Fact]] = {
        "speed_of_sound": Scalar("m s-1"),
        "highest_frequency": Scalar("Hz"),
    }

    def __init__(
        self,
        context: Context,
        speed_of_sound: Speed,
        highest_frequency: Frequency,
        frequencies: Frequencies | None = None,
        wave_numbers: Literal["true", "published"] = "true",
        time_scale: Literal["consistent", "published"] = "consistent",
        pressure_scale: Literal["standard", "published"] = "published",
    ) -> None:
        kept = [spec for spec in context.inputs if spec.name != SOURCE]
        super().__init__(context.between(kept, context.targets))
        names = list(cast(Mapping[str, Sequence[str]], self.channel_names)[TRUNK])
        if unknown := [name for name in names if name not in (*POINT_SPACE, POINT_TIME)]:
            raise ConfigError(
                f"transform 'acoustics/points': the coordinate {listing(unknown)} found, "
                f"{', '.join(POINT_SPACE)} and {POINT_TIME} expected; take the transform points"
            )
        if frequencies is None:
            frequencies = tuple(highest_frequency / part for part in PARTS)
        low, length = _extent(context, sum(name in POINT_SPACE for name in names))
        is_time = torch.tensor([name == POINT_TIME for name in names])
        slower = 4.0 if time_scale == "published" else 1.0
        # Scaled coordinates are (physical ones - origin) * factor.
        self.register_buffer("_origin", torch.where(is_time, 0.0, low + length / 2), persistent=False)
        factor = torch.where(is_time, speed_of_sound / slower, 1.0) * 2 / length
        self.register_buffer("_factor", factor, persistent=False)
        metres = torch.where(is_time, speed_of_sound, 1.0)
        self.register_buffer("_phases", metres if wave_numbers == "true" else factor, persistent=False)
        numbers = [2 * pi * frequency / speed_of_sound for frequency in frequencies]
        self._features = FourierFeatures(numbers)
        alone = [spec.name for spec in kept if spec.name not in names] == [INITIAL]
        halved = alone and pressure_scale == "published"
        self.scaled: Sequence[str] = (BRANCH, TRUNK) if halved else (TRUNK,)
        self.channel_names = {
            BRANCH: list(cast(Sequence[str], self._branch.channel_names)),
            TRUNK: [
                *names,
                *(
                    f"{f} of {name} at {each:g} Hz"
                    for each in frequencies
                    for f in ("cos", "sin")
                    for name in names
                ),
            ],
        }
        self.in_channels = {name: len(channels) for name, channels in self.channel_names.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return branch and trunk, scaled; the offset is that of `points`."""
        made = super().forward(inputs)
        channels = cast(Mapping[str, Tensor], made.channels)
        branch, away = channels[BRANCH], channels[TRUNK] - self._origin
        features = self._features(away * self._phases)[..., away.shape[-1] :]
        scaled = torch.cat([away * self._factor, features], dim=-1)
        return replace(
            made, channels={BRANCH: branch / 2 if BRANCH in self.scaled else branch, TRUNK: scaled}
        )


def _extent(context: Context, axes: int) -> tuple[float, float]:
    """Return the least coordinate of the initial pressure along any axis, and the whole length, m."""
    along = [context.field(name, "m") for name in BRANCH_SPACE[:axes]]
    known = [values for values in along if values is not None and values.size > 1]
    if not axes or len(known) < axes:
        raise ConfigError(
            f"transform 'acoustics/points': {context.source} has no coordinates "
            f"{', '.join(BRANCH_SPACE[: max(axes, 1)])} of {INITIAL}; take data of acoustics/rooms, or the "
            "transform points"
        )
    low, high = min(float(each.min()) for each in known), max(float(each.max()) for each in known)
    return low, high - low
