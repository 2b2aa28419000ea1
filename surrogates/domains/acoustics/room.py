"""What a surrogate knows of its room, and how it is asked there."""

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from datasets.store.errors import ContractError
from physics.waves.rooms.pulse import gaussians
from surrogates.core.text import brief, listing
from surrogates.domains.acoustics.names import (
    BRANCH_SPACE,
    HIGHEST,
    INITIAL,
    POINT,
    POINT_SPACE,
    POINT_TIME,
    PRESSURE,
    SOURCE,
    SPACE,
    WIDTH,
)
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate

AXIS = "axis"
ROUNDING = 1e-4
"""m; single precision of a coordinate."""


@dataclass(frozen=True, eq=False)
class TrainedRoom:
    """A surrogate of `sound_pressure` at points, with what its bundle tells of the room.

    Attributes
    ----------
    surrogate
        Whose answers they are.
    grid
        Coordinates of the initial pressure along x, y and, in 3-D, z, from wall to wall, m.
    duration
        Last trained time, s.
    width
        Of the pulse, m.
    highest_frequency
        Up to which the pulse has energy, Hz.
    """

    surrogate: Surrogate
    grid: tuple[np.ndarray, ...]
    duration: float
    width: float
    highest_frequency: float

    @classmethod
    def of(cls, surrogate: Surrogate) -> "TrainedRoom":
        """Return the room of a surrogate.

        Raises
        ------
        ContractError
            When it predicts something else, or from something else.
        """
        manifest, inputs = surrogate.bundle.manifest, surrogate.inputs
        axes = [name for name in POINT_SPACE if name in inputs]
        names = BRANCH_SPACE[: len(axes)]
        told = {INITIAL, POINT_TIME} <= set(inputs) and {*names} <= set(manifest.coordinates)
        if PRESSURE not in surrogate.outputs or not axes or not told:
            raise ContractError(
                f"this surrogate predicts {listing(surrogate.outputs)} from {listing(inputs)}; expected "
                f"{PRESSURE} from {INITIAL}, {POINT_SPACE[0]}, ... and {POINT_TIME}, as data of "
                "acoustics/rooms have them"
            )
        scalars = {**{name: each.value for name, each in manifest.scalars.items()}, **manifest.stated}
        if lacking := [name for name in (WIDTH, HIGHEST) if name not in scalars]:
            raise ContractError(
                f"the bundle does not know {listing(lacking)} of its training data; train on data of "
                "acoustics/rooms"
            )
        grid = tuple(np.array(manifest.coordinates[name].values, float) for name in names)
        return cls(surrogate, grid, manifest.ranges[POINT_TIME][1], scalars[WIDTH], scalars[HIGHEST])

    @property
    def axes(self) -> int:
        """Number of dimensions of the room."""
        return len(self.grid)

    def positions(self, given: np.ndarray | list[float] | tuple[float, ...], what: str) -> np.ndarray:
        """Return positions inside the room, (count, axes), m, from one or several.

        Parameters
        ----------
        given
            Shape (axes,) or (count, axes), m.
        what
            What stands there, for messages.

        Raises
        ------
        ContractError
            For another shape, NaN, and a position outside the room.
        """
        try:
            found = np.array(given, float)
        except (TypeError, ValueError):
            raise ContractError(
                f"{what}: {brief(repr(given))} found, {self.axes} numbers for each position expected: "
                f"{', '.join(SPACE[: self.axes])} in m"
            ) from None
        found = found[None] if found.ndim == 1 else found
        if found.ndim != 2 or found.shape[1] != self.axes or len(found) == 0:
            raise ContractError(
                f"{what}: shape {np.shape(given)} found, ({self.axes},) or (count, {self.axes}) expected: "
                f"{', '.join(SPACE[: self.axes])} in m"
            )
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found).all(1)))
            raise ContractError(
                f"{what}: position {row} is {_told(found[row])}, finite coordinates in m expected; leave it "
                "out or interpolate it"
            )
        low, high = (np.array([side[end] for side in self.grid]) for end in (0, -1))
        outside = ((found < low - ROUNDING) | (found > high + ROUNDING)).any(1)
        if outside.any():
            row = int(np.argmax(outside))
            raise ContractError(
                f"{what}: position {row} is {_told(found[row])} m, outside the room of {_told(low)} to "
                f"{_told(high)} m; move it inside"
            )
        return found

    def pressure(self, sources: np.ndarray, points: np.ndarray, **given: float) -> np.ndarray:
        """Return the sound pressure at points after a pulse of 1 Pa of each source, (source, point), Pa.

        Parameters
        ----------
        sources : (source, axes)
            m.
        points : (point, axes + 1)
            Position, m, and time, s.
        **given
            Other inputs of the surrogate, in the units of its specs, such as the impedance of the walls.

        Raises
        ------
        ContractError
            When the surrogate needs another input.

        Warns
        -----
        OutOfRangeWarning
            When a source or a point lies outside what was seen in training.
        """
        record, inputs = self.surrogate.record_dimension, self.surrogate.inputs
        branch = gaussians(self.grid, sources, self.width)
        dims = BRANCH_SPACE[: self.axes]
        data = xr.Dataset(
            {
                INITIAL: ((record, *dims), branch, {"units": "Pa"}),
                SOURCE: ((record, AXIS), sources, {"units": "m"}),
                POINT_TIME: (POINT, points[:, -1], {"units": "s"}),
                **{
                    name: (POINT, points[:, axis], {"units": "m"})
                    for axis, name in enumerate(POINT_SPACE[: self.axes])
                },
                **{
                    name: (record, np.full(len(sources), value), {"units": inputs[name].units})
                    for name, value in given.items()
                    if name in inputs
                },
            },
            coords={name: (name, along, {"units": "m"}) for name, along in zip(dims, self.grid, strict=True)},
        )
        if unknown := given.keys() - inputs.keys():
            raise ContractError(
                f"{listing(unknown)}: no input of this surrogate, which has {listing(inputs)}; leave it out"
            )
        if lacking := inputs.keys() - set(data.variables):
            raise ContractError(
                f"this surrogate also needs {listing(lacking)}; give a number for each, as {min(lacking)}=..."
            )
        with warnings.catch_warnings():
            # The pulse rises to 1 Pa only where it stands on the grid: its range says nothing.
            warnings.filterwarnings("ignore", f".*{INITIAL}", OutOfRangeWarning)
            answer = self.surrogate.predict(data)
        return np.asarray(answer[PRESSURE].transpose(record, POINT).values, float)


def _told(position: np.ndarray) -> str:
    return f"({', '.join(f'{each:g}' for each in position)})"
