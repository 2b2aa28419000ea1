"""A table of design points gives what a recipe would draw."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.design import Designed
from datasets.factory.errors import BuildError
from datasets.factory.extend import extend
from datasets.factory.simulation import simulate_unit
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from surrogates.core.errors import ConfigError
from tests.datasets.factory.test_extend import values
from tests.toy import Oscillator, displacement

QUIET: dict[str, Any] = {"workers": 0, "progress": False}


class Springs(Designed, Oscillator):
    """Oscillators whose stiffness and damping a table may give."""

    name = "toy/springs"
    designed: ClassVar = {"stiffness": "N m-1", "damping": "kg s-1"}

    def design_ranges(self) -> dict[str, tuple[float, float]]:
        return {"stiffness": (4.0, 40.0), "damping": (0.0, 1.0)}

    def simulate(self, indices, rngs):
        drawn = super().simulate(indices, rngs)
        stiffness, damping = (self.given(name, indices, drawn[name]) for name in self.designed)
        moved = displacement(stiffness, damping, np.linspace(0, 4, self.steps))
        return drawn | {"stiffness": stiffness, "damping": damping, "displacement": moved}


def table(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_csv_file_gives_values_in_its_own_units(tmp_path: Path) -> None:
    path = table(tmp_path / "points.csv", "damping (g s-1),stiffness [kN m-1]\n100,0.01\n200,0.02\n")
    url = str(tmp_path / "springs.zarr")
    build(Springs.make({"design": path, "samples": 2}), url, **QUIET)
    ds = xr.open_zarr(url)
    np.testing.assert_allclose(ds["stiffness"], [10.0, 20.0], rtol=1e-6)
    expected = displacement(np.array([10.0, 20.0]), np.array([0.1, 0.2]), ds["time"].values)
    np.testing.assert_allclose(ds["displacement"], expected, atol=1e-5)
    assert json.loads(ds.attrs["recipe_config"])["design"]["stiffness"] == [10.0, 20.0]
    Path(path).unlink()
    assert verify(url, resimulate=1, recipe_class=Springs, progress=False).ok


def test_a_zarr_store_gives_the_same_points_as_a_csv_file(tmp_path: Path) -> None:
    values = {"stiffness": ("point", [10.0, 20.0], {"units": "N m-1"}), "damping": ("point", [0.1, 0.2])}
    ds = xr.Dataset(values)
    ds["damping"].attrs["units"] = "kg s-1"
    ds.to_zarr(tmp_path / "points.zarr")
    text = "stiffness [N m-1],damping [kg s-1]\n10,0.1\n20,0.2\n"
    recipes = [
        Springs.make({"design": str(path), "samples": 2})
        for path in (tmp_path / "points.zarr", table(tmp_path / "points.csv", text))
    ]
    assert recipes[0].design == recipes[1].design == {"stiffness": (10.0, 20.0), "damping": (0.1, 0.2)}


def test_records_without_a_point_are_drawn_as_without_a_table(tmp_path: Path) -> None:
    drawn, url = Springs(samples=8), str(tmp_path / "springs.zarr")
    build(drawn, url, **QUIET)
    path = table(tmp_path / "next.csv", "stiffness [N m-1],damping [kg s-1]\n5,0.5\n6,0.6\n7,0.7\n")
    store = extend(url, design=path, **QUIET, recipe_class=Springs)
    assert store.records == 11
    with pytest.raises(BuildError, match=r"the last records have the points of .*next.csv already"):
        extend(url, design=path, **QUIET, recipe_class=Springs)
    np.testing.assert_allclose(xr.open_zarr(url)["stiffness"][8:], [5, 6, 7])
    extend(url, 13, **QUIET, recipe_class=Springs)
    given = {
        "stiffness": [None] * 8 + [5, 6, 7, None, None],
        "damping": [None] * 8 + [0.5, 0.6, 0.7, None, None],
    }
    build(Springs(samples=13, design=given), str(tmp_path / "whole.zarr"), **QUIET)
    assert values(url) == values(str(tmp_path / "whole.zarr"))
    all_drawn, _ = simulate_unit(Springs(samples=13), np.arange(13))
    given_too = np.flatnonzero(xr.open_zarr(url)["damping"].values != all_drawn["damping"])
    np.testing.assert_array_equal(given_too, [8, 9, 10])
    assert verify(url, resimulate=4, recipe_class=Springs, progress=False).ok


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stifness [N m-1]\n5\n", "'stifness' is no parameter that a table gives. Did you mean 'stiffness'"),
        ("stiffness [N m-1]\n5\n", "there is no column 'damping'; a table gives damping, stiffness"),
        (
            "stiffness,damping [kg s-1]\n5,1\n",
            r"'stiffness' states no unit; write `stiffness \[N m-1\]` in the",
        ),
        (
            "stiffness [s],damping [kg s-1]\n5,1\n",
            "column 'stiffness.*' is in 's', which cannot be converted",
        ),
        ("stiffness [N m-1],damping [kg s-1]\n5,\n", "'damping' of row 1 is no number"),
        (
            "stiffness [N m-1],damping [kg s-1]\n5,0.1\n50,0.1\n",
            "stiffness of record 1 is 50, expected 4 to 40",
        ),
        ("stiffness [N m-1],damping [kg s-1]\n5,0.1\n", "1 points for 2 records; say samples=1"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = table(tmp_path / "points.csv", text)
    with pytest.raises((ConfigError, BuildError), match=said):
        Springs.make({"design": path, "samples": 2})


def test_a_table_that_is_not_there_and_a_recipe_without_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises((ConfigError, BuildError), match=r"there is no table .*points.csv"):
        Springs.make({"design": str(tmp_path / "points.csv")})
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(samples=4), url, **QUIET)
    with pytest.raises(BuildError, match="takes no table of design points"):
        extend(url, design=tmp_path / "points.csv", **QUIET, recipe_class=Oscillator)


def test_a_store_never_names_the_file_of_a_table(tmp_path: Path) -> None:
    url, path = str(tmp_path / "springs.zarr"), table(tmp_path / "secret.csv", "stiffness [N m-1]\n5\n")
    build(Springs(samples=4), url, **QUIET)
    store = open_store(url)
    config = store.mapping("recipe_config") | {"design": path}
    store.root.attrs["recipe_config"] = json.dumps(config)
    with pytest.raises(BuildError, match=r"recipe_config names the file .*secret.csv"):
        extend(url, 8, **QUIET, recipe_class=Springs)
