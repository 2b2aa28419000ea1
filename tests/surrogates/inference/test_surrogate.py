"""`predict` equals the pipeline, whatever the units, order, batch size or record dimension of its input."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.errors import ContractError
from surrogates.inference.errors import BundleError, OutOfRangeWarning
from surrogates.inference.surrogate import Surrogate
from surrogates.learning.pipeline import Pipeline
from tests.silence import no_warnings


@pytest.fixture
def surrogate(bundle: Path) -> Surrogate:
    return surrogates.load(bundle, device="cpu")


def test_predict_equals_the_pipeline(surrogate: Surrogate, pipeline: Pipeline, inputs: xr.Dataset) -> None:
    with torch.no_grad():
        expected = pipeline(
            {name: torch.from_numpy(inputs[name].values) for name in ("height", "power", "slope")}
        )
    out = surrogate.predict(inputs)
    np.testing.assert_array_equal(out["gain"].values, expected["gain"].numpy())


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_does_not_matter(surrogate: Surrogate, inputs: xr.Dataset, batch_size: int) -> None:
    out = surrogate.predict(inputs, batch_size=batch_size)
    xr.testing.assert_allclose(out, surrogate.predict(inputs), rtol=1e-6)


def test_outputs_have_units_names_and_the_coordinates_of_the_input(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    gain = surrogate.predict(inputs)["gain"]
    assert gain.attrs["units"] == "0.1 lg(re 1)"
    assert gain.attrs["long_name"] == "Path gain"
    assert gain.dims == ("sample", "y", "x")
    assert set(gain.coords) == {"x", "y", "sample", "city"}
    assert gain.x.attrs["units"] == "m"


def test_other_units_and_orders_of_dimensions_give_the_same_answer(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    other = inputs.copy()
    other["height"] = (inputs["height"] / 1000).assign_attrs(units="km").transpose("x", "sample", "y")
    other["power"] = (inputs["power"] * 1000).assign_attrs(units="mW")
    xr.testing.assert_allclose(surrogate.predict(other), surrogate.predict(inputs), rtol=1e-5)


def test_one_example_needs_no_record_dimension(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    out = surrogate.predict(inputs.isel(sample=2))
    assert out["gain"].dims == ("y", "x")
    assert out["city"].item() == "etoile"
    np.testing.assert_allclose(out["gain"], surrogate.predict(inputs)["gain"].isel(sample=2), rtol=1e-6)
    bare = inputs.drop_vars(["city", "sample"]).isel(sample=2)
    np.testing.assert_array_equal(surrogate.predict(bare)["gain"], out["gain"])


def test_one_example_may_have_its_numbers_as_coordinates(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    single = surrogate.predict(inputs.set_coords("power").isel(sample=2))
    np.testing.assert_array_equal(single["gain"], surrogate.predict(inputs.isel(sample=[2]))["gain"][0])


def test_packed_inputs_are_refused(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    packed = inputs["height"].astype("int16").assign_attrs(units="m", scale_factor=0.01)
    with pytest.raises(ContractError, match="'height': attribute 'scale_factor' is"):
        surrogate.predict(inputs.assign(height=packed))


def test_stacked_labels_are_refused_and_told_apart(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    stacked = inputs.isel(sample=slice(6)).drop_vars(["sample", "city"], errors="ignore")
    labels = {"run": ("sample", [0, 0, 0, 1, 1, 1]), "day": ("sample", [0, 1, 2, 0, 1, 2])}
    stacked = stacked.assign_coords(labels).set_index(sample=["run", "day"])
    with pytest.raises(
        ContractError, match=r"'sample' has a MultiIndex \(run, day\), .*reset_index\('sample'\)"
    ):
        surrogate.predict(stacked)
    assert surrogate.predict(stacked.reset_index("sample")).sizes["sample"] == 6


def test_answers_repeat(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    xr.testing.assert_identical(surrogate.predict(inputs), surrogate.predict(inputs))


def test_a_value_outside_the_training_range_is_named(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    inputs["height"][1, 0, 0] = 321
    with pytest.warns(OutOfRangeWarning, match=r"height is 321 m, outside its training range of 0 to 60 m"):
        surrogate.predict(inputs)


def test_values_inside_the_range_do_not_warn(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with no_warnings():
        surrogate.predict(inputs)


def test_nan_in_an_input_is_refused(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    inputs["height"][1, 2, 3] = np.nan
    with pytest.raises(ContractError, match=r"'height': NaN at record 1"):
        surrogate.predict(inputs)


def test_units_that_do_not_convert_are_refused(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    inputs["height"].attrs["units"] = "s"
    with pytest.raises(ContractError, match="'s' cannot be converted to 'm'"):
        surrogate.predict(inputs)


def test_wrong_dimensions_and_missing_variables_are_named(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with pytest.raises(ContractError, match=r"'height': dimensions \(sample, row, x\)"):
        surrogate.predict(inputs.assign(height=inputs["height"].rename(y="row")))
    with pytest.raises(ContractError, match="4 cells along 'x', expected 5"):
        surrogate.predict(inputs.isel(x=slice(4)))
    with pytest.raises(ContractError, match=r"'power' is missing; found \['height', 'other'\]"):
        surrogate.predict(inputs.drop_vars("power").assign(other=1.0)[["other", "height"]])


def test_coordinates_that_the_input_lacks_come_from_training(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    gain = surrogate.predict(inputs.drop_vars("x"))["gain"]
    np.testing.assert_array_equal(gain["x"], 2.0 + 4 * np.arange(5))
    assert gain["x"].attrs["units"] == "m"


def test_the_reference_system_travels_with_the_prediction(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    placed = surrogate.predict(inputs.assign(crs=((), 0, {"crs_wkt": "ENGCRS"})))
    assert placed["gain"].attrs["grid_mapping"] == "crs"
    assert placed["crs"].attrs["crs_wkt"] == "ENGCRS"
    assert "grid_mapping" not in surrogate.predict(inputs)["gain"].attrs


def test_another_spacing_is_refused_and_another_place_is_not(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    x = inputs["x"]
    kilometres = inputs.assign_coords(x=(0.004 * np.arange(5) + 12).astype(float))
    kilometres["x"].attrs["units"] = "km"
    np.testing.assert_array_equal(surrogate.predict(kilometres)["gain"], surrogate.predict(inputs)["gain"])
    with pytest.raises(ContractError, match="spacing 8 m, expected 4 m as in training"):
        surrogate.predict(inputs.assign_coords(x=(2 * x).assign_attrs(x.attrs)))
    surrogate.predict(inputs.assign_coords(x=np.arange(5)))  # without units: indices


def test_a_run_folder_is_as_good_as_its_bundle(bundle: Path, inputs: xr.Dataset) -> None:
    xr.testing.assert_identical(
        surrogates.load(bundle.parent).predict(inputs), surrogates.load(str(bundle)).predict(inputs)
    )


def test_nothing_there_and_an_unknown_device_are_said(tmp_path: Path, bundle: Path) -> None:
    with pytest.raises(BundleError, match="nothing at"):
        surrogates.load(tmp_path / "no")
    with pytest.raises(ValueError, match="no device 'tpux'"):
        surrogates.load(bundle, device="tpux")


def test_a_batch_size_below_one_is_refused(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="batch_size is 0"):
        surrogate.predict(inputs, batch_size=0)


def test_it_shows_what_goes_in_and_out(surrogate: Surrogate) -> None:
    assert "height (sample, y, x) [m]  Height of buildings" in repr(surrogate)
    assert "gain (sample, y, x) [dB]  Path gain" in repr(surrogate)
    assert "<td>height</td>" in surrogate._repr_html_()


def test_only_a_batch_is_read_at_a_time(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    sizes = []

    def read(block: np.ndarray) -> np.ndarray:
        sizes.append(len(block))
        return block

    lazy = inputs.chunk({"sample": 1})
    height = xr.apply_ufunc(read, lazy["height"], dask="parallelized", output_dtypes=[np.float32])
    predicted = surrogate.predict(lazy.assign(height=height.assign_attrs(units="m")), batch_size=3)
    np.testing.assert_allclose(predicted["gain"], surrogate.predict(inputs)["gain"], rtol=1e-5)
    assert sizes.count(1) == inputs.sizes["sample"]  # each record once, though there are several batches


def test_a_bad_value_in_a_later_batch_is_named_by_its_record(
    surrogate: Surrogate, inputs: xr.Dataset
) -> None:
    inputs["power"][5] = np.nan
    with pytest.raises(ContractError, match="'power': NaN at record 5"):
        surrogate.predict(inputs, batch_size=2)


def test_a_renamed_record_dimension_is_no_single_example(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with pytest.raises(ContractError, match=r"dimensions \(example, y, x\), expected \(sample, y, x\)"):
        surrogate.predict(inputs.drop_vars("sample").rename(sample="example"))


def test_what_is_no_dataset_is_named(surrogate: Surrogate, inputs: xr.Dataset) -> None:
    with pytest.raises(TypeError, match=r"takes an xarray.Dataset .* found DataArray"):
        surrogate.predict(inputs["height"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named(bundle: Path) -> None:
    with pytest.raises(ValueError, match="no device 'cuda' here"):
        surrogates.load(bundle, device="cuda")
