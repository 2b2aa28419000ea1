"""What watches and records a run: a callback as Lightning's users write them, and a logger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback


class GradientNorm(Callback):
    """Record the norm of the gradient every few steps.

    Parameters
    ----------
    every
        Steps between two values.
    """

    def __init__(self, every: int = 10) -> None:
        self._every = every
        self.values = 0

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Record."""
        if (trainer.global_step + 1) % self._every == 0:
            weights = [each for group in optimizer.param_groups for each in group["params"]]
            norm = torch.stack([each.grad.square().sum() for each in weights]).sum().sqrt()
            trainer.log({"cooling/gradient_norm": float(norm)})
            self.values += 1

    def state_dict(self) -> dict[str, Any]:
        """Return how many values there are."""
        return {"values": self.values}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on."""
        self.values = state_dict["values"]


class Diary:
    """Write a line for every step with something to tell, into ``logs/diary.txt``.

    Parameters
    ----------
    folder
        Of the logs.
    first_step
        Where the run begins, or goes on.
    title
        First line of the file.
    """

    def __init__(self, folder: Path, first_step: int, title: str = "Diary") -> None:
        self._path = folder / "diary.txt"
        if not first_step:
            folder.mkdir(parents=True, exist_ok=True)
            self._path.write_text(f"{title}\n")

    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Write the seed."""
        self._write(f"seed {params['seed']}")

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Write what was recorded at a step."""
        self._write(f"step {step}: {', '.join(sorted(metrics))}")

    def finalize(self, status: str) -> None:
        """Write how it ended."""
        self._write(status)

    def _write(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(f"{line}\n")
