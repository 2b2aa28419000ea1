"""Directions in `predict`: arcs across zero, and tiles and ensembles that do not average across it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.specs import VariableSpec
from surrogates.inference.bundle import load_bundle, save_bundle, update_calibration
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.answers import member_name
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Predictor
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

CELLS = 16
GRID: dict[str, Any] = {"dims": ("sample", "y", "x"), "shape": (CELLS, CELLS)}
TURNS: dict[str, Any] = {"topology": "circular", "comment": "clockwise from north"}
GIVEN = VariableSpec(name="given", **GRID, units="degree", attributes=TURNS)
WIND = VariableSpec(
    name="wind", **GRID, units="degree", standard_name="wind_from_direction", attributes=TURNS
)
RANGES = {"given": (0.0, 360.0)}


class Copies(torch.nn.Linear):
    """Hands on cosine and sine."""

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        return channels + 0 * self.weight.sum()


def bundle(folder: Path, given: VariableSpec = GIVEN) -> Path:
    """Write a bundle that answers its input."""
    torch.manual_seed(0)
    pipeline = Pipeline(
        PipelineConfig(inputs=[given], targets=[WIND], network={"name": "mlp", "width": 8, "depth": 1})
    )
    return save_bundle(folder, pipeline.eval(), ranges=RANGES)


def copying(path: Path) -> Surrogate:
    """Replace the network of a bundle by one that answers its input."""
    loaded = load_bundle(path)
    ((pipeline, predictor),) = loaded.parts
    pipeline.network = Copies(1, 1)
    return Surrogate(replace(loaded, parts=((pipeline, predictor),)))


class Turned(Predictor):
    """The network's answer, turned by noise of ten degrees."""

    samples = 19
    takes_directions = True

    def members(self, pipeline, inputs, noise):  # type: ignore[no-untyped-def]
        answer = pipeline(inputs)["wind"]
        return {"wind": (answer[:, None] + 10 * noise.normal(answer.shape[1:])) % 360}


def winds(rows: int = CELLS, columns: int = CELLS, **attributes: str) -> xr.Dataset:
    """Winds from 350 to 10 degrees, northerly ones everywhere."""
    values = (np.linspace(-10, 10, rows * columns).reshape(1, rows, columns) % 360).astype(np.float32)
    return xr.Dataset({"given": (GRID["dims"], values, {"units": "degree", **attributes})})


def apart(one: Any, other: Any) -> np.ndarray:
    return np.abs((np.asarray(one) - np.asarray(other) + 180) % 360 - 180)


def test_an_angle_comes_out_in_its_units_with_its_convention(tmp_path: Path) -> None:
    surrogate = copying(bundle(tmp_path / "bundle"))
    out = surrogate.predict(winds())
    assert out.wind.attrs["units"] == "degree"
    assert out.wind.attrs["comment"] == "clockwise from north" and out.wind.attrs["topology"] == "circular"
    assert float(out.wind.min()) >= 0 and float(out.wind.max()) < 360
    assert apart(out.wind, winds().given).max() < 1e-3
    radians = winds()
    radians["given"] = (radians.given * np.pi / 180).assign_attrs(units="rad")
    assert apart(surrogate.predict(radians).wind, out.wind).max() < 1e-3


def test_an_angle_below_zero_is_none_beyond_the_range(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    surrogate = copying(bundle(tmp_path / "bundle"))
    below = winds().assign(given=lambda ds: ((ds.given + 180) % 360 - 180).assign_attrs(units="degree"))
    assert apart(surrogate.predict(below).wind, winds().given).max() < 1e-3
    assert not [each for each in recwarn if each.category is OutOfRangeWarning]


def test_members_do_not_depend_on_how_an_angle_is_given(tmp_path: Path) -> None:
    surrogate = copying(bundle(tmp_path / "bundle"))
    ((pipeline, _),) = surrogate.bundle.parts
    drawn = Surrogate(replace(surrogate.bundle, parts=((pipeline, Turned()),)))
    given = winds()
    expected = drawn.predict(given, samples=4)
    below = given.assign(given=((given.given + 180) % 360 - 180).assign_attrs(units="degree"))
    radians = [
        each.assign(given=np.deg2rad(each.given.astype(kind)).assign_attrs(units="rad"))
        for each in (given, below)
        for kind in (np.float32, np.float64)
    ]
    for other in (below, *radians, given.transpose("x", "y", "sample")):
        found = drawn.predict(other, samples=4).wind_member.transpose(*expected.wind_member.dims)
        assert apart(found, expected.wind_member).max() < 1e-2


def test_a_valid_range_of_one_turn_takes_the_angles_of_any_other(tmp_path: Path) -> None:
    limited = GIVEN.model_copy(update={"minimum": 0.0, "maximum": 360.0})
    surrogate = copying(bundle(tmp_path / "bundle", limited))
    for by in (-360, 360, 720):
        turned = winds().assign(given=(winds().given + by).assign_attrs(units="degree"))
        assert apart(surrogate.predict(turned).wind, winds().given).max() < 1e-2


def test_tiles_across_north_are_not_averaged_to_south(tmp_path: Path) -> None:
    field = winds(40, 50)
    whole = copying(bundle(tmp_path / "bundle"))
    assert apart(whole.predict(field).wind, field.given).max() < 1e-3
    ((pipeline, _),) = whole.bundle.parts
    drawn = Surrogate(replace(whole.bundle, parts=((pipeline, Turned()),))).predict(field, samples=19)
    spread = apart(drawn[member_name("wind")], field.given.expand_dims(member=19, axis=1))
    assert 9 < np.sqrt((spread**2).mean()) < 11
    assert apart(drawn.wind, field.given).mean() < 4
    low, _, high = (drawn.wind_quantile.isel(quantile=each) for each in range(3))
    assert bool((low < drawn.wind).all()) and bool((drawn.wind < high).all())
    assert float((high - low).mean()) == pytest.approx(
        2 * 1.844 * 10, rel=0.05
    )  # the outermost of 19 normal ones


def test_an_interval_is_an_arc_about_the_prediction(tmp_path: Path) -> None:
    path = bundle(tmp_path / "bundle")
    table = Calibration(scores=[15.0, 400.0], shares=[0.6, 1.0], count=99, blocks=99)
    update_calibration(path, {"wind": table})
    surrogate = copying(path)
    out = surrogate.predict(winds(), interval=0.5)
    np.testing.assert_allclose(out.wind_upper - out.wind_lower, 30.0, atol=1e-3)
    assert float(out.wind_lower.min()) < 0 and float(out.wind_upper.max()) > 360
    assert "upper less lower is the length of the arc" in out.wind_lower.attrs["comment"]
    wide = surrogate.predict(winds(), interval=0.9)
    np.testing.assert_allclose(wide.wind_upper - wide.wind_lower, 360.0, atol=1e-3)  # all round, no more


def test_an_ensemble_of_northerly_winds_is_northerly(tmp_path: Path) -> None:
    loaded = copying(bundle(tmp_path / "bundle")).bundle
    ((pipeline, _),) = loaded.parts

    class Shifted(Predictor):
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, pipeline, inputs, rng=None):  # type: ignore[no-untyped-def]
            return {"wind": (pipeline(inputs)["wind"] + self.by) % 360}

    both = Surrogate(replace(loaded, parts=tuple((pipeline, Shifted(by)) for by in (-20.0, 20.0))))
    out = both.predict(winds(), samples=2)
    assert apart(out.wind, winds().given).max() < 1e-3
    assert float(out.wind_standard_deviation.max()) == pytest.approx(20 * np.sqrt(2), rel=0.05)
    assert apart(out.wind_member.isel(member=1), winds().given + 20).max() < 1e-3


def test_a_saved_bundle_knows_its_directions(tmp_path: Path) -> None:
    surrogate = surrogates.load(bundle(tmp_path / "bundle"), device="cpu")
    assert surrogate.outputs["wind"].attributes["topology"] == "circular"
    assert surrogate.bundle.pipeline.layout.channels == 2
