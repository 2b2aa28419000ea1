"""The pieces of a run, and the configuration with all their defaults."""

from dataclasses import dataclass
from typing import Any

from surrogates.core.build import resolved
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.experiment.config import RunConfig
from surrogates.learning.context import Context
from surrogates.learning.contract import (
    Baseline,
    Derivation,
    Metric,
    Objective,
    Plot,
    Predictor,
    Preparation,
)
from surrogates.learning.heads import Head
from surrogates.learning.piece import Piece
from surrogates.learning.pipeline import HEAD_ARGUMENTS, NETWORK_ARGUMENTS
from surrogates.learning.transform import Transform

SEVERAL: dict[str, type[Piece]] = {
    "preparations": Preparation,
    "augmentations": Preparation,
    "metrics": Metric,
    "derivations": Derivation,
    "baselines": Baseline,
    "plots": Plot,
}

LOGGER_ARGUMENTS = ("folder", "first_step", "experiment", "run")
"""What the program tells the constructor of a logger, as far as it takes them."""

SUPPLIED: dict[str, tuple[str, ...]] = {
    "models": NETWORK_ARGUMENTS,
    "heads": HEAD_ARGUMENTS,
    "optimisers": ("parameters", "fused"),
    "schedules": ("steps",),
    "loggers": LOGGER_ARGUMENTS,
}
"""Arguments that the program gives beside context and facts, by kind."""


@dataclass(frozen=True)
class Pieces:
    """The pieces that train, evaluate and score the pipeline of a run; made by `build`."""

    objective: Objective
    predictor: Predictor
    metrics: dict[str, Metric]

    @classmethod
    def build(cls, config: RunConfig, context: Context) -> "Pieces":
        """Build the pieces that a configuration names, and refuse those that do not fit together."""
        task = config.task
        objective = Objective.build(task.objective, context)
        predictor = Predictor.build(task.predictor, context)
        _require_equal_steps(config, objective, predictor)
        _require_directions(config, objective)
        return cls(objective, predictor, Metric.build_named(task.metrics, context))


def require_read(config: RunConfig) -> None:
    """Refuse a number of `task.shared` that no piece reads.

    Raises
    ------
    ConfigError
        With the nearest name that is read.
    """
    task = config.task
    nodes: list[tuple[type[Piece], dict[str, Any]]] = [
        (Transform, task.transform),
        (Head, task.head),
        (Objective, task.objective),
        (Predictor, task.predictor),
        *((kind, node) for key, kind in SEVERAL.items() for node in getattr(task, key)),
        *((Preparation, node) for node in task.conditions),
    ]
    read = sorted({name for kind, node in nodes for name in kind.fact_names(node)})
    for name in task.shared:
        if name not in read:
            raise ConfigError(
                f"task.shared: no piece of the run reads '{name}'.{nearest(name, read)} They read "
                f"{listing(read)}."
            )


def _require_equal_steps(config: RunConfig, objective: Objective, predictor: Predictor) -> None:
    asked = predictor.steps
    if objective.steps not in (None, asked):
        raise ConfigError(
            f"task.objective.steps is {objective.steps}, but the predictor "
            f"'{config.task.predictor['name']}' takes {asked}; give both the same steps"
        )


def _require_directions(config: RunConfig, objective: Objective) -> None:
    task = config.task
    if task.both_ways and not objective.both_ways:
        raise ConfigError(
            f"task.both_ways: the objective '{task.objective['name']}' teaches one direction; take one "
            "that teaches both, such as translation"
        )
    if task.both_ways and (task.mask or task.valid_min):
        given = "mask" if task.mask else "valid_min"
        raise ConfigError(
            f"task.both_ways: task.{given} tells the cells of one direction's targets that count; leave "
            "it out, or train one direction"
        )


def with_defaults(config: RunConfig) -> dict[str, Any]:
    """Return a configuration with the defaults of every piece filled in, as plain values."""
    plain = config.model_dump(mode="json")
    task, trainer = plain["task"], plain["trainer"]
    plain["model"] = resolved("models", config.model, **_supplied("models"))
    task["transform"] = Transform.resolved(config.task.transform)
    task["head"] = Head.resolved(config.task.head, *SUPPLIED["heads"])
    task["objective"] = Objective.resolved(config.task.objective)
    task["predictor"] = Predictor.resolved(config.task.predictor)
    for key, kind in SEVERAL.items():
        task[key] = [kind.resolved(node) for node in task[key]]
    trainer["optimiser"] = resolved("optimisers", trainer["optimiser"], **_supplied("optimisers"))
    trainer["schedule"] = resolved("schedules", trainer["schedule"], **_supplied("schedules"))
    trainer["callbacks"] = [resolved("callbacks", node) for node in trainer["callbacks"]]
    trainer["loggers"] = [resolved("loggers", node, **_supplied("loggers")) for node in trainer["loggers"]]
    return plain


def _supplied(kind: str) -> dict[str, Any]:
    return dict.fromkeys(SUPPLIED[kind])
