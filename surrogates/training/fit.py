"""Fit a pipeline, from the start or from a saved state."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.fabric.strategies import DDPStrategy
from torch import Tensor

from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.core.quiet import quiet
from surrogates.data.batch import Batch
from surrogates.data.loader import BatchLoader
from surrogates.experiment.config import TrainerConfig
from surrogates.experiment.devices import on_gpu
from surrogates.experiment.pieces import LOGGER_ARGUMENTS
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.selection import freeze
from surrogates.training.callbacks import Checkpoint, ProgressBar
from surrogates.training.checkpoint import load_state
from surrogates.training.module import LearningModule
from surrogates.training.ranks import ALONE, Ranks, depends_on_all
from surrogates.training.signals import Signals
from surrogates.training.trainer import HOOKS, Trainer, overriding

PRECISIONS: Mapping[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
VALIDATIONS = 100  # of a run, at most


def fit(
    pipeline: Pipeline,
    objective: Objective,
    train: BatchLoader,
    validation: BatchLoader | None,
    settings: TrainerConfig,
    *,
    folder: Path,
    seed: int = 0,
    state: Mapping[str, Any] | None = None,
    ranks: Ranks = ALONE,
    signals: Signals | None = None,
    about: Mapping[str, Any] | None = None,
    data: Sequence[str] = (),
) -> dict[str, Tensor]:
    """Train a pipeline whose normalisers are fitted; return the weights to use.

    Parameters
    ----------
    pipeline, objective
        What is trained, and to what end.
    train, validation
        Loaders; without validation the last weights are the result, else the best.
    settings
        The ``trainer`` section of the configuration.
    folder
        The run's folder: gets ``checkpoints/`` and ``logs/``.
    seed
        Seed of the objective's draws.
    state
        Content of ``checkpoints/last.ckpt`` of the same run, to resume from.
    ranks
        This process among those that share each batch; the first one writes.
    signals
        What ends the run early.
    about
        The whole configuration, for loggers that show it.
    data
        Fingerprints of the data sets, for the checkpoint.

    Raises
    ------
    Stopped
        When a signal ended the run; its state is saved.
    """
    steps = total_steps(settings, train)
    done = int(state["module"]["step"]) if state else 0
    every = settings.validate_every or min(steps, max(len(train), steps // VALIDATIONS))
    freeze(pipeline.network, settings.freeze)
    if settings.compile:
        for way in (pipeline, pipeline.reversed()) if pipeline.config.both_ways else (pipeline,):
            way.network.compile()
    with quiet("lightning"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")  # advice on other ways to start
        idle = not ranks.alone and ranks.agree(lambda: not depends_on_all(pipeline, objective, _first(train)))
        fabric = _fabric(settings, ranks, idle)
        module = LearningModule(pipeline, objective, settings, steps, seed, fabric, ranks)
        if done < steps or (state is not None and state.get("validated", done) < done):
            checkpoint = Checkpoint(
                folder / "checkpoints", state, data
            )  # last: it saves what the others have done
            own = [build_callback(node) for node in settings.callbacks]
            callbacks = [*own, ProgressBar(settings.progress and ranks.first), checkpoint]
            loggers = _loggers(settings.loggers, folder, done, about or {}) if ranks.first else []
            trainer = Trainer(fabric, settings, callbacks, loggers, steps, every, signals or Signals(), ranks)
            pipeline.train()  # the checks leave the other mode
            freeze(pipeline.network, settings.freeze)
            trainer.fit(module, train, validation)
        elif state is not None:
            module.load_state(state["module"])
    if validation is None or not ranks.first:  # the first process makes the bundle
        return module.final_weights() if ranks.first else {}
    best: dict[str, Tensor] = load_state(folder / "checkpoints" / "best.ckpt")["weights"]
    return best


def total_steps(settings: TrainerConfig, train: BatchLoader) -> int:
    """Return the steps of a run."""
    return settings.max_steps or (settings.epochs or 1) * len(train)


def build_callback(node: Mapping[str, Any]) -> object:
    """Build the callback that a node names.

    Raises
    ------
    ConfigError
        When it has no hook that a run calls.
    """
    callback = build("callbacks", node)
    if not any(any(overriding([callback], hook)) for hook in HOOKS):
        raise ConfigError(
            f"callback '{node['name']}' has no hook that a run calls, so nothing would happen; hooks: "
            f"{', '.join(HOOKS)}"
        )
    return callback


def backend_of(settings: TrainerConfig) -> str:
    """Return the backends of the processes' communication: one for CPU tensors, one for GPU tensors."""
    return "cpu:gloo,cuda:nccl" if on_gpu(settings) else "gloo"


def _fabric(settings: TrainerConfig, ranks: Ranks, idle: bool) -> Fabric:
    """Return Fabric for this process; the processes are already started and joined.

    Parameters
    ----------
    settings, ranks
        Where to train.
    idle
        Whether some weights get no gradient: looking for them in every step costs time that most networks
        need not spend.
    """
    own_gpu = on_gpu(settings) and torch.cuda.device_count() == 1
    local_size = 1 if own_gpu else ranks.local_size
    if ranks.alone:
        fabric = Fabric(
            accelerator=settings.accelerator,
            devices=1,
            precision=PRECISIONS[settings.precision],
            plugins=[LightningEnvironment()],  # a job of SLURM with one task is no group
        )
    else:
        fabric = Fabric(
            accelerator="gpu" if on_gpu(settings) else "cpu",
            devices=local_size,
            num_nodes=max(1, ranks.size // local_size),
            strategy=DDPStrategy(process_group_backend=backend_of(settings), find_unused_parameters=idle),
            precision=PRECISIONS[settings.precision],
            plugins=[TorchElasticEnvironment()],  # `joined` says in its variables what `srun` has said
        )
    fabric.launch()
    return fabric


def _first(train: BatchLoader) -> Batch:
    """Return the next training batch without consuming it."""
    state = train.state_dict()
    batch = next(iter(train))
    train.load_state_dict(state)
    return batch


def _loggers(
    nodes: Sequence[Mapping[str, Any]], folder: Path, done: int, about: Mapping[str, Any]
) -> list[Any]:
    """Build the loggers; the loss curves are always among them, since the report draws them."""
    named = [node for node in nodes if node["name"] != "csv"]
    names = str(about.get("experiment", "run")), folder.name
    context = dict(zip(LOGGER_ARGUMENTS, (folder / "logs", done, *names), strict=True))
    loggers = []
    for node in ({"name": "csv"}, *named):
        try:
            loggers.append(build("loggers", node, **context))
            if not done:  # MLflow refuses a value that changes, such as the steps of a run that is prolonged
                loggers[-1].log_hyperparams(dict(about))
        except Exception as error:  # each service has its own
            raise ConfigError(
                f"the logger '{node['name']}' cannot begin: {error}; mend it, or leave it out of "
                f"trainer.loggers and resume with {quote(f'run={folder}')}"
            ) from error
    return loggers
