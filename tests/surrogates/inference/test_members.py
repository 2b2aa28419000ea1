"""Members of a prediction: the same in any batch, order or tile; of ensembles one of each network."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor
from typer.testing import CliRunner

import surrogates
from surrogates.cli.main import app
from surrogates.data.batch import Batch
from surrogates.inference.bundle import load_bundle, save_bundle, update_calibration
from surrogates.inference.errors import BundleError
from surrogates.inference.onnx import export_onnx
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.answers import deviation_name, member_name
from surrogates.learning.conformal import Calibration
from surrogates.learning.contract import Predictor
from surrogates.learning.members import Noise
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.testing import check_predictor, draw_batch
from tests.surrogates.inference.test_tiling import field, local  # noqa: F401

GAIN, MEMBERS = "gain", member_name("gain")


class Noisy(Predictor):
    """The network's answer, less its height in each cell times noise."""

    samples = 6

    def members(self, pipeline: Pipeline, inputs: Mapping[str, Tensor], noise: Noise) -> Batch:
        answer = pipeline(inputs)[GAIN]
        drawn = noise.normal((1, *answer.shape[1:]), draw=3)[:, :, 0]
        return {GAIN: answer[:, None] + inputs["height"][:, None] * drawn}


def sampling(folder: Path, networks: int = 1) -> Surrogate:
    bundle = load_bundle(folder)
    ((pipeline, _),) = bundle.parts
    return Surrogate(replace(bundle, parts=tuple((pipeline, Noisy()) for _ in range(networks))))


@pytest.fixture
def surrogate(bundle: Path) -> Surrogate:
    return sampling(bundle)


def test_members_stand_beside_their_mean_and_deviation(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    out = surrogate.predict(inputs, samples=5)
    assert out[MEMBERS].dims == ("sample", "member", "y", "x")
    assert out.sizes["member"] == 5
    assert out.member.attrs["standard_name"] == "realization"
    assert out[MEMBERS].attrs["units"] == out.gain.attrs["units"]
    assert MEMBERS in out.gain.attrs["ancillary_variables"].split()
    np.testing.assert_allclose(out[MEMBERS].mean("member"), out.gain, rtol=1e-5)
    deviation = out[deviation_name(GAIN)]
    np.testing.assert_allclose(out[MEMBERS].std("member", ddof=1), deviation, rtol=1e-4)


def test_members_depend_on_nothing_but_seed_record_and_number(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    whole = surrogate.predict(inputs, samples=6)[MEMBERS]
    for batch_size in (1, 3, 6, 13, 100):
        again = surrogate.predict(inputs, batch_size, samples=6)[MEMBERS]
        xr.testing.assert_allclose(whole, again, rtol=1e-5)
    chosen = [4, 0, 2]
    xr.testing.assert_allclose(
        whole[chosen], surrogate.predict(inputs.isel(sample=chosen), samples=6)[MEMBERS], rtol=1e-5
    )
    xr.testing.assert_allclose(whole[:, :2], surrogate.predict(inputs, samples=2)[MEMBERS], rtol=1e-5)
    alone = surrogate.predict(inputs.isel(sample=3, drop=True), samples=6)[MEMBERS]
    np.testing.assert_allclose(whole[3], alone, rtol=1e-5)
    other = surrogate.predict(inputs, samples=6, seed=1)[MEMBERS]
    assert np.corrcoef((whole - whole.mean("member")).values.ravel(), other.values.ravel())[0, 1] < 0.2


GIVEN = {
    "cm": lambda ds: ds.assign(height=(100 * ds.height).assign_attrs(units="cm")),
    "km": lambda ds: ds.assign(height=(ds.height / 1000).assign_attrs(units="km")),
    "dBW": lambda ds: ds.assign(power=(10 * np.log10(ds.power)).assign_attrs(units="dBW")),
    "dBm": lambda ds: ds.assign(power=(30 + 10 * np.log10(ds.power)).assign_attrs(units="dBm")),
    "float64": lambda ds: ds.assign(height=ds.height.astype(np.float64)),
    "mm, float64": lambda ds: ds.assign(
        height=(1000 * ds.height.astype(np.float64)).assign_attrs(units="mm")
    ),
    "turned": lambda ds: ds.transpose("x", "sample", "y"),
}


@pytest.mark.parametrize("given", GIVEN)
def test_members_do_not_depend_on_how_the_inputs_are_given(
    surrogate: Surrogate, inputs: xr.Dataset, given: str
) -> None:
    other = GIVEN[given](inputs)
    expected = surrogate.predict(inputs, samples=3)[MEMBERS]
    for batch_size in (None, 4):
        found = surrogate.predict(other, batch_size, samples=3)[MEMBERS].transpose(*expected.dims)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_prediction_without_members_rests_on_those_of_the_predictor(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    out = surrogate.predict(inputs)
    assert MEMBERS not in out
    xr.testing.assert_allclose(out.gain, surrogate.predict(inputs, samples=Noisy.samples).gain, rtol=1e-5)


def test_tiles_draw_the_noise_of_the_field(local: Path, field: xr.Dataset, tmp_path: Path) -> None:  # noqa: F811
    surrogate = sampling(local)
    out = surrogate.predict(field, samples=3)
    noise = (out[MEMBERS] - sampled_mean(local, field)) / field.height
    assert abs(float(noise.mean())) < 0.02
    # Tiles that did not agree on the noise would average it out where they overlap.
    for axis in ("y", "x"):
        along = noise.std([dim for dim in noise.dims if dim != axis])
        assert float(along.min()) > 0.85
    turned = surrogate.predict(field.isel(sample=[1, 0]), batch_size=1, samples=3)[MEMBERS]
    np.testing.assert_allclose(turned[::-1], out[MEMBERS], rtol=1e-5)
    stored = surrogate.predict(field, samples=3, out=tmp_path / "members.zarr")
    np.testing.assert_array_equal(stored[MEMBERS], out[MEMBERS])
    assert stored.member.attrs["standard_name"] == "realization"


def sampled_mean(folder: Path, ds: xr.Dataset) -> xr.DataArray:
    return surrogates.load(folder, device="cpu").predict(ds).gain


def test_an_ensemble_gives_each_network_as_a_member(
    bundle: Path, pipeline: Pipeline, inputs: xr.Dataset, tmp_path: Path
) -> None:
    pipeline.target_normaliser.mean.fill_(-80.0)
    other = save_bundle(tmp_path / "other", pipeline)
    both = surrogates.load([bundle, other], device="cpu")
    out = both.predict(inputs, samples=2)
    for number, path in enumerate((bundle, other)):
        xr.testing.assert_allclose(
            out[MEMBERS].isel(member=number, drop=True).drop_vars("city"),
            surrogates.load(path, device="cpu").predict(inputs).gain.drop_vars("city"),
        )
    xr.testing.assert_equal(out.gain, both.predict(inputs).gain)
    with pytest.raises(ValueError, match=r"samples is 3, but the ensemble has 2 networks.*samples=2"):
        both.predict(inputs, samples=3)


def test_networks_that_draw_members_draw_them_in_turn(bundle: Path, inputs: xr.Dataset) -> None:
    one, two = sampling(bundle), sampling(bundle, networks=2)
    xr.testing.assert_allclose(
        two.predict(inputs, samples=5)[MEMBERS], one.predict(inputs, samples=5)[MEMBERS], rtol=1e-5
    )
    assert two.bundle.samples == 2 * Noisy.samples
    bundle_ = two.bundle
    with pytest.raises(BundleError, match="some networks of the ensemble draw members"):
        replace(bundle_, parts=(bundle_.parts[0], load_bundle(bundle).parts[0]))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"samples": 0}, "samples is 0; expected 1 to 65536 members, or leave it out"),
        ({"samples": -2}, "samples is -2; expected 1"),
        ({"samples": 4, "seed": -1}, "seed is -1; expected 0 or more"),
        ({"samples": 4}, "the bundle draws no members; train with a predictor that samples"),
    ],
)
def test_what_cannot_be_drawn_is_refused(bundle: Path, inputs: xr.Dataset, asked: dict, message: str) -> None:
    with pytest.raises((ValueError, BundleError), match=message):
        surrogates.load(bundle, device="cpu").predict(inputs, **asked)


def test_a_head_that_tells_cells_apart_gives_no_members(
    pipeline: Pipeline, inputs: xr.Dataset, tmp_path: Path
) -> None:
    config = PipelineConfig(
        inputs=pipeline.config.inputs, targets=pipeline.config.targets, network={"name": "mlp", "width": 8}
    ).model_copy(update={"head": {"name": "gaussian"}})
    folder = save_bundle(tmp_path / "gaussian", Pipeline(config).eval())
    with pytest.raises(BundleError, match="head 'gaussian' tells nothing of how cells vary together"):
        surrogates.load(folder, device="cpu").predict(inputs, samples=4)


def test_intervals_rest_on_quantiles_of_as_many_members_as_calibrated_them(
    bundle: Path, inputs: xr.Dataset
) -> None:
    table = Calibration(scores=[0.5, 2.0], shares=[0.5, 1.0], count=99, blocks=99, relative=True)
    update_calibration(bundle, {GAIN: table})
    surrogate = sampling(bundle)
    out = surrogate.predict(inputs, samples=Noisy.samples, interval=0.9)
    low, high = out.gain_quantile.isel(quantile=0), out.gain_quantile.isel(quantile=-1)
    np.testing.assert_allclose(out.gain_lower, out.gain - 2 * (out.gain - low), rtol=1e-5)
    np.testing.assert_allclose(out.gain_upper, out.gain + 2 * (high - out.gain), rtol=1e-5)
    xr.testing.assert_allclose(surrogate.predict(inputs, interval=0.9).gain_upper, out.gain_upper)
    with pytest.raises(ValueError, match="calibrated with 6 members; ask for samples=6"):
        surrogate.predict(inputs, samples=7, interval=0.9)


def test_functions_and_onnx_refuse_members(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="draws members, through which no derivatives are taken"):
        surrogate.as_function("power", "gain", at=inputs.isel(sample=0))
    with pytest.raises(BundleError, match="draws members, and random numbers are no part of an ONNX model"):
        export_onnx(surrogate.bundle, "never.onnx", {})


def test_the_command_refuses_members_of_a_bundle_without(
    bundle: Path, inputs: xr.Dataset, tmp_path: Path
) -> None:
    source = tmp_path / "inputs.nc"
    inputs.drop_vars("city").to_netcdf(source)
    given = ["predict", str(bundle), str(source), str(tmp_path / "out.nc"), "--samples", "4"]
    found = CliRunner().invoke(app, given)
    assert found.exit_code and "draws no members" in str(found.exception) + found.output
    found = CliRunner().invoke(app, [*given[:3], "--geotiff", str(tmp_path / "a.tif"), "--samples", "4"])
    assert "a GeoTIFF holds no members" in str(found.exception) + found.output


def test_noise_is_normal_and_independent() -> None:
    torch.manual_seed(0)
    noise = Noise((1, 2), (0, 1), seed=3).normal((50, 60))
    assert abs(float(noise.mean())) < 0.03 and float(noise.std()) == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.corrcoef(noise.reshape(4, -1).numpy()) - np.eye(4)).max() < 0.06
    assert not torch.equal(noise, Noise((1, 2), (0, 1), seed=3).normal((50, 60), draw=1))


def test_a_predictor_of_members_passes_the_checks_of_pieces(pipeline: Pipeline) -> None:
    check_predictor(Noisy(), pipeline, draw_batch(pipeline.context))
    seen = Noisy()
    seen.members = lambda pipeline, inputs, noise: {  # type: ignore[method-assign]
        GAIN: (each := Noisy().members(pipeline, inputs, noise)[GAIN]) - each.mean(1, keepdim=True)
    }
    with pytest.raises(AssertionError, match="members that do not see each other"):
        check_predictor(seen, pipeline, draw_batch(pipeline.context))
