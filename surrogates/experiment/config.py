"""The configuration of a run: every key, its default and its bounds."""

import re
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from datasets.store.urls import CREDENTIALS, local_path, normalise, require_address, require_protocol
from surrogates.core.text import listing, nearest
from surrogates.data.index import Value
from surrogates.learning.answers import deviation_name
from surrogates.learning.normaliser import Normalisation
from surrogates.learning.pipeline_config import Sides


def _as_node(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _as_nodes(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


Node = Annotated[dict[str, Any], BeforeValidator(_as_node)]
"""``{name: ..., **arguments}`` of a registered piece; a plain string is the name."""
Nodes = Annotated[list[Node], BeforeValidator(_as_nodes)]
"""Several of them; one may stand alone."""


def _as_names(value: object) -> object:
    return [] if value is None else [value] if isinstance(value, str) else value


_STRINGS = {"type": "array", "items": {"type": "string"}}
Names = Annotated[
    list[str],
    BeforeValidator(_as_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, _STRINGS, {"type": "null"}]}),
]
"""Names of variables; one may stand alone."""
EACH = "each"


def _expanded(value: object) -> object:
    """Return a plain node for every combination of the values that a node lists under `each`."""
    if not isinstance(nodes := _as_nodes(value), list):
        return nodes
    found: list[object] = []
    for node in map(_as_node, nodes):
        if not isinstance(node, dict) or EACH not in node:
            found.append(node)
            continue
        listed = node[EACH]
        if not isinstance(listed, dict) or not all(isinstance(v, list) and v for v in listed.values()):
            raise ValueError(
                f"{EACH} of '{node.get('name')}' is {listed!r}; give lists of values by argument, such as "
                "each: {snr: [20, 10, 0]}"
            )
        if twice := sorted(set(listed) & set(node)):
            raise ValueError(
                f"'{node.get('name')}' gives {listing(twice)} both alone and under {EACH}; keep one"
            )
        alone = {key: argument for key, argument in node.items() if key != EACH}
        found += [{**alone, **dict(zip(listed, values, strict=True))} for values in product(*listed.values())]
    return found


_NODE = {"anyOf": [{"type": "string"}, {"type": "object"}]}
Conditions = Annotated[
    list[Node],
    BeforeValidator(_expanded),
    WithJsonSchema({"anyOf": [*_NODE["anyOf"], {"type": "array", "items": _NODE}]}),
]
"""Nodes of preparations, where `each: {argument: [values]}` stands for one node per combination."""


def _at_home(path: str) -> str:
    folder = local_path(path)
    if folder is None:
        raise ValueError(f"found the URL {path}, expected a folder on this machine's disk")
    return str(folder)


def _addressed(url: str) -> str:
    require_address(url)
    return url


SECRET = re.compile(r"secret|password|token|credential|connection_string|(^|_)key($|_(?!id))", re.IGNORECASE)
"""What the name of an option holds that is a credential."""
NO_SECRET = (None, "anon", "cloud", "google_default")
"""Values that tell a file system where to look for credentials, or that it needs none."""


def _secret_keys(options: Any) -> Iterator[str]:
    """Yield the names of options, in mappings of any depth, that hold credentials."""
    for key, value in options.items() if isinstance(options, dict) else ():
        if SECRET.search(str(key)) and value not in NO_SECRET:
            yield str(key)
        yield from _secret_keys(value)


def _known(source: str) -> str:
    require_address(source)
    require_protocol(source)
    return normalise(source)


Folder = Annotated[str, AfterValidator(_at_home)]
"""A path on this machine's disk, where `~` is home and ``file://`` says nothing more."""
Source = Annotated[str, AfterValidator(_known)]
"""A path, or the URL of a store or a bundle; no password is part of it."""
METRICS = ("rmse", "mae", "bias", "crps", "coverage", "interval_width", "gaussian_coverage")


def with_head(task: Any) -> Any:
    """Turn an objective of the previous release into a head, with a warning.

    The objective `gaussian_nll` is the head `gaussian` now, and `loss` of `regression` one of the head
    `point`; inside `forecast` too.
    """
    if not isinstance(task, dict) or not isinstance(_as_node(task.get("objective")), dict):
        return task
    objective = dict(cast(dict[str, Any], _as_node(task["objective"])))
    nested = objective.get("name") == "forecast" and isinstance(objective.get("loss"), dict)
    inner = dict(objective["loss"]) if nested else objective
    keys = {"gaussian_nll": "beta", "regression": "loss"}.get(str(inner.get("name")))
    if keys is None or (keys == "loss" and keys not in inner):
        return task
    name = "gaussian" if keys == "beta" else "point"
    head = {"name": name, **({keys: inner.pop(keys)} if keys in inner else {})}
    inner["name"] = "regression"
    if nested:
        objective["loss"] = inner
    given = task.get("head", head)
    kept = given if isinstance(given, dict) else {"name": given}
    if any(kept.get(key) != value for key, value in head.items()):
        raise ValueError(f"task.head is {given}, but task.objective says {head}; say it only in task.head")
    warnings.warn(
        f"task.objective: say task.head={head} with the objective 'regression'; the next release refuses "
        "the old form",
        FutureWarning,
        stacklevel=2,
    )
    return {**task, "objective": objective, "head": given}


class Section(BaseModel):
    """A section of the configuration; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class DatasetConfig(Section):
    """A store and the records of it to use."""

    url: Annotated[str, AfterValidator(_addressed)] = Field(description="Folder or fsspec URL of the store.")
    split: str = Field("split", description="Name of the split.")
    select: dict[str, Value | list[Value]] = Field(
        {}, description="Allowed values of variables of the records."
    )
    storage_options: dict[str, Any] = Field(
        {}, description="Options of the file system, without credentials: a run writes them down."
    )

    @field_validator("storage_options")
    @classmethod
    def _without_credentials(cls, options: dict[str, Any]) -> dict[str, Any]:
        if secret := sorted(_secret_keys(options)):
            raise ValueError(f"{listing(secret)} would be written into the run's files; {CREDENTIALS}")
        return options


class WindowConfig(Section):
    """Examples of consecutive samples and the horizon behind them."""

    length: int = Field(gt=0, description="Samples of the inputs.")
    stride: int = Field(1, gt=0, description="Samples between the starts of two examples.")
    horizon: int = Field(0, ge=0, description="Samples ahead, which a variable `v` offers as `v_forecast`.")
    dimension: str | None = Field(None, description="Dimension inside a record; none: consecutive records.")

    @model_validator(mode="before")
    @classmethod
    def _without_leaky(cls, values: Any) -> Any:
        """Drop `leaky: false`, which runs of the release before have written down."""
        if not isinstance(values, dict) or "leaky" not in values:
            return values
        if values["leaky"]:
            raise ValueError(
                "leaky=true divided overlapping windows and is no longer taken; leave it out: a split "
                "divides whole records"
            )
        return {key: value for key, value in values.items() if key != "leaky"}


class IntervalsConfig(Section):
    """How intervals, and the score `trust`, are calibrated on the validation subset."""

    groups: Names = Field(
        default=[],
        description="Variables of the records whose values are the groups: intervals then hold for new "
        "groups, such as unseen cities; none: for new records, or blocks of them.",
    )
    scale: list[Literal["deviation", "distance"]] = Field(
        default=["deviation"],
        description="What the width of an interval follows: the standard deviation or quantiles of the head, "
        "the distance of the record to the training data; none: all are equally wide.",
    )


def with_early_stopping(trainer: Any) -> Any:
    """Turn `trainer.patience` of the previous release into a callback, with a warning."""
    if not isinstance(trainer, dict) or "patience" not in trainer:
        return trainer
    rest = {key: value for key, value in trainer.items() if key != "patience"}
    if trainer["patience"] is None:
        return rest
    node = {"name": "early_stopping", "patience": trainer["patience"]}
    given = cast(list[Any], _as_nodes(rest.get("callbacks") or []))
    warnings.warn(
        f"trainer.patience: say trainer.callbacks=[{node}]; the next release refuses the old key",
        FutureWarning,
        stacklevel=2,
    )
    return {**rest, "callbacks": [*given, node]}


class TaskConfig(Section):
    """Inputs, targets, and how predictions are scored."""

    name: str = Field("regression", description="Name of the task, for people.")
    inputs: list[str] = Field(min_length=1, description="Input variables.")
    targets: list[str] = Field(min_length=1, description="Target variables.")
    mask: str | dict[str, str] | None = Field(
        None,
        description="Variable of the target cells that count, bool or weights; or one of each target, by "
        "target.",
    )
    directions: Names = Field(
        [], description="Variables that are angles around a full turn, where the store does not say so."
    )
    shared: dict[str, float] = Field(
        {}, description="Numbers that all records share and the stores do not tell, such as a frequency."
    )
    transform: Node = Field({"name": "stack"}, description="Inputs to channels.")
    head: Node = Field({"name": "point"}, description="What the network's outputs mean.")
    normalisation: Normalisation | Sides = Field(
        "standard",
        description="How channels are normalised: `standard` or `min_max` per channel, `max_norm` or "
        "`whitening` over the vector; one name or `{inputs:, targets:}`.",
    )
    both_ways: bool = Field(False, description="Learn the inputs from the targets too, with one network.")
    objective: Node = Field({"name": "regression"}, description="What training makes small.")
    predictor: Node = Field({"name": "direct"}, description="How the trained network is asked.")
    preparations: list[Node] = Field([], description="Steps of every batch.")
    augmentations: list[Node] = Field([], description="Steps of training batches.")
    window: WindowConfig | None = Field(None, description="Examples of several records.")
    metrics: list[Node] = Field([{"name": name} for name in METRICS], description="Scores.")
    derivations: list[Node] = Field([], description="What follows from an answer, scored like a target.")
    baselines: list[Node] = Field([{"name": "mean"}], description="What the model is compared with.")
    draws: int = Field(
        1, gt=0, description="How often each example is scored, each time prepared anew (not in training)."
    )
    valid_min: dict[str, float] = Field({}, description="Smallest value of a target that is scored.")
    groups: Names = Field(
        [], description="Variables of the records; each combination of their values is scored apart."
    )
    conditions: Conditions = Field(
        [],
        description="Preparations under which the inputs are scored once more, such as noise; `each` lists "
        "values of arguments, all combinations of which are taken.",
    )
    blocks: str | None = Field(None, description="Variable of the records that share randomness.")
    intervals: IntervalsConfig = Field(
        IntervalsConfig(), description="How intervals, and the score `trust`, are calibrated."
    )
    plots: list[Node] = Field([{"name": "fields"}], description="Pictures of the report.")

    @model_validator(mode="before")
    @classmethod
    def _head_of_old_objective(cls, values: Any) -> Any:
        return with_head(values)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        names = [*self.inputs, *self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice} stand twice among inputs and targets; name each variable once")
        for mask in self.masks:
            if mask in self.targets:
                raise ValueError(
                    f"the mask '{mask}' is a target; give a variable that says which cells count"
                )
        for name in self.mask if isinstance(self.mask, dict) else ():
            self._require_target("mask", name)
        for name in self.targets:
            if deviation_name(name) in self.targets:
                raise ValueError(
                    f"the target '{deviation_name(name)}' would pass for the standard deviation of a "
                    f"prediction of '{name}'; train on them apart, or rename one"
                )
        for name in self.valid_min:
            self._require_target("valid_min", name)
        return self

    @property
    def masks(self) -> list[str]:
        """Names of all masks, each once."""
        if isinstance(self.mask, dict):
            return list(dict.fromkeys(self.mask.values()))
        return [self.mask] if self.mask else []

    def mask_of(self, target: str) -> str | None:
        """Return the name of a target's mask, or None."""
        return self.mask.get(target) if isinstance(self.mask, dict) else self.mask

    def _require_target(self, key: str, name: str) -> None:
        if name not in self.targets:
            raise ValueError(
                f"{key}: '{name}' is not a target.{nearest(name, self.targets)} "
                f"Targets: {listing(self.targets)}"
            )


class TrainerConfig(Section):
    """Length, learning rate and devices of the training."""

    max_steps: int | None = Field(None, gt=0, description="Optimiser steps.")
    epochs: int | None = Field(None, gt=0, description="Passes over the training split.")
    batch_size: int = Field(32, gt=0, description="Examples of a step.")
    optimiser: Node = Field({"name": "adam"}, description="Optimiser.")
    schedule: Node = Field({"name": "constant"}, description="Factor on the learning rate.")
    freeze: list[str] = Field([], description="Patterns of names of the network's weights that stay.")
    groups: dict[str, dict[str, float]] = Field(
        {}, description="Settings of the optimiser for weights by pattern, e.g. {'encoder.*': {lr: 1e-4}}."
    )
    gradient_clip: float | None = Field(None, gt=0, description="Largest norm of the gradient.")
    ema: float | None = Field(None, gt=0, lt=1, description="Decay of the average of the weights.")
    precision: Annotated[
        Literal["32", "bf16", "16"], BeforeValidator(str, Literal["32", "bf16", "16", 32, 16])
    ] = Field("32", description="Number format of the network's arithmetic.")
    compile: bool = Field(False, description="Compile the network.")
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = Field("auto", description="Where to train.")
    devices: int | None = Field(
        None,
        gt=0,
        description="Processes of a machine, each with a device of its own; none: as many as torchrun or "
        "srun has started, else one.",
    )
    num_nodes: int | None = Field(
        None, gt=0, description="Machines; none: those of torchrun or srun, or one."
    )
    strategy: Literal["auto", "ddp"] = Field(
        "auto", description="ddp: processes that share each batch and average gradients; auto with several."
    )
    deterministic: bool = Field(False, description="Refuse kernels whose result varies (GPU).")
    validate_every: int | None = Field(None, gt=0, description="Steps between validations and checkpoints.")
    callbacks: Nodes = Field([], description="What watches the run, such as `early_stopping`.")
    loggers: Nodes = Field(
        [{"name": "csv"}, {"name": "tensorboard"}],
        description="What records it; the loss curves are always kept as CSV.",
    )
    log_every: int = Field(50, gt=0, description="Steps between two points of the loss curve.")
    threads: int = Field(2, ge=0, description="Threads that read and prepare batches.")
    cache_gigabytes: float = Field(4.0, ge=0, description="Largest split that is kept in memory.")
    progress: bool = Field(True, description="Show a progress bar.")

    @property
    def processes(self) -> int:
        """Processes that the configuration asks for."""
        return (self.devices or 1) * (self.num_nodes or 1)

    @model_validator(mode="before")
    @classmethod
    def _callback_of_old_patience(cls, values: Any) -> Any:
        return with_early_stopping(values)

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.max_steps is None) == (self.epochs is None):
            found = "neither" if self.epochs is None else "both"
            raise ValueError(
                f"found {found} of max_steps and epochs, expected one; the other is null, as in "
                "trainer.max_steps=null"
            )
        return self

    @model_validator(mode="after")
    def _equal_shares(self) -> Self:
        require_equal_shares(self.batch_size, self.processes)
        return self


def require_equal_shares(batch_size: int, processes: int) -> None:
    """Refuse a batch that processes cannot share equally."""
    if batch_size % processes:
        raise ValueError(
            f"batch_size {batch_size} cannot be shared equally by {processes} processes (devices times "
            f"num_nodes); take a multiple of {processes}"
        )


class InitConfig(Section):
    """Weights to start from."""

    source: Source = Field(alias="from", description="Bundle or run: folder, zoo:NAME or URL.")
    only: list[str] = Field([], description="Patterns of names of the network's weights; none takes all.")

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, values: Any) -> Any:
        return {"from": values} if isinstance(values, str) else values

    @model_serializer
    def _as_given(self) -> dict[str, Any]:
        return {"from": self.source, "only": list(self.only)}


class RunConfig(Section):
    """A run."""

    experiment: str = Field("run", description="Name of the experiment; names the run's folder.")
    size: str | None = Field(None, description="Name of one of the experiment's sizes.")
    seed: int = Field(0, ge=0, description="Seed of weights, order, preparations and augmentations.")
    dataset: list[DatasetConfig] = Field(min_length=1, description="Stores, concatenated.")
    task: TaskConfig
    model: Node = Field(description="Network.")
    trainer: TrainerConfig
    output: Folder = Field("runs", description="Folder of all runs.")
    init: InitConfig | None = Field(
        None,
        description="Bundle or run whose weights are the start, or `{from: RUN, only: [PATTERNS]}`; or a "
        "file of published weights that the model knows to read.",
    )
    parts: dict[str, Source] = Field(
        {}, description="Pipelines inside the transform, and the runs or bundles they come from."
    )

    @model_validator(mode="before")
    @classmethod
    def _one_store(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        dataset = values.get("dataset")
        if not dataset:
            raise ValueError("no data: give the path or URL of a store, such as dataset=data/mine.zarr")
        stores = dataset if isinstance(dataset, list) else [dataset]
        return {**values, "dataset": [{"url": each} if isinstance(each, str) else each for each in stores]}
