"""A surrogate that was trained both ways: it answers the direction whose inputs it is given."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.errors import ContractError
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import load_bundle, save_bundle, update_calibration
from surrogates.inference.errors import BundleError
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.conformal import Calibration
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

GATHER = VariableSpec(name="gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 24, 10))
VELOCITY = VariableSpec(name="velocity", dims=("sample", "depth", "lateral"), shape=(12, 10), units="m s-1")


def build(*, both_ways: bool) -> Pipeline:
    torch.manual_seed(0)
    config = PipelineConfig(
        inputs=[GATHER],
        targets=[VELOCITY],
        transform={"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]},
        network={"name": "invertible_x_net", "latent": 8, "channels": [2, 4], "architecture": [1, 1]},
        both_ways=both_ways,
    )
    return Pipeline(config).eval()


@pytest.fixture
def both(tmp_path: Path) -> Surrogate:
    ranges = {"gather": (-5.0, 5.0), "velocity": (1500.0, 4500.0)}
    folder = save_bundle(tmp_path / "both", build(both_ways=True), ranges=ranges)
    errors = [np.linspace(0, 10, 20, dtype=np.float32)] * 20
    ones = [np.ones(20, np.float32)] * 20
    table = Calibration.of(errors, ones, np.arange(20), relative=False)
    assert table is not None
    update_calibration(folder, {"velocity": table, "gather": table})
    return surrogates.load(folder)


@pytest.fixture
def ds() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "gather": (GATHER.dims, rng.normal(size=(3, 2, 24, 10)).astype(np.float32), {"units": "1"}),
            "velocity": (
                VELOCITY.dims,
                rng.uniform(1500, 4500, (3, 12, 10)).astype(np.float32),
                {"units": "m s-1"},
            ),
        }
    )


def test_the_direction_follows_from_what_is_given(both: Surrogate, ds: xr.Dataset) -> None:
    velocity = both.predict(ds[["gather"]])
    gather = both.predict(ds[["velocity"]])
    assert (set(velocity), set(gather)) == ({"velocity"}, {"gather"})
    assert gather.gather.dims == GATHER.dims
    expected = both.bundle.pipeline.reversed()({"velocity": torch.from_numpy(ds.velocity.values)})
    np.testing.assert_allclose(gather.gather, expected["gather"].detach(), rtol=1e-5, atol=1e-6)
    xr.testing.assert_equal(gather, both.reversed().predict(ds))
    xr.testing.assert_equal(velocity, both.predict(ds))


def test_units_are_converted_in_the_other_direction_too(both: Surrogate, ds: xr.Dataset) -> None:
    slow = ds[["velocity"]] / 1000
    slow.velocity.attrs["units"] = "km s-1"
    xr.testing.assert_allclose(both.predict(slow), both.predict(ds[["velocity"]]), rtol=1e-4, atol=1e-5)


def test_intervals_are_those_of_the_direction(both: Surrogate, ds: xr.Dataset) -> None:
    found = both.predict(ds[["velocity"]], interval=0.5)
    assert set(found) == {"gather", "gather_lower", "gather_upper"}


def test_what_lacks_both_sides_is_told_the_input(both: Surrogate, ds: xr.Dataset) -> None:
    with pytest.raises(ContractError, match="gather"):
        both.predict(ds.rename(gather="gathre", velocity="speed"))


def test_one_way_stays_one_way(tmp_path: Path, ds: xr.Dataset) -> None:
    surrogate = surrogates.load(save_bundle(tmp_path / "one", build(both_ways=False)))
    with pytest.raises(ContractError, match="gather"):
        surrogate.predict(ds[["velocity"]])
    with pytest.raises(ConfigError, match="both_ways"):
        surrogate.reversed()


def test_both_directions_come_back_from_the_folder(both: Surrogate) -> None:
    again = load_bundle(both.bundle.folder)
    assert again.both_ways
    assert [spec.name for spec in again.reversed().outputs] == ["gather"]
    assert again.parameters == both.bundle.parameters == again.reversed().parameters


def test_a_verb_is_called_with_the_surrogate(both: Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    class Scales:
        def __init__(self, surrogate: Surrogate) -> None:
            self.surrogate = surrogate

        def weigh(self, factor: int = 1) -> int:
            return factor * self.surrogate.bundle.parameters

    module = "surrogates.inference.surrogate"
    monkeypatch.setattr(f"{module}.registered", lambda kind: ["scales"] if kind == "verbs" else [])
    monkeypatch.setattr(f"{module}.resolve", lambda kind, name: {"scales": Scales}[name])
    assert both.scales.weigh(factor=2) == 2 * both.bundle.parameters
    assert "scales" in dir(both)
    with pytest.raises(AttributeError, match="no attribute 'sclaes'"):
        _ = both.sclaes
    with pytest.raises(AttributeError, match="no attribute 'wiegh'"):
        _ = both.scales.wiegh


def test_a_property_that_fails_tells_its_own_reason(both: Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(both.bundle), "outputs")
    with pytest.raises(AttributeError, match="'Bundle' object has no attribute 'outputs'"):
        _ = both.outputs


def test_members_of_an_ensemble_answer_the_same_ways(tmp_path: Path) -> None:
    both, again, one = (
        save_bundle(tmp_path / name, build(both_ways=name != "one")) for name in ("both", "again", "one")
    )
    assert surrogates.load([both, again]).bundle.both_ways
    for members in ([both, one], [one, both]):
        with pytest.raises(BundleError, match=r"both.* answers both ways, .*one.* one alone; the members"):
            surrogates.load(members)
