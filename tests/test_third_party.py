"""A stranger's installed package reaches the platform through its entry points alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from surrogates.core import registry

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
