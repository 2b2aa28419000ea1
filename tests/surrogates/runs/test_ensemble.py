"""Runs of several seeds become one run whose bundle is their ensemble."""

import json

import pytest
import xarray as xr

import surrogates
from surrogates.cli.main import main
from surrogates.core.errors import ConfigError
from surrogates.inference.bundle import load_bundle
from surrogates.runs.ensemble import combine
from surrogates.runs.train import start

STEPS = {"max_steps": 60, "optimiser": {"name": "adam", "lr": 0.01}}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, store):
    task = {
        "inputs": ["stiffness", "damping"],
        "targets": ["displacement"],
        "head": "gaussian",
        "baselines": [],
        "plots": [],
    }
    values = {
        "dataset": store.url,
        "task": task,
        "model": {"name": "mlp", "width": 16, "depth": 1},
        "trainer": {**STEPS, "batch_size": 8, "accelerator": "cpu", "progress": False},
        "output": str(tmp_path_factory.mktemp("runs")),
    }
    return [start({**values, "seed": seed}) for seed in (0, 1)]


def scores(folder):
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    return {(row["method"], row["metric"]): row["value"] for row in rows if row["group"] == "all"}


def test_ensemble_is_scored_calibrated_and_no_worse_than_its_members(seeds, store, tmp_path, capsys):
    out = tmp_path / "ensemble"
    with pytest.raises(SystemExit) as stop:
        main(["ensemble", *map(str, seeds), "--out", str(out), "--device", "cpu"])
    assert not stop.value.code
    assert str(out) in capsys.readouterr().out
    together, apart = scores(out), [scores(folder) for folder in seeds]
    # The square root of a mean of squares is convex: true of every ensemble and data set.
    assert together["mlp x 2", "rmse"] <= max(each["mlp", "rmse"] for each in apart)
    assert together["mlp x 2", "gaussian_coverage"] is not None
    assert load_bundle(out / "bundle").manifest.calibration["displacement"].relative
    assert load_bundle(out / "bundle").manifest.provenance["seed"] == [0, 1]
    inputs = xr.open_zarr(store.url, chunks=None)[["stiffness", "damping"]]
    predicted = surrogates.load(out, device="cpu").predict(inputs, interval=0.8)
    assert set(predicted.data_vars) == {
        "displacement",
        *(f"displacement_{end}" for end in ("standard_deviation", "lower", "upper")),
    }
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(out), "--device", "cpu"])
    assert not stop.value.code
    assert "mlp x 2" in capsys.readouterr().out


def test_runs_of_other_data_are_refused_and_leave_nothing(seeds, run_config, make_store, tmp_path):
    other = start(run_config(dataset=make_store("other.zarr", seed=5).url))
    with pytest.raises(ConfigError, match="has learned from other records"):
        combine([seeds[0], other], tmp_path / "ensemble")
    assert not (tmp_path / "ensemble").exists()


def test_a_failed_combination_leaves_nothing(seeds, tmp_path):
    with pytest.raises(ValueError, match="needs two runs or more"):
        combine(seeds[:1], tmp_path / "ensemble")
    assert not (tmp_path / "ensemble").exists()
    (tmp_path / "ensemble").mkdir()
    with pytest.raises(ConfigError, match="exists"):
        combine(seeds, tmp_path / "ensemble")


def test_an_ensemble_gives_no_weights_to_start_from(seeds, run_config, tmp_path):
    out = combine(seeds, tmp_path / "ensemble", device="cpu")
    with pytest.raises(ValueError, match="one network is needed here; take a member"):
        start(run_config(init=str(out)))
