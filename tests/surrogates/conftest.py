"""Small finished stores for tests of the learning side."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec

torch.set_num_threads(1)

STEPS = 16


def write_oscillators(url, records=64, *, seed=0, per_shard=8, units="m", city="a"):
    """Write a finished store of damped oscillators: stiffness and damping against displacement."""
    rng = np.random.default_rng(seed)
    number = {"dims": ("sample",), "shape": ()}
    specs = [
        VariableSpec(name="stiffness", units="N m-1", **number),
        VariableSpec(name="damping", units="kg s-1", **number),
        VariableSpec(name="family", dtype="int32", **number),
        VariableSpec(name="force", dims=("sample", "time"), shape=(STEPS,), units="N"),
        VariableSpec(name="displacement", dims=("sample", "time"), shape=(STEPS,), units=units, missing=True),
        VariableSpec(name="inside", dims=("sample", "time"), shape=(STEPS,), dtype="bool"),
    ]
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 2], np.int8)[np.arange(records) % 8]
    time = np.linspace(0, 4, STEPS)
    store = create_store(
        url,
        specs,
        records=records,
        record_dimension="sample",
        shared=xr.Dataset(coords={"time": ("time", time, {"units": "s"})}),
        attributes={"title": "oscillators", "recipe": "tests", "license": "CC0-1.0"},
        splits=[Split(labels=labels, keeps_whole="none")],
        records_per_shard=per_shard,
    )
    stiffness, damping = rng.uniform(4, 40, records), rng.uniform(0.1, 1, records)
    values = {
        "stiffness": stiffness,
        "damping": damping,
        "family": np.arange(records) // 4,
        "force": rng.normal(size=(records, STEPS)),
        "displacement": np.exp(-damping[:, None] * time) * np.cos(np.sqrt(stiffness)[:, None] * time),
        "inside": rng.random((records, STEPS)) < 0.8,
    }
    for row in range(store.rows):
        chosen = list(store.row_records(row))
        hashes = store.write_row(row, {name: value[chosen] for name, value in values.items()})
        store.write_receipt(row, {"hashes": hashes})
    store.consolidate()
    return open_store(url)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A finished store of 64 oscillators."""
    return write_oscillators(str(tmp_path_factory.mktemp("stores") / "oscillators.zarr"))


@pytest.fixture
def make_store(tmp_path):
    """Write more stores: ``make_store(name, **changes)``."""
    return lambda name, **changes: write_oscillators(str(tmp_path / name), **changes)


@pytest.fixture
def run_config(store, tmp_path):
    """Return the plain configuration of a short run; ``run_config(trainer={...}, model=...)`` changes it."""

    def make(trainer=None, task=None, **changes):
        return {
            "experiment": "oscillators",
            "dataset": store.url,
            "task": {"inputs": ["stiffness", "damping"], "targets": ["displacement"], **(task or {})},
            "model": {"name": "mlp", "width": 16, "depth": 1},
            "trainer": {
                "max_steps": 12,
                "batch_size": 8,
                "accelerator": "cpu",
                "progress": False,
                **(trainer or {}),
            },
            "output": str(tmp_path / "runs"),
            **changes,
        }

    return make
