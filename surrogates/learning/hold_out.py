"""Cells of a measured field that are given, and others that are held out, by a protocol of `data.folds`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count
from surrogates.data.batch import Batch
from surrogates.data.folds import HoldOut, RandomCells, SpatialBlocks, Split, TooFewBlocksError
from surrogates.data.index import DRAW
from surrogates.learning.context import Context, Spacing
from surrogates.learning.contract import Preparation
from surrogates.learning.layout import field_dims

SCORED = "scored"
Scattered = Literal["refuse", "give_all"]
Folds = Annotated[int, Field(ge=2, le=64)]
Origins = Annotated[int, Field(ge=1, le=64)]
Side = Annotated[float, Field(gt=0, le=1e9)]


class HoldOutCells(Preparation):
    """Give some measured cells of a field on a plane, and hold out others.

    Makes ``<source>_samples`` (the field at the given cells, NaN elsewhere) and ``scored``, the held-out
    cells. Outside training the index of the draw decides the fold and the division, whatever the seed of the
    run; in training the draw itself is drawn.

    Parameters
    ----------
    context
        Of the data.
    source
        Variable that was measured, NaN elsewhere, with two dimensions beside the record.
    protocol
        ``random`` cells, or whole square ``blocks``.
    side
        Side of a block, in the units of the coordinates, which are the same and evenly spaced.
    folds, origins
        Number of folds and of origins of the blocks.
    samples
        Number of cells that are given.
    seed
        Root of the draws.
    within
        Variable of the cells that may be given or held out, where it is above zero; None takes all measured
        ones.
    scattered
        Whether to refuse a field whose cells lie in fewer blocks than there are folds, or to hold out none of
        its cells.
    """

    def __init__(
        self,
        context: Context,
        source: str,
        protocol: Literal["random", "blocks"] = "random",
        side: Side | None = None,
        folds: Folds = 5,
        origins: Origins = 2,
        samples: Count = 200,
        seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
        within: str | None = None,
        scattered: Scattered = "refuse",
    ) -> None:
        self._source, self._within, self._scattered = source, within, scattered
        self._protocol: HoldOut = RandomCells(samples, seed)
        if protocol == "blocks":
            self._protocol = SpatialBlocks(
                _required(side), _cell(context, source), folds, origins, samples, seed
            )
        self.draws_together = self._protocol.draws_together
        self.variables = (source, *([] if within is None else [within]))

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of samples and mask; refuse blocks that no field can hold enough of."""
        return divided_specs(specs[self._source], self._protocol, "cell whose measurement is held out")

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add samples and mask."""
        measured = batch[self._source].isfinite()
        if self._within is not None:
            measured &= batch[self._within] > 0
        return divided(batch, self._source, measured, self._protocol, self._scattered, rngs, train=train)


def samples_of(variable: str) -> str:
    """Return the name of the variable that holds another where it was measured, NaN elsewhere."""
    return f"{variable}_samples"


def divided_specs(source: VariableSpec, protocol: HoldOut, scored: str) -> list[VariableSpec]:
    """Return the specs of samples and mask of a measured variable.

    Parameters
    ----------
    source
        Spec of the variable.
    protocol
        By which its cells are divided.
    scored
        Long name of the mask.
    """
    if isinstance(protocol, SpatialBlocks):
        protocol.require_room(source.shape)
    told = {
        "name": samples_of(source.name),
        "long_name": "given measurements, NaN where none is",
        "missing": True,
    }
    mask = VariableSpec(name=SCORED, dims=source.dims, shape=source.shape, dtype="bool", long_name=scored)
    return [source.model_copy(update=told), mask]


def divided(
    batch: Batch,
    source: str,
    measured: Tensor,
    protocol: HoldOut,
    scattered: Scattered,
    rngs: Sequence[np.random.Generator],
    *,
    train: bool,
) -> Batch:
    """Return a batch with the given cells of a variable, and with the mask of those that are held out.

    Parameters
    ----------
    batch
        Holds the variable, and outside training the number of each example's draw.
    source
        Name of the variable.
    measured
        Cells that may be given or held out, (batch, y, x), bool.
    protocol, scattered
        As of `HoldOutCells`.
    rngs
        One for each example; only used in training.
    train
        Whether the batch trains.
    """

    def divide(cells: np.ndarray, draw: int) -> Split:
        try:
            return protocol.split(cells, draw)
        except TooFewBlocksError:
            if scattered == "refuse":
                raise
            return Split(cells, np.zeros_like(cells))

    draws = [int(rng.integers(2**31)) for rng in rngs] if train else batch[DRAW].tolist()
    splits = [divide(cells, draw) for cells, draw in zip(measured.numpy(), draws, strict=True)]
    given = torch.from_numpy(np.stack([split.given for split in splits]))
    held_out = torch.from_numpy(np.stack([split.held_out for split in splits]))
    return {**batch, samples_of(source): torch.where(given, batch[source], torch.nan), SCORED: held_out}


def _required(side: float | None) -> float:
    if side is None:
        raise ConfigError("hold_out: blocks need a side, in the units of the coordinates, such as side=128")
    return side


def _cell(context: Context, source: str) -> float:
    """Return the side of a cell, in the units of the coordinates."""
    spec = context.specs[source]
    dims = field_dims(spec, context.record_dimension)
    known = [dim for dim in dims if dim in context.shared]
    if len(dims) != 2 or len(known) != 2:
        raise ConfigError(
            f"hold_out: '{source}' has the dimensions {spec.dims}, of which {known} have coordinates; blocks "
            "need two beside the record, both with coordinates: take protocol=random, or write them"
        )
    units = str(context.shared[dims[0]].attrs.get("units", ""))
    step = Spacing(units, dims).find(context, "cell")
    if step is None:
        raise ConfigError(f"hold_out: '{source}' has a single cell along a dimension; take protocol=random")
    return step
