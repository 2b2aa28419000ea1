"""A configured run before its first step: stores, specs, loaders, pieces; everything is checked here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr

from datasets.store.layout import Store
from datasets.store.specs import VariableSpec
from surrogates.core.build import build, build_named
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.index import (
    PARTS,
    ExampleIndex,
    labels_of,
    records_of,
    scattered,
    windows_inside,
    windows_of,
)
from surrogates.data.loader import BatchLoader, ranges_of
from surrogates.data.source import WINDOW_DIMENSION
from surrogates.data.window import Window, horizon_coordinates, known_name, step_of, window_dimension
from surrogates.evaluation.derivations import Derivation
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import asked_at_once
from surrogates.learning.protocols import (
    Adversarial,
    Augmentation,
    Baseline,
    Batch,
    Objective,
    Predictor,
    Preparation,
    Provides,
    variables_of,
)
from surrogates.training.config import RunConfig
from surrogates.training.ranks import ALONE, Ranks, on_gpu, require_accelerator
from surrogates.training.stores import (
    common_specs,
    fit_from_stores,
    open_complete,
    require_variable,
    shared_coordinates,
)


@dataclass(frozen=True)
class Experiment:
    """All that a configuration names, opened and built; made by `open`."""

    config: RunConfig
    stores: list[Store]
    preparations: list[Preparation]
    augmentations: list[Augmentation]
    objective: Objective
    predictor: Predictor
    metrics: dict[str, Any]
    specs: dict[str, VariableSpec]

    @classmethod
    def open(cls, config: RunConfig) -> "Experiment":
        """Open the stores and build every piece but the network and the baselines."""
        task = config.task
        stores = [open_complete(each) for each in config.dataset]
        shared = shared_coordinates(stores[0])
        preparations, augmentations = (
            [build("augmentations", node, coordinates=shared) for node in nodes]
            for nodes in (task.preparations, task.augmentations)
        )
        objective = build("objectives", task.objective, mask=task.mask)
        predictor = build("predictors", task.predictor)
        asked, trained = getattr(predictor, "steps", 1), getattr(objective, "steps", None)
        if trained not in (None, asked):
            raise ConfigError(
                f"task.objective.steps is {trained}, but the predictor '{task.predictor['name']}' takes "
                f"{asked}; give both the same steps"
            )
        if task.both_ways and not getattr(objective, "both_ways", False):
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
        processes = config.trainer.devices * config.trainer.num_nodes
        if isinstance(objective, Adversarial) and (processes > 1 or config.trainer.strategy == "ddp"):
            raise ConfigError(
                f"task.objective: '{task.objective['name']}' trains a critic, which one process does alone; "
                f"trainer.devices, num_nodes and strategy ask for a group of {processes}; take "
                "trainer.devices=1 and trainer.strategy=auto"
            )
        metrics = build_named("metrics", task.metrics)
        specs = common_specs(stores, _window(config))
        for preparation in preparations:
            for name in variables_of(preparation):
                require_variable(name, specs, "task.preparations", stores[0].url)
            if isinstance(preparation, Provides):
                specs |= {spec.name: spec for spec in preparation.provides(specs)}
        together = draws_together(preparations)
        if task.draws > 1 and task.draws % together:
            raise ConfigError(
                f"task.draws is {task.draws}, but {together} draws belong together; "
                f"give a multiple of {together}"
            )
        return cls(config, stores, preparations, augmentations, objective, predictor, metrics, specs)

    @property
    def record_dimension(self) -> str:
        """Name of the batched dimension."""
        of_records = self.window is not None and self.window.dimension is None
        return WINDOW_DIMENSION if of_records else self.stores[0].record_dimension

    @property
    def window(self) -> Window | None:
        """What an example spans; None for single records."""
        return _window(self.config)

    @cached_property
    def coordinates(self) -> dict[str, xr.DataArray]:
        """Coordinates that all examples share; those of a window count from its last known sample."""
        shared = shared_coordinates(self.stores[0])
        if self.window is None:
            return shared
        dataset, records = self.stores[0].dataset(), self.stores[0].record_dimension
        along = self.window.dimension or records
        windows = [spec for spec in self.specs.values() if along in spec.dims and window_dimension(spec)]
        steps = [step_of(spec) for spec in windows]
        rest = {name: c for name, c in shared.items() if along not in c.dims}
        return rest | horizon_coordinates(dataset, along, self.window, steps[0] if steps else 1.0)

    @property
    def draws_together(self) -> int:
        """Draws of an example that make a whole."""
        return draws_together(self.preparations)

    @cached_property
    def inputs(self) -> list[VariableSpec]:
        """Specs of the inputs."""
        return [self.spec(name, "task.inputs") for name in self.config.task.inputs]

    @cached_property
    def targets(self) -> list[VariableSpec]:
        """Specs of the targets."""
        return [self.spec(name, "task.targets") for name in self.config.task.targets]

    @cached_property
    def derivations(self) -> list[Derivation]:
        """What is scored beside the targets."""
        context = {"specs": self.specs, "coordinates": self.coordinates}
        return [build("derivations", node, **context) for node in self.config.task.derivations]

    @cached_property
    def derived(self) -> dict[str, VariableSpec]:
        """Specs of what the derivations provide, by name."""
        found: dict[str, VariableSpec] = {}
        for spec in (spec for each in self.derivations for spec in each.provides()):
            if spec.name in found or spec.name in self.specs:
                owner = "another derivation" if spec.name in found else self.stores[0].url
                raise ConfigError(f"task.derivations: {owner} has '{spec.name}' already; leave one out")
            found[spec.name] = spec
        return found

    @property
    def mask(self) -> VariableSpec | None:
        """Spec of the mask."""
        return self.spec(self.config.task.mask, "task.mask") if self.config.task.mask else None

    def spec(self, name: str, where: str) -> VariableSpec:
        """Return the spec of a variable of a batch, or say what there is."""
        require_variable(name, self.specs, where, self.stores[0].url)
        return self.specs[name]

    @cached_property
    def variables(self) -> list[str]:
        """Names of the variables that are read from the stores, in training and scores alike."""
        task = self.config.task
        wanted = [*task.inputs, *task.targets, *([task.mask] if task.mask else [])]
        for piece in (
            *self.preparations,
            *self.augmentations,
            self.objective,
            *self.build_baselines().values(),
        ):
            wanted += variables_of(piece)
        return self._stored(wanted, "task")

    @cached_property
    def scored_only(self) -> list[str]:
        """Names of the variables that are read for the derivations alone; no method may see them."""
        wanted = [name for each in self.derivations for name in variables_of(each)]
        return [name for name in self._stored(wanted, "task.derivations") if name not in self.variables]

    def _stored(self, wanted: Sequence[str], where: str) -> list[str]:
        """Leave out of some variables what the preparations make."""
        stored = self.stores[0].specs.keys() | self.stores[0].shared_specs.keys()
        made = {name for name in self.specs if name not in stored and known_name(name) not in stored}
        for name in wanted:
            self.spec(name, where)
        return [name for name in dict.fromkeys(wanted) if name not in made]

    def index(self, part: str) -> ExampleIndex:
        """Return the examples of a part (``train``, ``validation``, ``test``)."""
        task, window = self.config.task, self.window
        leaky = task.window is not None and task.window.leaky
        records, offsets = [], []
        for store, dataset in zip(self.stores, self.config.dataset, strict=True):
            chosen = (
                np.sort(np.concatenate([records_of(store, p, dataset.split, dataset.select) for p in PARTS]))
                if leaky
                else records_of(store, part, dataset.split, dataset.select)
            )
            if window is not None and window.dimension is not None:
                chosen, offset = windows_inside(store, chosen, window)
                offsets.append(offset)
            elif window is not None:
                chosen = windows_of(store, chosen, window)
            records.append(chosen)
        index = ExampleIndex.join(records, window, offsets or None)
        return index.take(scattered(len(index), part, self.config.seed)) if leaky else index

    def labels(self, key: str, index: ExampleIndex) -> np.ndarray | None:
        """Return the label of each example that ``task.groups`` or ``task.blocks`` asks for, or None.

        It is the value of a variable of the records, or with the name ``store`` the store's address. Windows
        that overlap share their luck, so that without ``task.blocks`` a block is the record of its windows,
        or as many consecutive records as a window spans.
        """
        name = self.config.task.groups if key == "groups" else self.config.task.blocks
        if name is None and not (key == "blocks" and index.window is not None):
            return None
        return labels_of(self.stores, index, name, key, self.window)

    def loader(
        self,
        part: str,
        *,
        train: bool = False,
        index: ExampleIndex | None = None,
        batch_size: int | None = None,
        augment: bool = True,
        also: Sequence[str] = (),
        ranks: Ranks = ALONE,
    ) -> BatchLoader:
        """Return the loader of a part; an empty part is refused.

        Parameters
        ----------
        part
            ``train``, ``validation`` or ``test``.
        train
            Shuffle and draw anew in every epoch.
        index
            Examples, where they are not those of the part.
        batch_size
            Examples of a batch; the trainer's by default.
        augment
            Off: no augmentations in training batches either.
        also
            More variables to read.
        ranks
            This process among those that share the batches.
        """
        trainer = self.config.trainer
        index = self.index(part) if index is None else index
        if len(index) == 0:
            urls = listing(store.url for store in self.stores)
            if self.window is not None:
                raise ConfigError(
                    f"the {part} part of {urls} has no window of {self.window.span} samples (inputs and "
                    "horizon) without a gap; check the split and the selection, or take a shorter window"
                )
            raise ConfigError(f"the {part} part of {urls} is empty; check the split and the selection")
        return BatchLoader(
            self.stores,
            index,
            [*self.variables, *also],
            batch_size or trainer.batch_size,
            self.config.seed,
            preparations=self.preparations,
            augmentations=self.augmentations if augment else [],
            train=train,
            threads=trainer.threads,
            cache_bytes=int(trainer.cache_gigabytes * 2**30),
            pin_memory=on_gpu(trainer),
            rank=ranks.rank,
            ranks=ranks.size,
        )

    def pipeline(self) -> Pipeline:
        """Return the pipeline with fresh weights, drawn from the run's seed."""
        torch.manual_seed(self.config.seed)
        return Pipeline.from_config(
            PipelineConfig(
                inputs=self.inputs,
                targets=asked_at_once(self.predictor, self.inputs, self.targets),
                transform=self.config.task.transform,
                network=self.config.model,
                record_dimension=self.record_dimension,
                distribution=getattr(self.objective, "distribution", None),
                normalisation=self.config.task.normalisation,
                both_ways=self.config.task.both_ways,
            )
        )

    def reversed(self) -> "Experiment":
        """Return the same experiment with inputs and targets exchanged, to score the other direction."""
        task = self.config.task
        turned = task.model_copy(update={"inputs": task.targets, "targets": task.inputs})
        return replace(self, config=self.config.model_copy(update={"task": turned}))

    def build_baselines(self) -> dict[str, Baseline]:
        """Return the baselines by name, not fitted."""
        task = self.config.task
        context: dict[str, object] = {
            "targets": task.targets,
            "inputs": task.inputs,
            "mask": task.mask,
            "specs": self.specs,
            "coordinates": self.coordinates,
        }
        return build_named("baselines", task.baselines, **context)

    def fit_normalisers(self, pipeline: Pipeline, batches: Iterable[Mapping[str, torch.Tensor]]) -> None:
        """Fit the normalisers from the stores' exact statistics where they serve, else from batches."""
        task = self.config.task
        kept = not self.preparations and task.window is None
        if not (kept and fit_from_stores(pipeline, self.stores, self.index("train"), task.mask)):
            pipeline.fit_normalisers(batches, task.mask)

    def ranges(self, batches: Iterable[Batch], pipeline: Pipeline) -> dict[str, tuple[float, float]]:
        """Return the smallest and largest finite training value of each input whose level matters."""
        free = getattr(pipeline.transform, "offset_free", ())
        asked = [*self.inputs, *self.targets] if self.config.task.both_ways else self.inputs
        names = [spec.name for spec in asked if spec.name not in free]
        return ranges_of(batches, names) if names else {}

    def check(self, pipeline: Pipeline) -> None:
        """Take a few examples through objective and predictor before any work.

        Raises
        ------
        ConfigError
            When a shape, a name or a unit does not fit.
        """
        index = self.index("train")
        few = index.take(np.arange(min(2, len(index))))
        batch = next(iter(self.loader("train", index=few, batch_size=len(few) or 1)))
        trainer = self.config.trainer
        require_accelerator(trainer)
        for key in ("groups", "blocks"):
            self.labels(key, few)
        _ = self.derived, self.scored_only  # what they refuse is refused now
        if self.config.task.both_ways:
            _ = self.reversed().variables  # so is what the baselines of the other direction refuse
        build("optimisers", trainer.optimiser, parameters=list(pipeline.parameters()), fused=None)
        build("schedules", trainer.schedule, steps=1)
        pipeline.eval()
        try:
            with torch.no_grad():
                self.objective(pipeline, batch, torch.Generator().manual_seed(0))
                answer = self.predictor(pipeline, {name: batch[name] for name in pipeline.input_names}, None)
        except RuntimeError as error:  # torch's word for shapes and types that do not fit
            network = pipeline.config.network["name"]
            raise ConfigError(
                f"the first two examples do not pass through the model '{network}': {error}"
            ) from error
        for name in pipeline.target_names:
            if name not in answer or answer[name].shape != batch[name].shape:
                found = tuple(answer[name].shape) if name in answer else "nothing"
                raise ConfigError(
                    f"the predictor answers {found} for the target '{name}' of shape "
                    f"{tuple(batch[name].shape)}; check the network's grid and the predictor"
                )


def draws_together(preparations: Iterable[Preparation]) -> int:
    """Return how many draws of an example make a whole, such as the folds of a division."""
    return max((int(getattr(each, "draws_together", 1)) for each in preparations), default=1)


def _window(config: RunConfig) -> Window | None:
    given = config.task.window
    return None if given is None else Window(given.length, given.stride, given.horizon, given.dimension)
