"""A picture of a stream: its track, its predictions and their errors."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from surrogates.core.files import replacing
from surrogates.domains.uav.hindsight import Evaluated
from surrogates.domains.uav.session import Session
from surrogates.report.panels import line_style

FANS = 40
COLOURS = "plasma"


def draw_stream(session: Session, title: str = "") -> Figure:
    """Draw the way in 3-D with predictions along it, the error against time and against the time ahead.

    Parameters
    ----------
    session
        A stream, finished or not.
    title
        Title of the figure.
    """
    figure = Figure(figsize=(13.0, 6.5), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1.0))
    space: Axes3D = figure.add_subplot(grid[:, 0], projection="3d")
    scored = list(session.predictor.hindsight.evaluated)
    corners = _draw_way(space, session)
    if scored:
        fans, ends = _draw_fans(space, scored)
        corners = np.vstack([corners, ends])
        figure.colorbar(fans, ax=space, label="error at the end of the horizon, m", shrink=0.6)
    _equal_scales(space, corners)
    space.legend(loc="upper left", fontsize=8, frameon=False)
    _draw_errors(figure.add_subplot(grid[0, 1]), scored, session.predictor.max_gap)
    _draw_growth(figure.add_subplot(grid[1, 1]), scored)
    score = session.predictor.hindsight
    note = f"ADE {score.ade:.2f} m, FDE {score.fde:.2f} m, RMSE {score.rmse:.2f} m" if scored else ""
    figure.suptitle(": ".join(filter(None, (title, note))))
    return figure


def write_picture(session: Session, path: Path, title: str = "") -> None:
    """Draw to a file, atomically."""
    figure = draw_stream(session, title)
    with replacing(path) as staging:
        figure.savefig(staging, dpi=110)


def _draw_way(axes: Axes3D, session: Session) -> np.ndarray:
    """Draw the measured track and the last prediction; return the points."""
    times, positions = np.array(session.times), np.array(session.positions).reshape(-1, 3)
    # NaN breaks the line where the stream had a gap.
    gaps = np.flatnonzero(np.diff(times) > session.predictor.max_gap) + 1
    way = np.insert(positions, gaps, np.nan, axis=0)
    axes.plot(*way.T, color="black", linewidth=1.2, label="measured")
    points = positions
    if session.latest is not None:
        points = np.vstack([points, session.latest.position])
        axes.plot(*session.latest.history.T, linewidth=3.0, label="history of the last", **line_style(0))
        last = {"color": line_style(1)["color"], "linestyle": "--"}
        axes.plot(*session.latest.position.T, linewidth=2.0, label="last prediction", **last)
    axes.set(xlabel="east, m", ylabel="north, m", zlabel="up, m")
    return points


def _draw_fans(axes: Axes3D, scored: list[Evaluated]) -> tuple[Line3DCollection, np.ndarray]:
    """Draw a few predictions, evenly in time, coloured by their error; return also their ends."""
    chosen = [scored[i] for i in np.unique(np.linspace(0, len(scored) - 1, FANS).astype(int))]
    lines = [np.vstack([each.prediction.history[-1:], each.prediction.position]) for each in chosen]
    errors = np.array([each.distance[-1] for each in chosen])
    fans = Line3DCollection(
        lines, cmap=COLOURS, norm=Normalize(0.0, float(errors.max()) or 1.0), linewidths=1.5
    )
    fans.set_array(errors)
    axes.add_collection3d(fans)
    return fans, np.stack([each[-1] for each in lines])


def _draw_errors(axes: Axes, scored: list[Evaluated], max_gap: float) -> None:
    axes.set(title="error by the time of the prediction", xlabel="s", ylabel="m")
    axes.grid(alpha=0.3)
    if not scored:
        _say_nothing(axes)
        return
    times = np.array([each.prediction.time for each in scored])
    gaps = np.flatnonzero(np.diff(times) > max_gap) + 1
    start = np.insert(times, gaps, np.nan)
    for number, (values, label) in enumerate(
        (
            ([each.distance[-1] for each in scored], "at the end of the horizon"),
            ([each.distance.mean() for each in scored], "mean over the horizon"),
        )
    ):
        axes.plot(start, np.insert(values, gaps, np.nan), linewidth=1.1, label=label, **line_style(number))
    axes.legend(frameon=False, fontsize=8)
    axes.set_ylim(bottom=0.0)


def _draw_growth(axes: Axes, scored: list[Evaluated]) -> None:
    axes.set(title="error by the time ahead", xlabel="s ahead", ylabel="m")
    axes.grid(alpha=0.3)
    if not scored:
        _say_nothing(axes)
        return
    ahead = scored[-1].prediction.times - scored[-1].prediction.time
    low, middle, high = np.percentile([each.distance for each in scored], (10, 50, 90), axis=0)
    style = line_style(0)
    axes.plot(ahead, middle, marker=".", label="median", **style)
    axes.fill_between(ahead, low, high, color=style["color"], alpha=0.25, linewidth=0, label="10 to 90 %")
    axes.legend(frameon=False, fontsize=8)
    axes.set_ylim(bottom=0.0)


def _say_nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "no prediction scored yet", ha="center", va="center", transform=axes.transAxes)


def _equal_scales(axes: Axes3D, positions: np.ndarray) -> None:
    """Scale all directions alike, or a circle would look like an ellipse."""
    if not len(positions):
        return
    low, high = positions.min(axis=0), positions.max(axis=0)
    half = np.maximum((high - low) / 2, 0.1 * max(float((high - low).max()), 1.0)) * 1.05
    middle = (low + high) / 2
    axes.set(
        xlim=(middle[0] - half[0], middle[0] + half[0]),
        ylim=(middle[1] - half[1], middle[1] + half[1]),
        zlim=(middle[2] - half[2], middle[2] + half[2]),
    )
    axes.set_box_aspect(tuple(half), zoom=1.15)
    axes.zaxis.set_major_locator(MaxNLocator(max(2, round(8 * float(half[2] / half.max())))))
