"""A plug-in whose callback fails, as schedulers, machines and people do, after a given step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lightning.pytorch import Callback

from surrogates.core import registry

PIECES = {"callbacks": {"tests/fault": "tests.faults:Fault"}}


class Fault(Callback):
    """Send a process a signal after a step, or raise an error where the signal is none.

    Parameters
    ----------
    step
        After how many steps.
    number
        Name of the signal, or `stop` to end the run as early stopping does.
    rank
        Process that it happens in; -1 is the parent of all, told by the first.
    hook
        `step` or `validation`: in the midst of the first validation after the step.
    """

    def __init__(self, step: int, number: str = "", rank: int = 0, hook: str = "step") -> None:
        self.step, self.number, self.rank, self.hook = step, number, rank, hook

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if self.hook == "step" and trainer.global_step == self.step:
            self._happen(trainer)

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        if self.hook == "validation" and trainer.global_step >= self.step:
            self._happen(trainer)

    def _happen(self, trainer):
        if trainer.global_rank != max(self.rank, 0):
            return
        if self.number == "stop":
            trainer.should_stop = True
        elif self.number:
            os.kill(os.getppid() if self.rank < 0 else os.getpid(), signal.Signals[self.number])
        else:
            raise OSError("no such shard")


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts, see the plug-in."""
    about = folder / "tests_faults-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tests-faults\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[surrogates.plugins]\nfaults = tests.faults\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", f"{Path(__file__).parents[1]}{os.pathsep}{folder}")
        registry.forget()
        yield
    registry.forget()
