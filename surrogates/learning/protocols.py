"""What the pieces of a task look like; any object with these shapes can be registered.

A *batch* is a ``dict[str, torch.Tensor]`` in physical units: float32 (masks bool), batch dimension first;
variables without the record dimension come unbatched; NaN means not observed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec

if TYPE_CHECKING:
    from surrogates.learning.pipeline import Features, Pipeline

Batch = dict[str, Tensor]


def deviation_name(target: str) -> str:
    """Name of the standard deviation that a predictor or a baseline may return beside a target.

    It has the target's shape, in the units of a difference of the target's values.
    """
    return f"{target}_standard_deviation"


class Transform(Protocol):
    """Physical inputs to channels; an ``nn.Module`` in the registry ``transforms``.

    Built with the context ``inputs``, ``targets`` (lists of specs) and ``record_dimension``. A transform may
    also have ``grid``, the dimensions that follow the channel (default: those that every target and some
    input share), ``target_grid``, those that follow the targets' channel (default: the same), and
    ``normalise`` (default: true), whether channels and targets are normalised. Of a field
    larger than the window of training it gets one tile after the other; with ``takes_tiles`` each as a
    `surrogates.learning.tile.Tile`, which can look further, and with ``needs_whole_field``, for a network to
    which the whole matters, all of it at once. Inputs in ``offset_free`` matter only by their differences, so
    that no answer is an extrapolation because of where they lie. Its features may carry a link between the
    network's answer and the targets (`surrogates.learning.pipeline.Link`).
    """

    channel_names: list[str]
    in_channels: int

    def __call__(self, inputs: Batch) -> "Features":
        """Return the channels and, where the network learns a residual, the offset."""


class Objective(Protocol):
    """A loss; built with the context ``mask`` (name of the task's mask variable or None).

    An objective that also trains the pipeline's other direction says so with ``both_ways``. It
    may also have ``distribution``: ``"gaussian"`` gives the network a second output for each
    target, its log variance (see `surrogates.learning.pipeline_config.PipelineConfig`).
    """

    def __call__(
        self, pipeline: "Pipeline", batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and scalars to log; NaN targets do not count."""


@runtime_checkable
class Gradual(Protocol):
    """An objective that changes during a run: the trainer tells it the step before each one.

    What it makes of the step follows from the step alone, so that a resumed run repeats an undisturbed one.
    """

    step: int


@runtime_checkable
class Adversarial(Protocol):
    """An objective with a critic, which is trained by an optimiser of its own beside the pipeline.

    The critic learns in every step, the pipeline in every `critic_steps`-th.
    """

    critic_steps: int

    def critic(self, pipeline: "Pipeline") -> nn.Module:
        """Return the critic of a pipeline's answers, the same one in every call."""

    def critic_loss(
        self, pipeline: "Pipeline", batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the critic makes small, and scalars to log; no gradient reaches the pipeline."""


class Predictor(Protocol):
    """How a trained pipeline is asked; named in the bundle, so training and inference share it.

    A predictor may also have ``steps``: it then asks the pipeline that often, one horizon after the other,
    and the pipeline's own horizon is that part of the task's.
    """

    def __call__(
        self, pipeline: "Pipeline", inputs: Mapping[str, Tensor], rng: torch.Generator | None = None
    ) -> Batch:
        """Return the targets in physical units; hand `inputs` on to the pipeline as they are."""


class Baseline(Protocol):
    """What a practitioner would try first; built with the context ``targets`` (names)."""

    def fit(self, batches: Iterable[Batch]) -> "Baseline":
        """Learn from training batches; may ignore them."""

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the targets in physical units."""


class Augmentation(Protocol):
    """A change of training batches that leaves the physics true.

    Built with the context ``coordinates``: those that all records share, by name.
    """

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator]) -> Batch:
        """Return the changed batch; example ``i`` draws from ``rngs[i]`` alone."""


class Preparation(Protocol):
    """A step that every batch takes, such as drawing sparse observations.

    Registered among the ``augmentations``. The generators of an example depend on the epoch in training, and
    otherwise on the example and its draw alone (``task.draws``), so that scores repeat. The number of the
    draw stands in the batch as ``draw`` outside training, for protocols that need it; where some draws only
    make sense together, such as the folds of a division, ``draws_together`` says how many.
    """

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Return the prepared batch."""


@runtime_checkable
class Provides(Protocol):
    """A preparation that makes variables which are not in the store."""

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of what it makes, given those of the store."""


@runtime_checkable
class Reads(Protocol):
    """A piece that needs more variables than the task's inputs and targets."""

    variables: Sequence[str]


def variables_of(piece: Any) -> list[str]:
    """Return the extra variables that a piece asks for."""
    return list(piece.variables) if isinstance(piece, Reads) else []
