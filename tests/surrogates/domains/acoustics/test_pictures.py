"""Fields, pictures, moving pictures and what is heard of sound in a room."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from physics.waves.rooms.exact import free_pulse
from surrogates import testing
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.animation import animate, field, write_animation
from surrogates.domains.acoustics.measures import energy_decay
from surrogates.domains.acoustics.plots import (
    RATE,
    Receivers,
    Responses,
    Snapshots,
    draw_fields,
    draw_responses,
)
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.report.pictures import Examples
from surrogates.report.sounds import Tracks
from tests.surrogates.domains.acoustics.rooms import HIGHEST, SPEED, fake_surrogate, room_context

WIDTH = 2 * SPEED / (np.pi * HIGHEST)
POINTS = VariableSpec(name="sound_pressure", dims=("sample", "point"), shape=(90,), units="Pa")
SERIES = VariableSpec(
    name="receiver_pressure", dims=("sample", "receiver", "time"), shape=(2, 40), units="Pa"
)


def snapshots() -> Examples:
    """Two records at ninety points."""
    rng = np.random.default_rng(0)
    time = np.repeat([0.001, 0.004, 0.009], 30)
    data = xr.Dataset(
        {"sound_pressure": (("sample", "point"), rng.normal(size=(2, 90)), {"units": "Pa"})},
        coords={
            "point_x": ("point", rng.random(90)),
            "point_y": ("point", rng.random(90)),
            "point_time": ("point", time),
        },
    )
    answers = {"model": data[["sound_pressure"]] + 0.1, "mean": 0 * data[["sound_pressure"]]}
    return Examples(data, answers, [Target(POINTS)], "sample")


def series() -> Examples:
    """Two records at two receivers."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 2, 40)) * np.exp(-np.arange(40) / 8)
    data = xr.Dataset(
        {"receiver_pressure": (SERIES.dims, values, {"units": "Pa"})},
        coords={"time": ("time", np.arange(40) / 1600, {"units": "s"})},
    )
    return Examples(data, {"model": data * 0.9, "mean": data * 0.0}, [Target(SERIES)], "sample")


RECEIVERS = np.array([[0.5, 1.0], [1.5, 0.75]])


def heard_context() -> Context:
    """The context of a room of 2 m by 1.5 m with two receivers."""
    room = room_context(source=False)
    position = VariableSpec(name="receiver_position", dims=("receiver", "axis"), shape=(2, 2), units="m")
    more = {"receiver_pressure": SERIES, "receiver_position": position}
    return Context.of(room.inputs, room.targets, specs=more)


def heard() -> Examples:
    """Two records with what two receivers hear: of the first a tone of 200 Hz, of the second nothing."""
    times = np.arange(40) / 1600
    tones = np.sin(2 * np.pi * 200 * times) * np.array([1.0, 0.0])[:, None]
    data = xr.Dataset(
        {
            "receiver_pressure": (SERIES.dims, np.stack([tones, 3 * tones]), {"units": "Pa"}),
            "receiver_position": (("receiver", "axis"), RECEIVERS, {"units": "m"}),
            "sound_pressure": (("sample", "point"), np.zeros((2, 90)), {"units": "Pa"}),
        },
        coords={"time": ("time", times, {"units": "s"})},
    )

    def ask(method: str, points: Mapping[str, np.ndarray]) -> xr.Dataset:
        assert method == "model"
        at_first = np.isclose(points["point_x"], 0.5) & np.isclose(points["point_y"], 1.0)
        pressure = np.where(at_first, 0.5 * np.sin(2 * np.pi * 200 * points["point_time"]), 0.0)
        return xr.Dataset({"sound_pressure": (("sample", "point"), np.stack([pressure, 3 * pressure]))})

    answers = {"model": data[["sound_pressure"]], "mean": data[["sound_pressure"]]}
    return Examples(data, answers, [Target(POINTS)], "sample", ask)


def test_plots_keep_what_their_kind_promises() -> None:
    testing.check_plot(Receivers(heard_context(), HIGHEST), heard())
    testing.check_plot(Snapshots(), snapshots())
    testing.check_plot(Responses(), series())


def test_snapshots_show_reference_prediction_and_difference_of_each_slice() -> None:
    examples = snapshots()
    (figure,) = Snapshots()(examples).values()
    panels = [
        np.ma.compressed(each.get_array())
        for axes in figure.axes
        for each in axes.collections
        if isinstance(each, PathCollection)
    ]
    assert len(panels) == 9
    values = examples.data["sound_pressure"][0].values
    for row in range(3):
        expected = values[30 * row : 30 * row + 30]
        np.testing.assert_allclose(panels[3 * row], expected)
        np.testing.assert_allclose(panels[3 * row + 1], expected + 0.1)
        np.testing.assert_allclose(panels[3 * row + 2], np.full(30, 0.1))
    limits = {
        tuple(np.round(each.get_clim(), 6))
        for each in figure.axes[0].collections + figure.axes[1].collections
    }
    assert len(limits) == 1


def test_plots_draw_nothing_of_other_targets() -> None:
    assert Snapshots()(series()) == {}
    assert Responses()(snapshots()) == {}


def test_responses_show_pressure_spectrum_and_decay_of_each_method() -> None:
    examples = series()
    (figure,) = Responses(count=1)(examples).values()
    first, second, third = figure.axes[:3]
    assert [len(axes.lines) for axes in (first, second, third)] == [3, 3, 3]
    reference = examples.data["receiver_pressure"][0, 0].values
    np.testing.assert_allclose(first.lines[0].get_ydata(), reference)
    np.testing.assert_allclose(first.lines[1].get_ydata(), 0.9 * reference)
    np.testing.assert_allclose(third.lines[0].get_ydata(), np.maximum(energy_decay(reference), -60))
    # A pressure of nine tenths lies 0.9 dB lower at every frequency, and decays alike.
    difference = second.lines[0].get_ydata() - second.lines[1].get_ydata()
    np.testing.assert_allclose(difference, -20 * np.log10(0.9), atol=1e-6)
    np.testing.assert_allclose(third.lines[0].get_ydata(), third.lines[1].get_ydata(), atol=1e-9)


def test_receivers_are_asked_for_their_responses_and_heard_on_one_scale() -> None:
    shown = Receivers(heard_context(), HIGHEST)(heard())
    figure, first, second = shown.values()
    assert list(shown)[1:] == [f"50 to 400 Hz, heard at ({place}) m" for place in ("0.5, 1", "1.5, 0.75")]
    assert isinstance(figure, Figure) and isinstance(first, Tracks) and isinstance(second, Tracks)
    reference, model = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(model, reference / 2, atol=1e-6)
    assert first.rate == RATE and list(first.signals) == ["reference", "model"]
    np.testing.assert_allclose(first.signals["model"], first.signals["reference"] / 2, atol=1e-4)
    assert not any(each.any() for each in second.signals.values())
    # The room answers at 200 Hz alone, which the sweep passes after two of its three octaves.
    loudest = np.argmax(np.convolve(first.signals["reference"] ** 2, np.ones(800), "same")) / RATE
    assert loudest == pytest.approx(1.0, abs=0.06)


def test_data_without_receivers_are_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"receiver_pressure and receiver_position in the data [^\n]*$"):
        Receivers(room_context(), HIGHEST)
    with pytest.raises(ValueError, match=r"'model' cannot be asked with other point_x, [^\n]*$"):
        Receivers(heard_context(), HIGHEST)(replace(heard(), ask=Examples.ask))


def test_fields_are_drawn_beside_the_reference_with_their_difference() -> None:
    found = field(fake_surrogate(), [1.0, 2.0, 2.0], [0.0, 0.002, 0.004, 0.006])[0]
    figure = draw_fields(found, {"model": found + 0.25}, times=[0.002, 0.006])
    images = [image.get_array() for axes in figure.axes for image in axes.images]
    assert len(images) == 6
    np.testing.assert_allclose(images[0], found[1])
    np.testing.assert_allclose(images[4], found[3] + 0.25)
    np.testing.assert_allclose(images[5], 0.25)


def test_field_is_that_of_the_surrogate_on_the_plane_of_the_source() -> None:
    found = field(fake_surrogate(), [[1.0, 2.0, 1.5], [2.0, 2.0, 1.5]], [0.003], spacing=0.5)
    assert found.dims == ("source", "time", "y", "x")
    assert found.shape == (2, 1, 8, 8)
    np.testing.assert_allclose(found["x"], np.arange(0.25, 4.0, 0.5))
    distance = np.hypot(found["x"] - 2.0, found["y"] - 2.0).transpose("y", "x").values
    expected = free_pulse(np.maximum(distance, 1e-6), 0.003, WIDTH)
    np.testing.assert_allclose(found[1, 0], expected, atol=1e-9)
    higher = field(fake_surrogate(), [1.0, 2.0, 1.5], [0.003], height=2.5, spacing=0.5)
    assert float(np.abs(higher - found[:1]).max()) > 0.01
    with pytest.raises(ContractError, match=r"height: position 0 is .* outside the room"):
        field(fake_surrogate(), [1.0, 2.0, 1.5], [0.003], height=9.0)


def test_moving_source_is_written_as_a_gif(tmp_path: Path) -> None:
    path = animate(
        fake_surrogate(axes=2), [[0.5, 1.0], [3.5, 1.0]], tmp_path / "moving.gif", frames=5, time=0.001
    )
    with Image.open(path) as picture:
        frames = [np.asarray(each.convert("RGB"), float) for each in ImageSequence.Iterator(picture)]
    assert len(frames) == 5
    # The redmost column of the plane follows the source to the right.
    plane = slice(30, 270), slice(46, 285)
    redness = [(each[plane][..., 0] - each[plane][..., 2]).clip(0).sum(0) for each in frames]
    centres = [float((each * np.arange(len(each))).sum() / each.sum()) for each in redness]
    assert all(later > earlier + 10 for earlier, later in pairwise(centres))


def test_an_animation_of_one_frame_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"frames is 1; two at least expected$"):
        animate(fake_surrogate(), [[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]], tmp_path / "one.gif", frames=1)


def test_silence_can_be_drawn(tmp_path: Path) -> None:
    flat = field(fake_surrogate(axes=2), [[0.5, 1.0], [3.5, 1.0]], [0.001], spacing=0.5).isel(time=0) * 0
    assert write_animation(flat, tmp_path / "flat.gif").stat().st_size > 0
    silence = xr.DataArray(np.zeros((1, 40)), dims=("line", "time"), coords={"time": np.arange(40) / 1600})
    assert isinstance(draw_responses(silence, {}), Figure)
