"""A small pipeline with fitted constants, its data, and its bundle."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import DECIBEL, VariableSpec
from surrogates.inference.bundle import save_bundle
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

HEIGHT = VariableSpec(
    name="height", dims=("sample", "y", "x"), shape=(6, 5), units="m", long_name="Height of buildings"
)
POWER = VariableSpec(name="power", dims=("sample",), shape=(), units="W", long_name="Transmitted power")
SLOPE = VariableSpec(name="slope", dims=("y", "x"), shape=(6, 5), units="1", long_name="Slope of the ground")
GAIN = VariableSpec(
    name="gain",
    dims=("sample", "y", "x"),
    shape=(6, 5),
    units=DECIBEL,
    long_name="Path gain",
    missing=True,
    attributes={"grid_mapping": "crs"},
)
RANGES = {"height": (0.0, 60.0), "power": (0.1, 10.0)}


@pytest.fixture
def pipeline() -> Pipeline:
    torch.manual_seed(0)
    config = PipelineConfig(
        inputs=[HEIGHT, POWER, SLOPE], targets=[GAIN], network={"name": "mlp", "width": 8, "depth": 2}
    )
    made = Pipeline(config).eval()
    made.input_normaliser.mean.copy_(torch.tensor([10.0, 1.0, 0.1]))
    made.target_normaliser.mean.fill_(-100.0)
    made.target_normaliser.scale.fill_(12.0)
    return made


@pytest.fixture
def bundle(tmp_path: Path, pipeline: Pipeline) -> Path:
    x = xr.DataArray(2.0 + 4 * np.arange(5), dims="x", attrs={"units": "m"})
    return save_bundle(
        tmp_path / "bundle",
        pipeline,
        name="toy",
        ranges=RANGES,
        coordinates={"x": x, "other": x.rename(x="other")},
        provenance={"seed": 1},
    )


@pytest.fixture
def inputs() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "height": (
                ("sample", "y", "x"),
                rng.uniform(0, 50, (7, 6, 5)).astype(np.float32),
                {"units": "m"},
            ),
            "power": ("sample", rng.uniform(1, 5, 7).astype(np.float32), {"units": "W"}),
            "slope": (("y", "x"), rng.uniform(0, 1, (6, 5)).astype(np.float32), {"units": "1"}),
        },
        coords={
            "y": ("y", 4.0 * np.arange(6), {"units": "m"}),
            "x": ("x", 4.0 * np.arange(5), {"units": "m"}),
            "sample": np.arange(100, 107),
            "city": ("sample", ["etoile"] * 7),
        },
    )
