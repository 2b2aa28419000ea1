"""Callbacks: checkpoints, progress, and those that `trainer.callbacks` may name.

A callback is any object with some of `surrogates.training.trainer.HOOKS`, such as one written for Lightning
that asks its trainer for nothing but what ours has. One with a state has `state_dict` and `load_state_dict`,
of tensors and plain values.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.callbacks import EarlyStopping
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.progress import Progress
from surrogates.core.text import listing, nearest
from surrogates.training.checkpoint import save_atomic
from surrogates.training.module import LearningModule
from surrogates.training.signals import Stopped
from surrogates.training.trainer import Trainer


class Checkpoint:
    """Keep the last state and the best weights; resume from a state exactly.

    Parameters
    ----------
    folder
        Gets ``last.ckpt`` and ``best.ckpt``.
    state
        Content of ``last.ckpt`` to resume from.
    data
        Fingerprints of the data sets, to be kept.
    """

    def __init__(
        self, folder: Path, state: Mapping[str, Any] | None = None, data: Sequence[str] = ()
    ) -> None:
        self._folder, self._resumed, self._data = folder, state, list(data)
        self.best_loss, self.best_step = float("inf"), 0
        self._saved = -1

    def setup(self, trainer: Trainer, module: LearningModule, stage: str) -> None:
        """Restore a state once everything is on its device; refuse states that cannot be saved."""
        _states(trainer.callbacks)
        state = self._resumed
        if state is None:
            return
        module.load_state(state["module"])
        trainer.train_dataloader.load_state_dict(state["loader"])
        self.best_loss, self.best_step = state["best"]
        if state["precision"]:
            trainer.strategy.precision.load_state_dict(state["precision"])
        trainer.validated = state.get("validated", module.step)  # states of old followed their validation
        trainer.should_stop = state.get("should_stop", False)
        trainer.log(state.get("recorded", {}), again=True)
        saved = state.get("callbacks", {})
        for key, callback in _with_state(trainer.callbacks).items():
            if key in saved:
                callback.load_state_dict(saved[key])
        trainer.call("on_load_checkpoint", dict(state))

    def on_train_batch_end(self, trainer: Trainer, module: LearningModule, *_: object) -> None:
        """Save at steps without a validation."""
        if trainer.val_dataloaders is None and trainer.due:
            self.save(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LearningModule) -> None:
        """Save if a callback has ended the run since the last save."""
        if trainer.val_dataloaders is None and self._saved != module.step:
            self.save(trainer, module)

    def on_validation_end(self, trainer: Trainer, module: LearningModule) -> None:
        """Keep the best weights, then the state."""
        loss = trainer.callback_metrics["validation/loss"]
        _require_finite(module, loss)
        if float(loss) < self.best_loss:
            self.best_loss, self.best_step = float(loss), module.step
            if trainer.is_global_zero:
                save_atomic({"weights": module.final_weights()}, self._folder / "best.ckpt")
        self.save(trainer, module)

    def on_exception(self, trainer: Trainer, module: LearningModule, error: BaseException) -> None:
        """Save if a signal ends the run."""
        if isinstance(error, Stopped):
            self.save(trainer, module)

    def save(self, trainer: Trainer, module: LearningModule) -> None:
        """Save everything that the next step depends on."""
        _require_finite(module, *module.parameters())
        trainer.flush()  # rows of this step are not written again by a run resumed from here
        state: dict[str, Any] = {
            "module": module.state(),
            "loader": dict(trainer.train_dataloader.state_dict()),
            "best": (self.best_loss, self.best_step),
            "precision": trainer.strategy.precision.state_dict(),
            "validated": trainer.validated,
            "should_stop": trainer.should_stop,
            "data": self._data,
            "recorded": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "callbacks": _states(trainer.callbacks),
        }
        own = set(state)
        trainer.call("on_save_checkpoint", state)
        state |= {key: _plain(key, value) for key, value in state.items() if key not in own}
        self._saved = module.step
        if trainer.is_global_zero:
            save_atomic(state, self._folder / "last.ckpt")


class ProgressBar:
    """Show the progress of the run.

    Parameters
    ----------
    shown
        False keeps silent.
    """

    def __init__(self, shown: bool = True) -> None:
        self._shown = shown

    def on_train_start(self, trainer: Trainer, module: LearningModule) -> None:
        """Begin to count at the step that the run starts or resumes at."""
        self._progress = Progress(trainer.max_steps, shown=self._shown).__enter__()
        self._progress.start(module.step)

    def on_train_batch_end(self, *_: object) -> None:
        """Count."""
        self._progress.advance()

    def on_validation_end(self, trainer: Trainer, module: LearningModule) -> None:
        """Show the loss."""
        self._progress.note(f"validation loss {float(trainer.callback_metrics['validation/loss']):.4g}")

    def on_train_end(self, *_: object) -> None:
        """Leave the last line."""
        self._progress.__exit__(None, None, None)

    def on_exception(self, trainer: Trainer, module: LearningModule, error: BaseException) -> None:
        """Close the bar, so that the error message follows on a line of its own."""
        if hasattr(self, "_progress"):
            self._progress.__exit__(type(error), error, None)


class EarlyStoppingAtValidation(EarlyStopping):
    """Lightning's early stopping; the patience of a resumed run is that of its configuration."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Refuse a run without validations."""
        if trainer.val_dataloaders is None:
            raise ConfigError(
                "the callback 'early_stopping' watches validations, but the validation subset is empty; give "
                "another dataset.split, or leave the callback out"
            )
        super().setup(trainer, pl_module, stage)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Look for progress."""
        if self.monitor not in trainer.callback_metrics:
            there = [name for name in trainer.callback_metrics if name.startswith("validation/")]
            raise ConfigError(
                f"early_stopping: nothing is recorded as '{self.monitor}'.{nearest(self.monitor, there)} "
                f"There are: {listing(there)}."
            )
        super().on_validation_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the counts."""
        super().load_state_dict({**state_dict, "patience": self.patience})


def early_stopping(
    monitor: str = "validation/loss",
    patience: PositiveInt = 10,
    min_delta: NonNegativeFloat = 0.0,
    mode: Literal["min", "max"] = "min",
) -> EarlyStopping:
    """Return Lightning's callback that ends a run whose validation loss no longer falls.

    Parameters
    ----------
    monitor
        Name of what is watched, as the loss curves have it.
    patience
        Validations without progress until the run ends.
    min_delta
        Change that counts as progress.
    mode
        Whether small or large values are good.
    """
    return EarlyStoppingAtValidation(monitor, min_delta=min_delta, patience=patience, mode=mode)


class LearningRateMonitor:
    """Record the learning rate of every group of weights, wherever the loss is recorded."""

    def on_train_batch_end(self, trainer: Trainer, module: LearningModule, *_: object) -> None:
        """Record at the steps of the loss curve."""
        if trainer.is_logging_step:
            for optimiser in module.optimisers:
                name = f"learning_rate/{type(optimiser).__name__}"
                rates = [group["lr"] for group in optimiser.param_groups]
                many = len(rates) > 1
                trainer.log({f"{name}/{n}" if many else name: rate for n, rate in enumerate(rates)})


def _with_state(callbacks: Sequence[Any]) -> dict[str, Any]:
    """Return the callbacks that have a state, by a name that does not depend on the process."""
    found: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for each in callbacks:
        if hasattr(each, "state_dict") and hasattr(each, "load_state_dict"):
            key = str(getattr(each, "state_key", type(each).__qualname__))
            found[f"{key} {seen[key]}"] = each
            seen[key] += 1
    return found


def _states(callbacks: Sequence[Any]) -> dict[str, Any]:
    """Return the states of the callbacks that have one."""
    return {key: _plain(key, each.state_dict()) for key, each in _with_state(callbacks).items()}


def _plain(key: str, state: Any) -> Any:
    """Return a state of tensors and plain values; refuse any other, which needs code to read."""
    if isinstance(state, Mapping):
        return {name: _plain(key, value) for name, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_plain(key, value) for value in state)
    if type(state) in (int, float, bool, str, type(None)) or isinstance(state, Tensor):
        return state
    raise ConfigError(
        f"the state of the callback {key.rpartition(' ')[0] or key} holds a {type(state).__name__}; a "
        "checkpoint keeps tensors, numbers, text, lists and mappings only: change what the callback saves"
    )


def _require_finite(module: LearningModule, *values: Tensor) -> None:
    """Stop a run whose weights are no longer finite, before its state replaces a sound one."""
    if not all(bool(value.isfinite().all()) for value in values):
        raise ConfigError(
            f"training diverged: loss or weights are not finite at step {module.step}; take a smaller "
            "learning rate (trainer.optimiser.lr=...) or trainer.gradient_clip=1, or look at the data"
        )
