"""Fit a pipeline with Lightning, from a state or from the start."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.profilers import PassThroughProfiler
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.progress import Progress
from surrogates.data.batch import Batch
from surrogates.data.loader import BatchLoader
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.devices import on_gpu
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.selection import freeze
from surrogates.training.checkpoint import save_atomic
from surrogates.training.logs import CurveLogger
from surrogates.training.module import LearningModule
from surrogates.training.ranks import ALONE, Ranks

PRECISIONS: Mapping[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
VALIDATIONS = 100  # of a run, at most


class Unprofiled(PassThroughProfiler):
    """Measure nothing at no cost: Lightning opens some twenty of these contexts in every step."""

    _nothing = nullcontext()

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """Return a context that does nothing."""
        return self._nothing


class Steps:
    """The remaining steps of a run as one long epoch for Lightning; the loader counts its own epochs."""

    def __init__(self, loader: BatchLoader, remaining: int) -> None:
        self._loader, self._remaining = loader, remaining

    def __len__(self) -> int:
        """Remaining steps."""
        return self._remaining

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches, epoch after epoch."""
        while True:
            yield from self._loader


class Keeper:
    """Save the last and the best state, stop without progress, show how far the run is."""

    def __init__(
        self,
        folder: Path,
        loader: BatchLoader,
        every: int,
        patience: int | None,
        progress: Progress,
        ranks: Ranks = ALONE,
    ) -> None:
        self._folder, self._loader, self._every = folder, loader, every
        self._ranks = ranks
        self._patience, self._progress = patience, progress
        self.best_loss, self.best_step = float("inf"), 0
        self.resumed: dict[str, Any] | None = None

    def begin(self, trainer: Trainer, module: LearningModule) -> None:
        """Restore a state, now that everything is on its device."""
        if self.resumed is None:
            return
        module.load_state(self.resumed["module"])
        self._loader.load_state_dict(self.resumed["loader"])
        self.best_loss, self.best_step = self.resumed["best"]
        trainer.precision_plugin.load_state_dict(self.resumed["precision"])

    def after_step(self, trainer: Trainer, module: LearningModule) -> None:
        """Count, end the run with a validation, and save where no validation does it."""
        self._progress.advance()
        last = module.step == self._progress.total
        if last:
            trainer.should_stop = True  # Lightning validates then, whatever the interval
        if (last or module.step % self._every == 0) and not trainer.enable_validation:
            self.save(trainer, module)

    def after_validation(self, trainer: Trainer, module: LearningModule) -> None:
        """Keep the best weights, then the state."""
        _require_finite(module, torch.tensor(module.validation_loss))
        self._progress.note(f"validation loss {module.validation_loss:.4g}")
        if module.validation_loss < self.best_loss:
            self.best_loss, self.best_step = module.validation_loss, module.step
            if self._ranks.first:
                save_atomic({"weights": module.final_weights()}, self._folder / "best.ckpt")
        self.save(trainer, module)
        if self._patience and module.step - self.best_step >= self._patience * self._every:
            trainer.should_stop = True

    def save(self, trainer: Trainer, module: LearningModule) -> None:
        """Save all that the next step depends on."""
        _require_finite(module, *module.parameters())
        state = {
            "module": module.state(),
            "loader": dict(self._loader.state_dict()),
            "best": (self.best_loss, self.best_step),
            "precision": trainer.precision_plugin.state_dict(),
        }
        if self._ranks.first:
            save_atomic(state, self._folder / "last.ckpt")


def _require_finite(module: LearningModule, *values: Tensor) -> None:
    """Stop a run that has lost its way, before its state replaces a sound one."""
    if not all(bool(value.isfinite().all()) for value in values):
        raise ConfigError(
            f"training diverged: loss or weights are not finite at step {module.step}; take a smaller "
            "learning rate (trainer.optimiser.lr=...) or trainer.gradient_clip=1, or look at the data"
        )


def fit(
    pipeline: Pipeline,
    objective: Objective,
    train: BatchLoader,
    validation: BatchLoader | None,
    settings: TrainerConfig,
    *,
    folder: Path,
    seed: int = 0,
    state: dict[str, Any] | None = None,
    ranks: Ranks = ALONE,
) -> dict[str, Tensor]:
    """Train a pipeline whose normalisers are fitted; return the weights to use.

    Parameters
    ----------
    pipeline, objective
        What is trained, and to what end.
    train, validation
        Loaders; without validation the last weights are the result, else the best.
    settings
        The ``trainer`` part of the configuration.
    folder
        The run's folder: gets ``checkpoints/`` and ``logs/``.
    seed
        Seed of the objective's draws.
    state
        Content of ``checkpoints/last.ckpt`` of the same run, to go on from.
    ranks
        This process among those that share each batch; the first one writes.
    """
    steps = total_steps(settings, train)
    done = int(state["module"]["step"]) if state else 0
    every = settings.validate_every or min(steps, max(len(train), steps // VALIDATIONS))
    freeze(pipeline.network, settings.freeze)
    module = LearningModule(pipeline, objective, settings, steps, seed, ranks)
    module.validated = validation.numbers if validation is not None else range(0)
    progress = Progress(steps, shown=settings.progress and ranks.first)
    keeper = Keeper(folder / "checkpoints", train, every, settings.patience, progress, ranks)
    keeper.resumed = state
    module.keeper = keeper
    if settings.compile:
        for way in (pipeline, pipeline.reversed()) if pipeline.config.both_ways else (pipeline,):
            way.network.compile()
    with _quiet(), progress:
        trainer = Trainer(
            accelerator=settings.accelerator if ranks.alone else "gpu" if on_gpu(settings) else "cpu",
            devices=[ranks.local] if on_gpu(settings) else 1,
            precision=PRECISIONS[settings.precision],
            max_steps=-1,  # the keeper ends the run: Lightning would count the steps of every optimiser
            max_epochs=-1,
            deterministic=settings.deterministic,
            val_check_interval=min(every, max(1, steps - done)),
            check_val_every_n_epoch=None,
            limit_val_batches=1.0 if validation is not None else 0,
            num_sanity_val_steps=0,
            logger=_loggers(folder / "logs", done) if ranks.first else False,
            profiler=Unprofiled(),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        if done < steps:
            pipeline.train()  # Lightning keeps the mode that it finds, and the checks leave the other one
            freeze(pipeline.network, settings.freeze)
            progress.start(done)
            trainer.fit(module, Steps(train, steps - done), validation)
        else:
            module.load_state(cast(dict[str, Any], state)["module"])
    if trainer.interrupted:
        raise KeyboardInterrupt
    if validation is None or not ranks.first:
        return module.final_weights()
    best: dict[str, Tensor] = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["weights"]
    return best


def total_steps(settings: TrainerConfig, train: BatchLoader) -> int:
    """Return the steps of a run."""
    return settings.max_steps or (settings.epochs or 1) * len(train)


def _loggers(folder: Path, done: int) -> list[Logger]:
    board = TensorBoardLogger(folder, name="tensorboard", version="", purge_step=done + 1 if done else None)
    return [CurveLogger(folder, done), board]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's advertisements and its advice on loaders of its own kind."""
    names = ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators", "lightning.fabric")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
