"""A stranger's installed package reaches the platform through its entry points alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import surrogates
from datasets.factory.build import build
from surrogates.core import registry
from surrogates.training import compose

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Install the package into a folder of its own, from a copy that may be littered."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "site"
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, capture_output=True)
    return target


@pytest.fixture
def installed(site, monkeypatch):
    """Put the installed package on the path of this process, and of its workers, for one test."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    registry.forget()
    yield
    monkeypatch.undo()
    registry.forget()


def test_unknown_until_it_is_installed():
    assert "cooling/body" not in registry.names("recipes")


@pytest.mark.usefixtures("installed")
def test_recipe_is_built_by_its_name(tmp_path):
    recipe = registry.resolve("recipes", "cooling/body").make({"samples": 32})
    build(recipe, str(tmp_path / "cooling.zarr"), workers=0, progress=False)
    data = xr.open_zarr(tmp_path / "cooling.zarr")
    assert data.sizes["sample"] == 32
    assert np.all(np.diff(data.temperature.values, axis=1) < 0)


@pytest.mark.usefixtures("installed")
def test_network_and_predictor_are_trained_and_asked_by_their_names(tmp_path):
    recipe = registry.resolve("recipes", "cooling/body").make({"samples": 96})
    build(recipe, str(tmp_path / "cooling.zarr"), workers=0, progress=False)
    words = [
        f"dataset={tmp_path / 'cooling.zarr'}",
        f"output={tmp_path / 'runs'}",
        "task.inputs=[start,time_constant]",
        "task.targets=[temperature]",
        "task.predictor.name=cooling_bounded",
        "model.name=cooling_bilinear",
        "trainer.max_steps=300",
        "trainer.optimiser.lr=0.02",
        "trainer.progress=false",
        "trainer.accelerator=cpu",
    ]
    (run,) = compose.main(words)
    surrogate = surrogates.load(run, device="cpu")
    start = ("sample", [77.0], {"units": "degC"})
    warm = xr.Dataset({"start": start, "time_constant": ("sample", [400.0], {"units": "s"})})
    predicted = surrogate.predict(warm).temperature[0].values
    minutes = np.arange(16)
    assert predicted == pytest.approx(290 + 60.15 * np.exp(-60 * minutes / 400), abs=3)
    assert predicted.max() <= 350.15
