"""Sound inputs that the tests make hostile."""

from pathlib import Path

import pytest

from tests.hostile.work import build


def make_bundle(folder: Path) -> Path:
    """Write a bundle with two inputs, coordinates, ranges and scores."""
    import numpy as np
    import torch
    import xarray as xr

    from datasets.store.specs import VariableSpec
    from surrogates.inference.bundle import save_bundle
    from surrogates.learning.pipeline import Pipeline
    from surrogates.learning.pipeline_config import PipelineConfig

    grid = {"dims": ("sample", "y", "x"), "shape": (6, 5)}
    height = VariableSpec(name="height", units="m", long_name="height", **grid)
    power = VariableSpec(name="power", dims=("sample",), shape=(), units="W", long_name="power")
    gain = VariableSpec(name="gain", units="1", long_name="gain", missing=True, **grid)
    network = {"name": "mlp", "width": 8, "depth": 2}
    torch.manual_seed(0)
    config = PipelineConfig(inputs=[height, power], targets=[gain], network=network)
    return save_bundle(
        folder,
        Pipeline(config).eval(),
        name="toy",
        ranges={"height": (0.0, 60.0), "power": (0.1, 10.0)},
        coordinates={"x": xr.DataArray(4.0 * np.arange(5), dims="x", attrs={"units": "m"})},
        provenance={"seed": 1},
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of two inputs."""
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A complete store of waves."""
    build(str(tmp_path / "w.zarr"))
    return tmp_path / "w.zarr"
