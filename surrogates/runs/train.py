"""A run from its configuration to its bundle and report."""

import hashlib
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor

from surrogates.core.build import split_node, validate
from surrogates.core.checkout import commit
from surrogates.core.errors import ConfigError
from surrogates.core.registry import resolve
from surrogates.experiment.config import RunConfig, TrainerConfig, require_equal_shares
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.launched import processes
from surrogates.experiment.pieces import with_defaults
from surrogates.inference.bundle import save_bundle
from surrogates.learning.contract import Adversarial
from surrogates.learning.pipeline import Pipeline
from surrogates.runs.calibrations import calibrate_run
from surrogates.runs.evaluate import evaluate_run
from surrogates.runs.folder import CONFIG, alone_in, merge, new_folder, read_config, write_config
from surrogates.runs.processes import joined, launch, require_guard, starts_others
from surrogates.runs.resuming import (
    LAST,
    checkpoint_name,
    fingerprints,
    refuse_other_beginning,
    refuse_other_state,
    require_same_data,
    require_steps_left,
    state_of,
)
from surrogates.runs.slurm import is_done, note_job, run_of_job
from surrogates.runs.weights import take_weights, takes_all
from surrogates.training.checkpoint import full_disk_explained
from surrogates.training.fit import build_callback, fit
from surrogates.training.ranks import Ranks
from surrogates.training.signals import Signals, Stopped

PROLONGING = ("max_steps", "epochs", "callbacks")
"""Keys of the trainer whose change resumes a run that a callback has ended."""


def start(values: Mapping[str, Any]) -> Path:
    """Check a configuration, train, evaluate; return the run's folder.

    A requeued SLURM job resumes the run that it began.

    Parameters
    ----------
    values
        Plain values of `surrogates.experiment.config.RunConfig`.

    Raises
    ------
    ConfigError
        Before any work, when something in the configuration does not fit.
    Stopped
        When a signal ended the run.
    """
    with _listening() as signals:
        experiment, pipeline = prepare(values)
        config, plain = experiment.config, with_defaults(experiment.config)
        if starts_others(config.trainer):
            require_guard()
            signals.run = folder = _claimed(config, plain)
            return folder if is_done(folder) else launch(_train_launched, config.trainer, folder, path=folder)
        with joined(config.trainer) as ranks:
            signals.run = folder = ranks.agree(lambda: _claimed(config, plain))
            signals.tells = ranks.first
            if ranks.agree(lambda: is_done(folder)):
                return folder
            return _train(folder, experiment, pipeline, ranks, signals)


def prepare(values: Mapping[str, Any], *, begun: bool = False) -> tuple[Experiment, Pipeline]:
    """Check a configuration and open everything that it names; train nothing.

    Parameters
    ----------
    values
        Plain values of a configuration.
    begun
        Whether a state will replace the weights to start from.

    Raises
    ------
    ConfigError
        When something in the configuration does not fit.
    """
    config = validate(RunConfig, values, "configuration")
    experiment = Experiment.open(config)
    pipeline = experiment.pipeline()
    if not begun:
        take_weights(pipeline, config)
    experiment.check(pipeline)
    _require_shared(config.trainer, experiment)
    for node in config.trainer.callbacks:
        build_callback(node)
    for node in config.trainer.loggers:
        resolve("loggers", split_node("loggers", node)[0])  # what has to be installed for one is said now
    return experiment, pipeline


def resume(folder: str | Path, checkpoint: str = LAST, changes: Mapping[str, Any] | None = None) -> Path:
    """Resume a run exactly where its checkpoint left it.

    Parameters
    ----------
    folder
        The run's folder.
    checkpoint
        Name of a checkpoint in it, or its file.
    changes
        Values that replace those of the run, such as a larger ``trainer.max_steps``.

    Raises
    ------
    ConfigError
        When a change does not fit the saved state, or there is none.
    """
    folder = Path(folder)
    values = read_config(folder)
    refuse_other_beginning(folder, values, changes or {})
    checkpoint = checkpoint_name(folder, checkpoint)
    prolonged = any(key in (changes or {}).get("trainer", {}) for key in PROLONGING)
    other_data = "dataset" in (changes or {})
    arguments: dict[str, Any] = {"checkpoint": checkpoint, "prolonged": prolonged, "other_data": other_data}
    state = state_of(folder, **arguments)
    with _listening(folder) as signals:
        experiment, pipeline = prepare(merge(values, changes or {}), begun=state is not None)
        settings, plain = experiment.config.trainer, with_defaults(experiment.config)
        refuse_other_state(folder, with_defaults(validate(RunConfig, values, str(folder / CONFIG))), plain)
        if state is not None and prolonged:
            require_steps_left(experiment, state["module"]["step"])
        if starts_others(settings):
            require_guard()
            with alone_in(folder):
                write_config(folder, plain)
            return launch(_train_launched, settings, folder, path=folder, **arguments)
        with joined(settings) as ranks:
            signals.tells = ranks.first
            return _train(folder, experiment, pipeline, ranks, signals, **arguments)


def _require_shared(settings: TrainerConfig, experiment: Experiment) -> None:
    """Refuse a batch or an objective that the processes cannot share."""
    count = processes(settings)
    require_equal_shares(settings.batch_size, count)
    if isinstance(experiment.pieces.objective, Adversarial) and count > 1:
        raise ConfigError(
            f"task.objective: '{experiment.config.task.objective['name']}' trains a critic, which one "
            f"process does; {count} would share the run; take trainer.devices=1, without torchrun and srun"
        )


def _claimed(config: RunConfig, plain: Mapping[str, Any]) -> Path:
    """Return the folder of a new run, or of the one that this SLURM job began."""
    parent = Path(config.output) / config.experiment
    folder = run_of_job(parent, plain)
    if folder is not None:
        print(f"resuming {folder}, which this SLURM job began", file=sys.stderr, flush=True)
        return folder
    folder = new_folder(parent)
    with full_disk_explained(folder):
        note_job(folder, "going")
        write_config(folder, plain)
    return folder


def _train_launched(path: Path, **arguments: Any) -> Path:
    """Train in one of the started processes; the run is already checked."""
    config = validate(RunConfig, read_config(path), str(path / CONFIG))
    experiment = Experiment.open(config)
    pipeline = experiment.pipeline()
    if state_of(path, **arguments) is None:
        take_weights(pipeline, config)
    with _listening(path) as signals, joined(config.trainer) as ranks:
        signals.tells = False  # the parent does
        return _train(path, experiment, pipeline, ranks, signals, **arguments)


def _train(
    folder: Path,
    experiment: Experiment,
    pipeline: Pipeline,
    ranks: Ranks,
    signals: Signals,
    **arguments: Any,
) -> Path:
    """Train in this process, one of `ranks`; the first one writes and evaluates.

    Parameters
    ----------
    folder
        The run's folder.
    experiment, pipeline
        What is trained.
    ranks, signals
        Who this process is, and what ends the run.
    **arguments
        Of `_state`.
    """
    with full_disk_explained(folder), alone_in(folder) if ranks.first else nullcontext():
        ranks.agree(lambda: None)  # nobody reads before the folder is ours
        if ranks.first:
            write_config(folder, with_defaults(experiment.config))
        state = state_of(folder, **arguments)
        require_same_data(folder, experiment, state, **arguments)
        steps = ranks.gather(state["module"]["step"] if state else 0)
        if len(set(steps)) > 1:
            raise ConfigError(
                f"the processes see checkpoints of steps {steps}; say it again when all see one"
            )
        if state is not None:
            pipeline.load_state_dict(state["module"]["pipeline"])
        elif ranks.first and not takes_all(experiment.config):
            experiment.fit_normalisers(pipeline, experiment.loader("train"))
        train = experiment.loader("train", train=True, rank=ranks.rank, ranks=ranks.size)
        validated = len(experiment.data.index("validation"))
        weights = fit(
            pipeline,
            experiment.pieces.objective,
            train,
            experiment.loader("validation", rank=ranks.rank, ranks=ranks.size) if validated else None,
            experiment.config.trainer,
            folder=folder,
            seed=experiment.config.seed,
            state=state,
            ranks=ranks,
            signals=signals,
            about=with_defaults(experiment.config),
            data=fingerprints(experiment),
        )
        return _finish(experiment, pipeline, weights, folder) if ranks.first else folder


@contextmanager
def _listening(run: Path | None = None) -> Iterator[Signals]:
    """Listen to signals; after one that ends a run, print the command that resumes it."""
    signals = Signals(run)
    try:
        with signals.listening():
            yield signals
    except Stopped as stopped:
        after = "" if stopped.step is None else f" after step {stopped.step}"
        stopped.told = True
        override = shlex.quote(f"run={signals.run}")
        advice = f"resume with: surrogates train {override}" if signals.run else "nothing was begun"
        if signals.tells:
            print(f"stopped by {stopped.name}{after}; {advice}", file=sys.stderr, flush=True)
        if signals.tells and signals.run and stopped.number == signal.SIGINT:
            note_job(signals.run, "given up")
        raise
    except Exception:
        if signals.tells and signals.run:
            note_job(signals.run, "given up")
        raise


def _finish(experiment: Experiment, pipeline: Pipeline, weights: Mapping[str, Tensor], folder: Path) -> Path:
    _bundle(experiment, pipeline, weights, folder)
    if len(experiment.data.index("test")):
        evaluate_run(folder, experiment)
    elif len(experiment.data.index("validation")):
        calibrate_run(folder, experiment)
    note_job(folder, "done")
    return folder


def _bundle(experiment: Experiment, pipeline: Pipeline, weights: Mapping[str, Tensor], folder: Path) -> None:
    config = experiment.config
    pipeline.cpu().load_state_dict(weights)
    pipeline.eval()
    save_bundle(
        folder / "bundle",
        pipeline,
        name=config.experiment,
        predictor=config.task.predictor,
        ranges=experiment.ranges(experiment.loader("train"), pipeline),
        coordinates=experiment.data.coordinates,
        provenance={
            "experiment": config.experiment,
            "size": config.size,
            "seed": config.seed,
            "commit": commit(Path.cwd()),
            "datasets": [
                {
                    "url": store.url,
                    "title": str(store.attributes.get("title", "")),
                    "license": str(store.attributes.get("license", "")),
                    "fingerprint": store.fingerprint,
                    "split": each.split,
                    "split_hash": hashlib.sha256(store.split(each.split).tobytes()).hexdigest(),
                }
                for store, each in zip(experiment.data.stores, config.dataset, strict=True)
            ],
        },
    )
