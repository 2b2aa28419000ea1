"""A bundle tells how far a record is from the training data, keeps it, and widens its intervals by it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from safetensors.torch import load_file, save_file

import surrogates
from surrogates.cli.main import main
from surrogates.inference.bundle import Bundle, load_bundle, save_bundle, save_ensemble, update_calibration
from surrogates.inference.errors import BundleError
from surrogates.inference.example import read_example
from surrogates.inference.manifest import MANIFEST, sha256
from surrogates.inference.outputs import with_interval, with_stretch
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.conformal import Calibration
from surrogates.learning.distance import DISTANCE, Neighbours, doubt
from surrogates.learning.pipeline import Pipeline

TABLE = Calibration(scores=[2.0], shares=[1.0], count=99, blocks=99, distant=True)


def batch(records: int, seed: int, height: float = 1.0) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {
        "height": 50 * height * torch.rand((records, 6, 5), generator=rng),
        "power": 1 + 4 * torch.rand(records, generator=rng),
        "slope": torch.full((6, 5), 0.5),
    }


def calibrated(folder: Path, table: Calibration = TABLE) -> Neighbours:
    """Give a bundle neighbours, of 200 records, and a calibration of intervals and trust of 100 others."""
    bundle = load_bundle(folder)
    described = bundle.describe(batch(200, 0))
    assert described is not None
    neighbours = Neighbours.of(described, np.arange(200))
    found = Bundle(bundle.folder, bundle.manifest, bundle.parts, neighbours).ask_far(batch(100, 1))[DISTANCE]
    scores, ones = list(found.numpy()[:, None]), [np.ones(1)] * 100
    trust = Calibration.of(scores, ones, np.arange(100), relative=False)
    update_calibration(folder, {"gain": table}, neighbours=neighbours, trust=trust)
    return neighbours


@pytest.fixture
def inputs(inputs: xr.Dataset) -> xr.Dataset:
    """Records like those of training, which all have one slope."""
    inputs["slope"][:] = 0.5
    return inputs


@pytest.fixture
def told(bundle: Path) -> Path:
    calibrated(bundle)
    return bundle


def far(inputs: xr.Dataset) -> xr.Dataset:
    """The last record is twice as high."""
    inputs = inputs.copy(deep=True)
    inputs["height"][-1] *= 2
    return inputs


def test_neighbours_come_back_as_they_were(bundle: Path) -> None:
    neighbours = calibrated(bundle)
    again = load_bundle(bundle).neighbours
    assert again is not None
    for name in ("records", "mean", "scale"):
        assert torch.equal(getattr(again, name), getattr(neighbours, name))
    assert again.unit == neighbours.unit
    assert not list(bundle.glob("*new*")) and len(list(bundle.glob("distance-*"))) == 1


def test_trust_is_low_where_the_inputs_are_unlike_those_of_training(told: Path, inputs: xr.Dataset) -> None:
    out = surrogates.load(told, device="cpu").predict(far(inputs), trust=True)
    assert out.trust.dims == ("sample",)
    assert float(out.trust[-1]) == 0.0
    assert float(out.trust[:-1].mean()) > 0.2
    assert out.trust.city.values.tolist() == ["etoile"] * 7
    assert "100 records or blocks that were held out" in out.trust.attrs["comment"]


def test_intervals_widen_with_the_distance(told: Path, inputs: xr.Dataset) -> None:
    surrogate = surrogates.load(told, device="cpu")
    out = surrogate.predict(far(inputs), interval=0.9)
    width = (out.gain_upper - out.gain_lower).values
    assert set(out.data_vars) == {"gain", "gain_lower", "gain_upper"}
    assert np.ptp(width, axis=(1, 2)).max() < 1e-3
    assert (width[-1, 0, 0] > 3 * width[:-1, 0, 0]).all()
    assert width[:-1, 0, 0].mean() == pytest.approx(4.0, rel=0.3)  # twice the radius at the distance 1


def test_one_record_without_the_record_dimension_has_one_number(told: Path, inputs: xr.Dataset) -> None:
    surrogate = surrogates.load(told, device="cpu")
    several = surrogate.predict(inputs, trust=True, interval=0.9)
    one = surrogate.predict(inputs.isel(sample=2), trust=True, interval=0.9)
    assert one.trust.shape == ()
    assert float(one.trust) == pytest.approx(float(several.trust[2]))
    np.testing.assert_allclose(one.gain_upper, several.gain_upper[2], rtol=1e-5)


def test_a_larger_field_has_the_trust_of_its_least_trusted_tile(
    told: Path, inputs: xr.Dataset, tmp_path
) -> None:
    record = inputs.isel(sample=slice(0, 1))
    wide = xr.concat([record.drop_vars(["x", "city"])] * 3, dim="x", data_vars=["height", "slope"])
    wide = wide.assign_coords(x=("x", 4.0 * np.arange(15), {"units": "m"}))
    higher = wide.copy(deep=True)
    higher["height"][..., 10:] *= 3
    surrogate = surrogates.load(told, device="cpu")
    flat, steep = (surrogate.predict(each, trust=True, interval=0.9) for each in (wide, higher))
    assert float(flat.trust[0]) > 0 and float(steep.trust[0]) == 0
    width = (steep.gain_upper - steep.gain_lower)[0, 0].values
    assert width[-1] > 2 * width[0]
    written = surrogate.predict(higher, trust=True, interval=0.9, out=tmp_path / "out.zarr")
    xr.testing.assert_allclose(written.load(), steep)
    turned = surrogate.predict(higher.isel(x=slice(None, None, -1)), trust=True, interval=0.9)
    xr.testing.assert_allclose(turned.isel(x=slice(None, None, -1)), steep)


def test_unknown_cells_are_taken_as_the_mean(told: Path, inputs: xr.Dataset) -> None:
    inputs["height"][0] = np.nan
    inputs["height"][1, 2, 3] = np.nan
    bundle = load_bundle(told)
    given = {name: torch.from_numpy(inputs[name].values) for name in ("height", "power", "slope")}
    distance = bundle.predict(given, far=True)[DISTANCE]
    assert distance.isfinite().all() and distance[0] > 3 * distance[2:].max()
    assert distance[1] < 3 * distance[2:].max()


def test_a_bundle_without_the_table_says_what_to_do(bundle: Path, inputs: xr.Dataset) -> None:
    surrogate = surrogates.load(bundle, device="cpu")
    with pytest.raises(BundleError, match=r"`surrogates calibrate RUN STORE` calibrates it on your records"):
        surrogate.predict(inputs, trust=True)


def test_the_command_writes_trust_and_refuses_in_one_line(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs.to_netcdf(tmp_path / "in.nc")
    words = ["predict", str(bundle), str(tmp_path / "in.nc"), str(tmp_path / "out.nc"), "--trust"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "surrogates calibrate RUN STORE" in line
    calibrated(bundle)
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert not stop.value.code
    assert xr.open_dataset(tmp_path / "out.nc").trust.sizes == {"sample": 7}


def test_an_ensemble_tells_distances_too(bundle: Path, pipeline: Pipeline, tmp_path: Path, inputs) -> None:
    save_bundle(tmp_path / "other", pipeline, ranges=load_bundle(bundle).manifest.ranges)
    folder = save_ensemble(tmp_path / "both", [bundle, tmp_path / "other"])
    calibrated(folder, TABLE.model_copy(update={"relative": True}))
    out = surrogates.load(folder, device="cpu").predict(far(inputs), trust=True, interval=0.9)
    assert float(out.trust[-1]) == 0.0 and out.gain_upper.shape == out.gain.shape


def test_trust_by_deviations_falls_where_members_differ(
    bundle: Path, pipeline: Pipeline, tmp_path: Path, inputs: xr.Dataset
) -> None:
    """An ensemble tells deviations: its table says whether they are part of the doubt."""
    save_bundle(tmp_path / "other", pipeline, ranges=load_bundle(bundle).manifest.ranges)
    folder = save_ensemble(tmp_path / "both", [bundle, tmp_path / "other"])
    neighbours = calibrated(folder)
    told = load_bundle(folder)
    doubts = doubt(told.predict(batch(100, 1), far=True), ["gain"])
    trust = Calibration.of(list(doubts.numpy()[:, None]), [np.ones(1)] * 100, np.arange(100), relative=True)
    update_calibration(folder, {"gain": TABLE}, neighbours=neighbours, trust=trust)
    out = surrogates.load(folder, device="cpu").predict(inputs, trust=True)
    given = {name: torch.from_numpy(inputs[name].values) for name in ("height", "power", "slope")}
    own = doubt(told.predict(given, far=True), ["gain"]).numpy()
    expected = [np.mean(doubts.numpy() >= each) for each in own]
    np.testing.assert_allclose(out.trust, expected, atol=0.011)
    assert "by the predicted deviation" in out.trust.attrs["comment"]


def test_trust_by_deviations_that_are_not_predicted_is_refused(told: Path, inputs: xr.Dataset) -> None:
    bundle = load_bundle(told)
    table = TABLE.model_copy(update={"relative": True, "distant": True})
    update_calibration(told, {}, neighbours=bundle.neighbours, trust=table)
    with pytest.raises(BundleError, match="which the bundle does not predict; it is damaged"):
        surrogates.load(told, device="cpu").predict(inputs, trust=True)


def test_a_new_calibration_takes_the_old_neighbours_away(told: Path) -> None:
    update_calibration(told, {"gain": TABLE.model_copy(update={"distant": False})})
    assert load_bundle(told).neighbours is None
    assert not list(told.glob("distance-*"))


def edited(told: Path, **tensors: Any) -> None:
    """Change tensors of a bundle's neighbours, and the hash in its manifest with them."""
    (path,) = told.glob("distance-*")
    save_file({**load_file(path), **tensors}, path)
    data = yaml.safe_load((told / MANIFEST).read_text())
    data["files"][path.name] = sha256(path)
    (told / MANIFEST).write_text(yaml.safe_dump(data))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"records": torch.zeros(3)}, "it tells no distances"),
        ({"mean": torch.zeros(2)}, "it tells no distances"),
        ({"more": torch.zeros(2)}, "it tells no distances"),
        ({"records": torch.zeros(1 << 20, 12)}, "it tells no distances|at most 262144 are allowed"),
        ({"unit": torch.tensor([0.0])}, "NaN, infinity, or a scale of zero"),
        ({"unit": torch.tensor([float("nan")])}, "NaN, infinity, or a scale of zero"),
    ],
)
def test_damaged_neighbours_are_refused(told: Path, tensors: dict[str, Any], message: str) -> None:
    edited(told, **tensors)
    with pytest.raises(BundleError, match=message):
        load_bundle(told)


def test_changed_neighbours_are_noticed(told: Path) -> None:
    (path,) = told.glob("distance-*")
    save_file({**load_file(path), "unit": torch.tensor([9.0], dtype=torch.float64)}, path)
    with pytest.raises(BundleError, match="hash"):
        load_bundle(told)


def test_neighbours_of_another_network_are_refused(told: Path, inputs: xr.Dataset) -> None:
    edited(told, records=torch.zeros(9, 4), mean=torch.zeros(4), scale=torch.ones(4))
    with pytest.raises(BundleError, match="have 4 features, but the network is given"):
        surrogates.load(told, device="cpu").predict(inputs, trust=True)


def test_intervals_by_distance_need_neighbours(told: Path) -> None:
    data = yaml.safe_load((told / MANIFEST).read_text())
    data["files"] = {name: each for name, each in data["files"].items() if not name.startswith("distance-")}
    (told / MANIFEST).write_text(yaml.safe_dump(data))
    with pytest.raises(BundleError, match="which tells distances, is not listed"):
        load_bundle(told)


def test_the_disc_of_a_complex_target_widens_with_the_distance() -> None:
    wave = np.array([[1 + 1j, 2.0], [0.5j, -1.0]], np.complex64)
    answer = with_stretch({"wave": wave, DISTANCE: np.array([1.0, 3.0], np.float32)}, {"wave": TABLE})
    found = with_interval(answer, {"wave": TABLE}, 0.9)["wave_radius"]
    np.testing.assert_allclose(found, [[2.0, 2.0], [4.0, 4.0]])
    assert found.dtype == np.float32


def test_a_bundle_of_both_directions_has_no_trust_in_the_other() -> None:
    bundle = load_bundle("zoo:seismic/invertible_x_net")
    assert bundle.neighbours is None and bundle.manifest.trust is None  # a release before has made it
    told = Bundle(bundle.folder, bundle.manifest.model_copy(update={"trust": TABLE}), bundle.parts)
    assert told.reversed().manifest.trust is None
    with pytest.raises(BundleError, match="does not know how far its training data are"):
        Surrogate(bundle).predict(read_example(bundle)[0], trust=True)
