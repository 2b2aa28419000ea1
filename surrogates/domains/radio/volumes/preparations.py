"""Preparations of batches of volumes: drawn samples, and symmetries."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field

from datasets.store.specs import VariableSpec
from surrogates.core.ranges import Share
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import CELL, HEIGHTS, POSITION
from surrogates.domains.radio.preparations.symmetry import turn_azimuth, turn_map, turn_position
from surrogates.domains.radio.volumes.quantities import AZIMUTH, DELAY, GAIN, QUANTITIES, ZENITH
from surrogates.learning.context import Fact
from surrogates.learning.contract import Preparation
from surrogates.learning.hold_out import SCORED, samples_of

STABLE = "stable"
"""Cells whose values count: a path arrives and, where it is traced twice, both traces agree."""
Quantities = Annotated[tuple[str, ...], Field(min_length=1, max_length=len(QUANTITIES))]


class DrawVolumeSamples(Preparation):
    """Draw measured receivers from a volume, and keep them out of loss and score.

    Makes ``<quantity>_samples`` (the volume at the drawn receivers, NaN elsewhere), of each quantity at the
    same receivers, and ``scored``, the stable cells that were not drawn. Only stable cells are drawn: none in
    buildings, and none that no path reaches.

    Parameters
    ----------
    share
        Of the stable cells.
    vary
        In training, draw ``share`` times the square of a number between 0 and 1: a network then meets few
        samples more often than many.
    quantities
        That are measured.
    """

    takes_directions = True

    def __init__(
        self, share: Share = 0.1, vary: bool = True, quantities: Quantities = (GAIN, DELAY, AZIMUTH, ZENITH)
    ) -> None:
        self.share, self.vary, self.quantities = share, vary, tuple(quantities)
        self.variables = (STABLE, *quantities)

    def provides(self, specs: Mapping[str, VariableSpec]) -> list[VariableSpec]:
        """Return the specs of samples and mask."""
        told = "at measured receivers, NaN elsewhere"
        samples = [
            specs[name].model_copy(
                update={"name": samples_of(name), "long_name": f"{specs[name].long_name} {told}"}
            )
            for name in self.quantities
        ]
        long_name = "stable cell without a given measurement"
        return [*samples, specs[STABLE].model_copy(update={"name": SCORED, "long_name": long_name})]

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add samples and mask; example ``i`` draws only from ``rngs[i]``."""
        stable = batch[STABLE]
        drawn = np.zeros(stable.flatten(1).shape, dtype=bool)
        for row, cells, rng in zip(drawn, stable.flatten(1).numpy(), rngs, strict=True):
            candidates = np.flatnonzero(cells)
            share = self.share * rng.random() ** 2 if train and self.vary else self.share
            row[rng.choice(candidates, size=round(share * candidates.size), replace=False)] = True
        given = torch.from_numpy(drawn).view(stable.shape)
        samples = {samples_of(name): batch[name].where(given, torch.nan) for name in self.quantities}
        return {**batch, **samples, SCORED: stable & ~given}


class VolumeSymmetry(Preparation):
    """Turn and mirror each volume at random (8 symmetries of the square), with its transmitter and azimuths.

    Parameters
    ----------
    cell
        Side of a cell, m.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"cell": CELL}
    takes_directions = True

    def __init__(self, cell: float) -> None:
        self.cell = cell

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Apply one symmetry to every variable of an example."""
        draws = [(int(rng.integers(4)), bool(rng.integers(2))) for rng in rngs]
        size = batch[HEIGHTS].shape[-1] * self.cell
        changed = {}
        for name, values in batch.items():
            pairs = list(zip(values, draws, strict=True))
            if name == POSITION:
                changed[name] = torch.stack([turn_position(one, size, *draw) for one, draw in pairs])
            elif values.ndim >= 3:
                turned = [turn_map(one, *draw) for one, draw in pairs]
                if name in (AZIMUTH, samples_of(AZIMUTH)):
                    turned = [turn_azimuth(one, *draw) for one, (_, draw) in zip(turned, pairs, strict=True)]
                changed[name] = torch.stack(turned)
        return {**batch, **changed}
