"""The field of a surrogate on a plane, and how it changes while the source moves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from datasets.store.errors import ContractError
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.names import SPACE, TIME
from surrogates.domains.acoustics.plots import COLOURS
from surrogates.domains.acoustics.responses import Positions, along
from surrogates.domains.acoustics.room import TrainedRoom
from surrogates.inference.surrogate import Surrogate

PER_WAVELENGTH = 6.0
"""Cells of a field in a wavelength of the highest frequency."""
BRIGHTEST = 0.6
"""Share of the largest pressure at which the colours end."""


def field(
    surrogate: Surrogate,
    source: Positions,
    times: Sequence[float] | np.ndarray,
    height: float | None = None,
    spacing: float | None = None,
    **given: float,
) -> xr.DataArray:
    """Return the sound pressure on a horizontal plane of the room after a pulse of each source.

    Parameters
    ----------
    surrogate
        Of `sound_pressure` at points.
    source
        Positions, (axes,) or (count, axes), m.
    times : (time,)
        s.
    height
        Of the plane in a room in space, m; by default that of the first source.
    spacing
        Side of a cell, m; by default six in a wavelength of the highest frequency.
    **given
        Other inputs of the surrogate, such as `wall_impedance`.

    Returns
    -------
    xr.DataArray
        Pa at the centres of cells, with the dimensions `source`, `time`, `y` and `x`; of furniture the
        surrogate knows nothing.

    Raises
    ------
    ContractError
        For positions and heights outside the room.
    """
    room = TrainedRoom.of(surrogate)
    sources, times = room.positions(source, "source"), np.asarray(times, float)
    side = np.pi * room.width / 2 / PER_WAVELENGTH if spacing is None else spacing
    if not side > 0 or times.ndim != 1 or not np.isfinite(times).all():
        raise ContractError(f"spacing {spacing!r} m and times {times!r} s found; numbers above 0 expected")
    x, y = (_centres(float(axis[0]), float(axis[-1]), side) for axis in room.grid[:2])
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    if room.axes == len(SPACE):
        level = float(sources[0, 2]) if height is None else height
        places = np.column_stack([places, np.full(len(places), level)])
        room.positions(places[:1], "height")
    points = np.column_stack([np.tile(places, (len(times), 1)), np.repeat(times, len(places))])
    pressure = room.pressure(sources, points, **given).reshape(len(sources), len(times), len(y), len(x))
    return xr.DataArray(
        pressure,
        dims=("source", TIME, "y", "x"),
        coords={
            TIME: (TIME, times, {"units": "s"}),
            "x": ("x", x, {"units": "m"}),
            "y": ("y", y, {"units": "m"}),
            **{
                f"source_{axis}": ("source", sources[:, number], {"units": "m"})
                for number, axis in enumerate(SPACE[: room.axes])
            },
        },
        name="sound_pressure",
        attrs={"units": "Pa", "long_name": "sound pressure after a pulse of 1 Pa"},
    )


def _centres(low: float, high: float, side: float) -> np.ndarray:
    """Return the centres of even cells between two walls, m."""
    count = max(2, round((high - low) / side))
    return low + (high - low) * (np.arange(count) + 0.5) / count


def animate(
    surrogate: Surrogate,
    source_path: Positions,
    out: str | Path,
    *,
    time: float | None = None,
    frames: int = 24,
    height: float | None = None,
    **given: float,
) -> Path:
    """Write a GIF: the field at one time after the pulse, while the source moves along a path.

    Parameters
    ----------
    surrogate
        Of `sound_pressure` at points.
    source_path
        Positions (count, axes) between which the source moves straight, m.
    out
        File to write.
    time
        Since the pulse, s; by default a third of the trained duration.
    frames
        Pictures.
    height
        As for `field`.
    **given
        Other inputs of the surrogate.

    Raises
    ------
    ContractError
        For positions outside the room, of another shape or NaN.
    ConfigError
        For fewer than two frames.
    """
    if frames < 2:
        raise ConfigError(f"frames is {frames}; two at least expected")
    room = TrainedRoom.of(surrogate)
    path = along(room.positions(source_path, "source_path"), np.linspace(0, 1, frames))
    when = room.duration / 3 if time is None else time
    return write_animation(field(surrogate, path, [when], height, **given).isel({TIME: 0}), Path(out))


def write_animation(fields: xr.DataArray, out: Path, seconds: float = 0.1) -> Path:
    """Write fields (source, y, x), Pa, with the positions of their sources as a GIF that repeats.

    Parameters
    ----------
    fields
        With the coordinates `x`, `y`, `source_x`, `source_y`, m.
    out
        File to write.
    seconds
        Duration of a picture, s.
    """
    limit = BRIGHTEST * float(np.abs(fields).max()) or 1.0
    x, y = fields["x"].values, fields["y"].values
    pictures = []
    for frame in range(fields.sizes["source"]):
        figure = Figure(figsize=(4.8, 3.8), dpi=80)
        canvas, axes = FigureCanvasAgg(figure), figure.add_axes((0.15, 0.13, 0.62, 0.8))
        image = axes.pcolormesh(x, y, fields[frame].values, cmap=COLOURS, vmin=-limit, vmax=limit)
        axes.plot(float(fields["source_x"][frame]), float(fields["source_y"][frame]), "k*", markersize=9)
        axes.set(xlabel="x, m", ylabel="y, m", aspect="equal")
        figure.colorbar(image, cax=figure.add_axes((0.8, 0.13, 0.03, 0.8)), label="sound pressure, Pa")
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    palette = pictures[0].quantize(256)
    first, *others = [each.quantize(palette=palette) for each in pictures]
    first.save(out, format="GIF", save_all=True, append_images=others, duration=round(1e3 * seconds), loop=0)
    return out
