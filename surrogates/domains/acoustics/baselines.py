"""What a practitioner would try instead of a network: image sources, and the solver on coarse cells."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy.ndimage import map_coordinates
from torch import Tensor

from physics.waves.rooms import fdtd
from physics.waves.rooms.admittance import Admittance
from physics.waves.rooms.air import Air
from physics.waves.rooms.images import (
    image_sources,
    plane_pulse,
    pressure_by_images,
    reach_of,
    space_pulse,
)
from physics.waves.rooms.pulse import gaussians
from physics.waves.rooms.room import Room
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.domains.acoustics.names import (
    AIR,
    BRANCH_SPACE,
    IMPEDANCE,
    POINT_SPACE,
    POINT_TIME,
    PRESSURE,
    SIZE,
    SOURCE,
    SPACE,
)
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Baseline

FACTS: Mapping[str, Fact] = {
    "speed_of_sound": Scalar("m s-1"),
    "air_density": Scalar("kg m-3"),
    "pulse_width": Scalar("m"),
    "highest_frequency": Scalar("Hz"),
    IMPEDANCE: Scalar("Pa s m-1"),
}
"""What a solver reads from the data; walls of several materials are not among it."""
CUBIC = 3
SPARE = 3
"""Samples before the first and behind the last time, for the interpolation."""


class _Solver(Baseline):
    """Compute the pressure at the points of each record."""

    facts: ClassVar[Mapping[str, Fact]] = FACTS
    variables = (SOURCE,)

    def __init__(self, context: Context, facts: Mapping[str, float]) -> None:
        names = [spec.name for spec in context.inputs]
        self._space = [name for name in POINT_SPACE if name in names]
        if not self._space or POINT_TIME not in names or context.target_names != [PRESSURE]:
            raise ConfigError(
                f"the inputs {listing(names)} and the targets {listing(context.target_names)} found; the "
                f"coordinates point_x, ..., {POINT_TIME} and {PRESSURE} expected, as in acoustics/rooms"
            )
        self._facts = dict(facts)
        self._medium = Air(facts["speed_of_sound"], facts["air_density"])
        self._cells, self._low, self._size = _room(context, len(self._space))

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the pressure, Pa."""
        sources = inputs[SOURCE].detach().cpu().double().numpy()
        values = [inputs[name].detach().cpu().double() for name in (*self._space, POINT_TIME)]
        like = torch.broadcast_shapes(*(each.shape for each in values), (len(sources), 1))
        points = torch.stack([each.expand(like) for each in values], dim=-1).numpy()
        found = [self._pressure(source, own) for source, own in zip(sources, points, strict=True)]
        return {PRESSURE: _tensor(np.stack(found), inputs[SOURCE])}

    def _pressure(self, source: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the pressure of a source at points (point, axes + 1), Pa."""
        raise NotImplementedError


class ImageSources(_Solver):
    """Sum the pulses of the source and of its mirror images; for an empty box.

    Reflections are those of plane waves at walls of one impedance. In a rigid box this is exact.

    Parameters
    ----------
    context
        Of the data.
    facts
        Values of `FACTS`.
    """

    def __init__(self, context: Context, facts: Mapping[str, float]) -> None:
        super().__init__(context, facts)
        if not self._cells.all():
            raise ConfigError(
                "baseline 'acoustics/image_sources': a room with solid cells found, an empty box expected; "
                "take acoustics/fdtd"
            )
        self._pulse = None if len(self._space) == 2 else space_pulse(facts["pulse_width"], self._medium)
        self._longest = 0.0

    def _pressure(self, source: np.ndarray, points: np.ndarray) -> np.ndarray:
        width = self._facts["pulse_width"]
        reach = reach_of(float(points[:, -1].max()), width, self._medium)
        if len(self._space) == 2 and reach > self._longest:
            # An image may be as far from the other end of the room as it reaches beyond its wall.
            self._longest = reach
            self._pulse = plane_pulse(width, reach + float(np.linalg.norm(self._size)), self._medium)
        assert self._pulse is not None
        images = image_sources(source, self._low, self._size, reach)
        return pressure_by_images(
            images, points[:, :-1], points[:, -1], self._pulse, self._facts[IMPEDANCE], self._medium
        )


class CoarseFDTD(_Solver):
    """Simulate the room with few cells in a wavelength of the highest frequency, and interpolate.

    Of furniture what covers the centre of a coarse cell is kept. Between cells and steps cubic splines
    interpolate, mirrored at the room's sides.

    Parameters
    ----------
    context
        Of the data.
    facts
        Values of `FACTS`.
    cells_per_wavelength
        Cells in a wavelength of the highest frequency; the data usually have 12.
    """

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        cells_per_wavelength: Annotated[float, Field(ge=2, le=100)] = 6.0,
    ) -> None:
        super().__init__(context, facts)
        side = facts["speed_of_sound"] / facts["highest_frequency"] / cells_per_wavelength
        counts = [max(2, round(float(length) / side)) for length in self._size]
        spacing = tuple(float(length) / count for length, count in zip(self._size, counts, strict=True))
        nearest = [
            np.minimum((np.arange(count) + 0.5) * fine / count, fine - 1).astype(int)
            for count, fine in zip(counts, self._cells.shape, strict=True)
        ]
        wall = Admittance.of_impedance(facts[IMPEDANCE])
        self._room = Room(self._cells[np.ix_(*nearest)], spacing, (wall,), origin=tuple(self._low.tolist()))

    def _pressure(self, source: np.ndarray, points: np.ndarray) -> np.ndarray:
        room, step = self._room, fdtd.largest_step(self._room.spacing, self._medium)
        clock = fdtd.Clock(step, 1, int(points[:, -1].max() / step) + SPARE + 1)
        grid = [room.centres(axis) for axis in range(room.air.ndim)]
        initial = room.air * gaussians(grid, source[None], self._facts["pulse_width"])
        field = np.asarray(fdtd.simulate(room, initial, clock, air=self._medium))[0]
        field = np.concatenate([field[SPARE:0:-1], field])  # at rest at the beginning: even in time
        places = (points[:, :-1] - room.origin) / room.spacing - 0.5
        return np.asarray(
            map_coordinates(field, [points[:, -1] / step + SPARE, *places.T], order=CUBIC, mode="reflect")
        )


def _room(context: Context, axes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of air along x, y and z, the room's lower corner and its lengths, m."""
    air, size = context.field(AIR, "1"), context.field(SIZE, "m")
    along = [context.field(name, "m") for name in BRANCH_SPACE[:axes]]
    if air is None or size is None or any(each is None for each in along):
        raise ConfigError(
            f"{context.source} has no {AIR}, {SIZE} or {BRANCH_SPACE[0]} that all records share; take data "
            f"of acoustics/rooms in one room, with the coordinates {', '.join(SPACE[:axes])}"
        )
    low = np.array([float(each[0]) for each in along if each is not None])
    return air.astype(bool).transpose(), low, np.asarray(size)


def _tensor(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(like.device)
