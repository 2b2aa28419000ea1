"""The weights that a run starts from: those of another run, and those of pipelines inside its transform."""

from collections.abc import Sequence

from datasets.store.urls import local_path
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.experiment.config import RunConfig
from surrogates.inference.bundle import load_bundle
from surrogates.learning.contract import ReadsWeights
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.selection import matching


def take_weights(pipeline: Pipeline, config: RunConfig) -> None:
    """Load the weights that the configuration names; a pipeline inside the transform needs some."""
    inner = {key: child for key, child in pipeline.transform.named_children() if isinstance(child, Pipeline)}
    if config.init and _is_file(config.init.source):
        _take_file(pipeline, config.init.source, config.init.only)
    elif config.init and config.init.only:
        _take_some(pipeline, config.init.source, config.init.only)
    elif config.init:
        _take_weights(pipeline, config.init.source, "init")
    for name, source in config.parts.items():
        if name not in inner:
            raise ConfigError(
                f"parts: the transform has no pipeline '{name}'.{nearest(name, inner)} "
                f"It has: {listing(inner)}."
            )
        _take_weights(inner[name], source, f"parts.{name}")
    for name in inner:
        if name not in config.parts and not takes_all(config):
            raise ConfigError(
                f"parts: the transform's pipeline '{name}' is not trained here and has no weights; "
                f"train it first and give its run with parts.{name}=RUN"
            )


def takes_all(config: RunConfig) -> bool:
    """Return whether all weights come from a bundle, and the normalisers with them."""
    return bool(config.init and not config.init.only and not _is_file(config.init.source))


def _is_file(source: str) -> bool:
    """Return whether weights come from a file instead of a bundle."""
    path = local_path(source)
    return path is not None and path.is_file()


def _take_file(pipeline: Pipeline, source: str, patterns: Sequence[str]) -> None:
    """Start from published weights of a part of the network, which the network itself knows to read."""
    network = pipeline.network
    if not isinstance(network, ReadsWeights):
        raise ConfigError(
            f"init: {source} is a file, and the model '{pipeline.config.network['name']}' reads no weights "
            "from files; give a run or a bundle"
        )
    if patterns:
        raise ConfigError(
            f"init.only chooses among the weights of a run or a bundle, and {source} is a file; leave it out"
        )
    network.load_weights(source)


def _take_some(pipeline: Pipeline, source: str, patterns: Sequence[str]) -> None:
    """Start from the weights of another network that match; the rest, and the normalisers, are new."""
    given = load_bundle(source).pipeline.network.state_dict()
    own = pipeline.network.state_dict()
    for name in matching(own, patterns, "init.only"):
        found = tuple(given[name].shape) if name in given else "nothing"
        if found != tuple(own[name].shape):
            raise ConfigError(
                f"init: {source} has {found} where this network has {tuple(own[name].shape)} ({name}); leave "
                "it out of init.only, or give the model of the bundle"
            )
        own[name] = given[name]
    pipeline.network.load_state_dict(own)


def _take_weights(pipeline: Pipeline, source: str, key: str) -> None:
    """Start from the weights of a bundle, normalisers included; names and shapes must agree."""
    bundle = load_bundle(source)
    where = bundle.origin or bundle.folder
    given = bundle.pipeline.state_dict()
    own = pipeline.state_dict()
    for name in sorted(own.keys() | given.keys()):
        found = tuple(given[name].shape) if name in given else "nothing"
        expected = tuple(own[name].shape) if name in own else "nothing"
        if found != expected:
            raise ConfigError(
                f"{key}: {where} has {found} where this run has {expected} ({name}); "
                f"give the model and the task of the bundle{_keys_of(key)}, or another {key}"
            )
    pipeline.load_state_dict(given)


def _keys_of(key: str) -> str:
    """Return which keys give the model of a pipeline inside the transform, as text."""
    name = key.removeprefix("parts.")
    return "" if name == key else f" (task.transform.{name}.network and .transform)"
