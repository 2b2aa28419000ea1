"""Devices of a run."""

import torch

from surrogates.core.errors import ConfigError
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.launched import launched


def choose_device(name: str) -> torch.device:
    """Return the device for a name; `auto` is CUDA, else Apple's MPS, else the CPU."""
    if name != "auto":
        try:
            device = torch.device(name)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError):  # each backend has its own error
            raise ValueError(f"There is no device {name!r} here; try 'auto' or 'cpu'.") from None
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def on_gpu(settings: TrainerConfig) -> bool:
    """Whether the configuration trains on CUDA devices here."""
    return settings.accelerator in ("auto", "gpu") and torch.cuda.is_available()


def require_accelerator(trainer: TrainerConfig) -> None:
    """Refuse an accelerator that is not there, and more processes than it has devices."""
    name = trainer.accelerator
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if (name == "gpu" and not (cuda or mps)) or (name == "mps" and not mps):
        raise ConfigError(
            f"trainer.accelerator is {name}, but torch sees none; take auto or cpu, "
            "or ask `surrogates doctor`"
        )
    group = launched()
    asked = (group.local_size if group else trainer.devices) or 1
    devices = torch.cuda.device_count() if on_gpu(trainer) else 1 if name == "mps" else asked
    if group is not None and on_gpu(trainer) and devices == 1:
        return  # each process was given a GPU of its own and sees no other
    if asked > devices:
        asking = f"{group.by} started {asked} processes here" if group else f"trainer.devices is {asked}"
        kind = "GPU" if on_gpu(trainer) else "MPS device"
        raise ConfigError(
            f"{asking}, but torch sees {devices} {kind}{'s' if devices > 1 else ''}, and each process needs "
            f"its own; take trainer.devices={devices}, or trainer.accelerator=cpu"
        )
