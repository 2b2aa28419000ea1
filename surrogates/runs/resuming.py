"""What a resumed run keeps, and what it resumes from."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.experiment.experiment import Experiment
from surrogates.inference.zoo import BUNDLE
from surrogates.training.checkpoint import load_state
from surrogates.training.fit import total_steps

LAST = "last"
CHECKPOINTS = "checkpoints"
OF_NEW_RUNS = ("experiment", "size", "output", "init", "parts")
"""Keys that say how a run begins."""

# What a saved state depends on.
STATE = (
    "seed",
    "model",
    "task.inputs",
    "task.targets",
    "task.transform",
    "task.shared",
    "task.head",
    "task.normalisation",
    "task.both_ways",
    "task.objective",
    "task.predictor",
    "task.window",
    "trainer.batch_size",
    "trainer.optimiser.name",
    "trainer.freeze",
    "trainer.groups",
)
WEIGHTS = ("model", "task.inputs", "task.targets", "task.transform", "task.head", "task.normalisation")
"""Of these, what the weights depend on: others cannot begin from them."""


def refuse_other_beginning(folder: Path, values: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse keys that a run which has begun would ignore."""
    if given := [key for key in OF_NEW_RUNS if key in changes and changes[key] != values.get(key)]:
        raise ConfigError(
            f"{listing(given)}: {folder} has begun and keeps its own; leave it out, or start a new run "
            "without run="
        )


def checkpoint_name(folder: Path, given: str) -> str:
    """Return the name of a checkpoint that is given by its name or its file."""
    path = Path(given)
    inside = (Path(), Path(CHECKPOINTS), folder / CHECKPOINTS, (folder / CHECKPOINTS).absolute())
    if path.suffix != ".ckpt" and path.parent == Path():
        return given
    if path.suffix != ".ckpt" or path.parent not in inside:
        there = sorted(file.stem for file in (folder / CHECKPOINTS).glob("*.ckpt"))
        raise ConfigError(
            f"ckpt={given}: expected the name of a checkpoint of {folder}, which has {listing(there)}"
        )
    return path.stem


def refuse_other_state(folder: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse a change of what the saved weights, optimiser and position in the epoch depend on."""
    for path in STATE:
        old, new = _at(before, path), _at(after, path)
        if old != new:
            raise ConfigError(
                f"{path}: a resumed run keeps {old!r}, found {new!r}; to change it "
                f"{_new_run(folder, weights=path not in WEIGHTS)}"
            )


def _new_run(folder: Path, *, weights: bool) -> str:
    """Return how to start a new run instead of resuming one, with its weights if they serve."""
    start = "start a new run: its whole command without run= and ckpt="
    if not (weights and (folder / BUNDLE).is_dir()):
        return start
    return f"{start}, with {shlex.quote(f'init={folder}')} to begin from the weights of this one"


def _at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values[key]
    return values


def state_of(
    folder: Path, checkpoint: str = LAST, *, prolonged: bool = False, **_: Any
) -> dict[str, Any] | None:
    """Return the state to resume from, or None if the run was stopped before its first checkpoint.

    Parameters
    ----------
    folder
        The run's folder.
    checkpoint
        Name of a checkpoint in it.
    prolonged
        Whether the configuration has changed: then a run that a callback has ended resumes too.
    """
    path = folder / CHECKPOINTS / f"{checkpoint}.ckpt"
    if checkpoint == LAST and not path.exists():
        return None
    state = load_state(path)
    if "module" not in state:
        raise ConfigError(
            f"checkpoint '{checkpoint}' holds only weights, without optimiser and position in the data; "
            f"resume with ckpt={LAST}, or {_new_run(folder, weights=True)}"
        )
    return state | {"should_stop": False} if prolonged else state


def fingerprints(experiment: Experiment) -> list[str]:
    """Return values that change with the content of the data sets."""
    return [store.fingerprint for store in experiment.data.stores]


def require_same_data(
    folder: Path,
    experiment: Experiment,
    state: Mapping[str, Any] | None,
    other_data: bool = False,
    **_: Any,
) -> None:
    """Refuse data whose content has changed since a state was saved, unless `other_data`."""
    before = (state or {}).get("data")
    if before is not None and before != fingerprints(experiment) and not other_data:
        raise ConfigError(
            f"{listing([store.url for store in experiment.data.stores])}: the content has changed since the "
            f"checkpoint; name the data again, dataset=..., to resume with them, or "
            f"{_new_run(folder, weights=True)}"
        )


def require_steps_left(experiment: Experiment, done: int) -> None:
    """Refuse fewer steps than a run has done: its record would say less than what happened."""
    settings = experiment.config.trainer
    steps = total_steps(settings, experiment.loader("train", train=True))
    if steps < done:
        key = "max_steps" if settings.max_steps else "epochs"
        raise ConfigError(
            f"trainer.{key} makes {steps} steps, but this run has done {done}; give more to train on, or "
            f"leave trainer.{key} out"
        )
