"""Standard deviations and intervals come with units, names and one clear error where they cannot be."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT
from surrogates.inference.bundle import save_bundle, update_calibration
from surrogates.inference.errors import BundleError
from surrogates.learning.conformal import Calibration
from surrogates.learning.pipeline import Pipeline
from tests.surrogates.inference.conftest import GAIN, HEIGHT

TABLE = Calibration(scores=[1.0, 2.0, 6.0], shares=[0.5, 0.93, 1.0], count=100, blocks=100)


@pytest.fixture
def gaussian(tmp_path: Path, pipeline: Pipeline) -> Path:
    """A bundle of measured power in dBm with a standard deviation."""
    rsrp = GAIN.model_copy(
        update={
            "name": "rsrp",
            "units": DECIBEL_MILLIWATT,
            "display_units": "dBm",
            "standard_name": "received_power",
        }
    )
    config = pipeline.config.model_copy(
        update={
            "inputs": [HEIGHT],
            "targets": [rsrp],
            "transform": {"name": "stack"},
            "head": {"name": "gaussian"},
        }
    )
    torch.manual_seed(0)
    return save_bundle(tmp_path / "gaussian", Pipeline(config).eval(), name="gaussian")


def test_an_interval_is_the_prediction_and_its_calibrated_distance(bundle: Path, inputs: xr.Dataset) -> None:
    update_calibration(bundle, {"gain": TABLE})
    out = surrogates.load(bundle, device="cpu").predict(inputs, interval=0.9)
    np.testing.assert_allclose(out["gain_upper"] - out["gain"], 2.0, rtol=1e-5)
    np.testing.assert_allclose(out["gain"] - out["gain_lower"], 2.0, rtol=1e-5)
    assert out["gain"].attrs["ancillary_variables"] == "gain_lower gain_upper"
    for name, end in (("gain_lower", "lower"), ("gain_upper", "upper")):
        assert out[name].attrs["units"] == DECIBEL
        assert out[name].attrs["long_name"] == f"{end} end of the 90 % interval of Path gain"
        assert out[name].attrs["interval_level"] == 0.9
        assert out[name].dims == out["gain"].dims
        assert set(out[name].coords) == set(out["gain"].coords)


def test_without_interval_nothing_is_added(bundle: Path, inputs: xr.Dataset) -> None:
    update_calibration(bundle, {"gain": TABLE})
    out = surrogates.load(bundle, device="cpu").predict(inputs)
    assert set(out.data_vars) == {"gain"}
    assert "ancillary_variables" not in out["gain"].attrs


def test_a_standard_deviation_of_dbm_is_in_db(gaussian: Path, inputs: xr.Dataset) -> None:
    out = surrogates.load(gaussian, device="cpu").predict(inputs)
    assert set(out.data_vars) == {"rsrp", "rsrp_standard_deviation"}
    deviation = out["rsrp_standard_deviation"]
    assert (deviation > 0).all()
    assert deviation.attrs["units"] == DECIBEL
    assert deviation.attrs["display_units"] == "dB"
    assert deviation.attrs["standard_name"] == "received_power standard_error"
    assert out["rsrp"].attrs["units"] == DECIBEL_MILLIWATT
    assert out["rsrp"].attrs["ancillary_variables"] == "rsrp_standard_deviation"


def test_a_relative_interval_follows_the_standard_deviation(gaussian: Path, inputs: xr.Dataset) -> None:
    update_calibration(gaussian, {"rsrp": TABLE.model_copy(update={"relative": True})})
    one = inputs.isel(sample=3)
    out = surrogates.load(gaussian, device="cpu").predict(one, interval=0.9)
    assert out["rsrp_lower"].dims == ("y", "x")
    half = (out["rsrp_upper"] - out["rsrp_lower"]) / 2
    np.testing.assert_allclose(half, 2.0 * out["rsrp_standard_deviation"], rtol=1e-4)


def test_a_bundle_without_calibration_says_how_to_get_it(bundle: Path, inputs: xr.Dataset) -> None:
    with pytest.raises(BundleError, match=r"'gain' are not calibrated; `surrogates evaluate RUN` calibrates"):
        surrogates.load(bundle, device="cpu").predict(inputs, interval=0.9)


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, -0.5])
def test_a_level_outside_zero_and_one_is_refused(bundle: Path, inputs: xr.Dataset, level: float) -> None:
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        surrogates.load(bundle, device="cpu").predict(inputs, interval=level)


def test_a_level_that_the_validation_split_cannot_give_is_refused(bundle: Path, inputs: xr.Dataset) -> None:
    update_calibration(bundle, {"gain": TABLE.model_copy(update={"count": 8.0, "blocks": 8})})
    with pytest.raises(ValueError, match=r"8 validation records calibrated it, enough for 0\.889 at most"):
        surrogates.load(bundle, device="cpu").predict(inputs, interval=0.95)


def test_a_relative_calibration_without_deviation_is_refused(bundle: Path, inputs: xr.Dataset) -> None:
    update_calibration(bundle, {"gain": TABLE.model_copy(update={"relative": True})})
    with pytest.raises(BundleError, match="relative to a standard deviation or to quantiles, which"):
        surrogates.load(bundle, device="cpu").predict(inputs, interval=0.9)
