"""A run from its configuration to its bundle and report."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from surrogates.core.build import validate
from surrogates.core.checkout import commit
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.evaluation.run import calibrate_run, evaluate_run
from surrogates.inference.bundle import load_bundle, save_bundle
from surrogates.learning.pipeline import Pipeline
from surrogates.training.checkpoint import load_state
from surrogates.training.config import RunConfig, with_defaults
from surrogates.training.experiment import Experiment
from surrogates.training.fit import fit
from surrogates.training.ranks import Ranks, together

CONFIG = "config.yaml"
# What a saved state depends on.
STATE = (
    "seed",
    "model",
    "task.inputs",
    "task.targets",
    "task.transform",
    "task.normalisation",
    "task.both_ways",
    "task.objective",
    "task.predictor",
    "task.window",
    "trainer.batch_size",
    "trainer.optimiser.name",
)


def start(values: Mapping[str, Any]) -> Path:
    """Check a configuration, train, evaluate; return the run's folder.

    Parameters
    ----------
    values
        Plain values of `surrogates.training.config.RunConfig`.

    Raises
    ------
    ConfigError
        Before any work, when something in the configuration does not fit.
    """
    experiment, pipeline = prepare(values)
    config = experiment.config
    plain = with_defaults(experiment.config, pipeline.config)
    with together(config.trainer, "start", {"values": config.model_dump(mode="json")}) as ranks:
        folder = ranks.agree(lambda: _new_folder(Path(config.output) / config.experiment))
        if ranks.first:
            _write_config(folder, plain)
            if not config.init:
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
    _fill(pipeline, config)
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
    plain = with_defaults(experiment.config, pipeline.config)
    _refuse_other_state(values, plain)
    pipeline.load_state_dict(state["module"]["pipeline"])
    arguments = {"folder": str(folder), "checkpoint": checkpoint, "changes": changes}
    with together(config.trainer, "resume", arguments) as ranks:
        if ranks.first:
            _write_config(folder, plain)
        weights = _fit(experiment, pipeline, folder, state, ranks)
    return _finish(experiment, pipeline, weights, folder) if ranks.first else folder


def open_run(folder: Path) -> Experiment:
    """Open the experiment of a run's folder."""
    return Experiment.open(validate(RunConfig, read_config(folder), str(folder / CONFIG)))


def read_config(folder: Path) -> dict[str, Any]:
    """Return the resolved configuration of a run."""
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run: it has no {CONFIG}")
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` with ``changes`` put in, mapping by mapping."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(change, Mapping)
        merged[key] = merge(old, change) if both else change  # type: ignore[arg-type]
    return merged


def _write_config(folder: Path, plain: Mapping[str, Any]) -> None:
    staging = folder / f".{CONFIG}.part"
    staging.write_text(yaml.safe_dump(dict(plain), sort_keys=False))
    staging.replace(folder / CONFIG)


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
    train = experiment.loader("train", train=True, ranks=ranks)
    validated = len(experiment.index("validation"))
    return fit(
        pipeline,
        experiment.objective,
        train,
        experiment.loader("validation", ranks=ranks) if validated else None,
        experiment.config.trainer,
        folder=folder,
        seed=experiment.config.seed,
        state=state,
        ranks=ranks,
    )


def _finish(experiment: Experiment, pipeline: Pipeline, weights: Mapping[str, Tensor], folder: Path) -> Path:
    _bundle(experiment, pipeline, weights, folder)
    if len(experiment.index("test")):
        evaluate_run(folder, experiment)
    elif len(experiment.index("validation")):
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
        coordinates=experiment.coordinates,
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
                for store, each in zip(experiment.stores, config.dataset, strict=True)
            ],
        },
    )


def _fill(pipeline: Pipeline, config: RunConfig) -> None:
    """Take the weights that the configuration names; a pipeline inside the transform must get some."""
    inner = {key: child for key, child in pipeline.transform.named_children() if isinstance(child, Pipeline)}
    if config.init:
        _take_weights(pipeline, Path(config.init), "init")
    for name, source in config.parts.items():
        if name not in inner:
            raise ConfigError(
                f"parts: the transform has no pipeline '{name}'.{nearest(name, inner)} "
                f"It has: {listing(inner)}."
            )
        _take_weights(inner[name], Path(source), f"parts.{name}")
    for name in inner:
        if name not in config.parts and not config.init:
            raise ConfigError(
                f"parts: the transform's pipeline '{name}' is not trained here and has no weights; "
                f"train it first and give its run with parts.{name}=RUN"
            )


def _take_weights(pipeline: Pipeline, source: Path, key: str) -> None:
    """Start from the weights of a bundle, normalisers included; names and shapes must agree."""
    folder = source / "bundle" if (source / "bundle").is_dir() else source
    given = load_bundle(folder).pipeline.state_dict()
    own = pipeline.state_dict()
    for name in sorted(own.keys() | given.keys()):
        found = tuple(given[name].shape) if name in given else "nothing"
        expected = tuple(own[name].shape) if name in own else "nothing"
        if found != expected:
            raise ConfigError(
                f"{key}: {folder} has {found} where this run has {expected} ({name}); "
                f"give the model and the task of the bundle{_place(key)}, or another {key}"
            )
    pipeline.load_state_dict(given)


def _place(key: str) -> str:
    """Say where the model of a part is given."""
    part = key.removeprefix("parts.")
    return "" if part == key else f" (task.transform.{part}.network and .transform)"


def _new_folder(parent: Path) -> Path:
    """Make a folder named after the time; a second run in the same second gets a number."""
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    names = [stamp, *(f"{stamp}-{number}" for number in range(2, 1000))]
    for name in names:
        try:
            (parent / name).mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(
                f"output: no folder can be made in {parent} ({error.strerror}); give another with output=DIR"
            ) from None
        return parent / name
    raise ConfigError(f"no free folder name in {parent}; clean it up")
