"""Pictures of flights and forecasts."""

import numpy as np
import pytest
import xarray as xr
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from datasets.store.specs import VariableSpec
from datasets.uav.variables import FAMILIES
from surrogates.core.build import build
from surrogates.domains.uav import plots
from surrogates.domains.uav.plots import Drawn
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.contract import Plot
from surrogates.report.pictures import Examples

TARGET = Target(
    VariableSpec(name="position_forecast", dims=("trajectory", "horizon", "axis"), shape=(10, 3), units="m")
)


def plot(name: str) -> Plot:
    return Plot.build({"name": name}, Context.of((), ()))


def examples(shift: float, deviation: float | None) -> Examples:
    """Circles of ever smaller radius; a forecast that is off by `shift` to the east, and an exact one."""
    time = np.arange(30) * 0.1
    rate = np.linspace(0.0, 2.0, 7)[:, None] + 1e-6
    path = np.stack([np.sin(rate * time) / rate, (1 - np.cos(rate * time)) / rate, 0.2 * time + 0 * rate], -1)
    coordinates = {"time": time[:20] - 1.9, "horizon": time[1:11]}
    dims = ("trajectory", "horizon", "axis")
    truth = path[:, 20:]
    data = xr.Dataset(
        {"position": (("trajectory", "time", "axis"), path[:, :20]), "position_forecast": (dims, truth)},
        coords=coordinates,
    )
    model = data[["position_forecast"]] + shift * np.array([1.0, 0.0, 0.0])[None, None]
    if deviation is not None:
        spread = np.full(truth.shape, deviation)
        model["position_forecast_standard_deviation"] = (dims, spread)
    return Examples(data, {"model": model, "exact": data[["position_forecast"]]}, [TARGET], "trajectory")


def test_horizon_shows_the_distance_in_space_of_every_method() -> None:
    (figure,) = plot("uav/horizon")(examples(0.5, None)).values()
    (axes,) = figure.axes
    model, exact = axes.lines
    np.testing.assert_allclose(model.get_xdata(), np.arange(1, 11) * 0.1)
    np.testing.assert_allclose(model.get_ydata(), 0.5)
    np.testing.assert_allclose(exact.get_ydata(), 0.0)


@pytest.mark.parametrize(("deviation", "share"), [(1.0, 100.0), (0.1, 100 * 2 / 3)])
def test_horizon_shows_how_often_the_truth_is_within_one_deviation(deviation: float, share: float) -> None:
    (figure,) = plot("uav/horizon")(examples(0.5, deviation)).values()
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), share)


def test_tracks_go_from_straight_to_curved_and_carry_a_fan() -> None:
    (figure,) = plot("uav/tracks")(examples(0.1, 0.2)).values()
    spaces, plans = figure.axes[::2], figure.axes[1::2]
    assert len(spaces) == len(plans) == 3
    bends = []
    for plan in plans:
        truth = next(line for line in plan.lines if line.get_color() == "black")
        heading = np.diff(truth.get_xydata(), axis=0)
        bends.append(np.ptp(np.unwrap(np.arctan2(heading[:, 1], heading[:, 0]))))
    assert bends[0] < 0.4 < bends[1] < bends[2]
    assert all(any(isinstance(each, Poly3DCollection) for each in space.collections) for space in spaces)
    assert [ellipse.width for ellipse in plans[0].patches] == pytest.approx([4 * 0.2] * 10)


def test_tracks_without_deviations_have_no_fan() -> None:
    (figure,) = plot("uav/tracks")(examples(0.1, None)).values()
    assert not any(isinstance(each, Poly3DCollection) for axes in figure.axes for each in axes.collections)


def test_fan_keeps_its_radius_around_a_vertical_climb() -> None:
    path = np.array([[0.0, 0.0, z] for z in range(4)])
    faces = plots._tube(path, np.full((4, 3), 0.5))
    np.testing.assert_allclose(np.linalg.norm(faces[..., :2], axis=-1), 0.5)


def test_a_straight_line_does_not_bend() -> None:
    line = np.arange(30)[:, None] * np.array([0.3, -0.2, 0.1])
    assert Drawn(line[:20], line[20:], {}, None).bend == pytest.approx(0, abs=1e-9)


def test_targets_that_are_no_tracks_are_refused() -> None:
    spec = VariableSpec(name="speed", dims=("trajectory",), shape=(), units="m s-1")
    with pytest.raises(ValueError, match=r"need a forecast position, found \['speed'\]"):
        plot("uav/tracks")(Examples(xr.Dataset(), {}, [Target(spec)], "trajectory"))


@pytest.mark.parametrize("whole", [True, False])
def test_record_is_drawn_up_to_its_end(whole: bool) -> None:
    """Climbing at 2 m/s for 3 s; an imported one holds the positions alone."""
    time = np.arange(60) * 0.1
    path = np.full((60, 3), np.nan, np.float32)
    path[:31] = 2 * time[:31, None] * np.array([0, 0, 1])
    record = xr.Dataset({"position": (("time", "axis"), path)}, coords={"time": time})
    if whole:
        record["velocity"] = (("time", "axis"), np.where(np.isfinite(path), [0, 0, 2.0], np.nan))
        record["position_setpoint"] = (("time", "axis"), path + np.float32(1.0))
        flags = {"flag_values": list(range(len(FAMILIES))), "flag_meanings": " ".join(FAMILIES)}
        record["family"] = ((), np.int8(3), flags)
    figure = build("record_plots", {"name": "uav/px4_like" if whole else "uav/csv"}, record=record)
    lines = [each for each in figure.axes[0].collections if isinstance(each, Line3DCollection)]
    np.testing.assert_allclose(lines[0].get_array(), 2.0, rtol=1e-4)
    assert figure.get_suptitle() == ("line, " if whole else "") + "3.0 s, 6 m"
    height, rate = figure.axes[-2:]
    assert height.lines[-1].get_ydata()[-1] == pytest.approx(6.0)
    np.testing.assert_allclose(rate.lines[0].get_ydata(), 2.0, rtol=1e-4)
