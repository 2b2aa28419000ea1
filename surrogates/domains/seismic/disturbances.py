"""What a field survey does to gathers (noise, dead receivers), and the mirror image of a whole example.

All serve as augmentations, with ranges to draw from, and as preparations, with one value, to score how well a
network withstands them. A gather is disturbed wherever it is used, also as the reference.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.domains.seismic.names import GATHER, LATERAL, RECEIVER, SHOT, VELOCITY
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation

SHOT_AXIS, RECEIVER_AXIS = 1, 3  # of (sample, shot, time, receiver)
LATERAL_AXIS = 2  # of (sample, depth, lateral)


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the range runs from {ends[0]:g} down to {ends[1]:g}; give the smaller end first")
    return ends


Decibels = float | Annotated[tuple[float, float], AfterValidator(_ascending)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Shares = Share | Annotated[tuple[Share, Share], AfterValidator(_ascending)]


class Noise(Preparation):
    """Add white Gaussian noise to the gathers, each shot at the same ratio to its own signal.

    Parameters
    ----------
    snr
        Mean power of a shot's record over that of the noise, dB; each example draws its own from a
        range (lowest, highest).
    """

    def __init__(self, snr: Decibels = (0.0, 30.0)) -> None:
        self._ends = _ends(snr)

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Add noise to every example."""
        gathers = batch[GATHER]
        ratios = torch.tensor([rng.uniform(*self._ends) for rng in rngs], dtype=torch.float64)
        power = gathers.double().square().mean((2, 3), keepdim=True)
        deviation = (power / 10 ** (ratios.view(-1, 1, 1, 1) / 10)).sqrt().to(gathers.dtype)
        white = np.stack([rng.standard_normal(gathers.shape[1:], dtype=np.float32) for rng in rngs])
        return {**batch, GATHER: gathers + deviation * torch.from_numpy(white)}


class MissingReceivers(Preparation):
    """Silence some receivers, the same in all shots of an example.

    They read 0, as a dead channel of a recording instrument does: gathers are complete by their
    specification, and networks that were trained on complete ones have no channel that tells what is missing.

    Parameters
    ----------
    share
        Share of the receivers, rounded to whole ones, at least one if it is above 0; each example draws
        its own from a range (lowest, highest).
    """

    def __init__(self, share: Shares = (0.0, 0.5)) -> None:
        self._ends = _ends(share)

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Silence receivers of every example."""
        gathers = batch[GATHER]
        works = torch.ones(len(rngs), 1, 1, gathers.shape[RECEIVER_AXIS], dtype=torch.bool)
        for row, rng in zip(works[:, 0, 0], rngs, strict=True):
            share = rng.uniform(*self._ends)
            count = max(round(share * len(row)), int(share > 0))
            row[torch.from_numpy(rng.permutation(len(row))[:count])] = False
        return {**batch, GATHER: gathers.where(works, 0.0)}


class Mirror(Preparation):
    """Exchange left and right in half of the examples: the velocity model, its gathers, and the shots' order.

    This is exact if shots and receivers are their own mirror images about the middle of the line, and
    refused otherwise: the shots of OpenFWI at the cells 0, 17, 34, 52 and 69 of 70 are not, since 34 becomes
    35, and the gather of that shot would be one of a source 10 m beside.

    Parameters
    ----------
    context
        Context of the data.
    """

    def __init__(self, context: Context) -> None:
        shots, receivers, lateral = (context.field(name, "m") for name in (SHOT, RECEIVER, LATERAL))
        if shots is None:
            raise ConfigError(
                "seismic/mirror: the shots of these data lie elsewhere in each record, and the mirror would "
                "have to move them; leave it out"
            )
        if receivers is None or lateral is None:
            raise ConfigError(
                f"seismic/mirror: {context.source} has no coordinate "
                f"'{RECEIVER if receivers is None else LATERAL}'; write it into the store, or leave the "
                "mirror out"
            )
        ends = float(lateral[0]), float(lateral[-1])
        self._shots = _mirrored(shots, ends, SHOT)
        self._receivers = _mirrored(receivers, ends, RECEIVER)

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Mirror each example with probability 1/2."""
        turned = torch.tensor([bool(rng.integers(2)) for rng in rngs])
        changed = {}
        if VELOCITY in batch:
            changed[VELOCITY] = _where(turned, batch[VELOCITY].flip(LATERAL_AXIS), batch[VELOCITY])
        if GATHER in batch:
            gathers = batch[GATHER].index_select(SHOT_AXIS, self._shots)
            changed[GATHER] = _where(
                turned, gathers.index_select(RECEIVER_AXIS, self._receivers), batch[GATHER]
            )
        return {**batch, **changed}


def _ends(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def _where(rows: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return torch.where(rows.view(-1, *(1,) * (one.ndim - 1)), one, other)


def _mirrored(positions: np.ndarray, ends: tuple[float, float], dimension: str) -> Tensor:
    """Return the index of the mirror image of each position, about the middle between two ends."""
    images = sum(ends) - positions
    distances = np.abs(images[:, None] - positions)
    worst = int(distances.min(1).argmax())
    if distances[worst].min() > 1e-6 * abs(ends[1] - ends[0]):
        raise ConfigError(
            f"seismic/mirror: the {dimension} at {positions[worst]:g} m would lie at {images[worst]:g} m, "
            f"where there is none; take data whose {dimension}s are symmetric about {sum(ends) / 2:g} m, or "
            "leave it out"
        )
    return torch.from_numpy(distances.argmin(1))
