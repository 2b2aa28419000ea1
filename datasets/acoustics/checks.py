"""What the keys of a room must fulfil together."""

from collections.abc import Mapping
from typing import Any

from physics.waves.rooms.fdtd import Clock, fitting_clock, largest_step

MOST_SAMPLES = 1_000_000


def check_ranges(given: Mapping[str, Any]) -> None:
    """Refuse what contradicts itself before a room is made of it.

    Raises
    ------
    ValueError
        Names the key.
    """
    size, shape, mesh = given["size"], given["shape"], given["mesh"]
    for name, values in (("size", size), ("wall_impedance", (given["wall_impedance"],))):
        for each in values:
            if isinstance(each, tuple) and not 0 < each[0] < each[1]:
                raise ValueError(f"{name}: {list(each)} found, a positive range, low to high, expected")
    if mesh and (size or given["furniture"] or shape != "rectangle"):
        raise ValueError("mesh: a file is a room by itself; leave out shape, size and furniture")
    if any(isinstance(each, tuple) for each in size) and (
        shape not in ("rectangle", "cube") or given["furniture"]
    ):
        raise ValueError("size: ranges are for an empty rectangle or cube; give a number for each length")
    expected = {"rectangle": (2,), "cube": (3,)}.get(shape, (2, 3))
    if size and len(size) not in expected:
        raise ValueError(
            f"size: {len(size)} lengths found, {' or '.join(map(str, expected))} expected for shape={shape}"
        )
    if isinstance(given["wall_impedance"], tuple) and given["walls"]:
        raise ValueError("wall_impedance: a range is drawn for all walls; leave out `walls`")
    if isinstance(given["wall_impedance"], tuple) and mesh:
        raise ValueError("wall_impedance: ranges are for shapes; give one number, or `walls`, with a mesh")


def check_keys(given: Mapping[str, Any], axes: int, grid: tuple[int, ...]) -> None:
    """Refuse positions and bounds of another number of axes than the room's.

    Raises
    ------
    ValueError
        Names the key.
    """
    for key in ("test_sources", "receivers"):
        if wrong := [each for each in given[key] if len(each) != axes]:
            raise ValueError(f"{key}: {list(wrong[0])} found, {axes} coordinates in m expected")
    if given["source_region"] and len(given["source_region"]) != axes:
        raise ValueError(f"source_region: {len(given['source_region'])} bounds found, {axes} expected")
    if len(grid) != axes or min(grid) < 1:
        raise ValueError(f"source_grid: {list(grid)} found, {axes} numbers of 1 or more expected")


def clock_of(
    spacing: tuple[float, ...],
    highest_frequency: float,
    duration: float,
    samples: int | None,
    time_step: float | None,
) -> Clock:
    """Return the clock of a configuration; see the recipe's fields.

    Raises
    ------
    ValueError
        If a time step is above the Courant limit or does not fit the samples, or the duration is too long.
    """
    half = 0.5 / highest_frequency
    if (least := int(duration / half + 1e-9) + 1) > MOST_SAMPLES:
        raise ValueError(
            f"duration: {duration:g} s of {highest_frequency:g} Hz found, which take {least} samples; "
            f"{MOST_SAMPLES} at most expected; shorten it"
        )
    interval = half if samples is None else duration / (samples - 1)
    samples = int(duration / interval + 1e-9) + 1 if samples is None else samples
    if time_step is None:
        return fitting_clock(spacing, interval, samples)
    limit = largest_step(spacing)
    if time_step > limit * (1 + 1e-9):
        raise ValueError(
            f"time_step: {time_step:.4g} s found, Courant number {time_step / limit:.4g} of the limit; at "
            f"most {limit:.4g} s expected; leave it out, and the largest stable one that fits is taken"
        )
    stride = round(interval / time_step)
    if abs(stride * time_step - interval) > 1e-6 * interval:
        raise ValueError(
            f"time_step: {time_step:.4g} s found, of which the {interval:.6g} s between samples are no "
            "multiple; leave it out, and the largest stable one that fits is taken"
        )
    return Clock(interval / stride, stride, samples)
