"""Pictures show what they say: depth and time downwards, one scale, errors about zero."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg

from datasets.factory.pictures import picture
from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from datasets.store.layout import open_store
from physics.waves.seismic.propagator import simulate
from surrogates.domains.seismic.plots import draw_matrix, draw_record
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.contract import Plot
from surrogates.report.pictures import Examples
from tests.surrogates.domains.seismic.small import CELLS, SURVEY, layers, write_store

VELOCITY, GATHER = Target(velocity_spec(CELLS, CELLS)), Target(gather_spec(SURVEY))
GATHER_DIMS = ("sample", "shot", "time", "receiver")


def plot_of(name: str, **arguments: int) -> Plot:
    return Plot.build({"name": name, **arguments}, Context.of((), ()))


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    velocity = layers(4)
    return coordinates(SURVEY, CELLS, CELLS).assign(
        velocity_model=(("sample", "depth", "lateral"), velocity),
        shot_gather=(GATHER_DIMS, simulate(velocity, SURVEY)),
    )


def images(figure) -> list:  # type: ignore[no-untyped-def]
    return [axes.images[0] for axes in figure.axes if axes.images]


def test_velocity_models_stand_beside_answers_and_errors(data: xr.Dataset) -> None:
    answers = {"fast": data[["velocity_model"]] + 100.0, "slow": data[["velocity_model"]] - 50.0}
    plot = plot_of("seismic/panels", count=2)
    figures = plot(Examples(data, answers, [VELOCITY], "sample"))
    (figure,) = figures.values()
    drawn = images(figure)
    assert len(drawn) == 2 * 5
    truth, fast, over, _, under = drawn[:5]
    np.testing.assert_array_equal(truth.get_array(), data["velocity_model"][0])
    np.testing.assert_allclose(over.get_array(), 100, atol=1e-3)
    np.testing.assert_allclose(under.get_array(), -50, atol=1e-3)
    assert (
        truth.get_clim()
        == fast.get_clim()
        == (data["velocity_model"][:2].min(), data["velocity_model"][:2].max())
    )
    low, high = over.get_clim()
    assert low == -high and over.get_clim() == under.get_clim()
    assert truth.get_extent() == [-5, 235, 235, -5]  # left, right, bottom, top
    assert truth.axes.get_ylabel() == "depth, m"
    assert plot(Examples(data, answers, [GATHER], "sample")) == {}


def test_gathers_of_an_answer_or_of_what_follows_from_it_are_drawn_on_the_scale_of_the_reference(
    data: xr.Dataset,
) -> None:
    answer = xr.Dataset({"shot_gather": 0.5 * data["shot_gather"], "velocity_model": data["velocity_model"]})
    plot = plot_of("seismic/gathers", count=1)
    figures = plot(Examples(data, {"model": answer}, [GATHER], "sample"))
    assert list(figures) == ["Shot gather"]
    truth, guess, difference = images(figures["Shot gather"])
    np.testing.assert_array_equal(truth.get_array(), data["shot_gather"][0, 1])
    np.testing.assert_allclose(difference.get_array(), -0.5 * data["shot_gather"][0, 1], rtol=1e-6)
    assert truth.get_clim() == guess.get_clim()
    largest = float(np.abs(difference.get_array()).max())
    np.testing.assert_allclose(difference.get_clim(), (-largest, largest))
    assert truth.get_clim()[1] < np.abs(data["shot_gather"][0, 1]).max()
    _, _, bottom, top = truth.get_extent()
    assert bottom > top and truth.axes.get_ylabel() == "time, s"
    assert truth.axes.get_title() == "reference, shot at 110 m"
    first = plot_of("seismic/gathers", count=1, shot=0)
    drawn = images(first(Examples(data, {"model": answer}, [GATHER], "sample"))["Shot gather"])
    np.testing.assert_array_equal(drawn[0].get_array(), data["shot_gather"][0, 0])
    assert drawn[0].axes.get_title() == "reference, shot at 0 m"


def test_sources_of_each_record_are_shown_where_records_differ(data: xr.Dataset) -> None:
    places = ("sample", "shot"), 10.0 * np.arange(12).reshape(4, 3), {"units": "m"}
    own = data.drop_vars("shot").assign(source_lateral=places)
    figure = draw_record(own.isel(sample=1))
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["", "shot at 30 m", "shot at 40 m", "shot at 50 m"]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [30, 40, 50]
    plot = plot_of("seismic/gathers", count=2)
    (figure,) = plot(Examples(own, {"model": own[["shot_gather"]]}, [GATHER], "sample")).values()
    titles = [image.axes.get_title() for image in images(figure)]
    assert titles[::3] == ["reference, shot at 10 m", "reference, shot at 40 m"]
    (figure,) = plot(
        Examples(own.drop_vars("source_lateral"), {"model": own[["shot_gather"]]}, [GATHER], "sample")
    ).values()
    assert images(figure)[0].axes.get_title() == "reference, shot 1"


def test_a_record_shows_its_model_its_family_and_every_shot(tmp_path: Path) -> None:
    store = open_store(write_store(str(tmp_path / "store.zarr"), records=4, families=["salt"]))
    figure = picture(store, 2)
    assert len(images(figure)) == 1 + 3
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["salt", "shot at 0 m", "shot at 110 m", "shot at 230 m"]
    record = store.dataset().isel(sample=2).load()
    assert len(images(draw_record(record[["shot_gather"]]))) == 3
    assert len(images(draw_record(record[["velocity_model"]]))) == 1


def test_a_matrix_has_its_numbers_in_the_cells_and_frames_the_families_of_training() -> None:
    figure = draw_matrix(np.array([[12.34, np.nan, 300.0]]), ["b"], ["a", "b", "section"], "MAE, m/s")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["12.3", "-", "300"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "section"]
    assert [patch.get_x() for patch in axes.patches] == [0.5]


def test_all_of_a_small_matrix_lies_inside_of_the_picture() -> None:
    label = "invertible x net 2, velocity model: RMSE, m s-1"
    figure = draw_matrix(np.array([[1300.0]]), ["flatvel-a"], ["flatvel-a"], label)
    assert figure.axes[0].texts[0].get_text() == "1300"
    assert not figure.axes[0].patches[0].get_clip_on()
    FigureCanvasAgg(figure).draw()
    shown = figure.axes[1].yaxis.label.get_window_extent()
    assert 0 <= shown.x0 < shown.x1 <= figure.bbox.width
    assert 0 <= shown.y0 < shown.y1 <= figure.bbox.height
