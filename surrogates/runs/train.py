"""A run from its configuration to its bundle and report."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from surrogates.core.build import validate
from surrogates.core.checkout import commit
from surrogates.core.errors import ConfigError
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.pieces import with_defaults
from surrogates.inference.bundle import save_bundle
from surrogates.learning.pipeline import Pipeline
from surrogates.runs.evaluate import calibrate_run, evaluate_run
from surrogates.runs.folder import CONFIG, merge, new_folder, read_config, write_config
from surrogates.runs.processes import joined_processes
from surrogates.runs.weights import take_weights
from surrogates.training.checkpoint import load_state
from surrogates.training.fit import fit
from surrogates.training.ranks import Ranks

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


def start(values: Mapping[str, Any]) -> Path:
    """Check a configuration, train, evaluate; return the run's folder.

    Parameters
    ----------
    values
        Plain values of `surrogates.experiment.config.RunConfig`.

    Raises
    ------
    ConfigError
        Before any work, when something in the configuration does not fit.
    """
    experiment, pipeline = prepare(values)
    config = experiment.config
    plain = with_defaults(experiment.config)
    with joined_processes(
        config.trainer, "surrogates.runs.train:start", {"values": config.model_dump(mode="json")}
    ) as ranks:
        folder = ranks.agree(lambda: new_folder(Path(config.output) / config.experiment))
        if ranks.first:
            write_config(folder, plain)
            if config.init is None or config.init.only:
                experiment.fit_normalisers(pipeline, experiment.loader("train"))
        weights = _fit(experiment, pipeline, folder, None, ranks)
    return _finish(experiment, pipeline, weights, folder) if ranks.first else folder


def prepare(values: Mapping[str, Any]) -> tuple[Experiment, Pipeline]:
    """Check a configuration and open all that it names, without any work.

    Raises
    ------
    ConfigError
        When something in the configuration does not fit.
    """
    config = validate(RunConfig, values, "configuration")
    experiment = Experiment.open(config)
    pipeline = experiment.pipeline()
    take_weights(pipeline, config)
    experiment.check(pipeline)
    return experiment, pipeline


def resume(folder: str | Path, checkpoint: str = "last", changes: Mapping[str, Any] | None = None) -> Path:
    """Go on with a run that was stopped, exactly where its checkpoint left it.

    Parameters
    ----------
    folder
        The run's folder.
    checkpoint
        Name of a checkpoint in it.
    changes
        Values that replace those of the run, such as a larger ``trainer.max_steps``.

    Raises
    ------
    ConfigError
        When a change does not fit the saved state, or there is none.
    """
    folder = Path(folder)
    values = read_config(folder)
    config = validate(RunConfig, merge(values, changes or {}), str(folder / CONFIG))
    state = load_state(folder / "checkpoints" / f"{checkpoint}.ckpt")
    if "module" not in state:
        raise ConfigError(f"checkpoint '{checkpoint}' holds weights alone; resume from ckpt=last")
    experiment = Experiment.open(config)
    pipeline = experiment.pipeline()
    experiment.check(pipeline)
    plain = with_defaults(experiment.config)
    before = validate(RunConfig, values, str(folder / CONFIG))
    _refuse_other_state(with_defaults(before), plain)
    pipeline.load_state_dict(state["module"]["pipeline"])
    arguments = {"folder": str(folder), "checkpoint": checkpoint, "changes": changes}
    with joined_processes(config.trainer, "surrogates.runs.train:resume", arguments) as ranks:
        if ranks.first:
            write_config(folder, plain)
        weights = _fit(experiment, pipeline, folder, state, ranks)
    return _finish(experiment, pipeline, weights, folder) if ranks.first else folder


def _refuse_other_state(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse a change of what the saved weights, optimiser and place in the epoch depend on."""
    for path in STATE:
        old, new = _at(before, path), _at(after, path)
        if old != new:
            raise ConfigError(
                f"{path}: a resumed run keeps {old!r}, found {new!r}; to change it start a new run, "
                "with init=RUN to begin from these weights"
            )


def _at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values[key]
    return values


def _fit(
    experiment: Experiment, pipeline: Pipeline, folder: Path, state: dict[str, Any] | None, ranks: Ranks
) -> dict[str, Tensor]:
    train = experiment.loader("train", train=True, rank=ranks.rank, ranks=ranks.size)
    validated = len(experiment.data.index("validation"))
    return fit(
        pipeline,
        experiment.pieces.objective,
        train,
        experiment.loader("validation", rank=ranks.rank, ranks=ranks.size) if validated else None,
        experiment.config.trainer,
        folder=folder,
        seed=experiment.config.seed,
        state=state,
        ranks=ranks,
    )


def _finish(experiment: Experiment, pipeline: Pipeline, weights: Mapping[str, Tensor], folder: Path) -> Path:
    _bundle(experiment, pipeline, weights, folder)
    if len(experiment.data.index("test")):
        evaluate_run(folder, experiment)
    elif len(experiment.data.index("validation")):
        calibrate_run(folder, experiment)
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
