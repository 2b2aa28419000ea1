"""Axes of autopilots and of frames of ROS, turned to those of a store: east, north, up; forward, left, up."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from surrogates.core.text import listing

Numbers = NDArray[np.float64]

_DIRECTIONS = {
    **{"e": (1.0, 0.0, 0.0), "n": (0.0, 1.0, 0.0), "u": (0.0, 0.0, 1.0)},
    **{"w": (-1.0, 0.0, 0.0), "s": (0.0, -1.0, 0.0), "d": (0.0, 0.0, -1.0)},
    **{"f": (1.0, 0.0, 0.0), "l": (0.0, 1.0, 0.0), "r": (0.0, -1.0, 0.0)},
}
"""What the letters of axes mean, as east, north, up or as forward, left, up."""
AXES = ("enu", "ned", "nwu", "esd", "flu", "frd", "rfu", "rdf")
"""Axes that names of frames state. In a fixed frame with axes of a body, forward becomes east."""
OPTICAL = "rdf"
"""Axes of what REP 103 calls optical frames."""
_NO_MAP = ("unknown", "optical", "ecef", "earth", "wgs", "lla", "rdf", "neu")
"""Words in names of frames whose positions are not those over a level ground, or not right-handed."""
_OF_VEHICLE = re.compile(r"(.*/)?(base_(link|footprint|frame)|body|fcu|imu)(_.*)?", re.IGNORECASE)
"""Names of frames that move with the vehicle."""


class Axes(NamedTuple):
    """Axes of positions and of the body, of `AXES`."""

    world: str
    body: str

    @property
    def standard(self) -> bool:
        """Whether they are those of REP 103, and of a store."""
        return self == STANDARD


STANDARD = Axes("enu", "flu")
CHOICES = {
    "enu": STANDARD,
    "ned": Axes("ned", "frd"),
    "enu/frd": Axes("enu", "frd"),
    "ned/flu": Axes("ned", "flu"),
}
"""What a user may say that the frames are."""


def axes_of(world: str, body: str) -> Axes:
    """Return the axes that frames of ROS have by their names.

    A word of `AXES` in a name counts (`odom_ned`, `base_link_frd`); a name without one means REP 103. A body
    whose name does not say it is forward, right, down where the fixed frame is north, east, down, unless it
    is `base_link` or the like, which REP 105 defines.

    Parameters
    ----------
    world
        Frame of the positions (`header.frame_id`).
    body
        Frame of the vehicle (`child_frame_id`); empty if there is none.

    Raises
    ------
    ValueError
        When the positions cannot be over a level ground by the name; says what the name means.
    """
    words = _words(world)
    stated = [word for word in words if word in AXES]
    if (odd := [word for word in words if word in _NO_MAP]) or len(set(stated)) > 1:
        raise ValueError(f"the frame '{world}' ({listing(odd or stated)})")
    if _OF_VEHICLE.fullmatch(world) and (not stated or stated[0] in ("flu", "frd")):
        raise ValueError(f"the frame '{world}', which moves with the vehicle")
    fixed = stated[0] if stated else STANDARD.world
    return Axes(fixed, _body_axes(fixed, body if body != world else ""))


def _body_axes(fixed: str, name: str) -> str:
    words = _words(name)
    if "optical" in words:
        return OPTICAL
    unsaid = STANDARD.body if "base" in words else fixed
    stated = next((word for word in words if word in AXES), unsaid)
    if stated in ("ned", "esd"):  # a body has no north: such names mean what lies down
        return "frd"
    return stated if stated in ("frd", "rfu", "rdf") else STANDARD.body


def _words(name: str) -> list[str]:
    """Return the words of a frame's name: `uav1/odom_NED` and `odomNed` have odom and ned."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def standard_vectors(vectors: Numbers, axes: str) -> Numbers:
    """Return vectors (..., 3) along some axes as east, north, up, or as forward, left, up."""
    return vectors @ _basis(axes).T


def standard_attitudes(quaternions: Numbers, axes: Axes) -> Numbers:
    """Return attitudes (forward, left, up to east, north, up) of those between other axes.

    Parameters
    ----------
    quaternions
        (w, x, y, z) that turn the body's axes to those of the fixed frame; shape (..., 4).
    axes
        Such as north, east, down and forward, right, down of PX4.
    """
    if axes.standard:
        return quaternions
    return multiplied(multiplied(_turn(axes.world), quaternions), conjugate(_turn(axes.body)))


def enu_from_ned(vectors: Numbers) -> Numbers:
    """Return vectors (..., 3) of north, east, down as east, north, up."""
    return standard_vectors(vectors, "ned")


def enu_from_ned_attitude(quaternions: Numbers) -> Numbers:
    """Return attitudes (forward, left, up to east, north, up) of those of PX4.

    Parameters
    ----------
    quaternions
        (w, x, y, z) that turn forward, right, down to north, east, down; shape (..., 4).
    """
    return standard_attitudes(quaternions, CHOICES["ned"])


def _basis(axes: str) -> Numbers:
    """Return the matrix (3, 3) whose columns are the axes."""
    return np.array([_DIRECTIONS[letter] for letter in axes]).T


def _turn(axes: str) -> Numbers:
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_matrix(_basis(axes)).as_quat()[[3, 0, 1, 2]])


def conjugate(quaternions: Numbers) -> Numbers:
    """Return the quaternions (w, x, y, z), shape (..., 4), that turn the other way."""
    return quaternions * np.array([1.0, -1.0, -1.0, -1.0])


def multiplied(a: Numbers, b: Numbers) -> Numbers:
    """Return Hamilton's product of quaternions (w, x, y, z), shape (..., 4)."""
    scalar = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], axis=-1, keepdims=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([scalar, vector], axis=-1)


def turned(quaternions: Numbers, vectors: Numbers) -> Numbers:
    """Return vectors (n, 3) turned by unit quaternions (n, 4), (w, x, y, z): q v q*."""
    cross = 2.0 * np.cross(quaternions[..., 1:], vectors)
    return vectors + quaternions[..., :1] * cross + np.cross(quaternions[..., 1:], cross)
