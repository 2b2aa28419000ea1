"""The kinds of pieces around a pipeline: they train it, ask it, feed it and score it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.learning.members import Noise, summary
from surrogates.learning.piece import Piece
from surrogates.learning.pipeline import Pipeline

Statistics = dict[str, Tensor]
"""Sums over the cells of each example, by name: (batch,) or (batch, bins), float64."""
Totals = Mapping[str, np.ndarray]
"""Statistics added up over examples, by name."""
Best = Literal["smallest", "largest", "zero", "none"]
"""Which value of a metric is best; `zero` is the one closest to it, and of `none` no value is."""


class Objective(Piece):
    """A loss.

    Attributes
    ----------
    both_ways
        Whether it also trains the pipeline's other direction.
    steps
        Horizons that it trains one after the other; None leaves that to the predictor.
    needs_gradients
        Whether it differentiates the network, as the residual of an equation does: it is then called with
        gradients wherever its value is asked for, in validation too.
    """

    kind: ClassVar[str] = "objectives"
    both_ways: bool = False
    steps: int | None = None
    needs_gradients: bool = False

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and scalars to log; NaN targets do not count."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__()")


@runtime_checkable
class Gradual(Protocol):
    """An objective that changes during a run: the trainer calls it with the step before each one.

    What it makes of the step follows only from the step, so that a resumed run repeats an undisturbed one.
    """

    step: int


@runtime_checkable
class Watching(Protocol):
    """A schedule that follows the validation loss, and so has a state: numbers, which a checkpoint keeps."""

    def observe(self, loss: float) -> None:
        """Take note of the loss of a validation."""

    def state_dict(self) -> dict[str, float]:
        """Return all that it has gathered."""

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore what `state_dict` returned."""


@runtime_checkable
class ReadsWeights(Protocol):
    """A network that knows to read published weights of a part of it from a file (``init=FILE``)."""

    def load_weights(self, path: str) -> None:
        """Take the weights; refuse in one line a file that does not fit."""


@runtime_checkable
class Adversarial(Protocol):
    """An objective with a critic, which is trained by an optimiser of its own beside the pipeline.

    The critic learns in every step, the pipeline in every `critic_steps`-th.
    """

    critic_steps: int

    def critic(self, pipeline: Pipeline) -> nn.Module:
        """Return the critic of a pipeline's answers, the same one in every call."""

    def critic_loss(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the critic's loss and scalars to log; no gradient reaches the pipeline."""


class Predictor(Piece):
    """How a trained pipeline predicts; named in the bundle, so training and inference share it.

    Attributes
    ----------
    steps
        How often it asks the pipeline, one horizon after the other; the pipeline's own horizon is the
        task's divided by it.
    samples
        How many members it draws if nothing else is asked for; 0 of a predictor without members. One that
        draws members defines `members`, from which its answer follows.
    """

    kind: ClassVar[str] = "predictors"
    steps: int = 1
    samples: int = 0

    def __call__(
        self, pipeline: Pipeline, inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units; hand `inputs` on to the pipeline as they are.

        Of members that is their `summary`. They are drawn with the seed 0, not by `rng`: the answer to a
        record does not depend on its batch.
        """
        if not self.samples:
            raise NotImplementedError(f"{type(self).__name__} does not define __call__()")
        config = pipeline.config
        noise = Noise.of(inputs, config.inputs, config.record_dimension, self.samples)
        return summary(self.members(pipeline, inputs, noise), config.targets)

    def members(self, pipeline: Pipeline, inputs: Mapping[str, Tensor], noise: Noise) -> Batch:
        """Return members of the targets in physical units, each (batch, member, ...).

        Parameters
        ----------
        pipeline
            Trained.
        inputs
            Batch first.
        noise
            Of the records of the batch: the only source of random numbers. Member i depends on no other
            member, so that some of them may be asked for at a time.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define members()")


class Baseline(Piece):
    """What a practitioner would try first."""

    kind: ClassVar[str] = "baselines"

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn from training batches; the default learns nothing."""
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the targets in physical units."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__()")


class Preparation(Piece):
    """A step of every batch (`task.preparations`), of training batches (`task.augmentations`), or of inputs
    under a condition of the evaluation (`task.conditions`).

    An augmentation leaves the physics true; a condition disturbs only what methods read. The generators of an
    example depend on the epoch in training, and otherwise only on the example and its draw (`task.draws`), so
    that scores repeat. Outside training the batch holds the number of the draw as `draw`, for protocols that
    need it.

    Attributes
    ----------
    draws_together
        How many draws of an example make sense only together, such as the folds of a division.
    of_batch
        Whether it draws for a training batch as a whole: it is then handed one generator, which depends on
        the epoch and the batch, whichever processes share that.
    """

    kind: ClassVar[str] = "preparations"
    draws_together: int = 1
    of_batch: bool = False

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of the variables that it makes, given those of a batch so far."""
        return []

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Return the prepared batch; example ``i`` draws only from ``rngs[i]``, see `of_batch`."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__()")


class Derivation(Piece):
    """A quantity derived from a prediction, scored like a target (`task.derivations`).

    It is scored without intervals, and only for methods whose answer it follows from. Its `variables` are
    read when scores are made; methods do not see those that they would not see otherwise.
    """

    kind: ClassVar[str] = "derivations"

    def provides(self) -> list[VariableSpec]:
        """Return the specs of the derived quantities; dimensions of the batch keep their lengths."""
        raise NotImplementedError(f"{type(self).__name__} does not define provides()")

    def of_truth(self, batch: Batch) -> Batch:
        """Return the derived quantities of the truth.

        Cells of the batch's targets that do not count are NaN, and so should be what depends on them: cells
        that are not NaN count.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define of_truth()")

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Return the derived quantities that follow from a method's prediction.

        The batch lacks the targets.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define of_prediction()")


class Metric(Piece):
    """A score, as a function of sums of named statistics; see `surrogates.evaluation.metrics`.

    Attributes
    ----------
    best
        Which of its values is best, by which methods are ranked and trials of a sweep chosen.
    of_spread
        Whether `statistics` takes one argument more, `spread`: the prediction's
        `surrogates.evaluation.probabilistic.Spread`.
    of_spec
        Whether it takes `spec`, the target's.
    """

    kind: ClassVar[str] = "metrics"
    best: ClassVar[Best] = "smallest"
    of_spread: ClassVar[bool] = False
    of_spec: ClassVar[bool] = False

    def statistics(self, *given: Any, **more: Any) -> Statistics:
        """Return sums per example, float64, (batch,) or (batch, bins), of prediction, target and weight."""
        raise NotImplementedError(f"{type(self).__name__} does not define statistics()")

    def combine(self, totals: Totals) -> np.ndarray:
        """Return the metric of the examples whose statistics were added up in `totals`."""
        raise NotImplementedError(f"{type(self).__name__} does not define combine()")

    def units(self, units: str) -> str:
        """Return the units of the metric, given those of the target."""
        raise NotImplementedError(f"{type(self).__name__} does not define units()")


class Plot(Piece):
    """Pictures and sounds of the report, from a few examples (`surrogates.report.pictures.Examples`)."""

    kind: ClassVar[str] = "plots"

    def __call__(self, examples: Any) -> Mapping[str, Any]:
        """Return matplotlib figures, or sounds (`surrogates.report.sounds.Tracks`), by title."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__()")
