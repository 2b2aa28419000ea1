"""A stranger's installed package reaches the platform through its entry point alone."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.factory.build import build
from datasets.factory.pictures import picture
from datasets.store.layout import open_store
from surrogates.core import registry
from surrogates.core.errors import ConfigError
from surrogates.core.plugins import KINDS
from surrogates.runs import compose
from surrogates.runs.folder import merge, read_config
from surrogates.runs.train import prepare
from surrogates.testing import check_registered
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import read_curve
from tests.third_party import PLUGIN, install, installed


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return install(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def cooling(site) -> Iterator[None]:
    with installed(site):
        yield


@pytest.fixture(scope="module")
def store(cooling, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "cooling.zarr"
    build(
        registry.resolve("recipes", "cooling/body").make({"samples": 96}),
        str(path),
        workers=0,
        progress=False,
    )
    return path


@pytest.fixture(scope="module")
def run(store, tmp_path_factory) -> Path:
    words = [
        f"dataset={store}",
        f"output={tmp_path_factory.mktemp('runs')}",
        "model=cooling/bilinear",
        "task.inputs=[start,time_constant]",
        "task.targets=[temperature]",
        "task.transform.name=cooling/factors",
        "task.head.name=cooling/cautious",
        "task.predictor.name=cooling/bounded",
        "task.metrics=[rmse,cooling/warming]",
        "task.baselines=[mean,cooling/newton]",
        "trainer.max_steps=300",
        "trainer.optimiser.lr=0.02",
        "trainer.progress=false",
        "trainer.accelerator=cpu",
        "trainer.callbacks=cooling/norm",
        "trainer.loggers={name:cooling/diary,title:Cups}",
    ]
    (folder,) = compose.main(words)
    return folder


@pytest.fixture
def warm() -> xr.Dataset:
    return xr.Dataset(
        {"start": ("sample", [77.0], {"units": "degC"}), "time_constant": ("sample", [400.0], {"units": "s"})}
    )


def score(run: Path, method: str, metric: str) -> float:
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    (value,) = (r["value"] for r in rows if (r["method"], r["metric"], r["group"]) == (method, metric, "all"))
    return value


def test_unknown_until_it_is_installed(site):
    assert "cooling/body" not in registry.names("recipes")
    with installed(site):
        assert "cooling/body" in registry.names("recipes")
    assert "cooling/body" not in registry.names("recipes")


def test_recipe_is_built_by_its_name(store):
    data = xr.open_zarr(store)
    assert data.sizes["sample"] == 96
    assert np.all(np.diff(data.temperature.values, axis=1) < 0)


def test_record_is_drawn_by_the_picture_of_the_package(store):
    axes = picture(open_store(str(store)), 3).axes[0]
    body, room = axes.get_lines()
    assert np.array_equal(body.get_ydata(), xr.open_zarr(store).temperature[3])
    assert room.get_ydata()[0] == 290


def test_network_is_trained_and_asked_with_every_piece_of_the_package(run, warm):
    predicted = surrogates.load(run, device="cpu").predict(warm).temperature[0].values
    minutes = np.arange(16)
    assert predicted == pytest.approx(290 + 60.15 * np.exp(-60 * minutes / 400), abs=3)
    assert predicted.max() <= 350.15


def test_metric_scores_the_model_and_the_baseline_of_the_package(run):
    assert score(run, "cooling/newton", "rmse") < 1e-3
    assert score(run, "cooling/newton", "cooling/warming") == 0
    assert score(run, "cooling/bilinear", "rmse") < 1 < score(run, "mean", "rmse")
    assert 0 <= score(run, "cooling/bilinear", "cooling/warming") < 0.1


def test_fact_of_the_store_may_not_be_contradicted(run):
    with pytest.raises(ConfigError, match=r"'cooling/factors': ambient is 280 K, but .* has 290 K"):
        prepare(merge(read_config(run), {"task": {"transform": {"ambient": 280.0}}}))


def test_head_weighs_the_cold_side(cooling):
    from surrogates_cooling.learning import Cautious

    head, target = Cautious(cold=0.75), torch.zeros(1, 1)
    assert head.loss(target - 1, target) == 3 * head.loss(target + 1, target)


def test_verb_is_an_attribute_of_the_surrogate(run, warm):
    surrogate = surrogates.load(run, device="cpu")
    assert "cooling" in dir(surrogate)
    found = surrogate.cooling.time_until(warm, 320.0)
    assert found.attrs["units"] == "s"
    assert found.item() == pytest.approx(400 * np.log(60.15 / 30), abs=30)


def test_command_is_typed_after_the_name_of_the_domain(run, site):
    words = ["cooling", "until", run, "--start", 350.15, "--time-constant", 400, "--temperature", 320]
    program = "import sys; from surrogates.cli.main import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    temperature, seconds = done.stdout.split(" K after ")
    assert temperature == "320"
    assert float(seconds.removesuffix(" s\n")) == pytest.approx(400 * np.log(60.15 / 30), abs=30)


def test_name_of_an_earlier_release_loads_with_a_warning(cooling):
    from surrogates_cooling.learning import Bilinear

    with pytest.warns(FutureWarning, match="'cooling_bilinear' is called 'cooling/bilinear' now"):
        assert registry.resolve("models", "cooling_bilinear") is Bilinear


def test_callback_and_logger_come_by_their_names(run):
    rows = read_curve(run / "logs" / "callbacks.csv")
    assert [int(row["step"]) for row in rows] == [*range(10, 301, 10)]
    assert all(float(row["cooling/gradient_norm"]) > 0 for row in rows)
    state = load_state(run / "checkpoints" / "last.ckpt")
    assert state["callbacks"] == {"GradientNorm 0": {"values": 30}}
    first, seed, *steps, last = (run / "logs" / "diary.txt").read_text().splitlines()
    assert (first, seed, last) == ("Cups", "seed 0", "success")
    assert "step 50: cooling/gradient_norm, learning_rate, train/loss" in steps


def test_pieces_of_the_package_keep_what_their_kinds_promise(cooling):
    """Its own tests, which call the public checks."""
    spec = importlib.util.spec_from_file_location("cooling_tests", PLUGIN / "tests" / "test_pieces.py")
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    checks = [value for name, value in vars(tests).items() if name.startswith("test_")]
    assert len(checks) == 4
    for check in checks:
        check()


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_the_package_lead_to_documented_pieces(cooling, kind):
    for name in registry.names(kind):
        if name.startswith("cooling"):
            check_registered(kind, name)
