"""A question with two answers: regression gives their mean, diffusion gives both."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import surrogates
from datasets.store.layout import create_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.experiment.config import TaskConfig
from surrogates.learning.answers import member_name
from surrogates.runs.train import start

RECORDS, CELLS, UPWARDS = 480, 8, 0.7
DIFFUSION = {
    "head": "diffusion",
    "objective": "diffusion",
    "predictor": {"name": "diffusion", "samples": 16, "sampling_steps": 10},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pulses at known positions whose sign nobody tells: seven of ten are positive."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0.2, 0.8, (RECORDS, 1))
    envelope = np.exp(-0.5 * ((np.linspace(0, 1, CELLS) - centre) / 0.15) ** 2).astype(np.float32)
    sign = np.where(rng.random((RECORDS, 1)) < UPWARDS, 1, -1)
    noise = rng.normal(0, 0.05, envelope.shape)
    field: dict[str, Any] = {"dims": ("sample", "x"), "shape": (CELLS,)}
    path = tmp_path_factory.mktemp("pulses") / "pulses.zarr"
    made = create_store(
        str(path),
        [
            VariableSpec(name="envelope", **field, long_name="envelope of a pulse"),
            VariableSpec(name="displacement", **field, units="mm", long_name="displacement"),
        ],
        records=RECORDS,
        record_dimension="sample",
        shared=xr.Dataset(coords={"x": ("x", np.arange(float(CELLS)), {"units": "m"})}),
        attributes={"title": "Pulses"},
        splits=[Split(labels=np.array([0] * 6 + [1, 2], np.int8).repeat(RECORDS // 8), keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    made.write_row(0, {"envelope": envelope, "displacement": (sign * envelope + noise).astype(np.float32)})
    made.write_receipt(0, {"hashes": {"all": "0"}})
    made.consolidate()
    return path


def config(store: Path, output: Path, model: dict[str, Any], **task: Any) -> dict[str, Any]:
    return {
        "experiment": "pulses",
        "dataset": [{"url": str(store)}],
        "output": str(output),
        "task": {
            "inputs": ["envelope"],
            "targets": ["displacement"],
            "baselines": [],
            "plots": [],
            "metrics": ["rmse", "crps", "coverage"],
            **task,
        },
        "model": model,
        "trainer": {
            "max_steps": 500,
            "batch_size": 64,
            "optimiser": {"name": "adam", "lr": 0.004},
            "schedule": "cosine",
            "ema": 0.98,
            "validate_every": 250,
            "threads": 0,
            "progress": False,
            "loggers": [],
        },
    }


def scores(run: Path) -> dict[str, float]:
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    return {row["metric"]: row["value"] for row in rows if row["group"] == "all"}


def test_diffusion_gives_both_answers_where_regression_gives_their_mean(store: Path, tmp_path: Path) -> None:
    network = {"name": "diffusion_unet", "width": 8, "depth": 1, "heads": 2}
    drawn = start(config(store, tmp_path / "drawn", network, **DIFFUSION))
    plain = start(config(store, tmp_path / "plain", {"name": "unet", "width": 8, "depth": 1}))
    inputs = xr.open_zarr(store)[["envelope"]].isel(sample=slice(-40, None)).load()
    envelope = inputs.envelope.values

    def size_of(displacement: np.ndarray) -> np.ndarray:
        """Return the amplitude of the pulse: the sign is that of the answer."""
        return (displacement * envelope[:, None]).sum(-1) / (envelope**2).sum(-1)[:, None]

    surrogate = surrogates.load(drawn, device="cpu")
    out = surrogate.predict(inputs, samples=40)
    members = out[member_name("displacement")]
    assert members.dims == ("sample", "member", "x") and members.attrs["units"] == "mm"
    amplitude = size_of(members.values)
    assert np.median(np.abs(amplitude)) == pytest.approx(1.0, abs=0.15)
    assert np.mean(np.abs(amplitude) > 0.6) > 0.8  # few lie between the two answers
    assert np.mean(amplitude > 0) == pytest.approx(UPWARDS, abs=0.15)
    mean = size_of(surrogates.load(plain, device="cpu").predict(inputs).displacement.values[:, None])
    assert np.median(mean) == pytest.approx(2 * UPWARDS - 1, abs=0.25)
    assert scores(drawn)["crps"] < 0.75 * scores(plain)["crps"]

    again = surrogates.load(drawn, device="cpu").predict(inputs.isel(sample=[7, 3]), samples=40)
    np.testing.assert_allclose(again[members.name], members[[7, 3]], rtol=1e-4, atol=1e-5)
    files = {path.name for path in (drawn / "bundle").iterdir()}
    assert "weights.safetensors" in files and not any(name.endswith((".pt", ".pkl")) for name in files)


def test_pieces_of_other_tasks_are_refused_before_any_work(store: Path, tmp_path: Path) -> None:
    network = {"name": "diffusion_unet", "width": 8, "depth": 1}
    for left_out, message in (
        ("head", "takes noise out of targets, which the head 'point' does not ask for"),
        ("objective", "the head 'diffusion' has no answer of its own"),
        ("predictor", "the head 'diffusion' has no answer of its own"),
    ):
        task = {key: value for key, value in DIFFUSION.items() if key != left_out}
        with pytest.raises(ConfigError, match=message):
            start(config(store, tmp_path, network, **task))


def test_a_mask_of_what_is_no_target_is_refused() -> None:
    task = {"inputs": ["a"], "targets": ["gain", "delay"]}
    assert TaskConfig(**task, mask={"gain": "seen", "delay": "seen"}).masks == ["seen"]
    with pytest.raises(ValueError, match=r"mask: 'gian' is not a target. Did you mean 'gain'"):
        TaskConfig(**task, mask={"gian": "seen"})
    with pytest.raises(ValueError, match=r"the mask 'delay' is a target"):
        TaskConfig(**task, mask={"gain": "delay"})
