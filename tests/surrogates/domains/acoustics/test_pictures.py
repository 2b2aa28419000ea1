"""Fields, pictures, moving pictures and pages of sound in a room."""

import re
from base64 import b64decode
from io import BytesIO
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
from surrogates.domains.acoustics.page import sound_uri, write_page
from surrogates.domains.acoustics.plots import Responses, Snapshots, draw_fields, draw_responses
from surrogates.evaluation.evaluate import Target
from surrogates.report.pictures import Examples
from tests.surrogates.domains.acoustics.rooms import HIGHEST, SPEED, fake_surrogate

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


def test_plots_keep_what_their_kind_promises() -> None:
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


def test_page_holds_the_sound_itself(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    wave = np.sin(np.arange(800) / 5)
    figure = Figure()
    figure.subplots().plot(wave)
    page = write_page(
        tmp_path / "page.html", "A <room>", {"a & b": (wave, 8000)}, {"wave": figure}
    ).read_text()
    assert "A &lt;room&gt;" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    (uri,) = re.findall(r'<audio controls src="([^"]+)"', page)
    assert uri == sound_uri(wave, 8000)
    samples, rate = soundfile.read(BytesIO(b64decode(uri.partition(",")[2])))
    assert rate == 8000
    np.testing.assert_allclose(samples, wave * 10 ** (-1 / 20) / np.abs(wave).max(), atol=1e-4)
