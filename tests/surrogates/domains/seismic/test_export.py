"""A network that was trained both ways is exported in the direction that it was asked for."""

from pathlib import Path

import pytest

import surrogates
from surrogates.inference.onnx import export_onnx, synthetic_records
from tests.surrogates.domains.seismic.small import inversion_run, write_store

X_NET = {"name": "invertible_x_net", "latent": 8, "channels": [4, 8], "architecture": [1, 1]}


@pytest.mark.slow
def test_x_net_of_both_ways_answers_alike_as_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    run = inversion_run(
        tmp_path / "run",
        write_store(str(tmp_path / "store.zarr"), records=8),
        model=X_NET,
        transform={"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]},
        objective={"name": "seismic/translation"},
        both_ways=True,
    )
    bundle = surrogates.load(run, device="cpu").bundle
    assert bundle.both_ways
    (found,) = export_onnx(bundle, tmp_path / "net.onnx", synthetic_records(bundle))
    assert found.name == "velocity_model"
