"""The measured experiment, from drawn campaigns to the map of a site with deviation and interval."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from surrogates.domains.radio.measured.process import CHANNELS, SectorProcess
from surrogates.inference.bundle import load_bundle
from surrogates.runs.compose import main as train

HOLD_OUT = "{name: radio/hold_out, protocol: blocks, side: 32, samples: 60, scattered: give_all}"
SMALL = "{name: geo_unet, base: 4, patch: 2}"
TINY = [
    f"task.transform={{name: radio/sector, iso: {{transform: {{name: radio/physics}}, network: {SMALL}}}}}",
    f"task.preparations=[{{name: radio/campaign, walked: [150, 250]}}, {HOLD_OUT}]",
    "task.baselines=[{name: radio/kriging, samples: rsrp_samples}]",
    "task.plots=[]",
    "trainer.progress=false",
    "trainer.batch_size=2",
]


@pytest.fixture(scope="module")
def iso(maps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first stage that took a few steps."""
    output = tmp_path_factory.mktemp("iso")
    words = ["experiment=radio/geo2sigmap", "size=tiny", f"dataset={maps}", f"output={output}"]
    fast = ["model.base=4", "trainer.max_steps=2", "trainer.progress=false"]
    (run,) = train([*words, *fast, "task.plots=[]", "task.baselines=[]"])
    return run


@pytest.fixture(scope="module")
def measured(maps: Path, iso: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained process."""
    output = tmp_path_factory.mktemp("measured")
    words = ["experiment=radio/geo2sigmap_measured", "size=tiny", f"dataset={maps}", f"output={output}"]
    (run,) = train([*words, *TINY, "trainer.max_steps=30", f"parts.iso={iso}"])
    return run


@pytest.fixture
def site(maps: Path) -> xr.Dataset:
    """One map of the store, 60 cells of it measured through an antenna of 20 dB, in dBm."""
    one = xr.open_zarr(maps).isel(sample=[0]).load()
    rsrp = one["path_gain"] + 20.0
    given = np.random.default_rng(0).choice(np.flatnonzero(np.isfinite(rsrp.values)), 60, replace=False)
    samples = np.full(rsrp.size, np.nan, np.float32)
    samples[given] = rsrp.values.ravel()[given]
    units = {"units": "0.1 lg(re 1 mW)"}
    return one.assign(rsrp_samples=(rsrp.dims, samples.reshape(rsrp.shape), units))


def test_training_moves_the_covariance_and_leaves_the_first_stage(measured: Path, iso: Path) -> None:
    pipeline, first = load_bundle(measured / "bundle").pipeline, load_bundle(iso / "bundle").pipeline
    for name, value in first.state_dict().items():
        torch.testing.assert_close(pipeline.transform.iso.state_dict()[name], value)
    fresh = SectorProcess(len(CHANNELS), 2)
    moved = [
        name
        for (name, value), start in zip(pipeline.network.named_parameters(), fresh.parameters(), strict=True)
        if not torch.allclose(value, start)
    ]
    assert {"rough", "smooth_amplitudes", "mean", "temper", "trust"} <= set(moved)


def test_measured_cells_are_met_and_the_deviation_grows_away_from_them(
    measured: Path, site: xr.Dataset
) -> None:
    out = surrogates.load(measured).predict(site, interval=0.5)
    outdoor = site["building_height"] <= 0
    known = np.isfinite(site["rsrp_samples"].values) & outdoor.values
    error = np.abs(out["rsrp"].values - site["rsrp_samples"].values)[known]
    assert np.sqrt(np.mean(error**2)) < 4.0
    assert (out["rsrp"].notnull() == outdoor).all()
    deviation = out["rsrp_standard_deviation"].values
    assert deviation[known].mean() < np.nanmean(deviation[~known])
    assert out["rsrp"].attrs["units"] == "0.1 lg(re 1 mW)"
    within = (out["rsrp_lower"] < out["rsrp"]) & (out["rsrp"] < out["rsrp_upper"])
    assert (within == outdoor).all()


def test_predict_gives_the_deviation_of_the_process_itself(measured: Path, site: xr.Dataset) -> None:
    out = surrogates.load(measured).predict(site)
    pipeline = load_bundle(measured / "bundle").pipeline
    inputs = {name: torch.from_numpy(site[name].values) for name in pipeline.input_names}
    places = torch.tensor([[0, 40, 333, 900]])
    with torch.inference_mode():
        posterior = pipeline.network.at(pipeline.features(inputs).channels, places)
    found = {
        name: out[name].values.reshape(1, -1)[0, places[0]] for name in ("rsrp", "rsrp_standard_deviation")
    }
    np.testing.assert_allclose(found["rsrp"], posterior.mean[0], atol=0.01)
    np.testing.assert_allclose(found["rsrp_standard_deviation"], posterior.variance[0].sqrt(), rtol=1e-3)


def test_milliwatts_of_other_units_are_converted_and_plain_numbers_refused(
    measured: Path, site: xr.Dataset
) -> None:
    surrogate = surrogates.load(measured)
    expected = surrogate.predict(site)["rsrp"]
    watts = site.assign(rsrp_samples=site["rsrp_samples"] - 30.0)
    watts["rsrp_samples"].attrs["units"] = "dBW"
    np.testing.assert_allclose(surrogate.predict(watts)["rsrp"], expected, atol=0.01)
    metres = site.copy()
    metres["rsrp_samples"] = site["rsrp_samples"].assign_attrs(units="m")
    with pytest.raises(ValueError, match=r"rsrp_samples.* 'm'"):
        surrogate.predict(metres)


def test_a_map_larger_than_the_window_is_predicted_whole(measured: Path, site: xr.Dataset) -> None:
    names = ["building_height", "terrain_height", "rsrp_samples"]
    wide = xr.concat([site[names], site[names].assign(rsrp_samples=site["rsrp_samples"] * np.nan)], "x")
    cells = wide.sizes["x"]
    wide = wide.assign_coords(x=("x", (np.arange(cells) + 0.5) * 4.0, {"units": "m"}))
    wide = wide.assign({name: site[name] for name in ("transmitter_position", "transmitter_azimuth")})
    out = surrogates.load(measured).predict(wide)
    assert dict(out["rsrp"].sizes) == {"sample": 1, "y": site.sizes["y"], "x": cells}
    far = out["rsrp_standard_deviation"].isel(x=slice(cells // 2 + 8, None))
    assert float(far.max()) < 40.0  # the level, which only the other half knows, is known here as well


def test_process_without_its_channels_is_refused_in_one_line(maps: Path, tmp_path: Path) -> None:
    words = ["experiment=radio/geo2sigmap_measured", f"dataset={maps}", f"output={tmp_path}"]
    words.append(f"task.preparations=[{{name: radio/campaign}}, {HOLD_OUT}]")
    with pytest.raises(ValueError, match="radio/sector") as caught:
        train([*words, "task.transform={name: radio/physics}", "trainer.max_steps=1"])
    assert "\n" not in str(caught.value)
