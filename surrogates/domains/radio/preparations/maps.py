"""Preparations of every batch of radio maps: outdoor cells, drawn samples, the link budget."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.data.folds import HoldOut, RandomCells, SpatialBlocks
from surrogates.domains.radio.channels.cascade import SAMPLES
from surrogates.domains.radio.link import CELL, HEIGHTS
from surrogates.learning.context import Fact
from surrogates.learning.contract import Preparation
from surrogates.learning.hold_out import SCORED, Scattered, divided, divided_specs

OUTDOOR = "outdoor"


class Outdoor(Preparation):
    """Make ``outdoor``, the cells without a building: the mask of isotropic maps.

    Parameters
    ----------
    target
        Map of gain whose cells below `weakest` become NaN, in training and in the score: no receiver
        hears them, and they would dominate the squared error.
    weakest
        Sensitivity, dB.
    unreached
        What becomes of outdoor cells that no ray reached, or only one weaker than that: ``leave_out`` makes
        them NaN; ``weakest`` counts them as that value, in training and in the score. They are then censored
        there, which quantiles bear (``task.head=quantiles``): those above the sensitivity stay true, and a
        median at it says that rays reach such a cell less than half of the time.

    References
    ----------
    J. L. Powell, "Censored regression quantiles", Journal of Econometrics 32, 1986.
    """

    def __init__(
        self,
        target: str = "path_gain",
        weakest: float = -140.0,
        unreached: Literal["leave_out", "weakest"] = "leave_out",
    ) -> None:
        self.target, self.weakest, self.unreached = target, weakest, unreached
        self.variables = (HEIGHTS, target)

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the spec of the mask."""
        return [_mask(specs[HEIGHTS], OUTDOOR, "cell without a building at its centre")]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add the mask and cut the target."""
        outdoor, gain = batch[HEIGHTS] <= 0, heard(batch[self.target], self.weakest)
        if self.unreached == "weakest":
            gain = gain.masked_fill(outdoor & gain.isnan(), self.weakest)
        return {**batch, OUTDOOR: outdoor, self.target: gain}


class DrawSamples(Preparation):
    """Draw measured cells from a map, and keep them out of loss and score.

    Makes ``path_gain_samples`` (the map at the drawn outdoor cells, NaN elsewhere) and ``scored``, the
    outdoor cells that were not drawn.

    Parameters
    ----------
    count
        Number of cells of a map.
    vary
        In training, draw from none to ``count`` cells instead of exactly that many.
    source
        Variable that is measured.
    weakest
        Sensitivity, dB; cells below it become NaN, neither measured nor scored.
    """

    def __init__(
        self,
        count: int = 200,
        vary: bool = True,
        source: str = "path_gain_directional",
        weakest: float = -140.0,
    ) -> None:
        self.count, self.vary, self.source, self.weakest = count, vary, source, weakest
        self.variables = (HEIGHTS, source)

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of samples and mask."""
        measured = specs[self.source].model_copy(
            update={"name": SAMPLES, "long_name": "measured path gain, NaN where unknown", "missing": True}
        )
        return [measured, _mask(specs[HEIGHTS], SCORED, "outdoor cell without a given measurement")]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add samples and mask; example ``i`` draws only from ``rngs[i]``."""
        gain, outdoor = heard(batch[self.source], self.weakest), batch[HEIGHTS] <= 0
        usable = (outdoor & gain.isfinite()).flatten(1).numpy()
        drawn = np.zeros(usable.shape, dtype=bool)
        for row, cells, rng in zip(drawn, usable, rngs, strict=True):
            wanted = int(rng.integers(self.count + 1)) if train and self.vary else self.count
            candidates = np.flatnonzero(cells)
            row[rng.choice(candidates, size=min(wanted, candidates.size), replace=False)] = True
        given = torch.from_numpy(drawn).view(gain.shape)
        samples = torch.where(given, gain, torch.nan)
        return {**batch, self.source: gain, SAMPLES: samples, SCORED: outdoor & ~given}


class HoldOutCells(Preparation):
    """Give some measured outdoor cells and hold out others, as `surrogates.learning.hold_out` does.

    Makes ``<source>_samples`` (the map at the given cells, NaN elsewhere) and ``scored``, the held-out
    cells; buildings are in neither.

    Parameters
    ----------
    cell
        Side of a cell, m.
    protocol
        ``random`` cells, or whole square ``blocks``.
    side
        Side of a block, m.
    folds, origins
        Number of folds and of origins of the blocks.
    samples
        Number of cells that are given.
    seed
        Root of the draws.
    source
        Variable that was measured.
    scattered
        Whether to refuse a map whose cells lie in fewer blocks than there are folds, or to hold out none of
        its cells, as in training on drawn campaigns.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}

    def __init__(
        self,
        cell: float,
        protocol: Literal["random", "blocks"] = "random",
        side: float = 128.0,
        folds: int = 5,
        origins: int = 2,
        samples: int = 200,
        seed: int = 0,
        source: str = "rsrp",
        scattered: Scattered = "refuse",
    ) -> None:
        self.scattered = scattered
        self.protocol: HoldOut = (
            RandomCells(samples, seed)
            if protocol == "random"
            else SpatialBlocks(side, cell, folds, origins, samples, seed)
        )
        self.source = source
        self.draws_together = self.protocol.draws_together
        self.variables = (HEIGHTS, source)

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of samples and mask; refuse blocks that no map can hold enough of."""
        return divided_specs(specs[self.source], self.protocol, "outdoor cell whose measurement is held out")

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add samples and mask."""
        measured = batch[self.source].isfinite() & (batch[HEIGHTS] <= 0)
        return divided(batch, self.source, measured, self.protocol, self.scattered, rngs, train=train)


class LinkBudget(Preparation):
    """Put directional maps through a random link budget: y becomes slope * y + offset, in training.

    Makes ``link_slope`` and ``link_offset``, 1 and 0 outside training. With them the published U-Net-Dir
    learns signal strengths of arbitrary equipment: slope U(0.1, 0.7), offset minus the sum of transmit power
    U(10, 35) dBm, transmit gain U(10, 20) dBi, receive gain U(-10, 10) dBi and insertion loss U(-20, -10) dB
    (released training code of Geo2SigMap, arXiv:2312.14303).

    Parameters
    ----------
    target
        The directional map; its samples, drawn before, change alike.
    """

    def __init__(self, target: str = "path_gain_directional") -> None:
        self.target = target

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of slope and offset."""
        record = specs[self.target].dims[:1]
        slope = VariableSpec(name="link_slope", dims=record, shape=(), long_name="slope of the link budget")
        offset = VariableSpec(
            name="link_offset",
            dims=record,
            shape=(),
            units=specs[self.target].units,
            long_name="link budget",
        )
        return [slope, offset]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add the budget and apply it."""
        budgets = [self._draw(rng) if train else (1.0, 0.0) for rng in rngs]
        slope, offset = torch.tensor(budgets, dtype=torch.float32).unbind(1)
        changed = {
            name: slope[:, None, None] * batch[name] + offset[:, None, None]
            for name in (self.target, SAMPLES)
            if name in batch
        }
        return {**batch, **changed, "link_slope": slope, "link_offset": offset}

    @staticmethod
    def _draw(rng: np.random.Generator) -> tuple[float, float]:
        slope = rng.uniform(0.1, 0.7)
        power, transmit, receive, loss = (
            rng.uniform(*r) for r in ((10, 35), (10, 20), (-10, 10), (-20, -10))
        )
        return slope, -(power + transmit + receive + loss)


def heard(gain: Tensor, weakest: float) -> Tensor:
    """Return a map of gain with NaN below a sensitivity, dB."""
    return torch.where(gain >= weakest, gain, torch.nan)


def _mask(like: VariableSpec, name: str, long_name: str) -> VariableSpec:
    return VariableSpec(name=name, dims=like.dims, shape=like.shape, dtype="bool", long_name=long_name)
