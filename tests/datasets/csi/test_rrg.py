"""The recipe `csi/rrg`: what a build holds, its splits, and what it refuses."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.csi.rrg import RRG
from datasets.factory.build import build
from datasets.factory.recipe import generators
from datasets.store.specs import TEST, TRAIN, VALIDATION
from physics.channels.cdl import cdl
from physics.channels.response import frequency_response, normalised
from surrogates.core.errors import ConfigError

SMALL = {
    "models": ["A", "D"],
    "delay_spreads": [1e-7, 3e-7],
    "speeds": [10.0],
    "samples_per_scenario": 11,
    "held_out_models": ["D"],
    "antenna_rows": 2,
    "antenna_columns": 2,
    "uplink_subcarriers": 48,
    "gap_subcarriers": 24,
    "downlink_subcarriers": 48,
}
UNIT = 8
CHANNELS = ("uplink_history", "uplink_future", "downlink_future")


class Small(RRG):
    """Units that do not end where scenarios do."""

    def unit_records(self) -> int:
        return UNIT


def small(**changes: Any) -> Small:
    return Small.make(SMALL | changes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    url = str(tmp_path_factory.mktemp("csi") / "small.zarr")
    build(small(), url, workers=0, progress=False)
    return xr.open_zarr(url).load()


def responses(recipe: RRG, scenario: int) -> np.ndarray:
    """All 20 snapshots of all subcarriers of the records of a scenario, straight from the physics."""
    first = scenario * recipe.samples_per_scenario
    rngs = generators(recipe.seed, np.arange(first, first + recipe.samples_per_scenario))
    of = recipe.scenarios[scenario]
    paths = cdl(of.model, of.delay_spread, of.speed, rngs, recipe.sounding, doppler=recipe.doppler)
    return normalised(frequency_response(paths, recipe.bands.frequencies)).numpy()


def test_store_has_the_coordinates_of_the_sounding(store: xr.Dataset) -> None:
    assert dict(store.sizes) == {
        "sample": 44, "antenna": 8, "time": 16, "horizon": 4,
        "uplink_subcarrier": 48, "downlink_subcarrier": 48,
    }  # fmt: skip
    np.testing.assert_allclose(store["time"], 2.352e-3 * np.arange(-15, 1))
    np.testing.assert_allclose(store["horizon"], 2.352e-3 * np.arange(1, 5))
    np.testing.assert_allclose(store["uplink_subcarrier"], 30e3 * np.arange(-60, -12))
    np.testing.assert_allclose(store["downlink_subcarrier"], 30e3 * np.arange(12, 60))
    assert float(store["carrier_frequency"]) == 2.4e9
    half = 299792458 / 2.4e9 / 2
    np.testing.assert_allclose(store["antenna_y"][:4] / half, [-0.5, -0.5, 0.5, 0.5])
    np.testing.assert_allclose(store["antenna_z"][:4] / half, [0.5, -0.5, 0.5, -0.5])
    np.testing.assert_array_equal(store["antenna_slant"], [-45] * 4 + [45] * 4)
    assert {store[name].attrs["units"] for name in ("time", "horizon")} == {"s"}


def test_records_are_one_channel_cut_in_past_and_future_and_in_bands(store: xr.Dataset) -> None:
    assert all(store[name].dtype == np.complex64 for name in CHANNELS)
    for scenario in (1, 2):
        whole = responses(small(), scenario)
        found = store.isel(sample=slice(11 * scenario, 11 * scenario + 11))
        np.testing.assert_array_equal(found["uplink_history"], whole[:, :, :16, :48])
        np.testing.assert_array_equal(found["uplink_future"], whole[:, :, 16:, :48])
        np.testing.assert_array_equal(found["downlink_future"], whole[:, :, 16:, 72:])
        np.testing.assert_allclose(np.square(np.abs(whole)).mean((1, 2, 3)), 1.0, rtol=1e-5)


def test_each_record_says_which_scenario_it_is_of(store: xr.Dataset) -> None:
    assert store["channel_model"].attrs["flag_meanings"].split()[3] == "CDL-D"
    np.testing.assert_array_equal(store["channel_model"], np.repeat([0, 3], 22))
    np.testing.assert_allclose(store["delay_spread"], np.tile(np.repeat([1e-7, 3e-7], 11), 2))
    np.testing.assert_array_equal(store["speed"], 10.0)
    assert store.attrs["doppler"] == "ut"
    assert store.attrs["specification"] == "3GPP TR 38.901 19.2"
    assert "8 antennas, 20 snapshots and 120 subcarriers" in store.attrs["power_normalisation"]


def test_split_is_9_1_1_in_each_scenario_and_unseen_scenarios_test_as_a_whole(store: xr.Dataset) -> None:
    for scenario in range(4):
        labels = store["split"].values[11 * scenario : 11 * scenario + 11]
        np.testing.assert_array_equal(np.bincount(labels, minlength=3), [9, 1, 1])
    unseen = store["channel_model"] == 3
    held_out = store["split_generalisation"]
    assert (held_out[unseen] == TEST).all()
    assert not (held_out[~unseen] == TEST).any()
    for subset in (TRAIN, VALIDATION):
        same = (held_out == subset) == ((store["split"] == subset) & ~unseen)
        assert same.all()
    assert [split.name for split in small(held_out_models=[]).splits()] == ["split"]


def test_defaults_are_the_training_set_of_the_benchmark() -> None:
    recipe = RRG.make({})
    assert recipe.records() == 27 * 1100
    assert recipe.panel.ports == 32
    assert [spec.shape for spec in recipe.specs()[:3]] == [(32, 16, 300), (32, 4, 300), (32, 4, 300)]
    assert recipe.bands.frequencies[[0, -1]].tolist() == [-11.25e6, 11.22e6]
    (split,) = recipe.splits()
    np.testing.assert_array_equal(np.bincount(split.labels[:1100]), [900, 100, 100])


def test_the_published_doppler_makes_slower_channels_of_the_same_rays() -> None:
    physical, published = (responses(small(doppler=mode), 0) for mode in ("ut", "csi-rrg"))
    changes = [np.square(np.abs(np.diff(each, axis=2))).mean() for each in (physical, published)]
    assert changes[1] < 0.8 * changes[0]
    ratio = np.vdot(physical[0, :, 0], published[0, :, 0]) / np.square(np.abs(published[0, :, 0])).sum()
    assert abs(ratio.imag) < 1e-4  # at the first snapshot they are the same but for the normalisation
    np.testing.assert_allclose(physical[0, :, 0], ratio.real * published[0, :, 0], atol=1e-4)


def test_building_leaves_the_generator_of_torch_alone() -> None:
    state = torch.get_rng_state()
    small().simulate(np.arange(2), generators(0, np.arange(2)))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["A", "F"]}, "models: 'F' found, one of A, B, C, D, E expected"),
        ({"delay_spreads": [100.0]}, r"delay_spread: 100 s found.*is it in s, not ns\?"),
        ({"delay_spreads": [float("nan")]}, "delay_spread: nan s found"),
        ({"speeds": [-1.0]}, "speed: -1 m/s found"),
        ({"speeds": [10.0, 10.0]}, "speeds=.*each of them once expected"),
        ({"speeds": []}, "speeds"),
        ({"held_out_models": ["B"]}, "held_out_models=B: some of models=A, D expected"),
        ({"held_out_models": ["A", "D"]}, "nothing is left to train on"),
        ({"carrier_frequency": 2.4}, r"carrier_frequency: 2.4 Hz found.*is it in Hz\?"),
        ({"snapshot_interval": 2352.0}, "interval: 2352 s found"),
        ({"polarisations": 3}, "polarisations"),
        ({"antenna_rows": 0}, "antenna_rows"),
        ({"doppler": "bs"}, "doppler"),
        ({"antennas": 32}, "antennas"),
    ],
)
def test_what_makes_no_channels_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        small(**changes)
    assert len(str(refused.value).splitlines()) <= 2


def test_recipes_are_described_without_what_simulates() -> None:
    program = (
        "import sys, datasets.csi.rrg, datasets.csi.raytraced, datasets.csi.rrg_files; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"torch", "sionna", "mitsuba"}.isdisjoint(done.stdout.split())


def test_channels_may_be_traced_in_the_process_that_has_drawn_others() -> None:
    """The ray tracer keeps the backend that the first import of Sionna found."""
    pytest.importorskip("sionna.rt")
    work = (
        "from datasets.csi.rrg import RRG; RRG.make({}).prepare(); from physics.backend import choose_backend"
    )
    check = "assert choose_backend.cache_info().currsize == 1; choose_backend()"
    done = subprocess.run(
        [sys.executable, "-c", f"{work}; {check}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
