"""Settings of a baseline that are chosen on training examples, and the examples that are held out for it."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from surrogates.data.batch import Batch
from surrogates.domains.csi.baselines.pasts import snapshots
from surrogates.domains.csi.errors import snapshot_nmse
from surrogates.evaluation.persistence import Past

EVERY = 10
"""One of so many training examples is held out."""
HELD_OUT = 64
"""Number of them from which on no more are held out."""

Setting = TypeVar("Setting")


def with_least_error(
    pasts: Sequence[Past],
    batches: Iterable[Batch],
    settings: Sequence[Setting],
    predict: Callable[[Tensor, Setting, int], Tensor],
    most: int = HELD_OUT,
) -> dict[str, Setting]:
    """Return the setting with the least NMSE for each target.

    Parameters
    ----------
    pasts
        Of the targets.
    batches
        Training examples.
    settings
        What is tried.
    predict
        Returns the snapshots ahead of a past (batch, antenna, time, sub-carrier), with a setting, over a
        horizon.
    most
        Largest number of examples that are looked at.
    """
    errors = {past.target: [0.0] * len(settings) for past in pasts}
    seen = 0
    for batch in batches:
        for past in pasts:
            known, truth = (snapshots(batch, name)[: most - seen] for name in (past.name, past.target))
            for number, setting in enumerate(settings):
                found = predict(known, setting, past.horizon)
                errors[past.target][number] += float(snapshot_nmse(found, truth).nansum())
        seen += len(truth)
        if seen >= most:
            break
    return {name: settings[values.index(min(values))] for name, values in errors.items()}


class HeldOut:
    """Every tenth training example, up to a number, kept to choose on.

    Parameters
    ----------
    pasts
        Of the targets, whose variables are kept.

    Attributes
    ----------
    batches
        The examples that are held out.
    seen
        Number of examples that have come.
    """

    def __init__(self, pasts: Sequence[Past]) -> None:
        self.batches: list[Batch] = []
        self.seen = self._kept = 0
        self._names = {name for past in pasts for name in (past.name, past.target)}

    def rest(self, batch: Batch) -> Batch:
        """Keep the examples of a batch that are held out, and return the others, of the same variables."""
        own = {name: batch[name] for name in self._names}
        count = len(next(iter(own.values())))
        chosen = torch.arange(self.seen, self.seen + count) % EVERY == 1
        chosen &= chosen.cumsum(0) <= HELD_OUT - self._kept
        self.seen += count
        self._kept += int(chosen.sum())
        if chosen.any():
            self.batches.append({name: value[chosen.to(value.device)] for name, value in own.items()})
        return {name: value[~chosen.to(value.device)] for name, value in own.items()}

    def require(self, baseline: str, what: str) -> None:
        """Refuse too few examples to choose on.

        Raises
        ------
        ValueError
            In one line.
        """
        if not self.batches:
            raise ValueError(
                f"{baseline} got {self.seen} training examples, at least 2 expected: one to fit, one to "
                f"choose the {what} on; check split and window"
            )
