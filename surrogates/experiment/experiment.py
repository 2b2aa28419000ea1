"""A configured run before its first step: data, pieces and network, opened and checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.data.disturbance import Disturbance
from surrogates.data.index import ExampleIndex
from surrogates.data.loader import BatchLoader, ranges_of
from surrogates.experiment.conditions import planned_conditions
from surrogates.experiment.config import RunConfig
from surrogates.experiment.data import RunData
from surrogates.experiment.devices import require_accelerator
from surrogates.experiment.pieces import Pieces, require_read
from surrogates.experiment.stores import fit_from_stores, require_values, warn_of_copies
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline, Derivation, Plot, Preparation, Watching
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import targets_of_one_step
from surrogates.learning.selection import matching


def context_of(config: RunConfig, data: RunData) -> Context:
    """Return what pieces know of the data and of the task."""
    task = config.task
    inputs = tuple(data.spec(name, "task.inputs") for name in task.inputs)
    targets = tuple(data.spec(name, "task.targets") for name in task.targets)
    masks = {name: data.spec(name, "task.mask") for name in task.masks}
    if isinstance(task.mask, dict) and task.mask:
        by_target = {target: masks[name] for target, name in task.mask.items()}
        return replace(data.context, inputs=inputs, targets=targets, mask=by_target)
    return replace(data.context, inputs=inputs, targets=targets, mask=next(iter(masks.values()), None))


@dataclass(frozen=True)
class Experiment:
    """All that a configuration names, opened and built; made by `open`."""

    config: RunConfig
    data: RunData
    pieces: Pieces

    @classmethod
    def open(cls, config: RunConfig) -> "Experiment":
        """Open the stores and build every piece but the network and the baselines."""
        data = RunData.open(config)
        return cls(config, data, Pieces.build(config, context_of(config, data)))

    @property
    def context(self) -> Context:
        """What pieces know of the data and of the task."""
        return context_of(self.config, self.data)

    @cached_property
    def inputs(self) -> list[VariableSpec]:
        """Specs of the inputs."""
        return list(self.context.inputs)

    @cached_property
    def targets(self) -> list[VariableSpec]:
        """Specs of the targets."""
        return list(self.context.targets)

    @cached_property
    def derivations(self) -> list[Derivation]:
        """Derived quantities, scored beside the targets."""
        return [Derivation.build(node, self.context) for node in self.config.task.derivations]

    @cached_property
    def derived(self) -> dict[str, VariableSpec]:
        """Specs of what the derivations provide, by name."""
        found: dict[str, VariableSpec] = {}
        for spec in (spec for each in self.derivations for spec in each.provides()):
            if spec.name in found or spec.name in self.data.specs:
                owner = "another derivation" if spec.name in found else self.data.stores[0].url
                raise ConfigError(f"task.derivations: {owner} has '{spec.name}' already; leave one out")
            found[spec.name] = spec
        return found

    @cached_property
    def variables(self) -> list[str]:
        """Names of the variables that are read from the stores, in training and scores alike."""
        task = self.config.task
        wanted = [*task.inputs, *task.targets, *task.masks]
        for piece in (
            *self.data.preparations,
            *self.data.augmentations,
            self.pieces.objective,
            *self.build_baselines().values(),
        ):
            wanted += piece.variables
        return self.data.stored(wanted, "task")

    @cached_property
    def scored_only(self) -> list[str]:
        """Names of the variables that only derivations and conditions read; no method may see them."""
        wanted = [name for each in self.derivations for name in each.variables]
        stored = self.data.stored(wanted, "task.derivations")
        wanted = [name for _, preparation in self._disturbing for name in preparation.variables]
        stored += self.data.stored(wanted, "task.conditions")
        return [name for name in dict.fromkeys(stored) if name not in self.variables]

    @cached_property
    def drawn_only(self) -> list[str]:
        """Names of the variables that only pictures read."""
        plots = (Plot.build(node, self.context) for node in self.config.task.plots)
        stored = self.data.stored([name for each in plots for name in each.variables], "task.plots")
        return [name for name in stored if name not in (*self.variables, *self.scored_only)]

    @cached_property
    def conditions(self) -> list[Disturbance]:
        """Disturbances of the inputs under which every method is scored once more."""
        reference = [*self.config.task.targets, *self.config.task.masks]
        kept = frozenset(self.scored_only)
        return [
            Disturbance(name, preparation, position, frozenset(reference), kept)
            for (name, position), preparation in self._disturbing
        ]

    @cached_property
    def _disturbing(self) -> list[tuple[tuple[str, int], Preparation]]:
        planned = planned_conditions(self.config.task.preparations, self.config.task.conditions)
        return [
            ((each.name, each.position), Preparation.build(each.node, self.data.context)) for each in planned
        ]

    def disturbed_by(self, condition: Disturbance, index: ExampleIndex) -> bool:
        """Return whether a condition changes what methods read, by the first examples of an index."""
        few = index.take(np.arange(min(2, len(index.record))))
        loader = self.loader("test", index=few, batch_size=len(few), also=self.scored_only)
        batch, seen = next(loader.disturbed(condition))
        for spec in self.inputs:
            if seen[spec.name].shape != batch[spec.name].shape:
                shapes = [tuple(each[spec.name].shape) for each in (batch, seen)]
                raise ConfigError(
                    f"task.conditions: '{condition.name}' turns '{spec.name}' of shape {shapes[0]} into "
                    f"{shapes[1]}; take a preparation that keeps shapes"
                )
        return condition.reaches(batch, seen)

    def loader(
        self,
        subset: str,
        *,
        train: bool = False,
        index: ExampleIndex | None = None,
        batch_size: int | None = None,
        augment: bool = True,
        also: Sequence[str] = (),
        rank: int = 0,
        ranks: int = 1,
    ) -> BatchLoader:
        """Return the loader of a subset, as `RunData.loader`; `also` names more variables to read."""
        return self.data.loader(
            subset,
            [*self.variables, *also],
            train=train,
            index=index,
            batch_size=batch_size,
            augment=augment,
            rank=rank,
            ranks=ranks,
        )

    def pipeline(self) -> Pipeline:
        """Return the pipeline with fresh weights, drawn from the run's seed."""
        torch.manual_seed(self.config.seed)
        return Pipeline(
            PipelineConfig(
                inputs=self.inputs,
                targets=targets_of_one_step(self.pieces.predictor, self.inputs, self.targets),
                transform=self.config.task.transform,
                network=self.config.model,
                record_dimension=self.data.record_dimension,
                head=self.config.task.head,
                normalisation=self.config.task.normalisation,
                both_ways=self.config.task.both_ways,
            ),
            self.context,
        )

    def reversed(self) -> "Experiment":
        """Return the same experiment with inputs and targets exchanged, to score the other direction."""
        task = self.config.task
        turned = task.model_copy(update={"inputs": task.targets, "targets": task.inputs})
        return replace(self, config=self.config.model_copy(update={"task": turned}))

    def build_baselines(self) -> dict[str, Baseline]:
        """Return the baselines by name, not fitted."""
        return Baseline.build_named(self.config.task.baselines, self.context)

    def fit_normalisers(self, pipeline: Pipeline, batches: Iterable[Mapping[str, torch.Tensor]]) -> None:
        """Fit the normalisers from the stores' exact statistics if they suffice, else from batches."""
        task, data = self.config.task, self.data
        kept = not data.preparations and task.window is None
        if not (kept and fit_from_stores(pipeline, data.stores, data.index("train"), task)):
            pipeline.fit_normalisers(batches, task.mask)

    def ranges(self, batches: Iterable[Batch], pipeline: Pipeline) -> dict[str, tuple[float, float]]:
        """Return the smallest and largest finite training value of each input whose level matters."""
        free = pipeline.transform.offset_free
        asked = [*self.inputs, *self.targets] if self.config.task.both_ways else self.inputs
        names = [spec.name for spec in asked if spec.name not in free]
        return ranges_of(batches, names) if names else {}

    def check(self, pipeline: Pipeline) -> None:
        """Pass a few examples through objective and predictor, before any work.

        Raises
        ------
        ConfigError
            When a shape, a name or a unit does not fit.
        """
        index = self.data.index("train")
        few = index.take(np.arange(min(2, len(index))))
        batch = next(iter(self.loader("train", index=few, batch_size=len(few) or 1)))
        trainer = self.config.trainer
        require_accelerator(trainer)
        if trainer.compile and self.pieces.objective.needs_gradients:
            raise ConfigError(
                f"trainer.compile: the objective '{self.config.task.objective['name']}' differentiates the "
                "network, and what is compiled can be differentiated only once; take trainer.compile=false"
            )
        require_read(self.config)
        require_values(self.data.stores, index, self.config.task, "train")
        require_values(self.data.stores, self.data.index("validation"), self.config.task, "validation")
        judged = ExampleIndex.concatenate([self.data.index("validation"), self.data.index("test")])
        warn_of_copies(self.data.stores, index, judged)
        _ = self.data.groups(few), self.data.interval_groups(few), self.data.blocks(few)
        self._require_conditions(few)
        _ = self.derived, self.scored_only, self.drawn_only  # what they refuse is refused now
        if self.config.task.both_ways:
            _ = self.reversed().variables  # so is what the baselines of the other direction refuse
        names = [name for name, _ in pipeline.network.named_parameters()]
        frozen = matching(names, trainer.freeze, "trainer.freeze")
        if names and len(set(frozen)) == len(names):
            raise ConfigError("trainer.freeze leaves no weight to train; name fewer, such as ['encoder.*']")
        matching(names, list(trainer.groups), "trainer.groups")
        build("optimisers", trainer.optimiser, parameters=list(pipeline.parameters()), fused=None)
        schedule = build("schedules", trainer.schedule, steps=1)
        if isinstance(schedule, Watching) and not len(self.data.index("validation")):
            raise ConfigError(
                f"the schedule '{trainer.schedule['name']}' follows the validation loss, but the validation "
                "subset is empty; give another dataset.split, or another schedule"
            )
        answer = self._answer(pipeline, batch)
        if self.pieces.predictor.steps > 1 and not pipeline.head.rolls_out:
            raise ConfigError(
                f"the predictor takes {self.pieces.predictor.steps} steps, but nothing rolls out from the "
                f"head '{pipeline.config.head['name']}'; take the head point or gaussian, or one step"
            )
        for name in pipeline.target_names:
            if name not in answer or answer[name].shape != batch[name].shape:
                found = tuple(answer[name].shape) if name in answer else "nothing"
                raise ConfigError(
                    f"the predictor answers {found} for the target '{name}' of shape "
                    f"{tuple(batch[name].shape)}; check the network's grid and the predictor"
                )

    def _require_conditions(self, few: ExampleIndex) -> None:
        """Refuse a condition under which no method sees anything else."""
        ways = [self, *([self.reversed()] if self.config.task.both_ways else [])]
        for conditions in zip(*(each.conditions for each in ways), strict=True):
            pairs = zip(ways, conditions, strict=True)
            if not any(each.disturbed_by(condition, few) for each, condition in pairs):
                raise ConfigError(
                    f"task.conditions: '{conditions[0].name}' changes no variable that a method reads; "
                    "take a preparation that disturbs the inputs"
                )

    def _answer(self, pipeline: Pipeline, batch: Batch) -> Batch:
        """Pass a batch to objective and predictor; turn torch's shape errors into one line."""
        pipeline.eval()
        try:
            with torch.set_grad_enabled(self.pieces.objective.needs_gradients):
                self.pieces.objective(pipeline, batch, torch.Generator().manual_seed(0))
            with torch.no_grad():
                inputs = {name: batch[name] for name in pipeline.input_names}
                return self.pieces.predictor(pipeline, inputs, None)
        except (RuntimeError, IndexError) as error:  # torch's, for shapes and types that do not fit
            network = pipeline.config.network["name"]
            shapes = ", ".join(f"{name} {tuple(batch[name].shape)}" for name in pipeline.input_names)
            raise ConfigError(
                f"the first two examples ({shapes}) do not pass through the model '{network}': {error}; take "
                "a model for such shapes, or other inputs"
            ) from error
