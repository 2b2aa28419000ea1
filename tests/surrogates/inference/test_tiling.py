"""A field larger than the window is predicted in tiles, as if it had been predicted whole."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import surrogates
from datasets.store.errors import ContractError
from surrogates.inference.bundle import save_bundle, update_calibration
from surrogates.inference.tiling import Axis, axes_of
from surrogates.learning.conformal import Calibration
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.silence import no_warnings
from tests.surrogates.inference.conftest import GAIN, HEIGHT, POWER, RANGES

CELLS = 32


def enlarged(spec, **shape: int):  # type: ignore[no-untyped-def]
    lengths = {"y": CELLS, "x": CELLS} | shape
    return spec.model_copy(update={"shape": tuple(lengths[dim] for dim in spec.dims[1:])})


def make(folder: Path, network: dict, coordinates: dict | None = None, **config: object) -> Path:
    """Write a bundle of 32 x 32 cells with fresh weights."""
    torch.manual_seed(0)
    pipeline = Pipeline(
        PipelineConfig(inputs=[enlarged(HEIGHT), POWER], targets=[enlarged(GAIN)], network=network, **config)
    ).eval()
    pipeline.input_normaliser.mean.fill_(10.0)
    pipeline.target_normaliser.scale.fill_(12.0)
    return save_bundle(folder, pipeline, ranges=RANGES, coordinates=coordinates or {})


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A network that looks at one cell alone."""
    return make(tmp_path / "local", {"name": "mlp", "width": 8})


@pytest.fixture
def field() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "height": (
                ("sample", "y", "x"),
                rng.uniform(0, 50, (2, 75, 100)).astype(np.float32),
                {"units": "m"},
            ),
            "power": ("sample", np.float32([1.0, 4.0]), {"units": "W"}),
        },
        coords={
            "y": ("y", 4.0 * np.arange(75), {"units": "m"}),
            "x": ("x", 4.0 * np.arange(100), {"units": "m"}),
            "city": ("sample", ["etoile", "munich"]),
        },
    )


def whole(folder: Path, field: xr.Dataset) -> np.ndarray:
    """What the pipeline itself makes of the whole field."""
    pipeline = surrogates.load(folder, device="cpu").bundle.pipeline
    with torch.inference_mode():
        inputs = {name: torch.from_numpy(field[name].values) for name in ("height", "power")}
        return pipeline(inputs)["gain"].numpy()


def test_tiles_of_a_local_network_equal_the_whole(local: Path, field: xr.Dataset) -> None:
    out = surrogates.load(local, device="cpu").predict(field)
    np.testing.assert_allclose(out["gain"], whole(local, field), rtol=1e-5)
    assert out["gain"].dims == ("sample", "y", "x")
    assert set(out["gain"].coords) == {"y", "x", "city"}


def test_seams_of_a_network_with_a_wide_view_are_not_seen(tmp_path: Path, field: xr.Dataset) -> None:
    folder = make(tmp_path / "unet", {"name": "unet", "width": 4, "depth": 2})
    field["height"] = field["height"] * 0 + 20 + np.sin(field["x"] / 40) * np.cos(field["y"] / 60)
    field["height"] = field["height"].astype(np.float32).assign_attrs(units="m").transpose("sample", "y", "x")
    out = surrogates.load(folder, device="cpu").predict(field)["gain"].values[0]
    jumps = np.abs(np.diff(out, axis=1))[8:-8]
    seams = Axis("x", CELLS, 100).starts
    edges = {s for start in seams for s in (start - 1, start + CELLS - 1) if 8 < s < 91}
    inside = [i for i in range(8, 91) if i not in edges]
    assert jumps[:, sorted(edges)].mean() < 1.5 * jumps[:, inside].mean()
    # Without blending the jumps at the edges of two tiles would stand out.
    tiles = [whole(folder, field.isel(y=slice(0, CELLS), x=slice(s, s + CELLS)))[0] for s in seams[:2]]
    overlap = tiles[1][:, : CELLS - seams[1]] - tiles[0][:, seams[1] :]
    assert np.abs(overlap).max() > 5 * jumps[:, inside].mean()


@settings(max_examples=50, deadline=None)
@given(window=st.integers(1, 40), more=st.integers(0, 200))
def test_weights_add_up_to_one_and_every_cell_is_covered(window: int, more: int) -> None:
    axis = Axis("x", window, window + more)
    total = np.zeros(axis.field)
    for start, weight in zip(axis.starts, axis.weights(), strict=True):
        assert weight.shape == (window,)
        assert (weight > 0).all()
        total[start : start + window] += weight
    np.testing.assert_allclose(total, 1.0)
    assert axis.starts == sorted(set(axis.starts))


def test_weights_change_slowly_from_cell_to_cell() -> None:
    axis = Axis("x", 128, 500)
    for start, weight in zip(axis.starts, axis.weights(), strict=True):
        edges = [weight[0] if start else None, weight[-1] if start + 128 < 500 else None]
        assert all(edge < 0.01 for edge in edges if edge is not None)
        assert np.abs(np.diff(weight)).max() < 0.06


def test_one_field_without_record_dimension_and_any_order_of_dimensions(
    local: Path, field: xr.Dataset
) -> None:
    one = field.isel(sample=1).transpose("x", "y")
    out = surrogates.load(local, device="cpu").predict(one)
    assert out["gain"].dims == ("y", "x")
    assert out["city"].item() == "munich"
    np.testing.assert_allclose(out["gain"], whole(local, field)[1], rtol=1e-5)


@pytest.mark.parametrize("single", [False, True])
def test_a_store_gets_the_same_numbers_tile_by_tile(
    local: Path, field: xr.Dataset, tmp_path: Path, single: bool
) -> None:
    update_calibration(local, {"gain": Calibration(scores=[1.0], shares=[1.0], count=50, blocks=50)})
    given = field.isel(sample=0) if single else field
    surrogate = surrogates.load(local, device="cpu")
    expected = surrogate.predict(given, interval=0.5)
    written = surrogate.predict(given, interval=0.5, out=tmp_path / "new" / "map.zarr")
    xr.testing.assert_allclose(written.load(), expected, rtol=1e-6)
    for name in expected.data_vars:
        assert written[name].attrs == expected[name].attrs
    again = xr.open_zarr(tmp_path / "new" / "map.zarr", chunks=None, consolidated=False)
    xr.testing.assert_allclose(again.load(), expected, rtol=1e-6)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["map.zarr"]


def test_many_examples_can_be_written_too(local: Path, field: xr.Dataset, tmp_path: Path) -> None:
    small = field.isel(y=slice(CELLS), x=slice(CELLS))
    surrogate = surrogates.load(local, device="cpu")
    written = surrogate.predict(small, batch_size=1, out=tmp_path / "out.zarr")
    with no_warnings():
        assert xr.open_zarr(tmp_path / "out.zarr").identical(written)
    xr.testing.assert_allclose(written.load(), surrogate.predict(small), rtol=1e-6)


def test_only_a_tile_is_read_at_once(local: Path, field: xr.Dataset, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    field.drop_vars("city").to_zarr(tmp_path / "in.zarr", consolidated=False)
    lazy = xr.open_zarr(tmp_path / "in.zarr", chunks=None, consolidated=False)
    read: list[int] = []
    original = xr.DataArray.values.fget

    def watched(array: xr.DataArray) -> np.ndarray:
        values = original(array)
        if array.name == "height":
            read.append(values.size)
        return values

    monkeypatch.setattr(xr.DataArray, "values", property(watched))
    surrogates.load(local, device="cpu").predict(lazy.isel(sample=0), out=tmp_path / "out.zarr")
    assert max(read) == CELLS * CELLS


def test_a_failed_prediction_leaves_no_store(local: Path, field: xr.Dataset, tmp_path: Path) -> None:
    field["height"][1, 70, 90] = np.nan
    with pytest.raises(ContractError, match="'height': NaN at record 1"):
        surrogates.load(local, device="cpu").predict(field, out=tmp_path / "out.zarr")
    assert not list(tmp_path.glob("*out.zarr*"))


def test_a_taken_or_wrong_name_is_refused_before_any_work(
    local: Path, field: xr.Dataset, tmp_path: Path
) -> None:
    surrogate = surrogates.load(local, device="cpu")
    (tmp_path / "out.zarr").mkdir()
    with pytest.raises(FileExistsError, match="exists; remove it"):
        surrogate.predict(field, out=tmp_path / "out.zarr")
    with pytest.raises(ValueError, match=r"ends in \.zarr"):
        surrogate.predict(field, out=tmp_path / "out.tif")


def test_a_field_smaller_than_the_window_is_refused(local: Path, field: xr.Dataset) -> None:
    with pytest.raises(ContractError, match=f"31 cells along 'y', expected {CELLS}"):
        surrogates.load(local, device="cpu").predict(field.isel(y=slice(31)))


def test_deviations_are_blended_like_their_targets(tmp_path: Path, field: xr.Dataset) -> None:
    folder = make(tmp_path / "gaussian", {"name": "mlp", "width": 8}, head={"name": "gaussian"})
    out = surrogates.load(folder, device="cpu").predict(field)
    pipeline = surrogates.load(folder, device="cpu").bundle.pipeline
    with torch.inference_mode():
        expected = pipeline({name: torch.from_numpy(field[name].values) for name in ("height", "power")})
    np.testing.assert_allclose(
        out["gain_standard_deviation"], expected["gain_standard_deviation"].numpy(), rtol=1e-5
    )


def test_a_series_is_not_cut_into_tiles() -> None:
    assert axes_of(("time",), {"time": 16}, {"time": 64}) is None
    assert axes_of(("y", "x"), {"y": 16, "x": 16}, {"y": 16, "x": 16}) is None
    assert axes_of(("y", "x"), {"y": 16, "x": 16}, {"y": 16, "x": 17}) == (
        Axis("y", 16, 16),
        Axis("x", 16, 17),
    )


@pytest.mark.parametrize("ends", [{"y": 75, "x": 100}, {"y": CELLS, "x": CELLS}])
@pytest.mark.parametrize("single", [False, True])
def test_cells_that_run_the_other_way_are_turned_and_the_answer_back(
    tmp_path: Path, field: xr.Dataset, ends: dict[str, int], single: bool
) -> None:
    trained = {dim: xr.DataArray(4.0 * np.arange(CELLS), dims=dim, attrs={"units": "m"}) for dim in "yx"}
    local = make(tmp_path / "local", {"name": "unet", "width": 4}, coordinates=trained)
    update_calibration(local, {"gain": Calibration(scores=[1.0], shares=[1.0], count=50, blocks=50)})
    given = field.isel({dim: slice(end) for dim, end in ends.items()})
    given = given.assign_coords(height_of_roof=given["height"].max("sample"))
    given = given.isel(y=slice(None, None, -1), **({"sample": 1} if single else {}))
    surrogate = surrogates.load(local, device="cpu")
    by_hand = surrogate.predict(given.sortby("y"), interval=0.5).isel(y=slice(None, None, -1))
    found = surrogate.predict(given, interval=0.5)
    xr.testing.assert_identical(found, by_hand)
    xr.testing.assert_equal(found["y"], given["y"])
    written = surrogate.predict(given, interval=0.5, out=tmp_path / "turned.zarr").load()
    xr.testing.assert_allclose(written, found, rtol=1e-6)


@pytest.mark.parametrize("layers", [3, 7])
def test_tiles_of_a_volume_equal_the_whole(tmp_path: Path, layers: int) -> None:
    """A volume of trained height is cut into columns, a higher one into blocks."""
    specs = [
        each.model_copy(update={"dims": ("sample", "z", "y", "x"), "shape": (3, 6, 8)})
        for each in (HEIGHT, GAIN)
    ]
    torch.manual_seed(0)
    pipeline = Pipeline(
        PipelineConfig(inputs=specs[:1], targets=specs[1:], network={"name": "mlp", "width": 8})
    ).eval()
    bundle = surrogates.load(save_bundle(tmp_path / "volume", pipeline, ranges=RANGES), device="cpu")
    heights = np.random.default_rng(0).uniform(0, 50, (2, layers, 15, 19)).astype(np.float32)
    out = bundle.predict(xr.Dataset({"height": (("sample", "z", "y", "x"), heights, {"units": "m"})}))
    with torch.no_grad():
        whole = pipeline({"height": torch.from_numpy(heights)})["gain"].numpy()
    assert out.gain.dims == ("sample", "z", "y", "x")
    np.testing.assert_allclose(out.gain, whole, rtol=1e-5, atol=1e-5)
