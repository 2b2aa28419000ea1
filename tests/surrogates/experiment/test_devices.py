"""Which devices a run takes, and which it refuses, on machines of all kinds."""

import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.devices import choose_device, on_gpu, require_accelerator


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Let torch see so many GPUs, or Apple's device."""

    def make(gpus: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


@pytest.fixture
def launched_by(monkeypatch: pytest.MonkeyPatch):
    """Let torchrun have started this process as one of several on this machine."""

    def make(size: int) -> None:
        place = {"RUN_ID": "1", "RANK": "0", "WORLD_SIZE": str(size), "LOCAL_RANK": "0"}
        place["LOCAL_WORLD_SIZE"] = str(size)
        for name, value in place.items():
            monkeypatch.setenv(f"TORCHELASTIC_{name}" if name == "RUN_ID" else name, value)

    return make


def trainer(**given: object) -> TrainerConfig:
    return TrainerConfig.model_validate({"max_steps": 1, **given})


@pytest.mark.parametrize(
    ("gpus", "mps", "expected"), [(0, False, "cpu"), (0, True, "mps"), (2, False, "cuda"), (1, True, "cuda")]
)
def test_auto_is_cuda_then_mps_then_the_cpu(machine, gpus: int, mps: bool, expected: str) -> None:
    machine(gpus, mps)
    assert choose_device("auto").type == expected
    assert on_gpu(trainer()) is (expected == "cuda")
    assert not on_gpu(trainer(accelerator="cpu"))


@pytest.mark.parametrize(
    ("gpus", "mps", "asked", "message"),
    [
        (1, False, {"devices": 2}, r"trainer.devices is 2, but torch sees 1 GPU, .* take trainer.devices=1"),
        (4, False, {"devices": 8}, r"trainer.devices is 8, but torch sees 4 GPUs, "),
        (0, True, {"devices": 2, "accelerator": "mps"}, r"is 2, but torch sees 1 MPS device, "),
        (0, False, {"accelerator": "gpu"}, r"accelerator is gpu, but torch sees none; take auto or cpu"),
        (0, False, {"accelerator": "mps"}, r"accelerator is mps, but torch sees none; "),
    ],
)
def test_more_processes_than_devices_are_refused_in_one_line(machine, gpus, mps, asked, message) -> None:
    machine(gpus, mps)
    with pytest.raises(ConfigError, match=message) as caught:
        require_accelerator(trainer(**asked))
    assert "\n" not in str(caught.value)


def test_as_many_processes_as_devices_are_taken_and_any_number_on_the_cpu(machine) -> None:
    machine(gpus=2)
    require_accelerator(trainer(devices=2))
    require_accelerator(trainer(devices=8, accelerator="cpu"))


def test_what_torchrun_started_is_counted_unless_each_process_sees_one_gpu(machine, launched_by) -> None:
    launched_by(4)
    machine(gpus=2)
    with pytest.raises(ConfigError, match="torchrun started 4 processes here, but torch sees 2 GPUs"):
        require_accelerator(trainer())
    machine(gpus=1)  # which may be another one in each process; that they tell each other when they meet
    require_accelerator(trainer())
