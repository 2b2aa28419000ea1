"""A finished run in miniature: store, configuration, bundle; no training."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from datasets.store.layout import create_store
from datasets.store.specs import DECIBEL, Split, VariableSpec
from surrogates.core.build import validate
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle
from surrogates.runs.evaluate import evaluate_run

RECORDS = 40


def write_fields(path: Path, seed: int, step: float = 4.0) -> str:
    """Fields whose gain is linear in the height, plus noise; a fifth of the cells is unknown."""
    rng = np.random.default_rng(seed)
    fields = {"dims": ("sample", "y", "x"), "shape": (8, 6)}
    specs = [
        VariableSpec(name="height", **fields, units="m", long_name="Height"),
        VariableSpec(name="outdoor", **fields, dtype="bool", long_name="Outdoor cells"),
        VariableSpec(name="gain", **fields, units=DECIBEL, long_name="Path gain", missing=True),
        VariableSpec(name="speed", dims=("sample",), shape=(), units="m s-1", long_name="Speed"),
        VariableSpec(name="profile", dims=("sample", "y"), shape=(8,), units="K", long_name="Profile"),
        VariableSpec(
            name="city",
            dims=("sample",),
            shape=(),
            dtype="int32",
            long_name="City",
            attributes={"flag_values": [0, 1], "flag_meanings": "munich etoile"},
        ),
    ]
    labels = np.array([0, 0, 1, 2] * (RECORDS // 4), np.int8)
    shared = xr.Dataset(
        coords={
            "y": ("y", step * np.arange(8), {"units": "m"}),
            "x": ("x", step * np.arange(6), {"units": "m"}),
        }
    )
    made = create_store(
        str(path),
        specs,
        records=RECORDS,
        record_dimension="sample",
        shared=shared,
        attributes={"title": "Toy"},
        splits=[Split(labels=labels, keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    height = rng.uniform(0, 30, (RECORDS, 8, 6)).astype(np.float32)
    gain = -100 - height + rng.normal(0, 2, height.shape).astype(np.float32)
    gain[rng.random(gain.shape) < 0.2] = np.nan
    arrays = {
        "height": height,
        "outdoor": rng.random(height.shape) < 0.8,
        "gain": gain,
        "speed": height.mean((1, 2)) + rng.normal(0, 0.1, RECORDS).astype(np.float32),
        "profile": height.mean(2),
        "city": np.arange(RECORDS, dtype=np.int32) // 20,
    }
    made.write_row(0, arrays)
    made.write_receipt(0, {"hashes": {"all": str(seed)}})
    made.consolidate()
    return str(path)


@pytest.fixture
def other_fields(tmp_path: Path) -> str:
    """Another store of the same kind."""
    return write_fields(tmp_path / "other.zarr", seed=1)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder that training leaves behind, before its evaluation."""
    return finished_run(tmp_path)


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after its evaluation; to be read only."""
    folder = finished_run(tmp_path_factory.mktemp("evaluated"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    evaluate_run(folder, Experiment.open(validate(RunConfig, config, "run")), device="cpu")
    return folder


def finished_run(parent: Path, *, seed: int = 0, **task: object) -> Path:
    """Write a store, a configuration (changed by `task`), a loss curve, and a bundle with fresh weights.

    The weights, and nothing else, depend on the seed.
    """
    store = write_fields(parent / "toy.zarr", seed=0)
    folder = parent / "run"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "metrics.csv").write_text(
        "step,train/loss,validation/loss\n0,1.0,\n10,0.5,0.9\n20,0.25,0.6\n"
    )
    config = {
        "experiment": "toy/fields",
        "dataset": [{"url": store}],
        "task": {
            "inputs": ["height"],
            "targets": ["gain", "profile", "speed"],
            "metrics": ["rmse", "bias", "p90_absolute_error", "crps", "coverage", "gaussian_coverage"],
            "baselines": ["mean", "ridge"],
            "valid_min": {"gain": -125},
            "groups": "city",
            **task,
        },
        "model": {"name": "mlp", "width": 4},
        "trainer": {"max_steps": 1, "batch_size": 4, "threads": 0},
        "seed": seed,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    opened = Experiment.open(validate(RunConfig, config, "run"))
    save_bundle(folder / "bundle", opened.pipeline(), name="toy/fields", provenance={"commit": "abc1234"})
    return folder
