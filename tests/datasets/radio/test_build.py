"""Whole builds of `radio/urban` on the command line: killed and resumed, by parts, with more workers."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.store.layout import open_store
from physics.backend import describe
from tests.datasets.factory.conftest import content

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from surrogates.cli.main import main; main()", "data"]
SMALL = {
    "cities": "[etoile]",
    "test_cities": "[]",
    "samples": 288,  # two shard rows
    "test_samples": 0,
    "transmitters_per_window": 8,
    "validation_share": 0.1,
    "window_size": 128,
    "cell_size": 2,
    "rays": 4_000,
    "rays_test": 6_000,
    "depth": 1,
}
BUILD = ["build", "radio/urban", *(f"{key}={value}" for key, value in SMALL.items())]


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(*words: str) -> None:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def assert_equal(url: Path, other: Path) -> None:
    """Bit for bit on the CPU, where a worker traces on one thread; elsewhere within what is declared."""
    if describe()["backend"].startswith("LLVM"):
        assert content(str(url)) == content(str(other))
        return
    ours, theirs = xr.open_zarr(url), xr.open_zarr(other)
    for name, spec in open_store(str(url)).specs.items():
        a, b = ours[name].values, theirs[name].values
        assert np.isclose(a, b, rtol=0, atol=spec.repeatability, equal_nan=True).mean() > 0.999, name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A store built by two workers, and the seconds that it took."""
    url = tmp_path_factory.mktemp("radio") / "undisturbed.zarr"
    begun = time.perf_counter()
    finish(*BUILD, f"out={url}", "workers=2")
    return url, time.perf_counter() - begun


def test_build_killed_at_three_random_moments_equals_an_undisturbed_build(
    undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    url = tmp_path / "killed.zarr"
    moments = [random.Random().uniform(0.1, 0.6) * seconds for _ in range(3)]
    killed = 0
    for moment in moments:
        process = start(*BUILD, f"out={url}", "workers=2")
        time.sleep(moment)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert killed, f"all builds ended before they were killed, after {moments} s"
    finish(*BUILD, f"out={url}", "workers=2")
    assert_equal(url, expected)
    finish("verify", str(url), "--resimulate", "3", "--json", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert {unit["answer"] for unit in report["resimulated"]} == {"same"}


def test_data_do_not_depend_on_the_number_of_workers(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    finish(*BUILD, f"out={tmp_path / 'one.zarr'}", "workers=1")
    assert_equal(tmp_path / "one.zarr", undisturbed[0])


def test_parts_equal_one_build(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    url = tmp_path / "parts.zarr"
    for part in ("2/2", "1/2"):
        finish(*BUILD, f"out={url}", f"parts={part}")
    finish("finalise", str(url))
    assert_equal(url, undisturbed[0])


def test_plain_xarray_shows_the_contract(undisturbed: tuple[Path, float]) -> None:
    ds = xr.open_zarr(undisturbed[0])
    assert ds.attrs["record_dimension"] == "sample"
    assert ds.attrs["Conventions"] == "CF-1.11"
    assert ds["path_gain"].dims == ("sample", "y", "x")
    assert ds["path_gain"].attrs["units"] == "0.1 lg(re 1)"
    assert ds["path_gain"].attrs["display_units"] == "dB"
    np.testing.assert_array_equal(np.isfinite(ds["path_gain"].values), ds["hit"].values)
    np.testing.assert_allclose(np.diff(ds["y"].values), 2.0)
    assert ds["split"].attrs["flag_meanings"].split()[:3] == ["train", "validation", "test"]
    assert ds["crs"].attrs["crs_wkt"].startswith("ENGCRS")
    chosen = ds.isel(windows=ds["window"])
    assert (chosen["window_city"].values == ds["city"].values).all()
