"""Runs on a CUDA device mean what runs on the CPU mean, resume exactly, and predict the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from surrogates.core.errors import ConfigError
from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import read_curve

pytestmark = pytest.mark.gpu

TASK = {"inputs": ["stiffness", "damping", "force"], "mask": "inside", "baselines": [], "metrics": ["rmse"]}
MLP, GRU = {"name": "mlp", "width": 32}, {"name": "gru", "width": 8}
# cuDNN computes recurrent networks in TF32, which has three digits.
NETWORKS = pytest.mark.parametrize(("model", "tolerance"), [(MLP, 1e-4), (GRU, 1e-2)], ids=["mlp", "gru"])
ALONE = r"each (process )?needs (a GPU of )?its own"


@pytest.fixture
def config(run_config, device: torch.device):
    """The configuration of a short run on the device; ``config(precision="bf16")`` changes its trainer."""
    accelerator = "gpu" if device.type == "cuda" else "cpu"

    def make(model: dict | None = None, **trainer: object) -> dict:
        settings = {"validate_every": 4, "log_every": 2, "gradient_clip": 0.5, "accelerator": accelerator}
        return run_config(task=TASK, model=model or GRU, trainer=settings | trainer)

    return make


def losses(folder: Path) -> np.ndarray:
    """Training and validation losses of a run."""
    named = [("train", "train/loss"), ("validation", "validation/loss")]
    rows = [(row, key) for part, key in named for row in read_curve(folder / "logs" / f"{part}.csv")]
    return np.array([float(row[key]) for row, key in rows])


def trained(folder: Path) -> dict:
    return load_state(folder / "checkpoints" / "last.ckpt")


@NETWORKS
def test_a_run_follows_the_curve_of_the_cpu(config, device: torch.device, model, tolerance) -> None:
    expected = start(config(model, accelerator="cpu"))
    before = torch.cuda.memory_stats().get("allocation.all.allocated", 0)
    found = start(config(model))
    np.testing.assert_allclose(losses(found), losses(expected), rtol=tolerance)
    if device.type == "cuda":
        assert torch.cuda.memory_stats()["allocation.all.allocated"] > before


@pytest.mark.parametrize("precision", ["32", "bf16", "16"])
def test_a_resumed_run_repeats_an_undisturbed_one_bit_for_bit(config, precision: str) -> None:
    settings = {"precision": precision, "deterministic": True}
    whole, folder = start(config(max_steps=12, **settings)), start(config(max_steps=8, **settings))
    resume(folder, changes={"trainer": {"max_steps": 12}})
    np.testing.assert_array_equal(losses(folder), losses(whole))
    found, expected = (trained(each)["module"]["pipeline"] for each in (folder, whole))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    "settings",
    [{"precision": "bf16"}, {"precision": "16"}, {"precision": "bf16", "compile": True}],
    ids=["bf16", "fp16", "compiled"],
)
def test_mixed_precision_learns_what_single_precision_learns(config, settings: dict) -> None:
    steps = {"max_steps": 30, "validate_every": 30}
    mixed, single = start(config(MLP, **steps, **settings)), start(config(MLP, **steps))
    assert losses(mixed)[-1] == pytest.approx(losses(single)[-1], rel=0.05)
    assert losses(mixed)[-1] < losses(mixed)[0]


def test_half_precision_scales_its_loss_and_keeps_the_scale(config, device: torch.device) -> None:
    if device.type == "cpu":
        pytest.skip("on the CPU half precision is bfloat16, which needs no scale")
    assert trained(start(config(precision="16")))["precision"]["scale"] > 1.0


@NETWORKS
def test_predictions_are_those_of_the_cpu(config, store, device: torch.device, model, tolerance) -> None:
    run = start(config(model))
    records = xr.open_zarr(store.url)[["stiffness", "damping", "force"]].load()
    found, expected = (surrogates.load(run, device=each).predict(records) for each in (str(device), "cpu"))
    spread = float(expected.displacement.std())
    assert spread > 1e-3
    assert float(abs(found - expected).displacement.max()) < tolerance * spread


def test_more_processes_than_gpus_are_refused_before_any_work(config, device: torch.device, tmp_path) -> None:
    if device.type == "cpu":
        pytest.skip("the CPU takes any number of processes")
    devices = torch.cuda.device_count() + 1
    with pytest.raises(ConfigError, match=ALONE) as caught:
        start(config(devices=devices, batch_size=2 * devices))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_processes_of_torchrun_that_see_only_the_same_gpu_are_refused(config, device, tmp_path) -> None:
    if device.type == "cpu":
        pytest.skip("the CPU takes any number of processes")
    script = tmp_path / "train.py"
    script.write_text(f"from surrogates.runs.train import start\nstart({config()!r})\n")
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode
    assert "the processes 1, 2 were given the same" in done.stderr
