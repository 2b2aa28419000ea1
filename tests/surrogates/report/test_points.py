"""Pictures at points: dots where nothing connects them, surfaces where triangles do."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from surrogates.core.drawing import draw_at_points
from surrogates.core.errors import ConfigError
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.report.pictures import Examples
from surrogates.report.points import Points
from surrogates.runs.train import start
from tests.operators import configuration, installed, write_heat

P = VariableSpec(name="p", dims=("sample", "point"), shape=(4,), units="Pa", missing=True)
XY = [VariableSpec(name=n, dims=("sample", "point"), shape=(4,), units="m", missing=True) for n in "xy"]
FACES = VariableSpec(name="faces", dims=("face", "corner"), shape=(3, 3), dtype="int32")
CONTEXT = Context.of(XY, [P], specs={"faces": FACES})


def examples() -> Examples:
    """Two squares; the second lacks its last corner."""
    x, y = np.array([[0.0, 1, 0, 1]] * 2), np.array([[0.0, 0, 2, 2]] * 2)
    values = np.array([[1.0, 2, 3, 4], [1, 2, 3, np.nan]])
    for each in (x, y):
        each[1, 3] = np.nan
    faces = np.array([[0, 1, 2], [1, 2, 3], [-1, -1, -1]])
    dims = ("sample", "point")
    data = xr.Dataset(
        {"p": (dims, values), "x": (dims, x, {"units": "m"}), "y": (dims, y, {"units": "m"})}
    ).assign(faces=(("face", "corner"), faces))
    return Examples(data, {"model": data[["p"]] + 0.5}, [Target(P)], "sample")


def test_points_are_dots_at_their_coordinates_with_the_errors_beside() -> None:
    (figure,) = Points(CONTEXT)(examples()).values()
    grid = np.array(figure.axes[:6]).reshape(2, 3)
    for row, count in enumerate((4, 3)):
        reference, model, error = (axes.collections[0] for axes in grid[row])
        assert len(reference.get_offsets()) == count
        assert reference.get_array().tolist() == [1.0, 2.0, 3.0, 4.0][:count]
        assert model.get_array().tolist() == [1.5, 2.5, 3.5, 4.5][:count]
        assert error.get_array().tolist() == [0.5] * count
    assert grid[1, 0].get_xlabel() == "x (m)"


def test_triangles_whose_corners_are_known_are_surfaces() -> None:
    (figure,) = Points(CONTEXT, triangles="faces")(examples()).values()
    grid = np.array(figure.axes[:6]).reshape(2, 3)
    for row, count in enumerate((2, 1)):
        mesh = grid[row, 0].collections[0]
        assert len(mesh.get_paths()) == count
        assert mesh.get_array().tolist() == [1.0, 2.0, 3.0, 4.0][: count + 2]


def test_without_a_whole_triangle_dots_remain() -> None:
    axes = Figure().subplots()
    values = np.array([1.0, np.nan, 3.0])
    draw_at_points(axes, np.arange(3.0), np.arange(3.0), values, np.array([[0, 1, 2]]))
    assert axes.collections[0].get_array().tolist() == [1.0, 3.0]


def test_coordinates_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no variable 'xx'.*Did you mean 'x'"):
        Points(CONTEXT, coordinates=("xx", "y"))


def test_a_report_draws_at_points_and_reads_what_only_pictures_need(tmp_path: Path) -> None:
    with installed(tmp_path / "plugin"):
        store = write_heat(tmp_path / "heat.zarr", "padded")
        task = {"inputs": ["initial", "x"], "plots": [{"name": "points", "coordinates": ["x", "time"]}]}
        run = start(configuration(store, tmp_path / "runs", task=task, trainer={"max_steps": 2}))
        assert "u at points" in (run / "report.html").read_text()
        wrong = {"plots": [{"name": "points", "coordinates": ["x", "tome"]}]}
        with pytest.raises(ConfigError, match="Did you mean 'time'"):
            start(configuration(store, tmp_path / "runs", task=wrong))
