"""What a condition does to the inputs of a batch, and what it must leave alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.batch import Batch


class Step(Protocol):
    """What a batch goes through; see `surrogates.learning.contract.Preparation`.

    Attributes
    ----------
    of_batch
        Whether it draws for a training batch as a whole, by one generator.
    """

    of_batch: bool = False

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        """Return the prepared batch."""


@dataclass(frozen=True)
class Disturbance:
    """A step that disturbs the inputs while the reference stays as it is.

    Attributes
    ----------
    name
        What it is called in tables.
    step
        Takes the position of one of the preparations, or follows after all.
    position
        Which preparation it replaces, counted from 0; their number if it follows.
    reference
        Targets and mask: what predictions are compared with.
    kept
        More variables that no method reads, such as those of derivations.
    """

    name: str
    step: Step
    position: int
    reference: frozenset[str]
    kept: frozenset[str] = frozenset()

    def reaches(self, batch: Batch, seen: Batch) -> bool:
        """Return whether it has replaced a variable that methods read."""
        hidden = self.reference | self.kept
        return any(value is not batch.get(name) for name, value in seen.items() if name not in hidden)

    def seen(self, batch: Batch, disturbed: Batch) -> Batch:
        """Return what methods see of a disturbed batch, with what stays as in the undisturbed one.

        Raises
        ------
        ConfigError
            If the disturbance changes the targets or the mask together with the inputs.
        """
        whole = {name: value for name, value in batch.items() if name in self.reference | self.kept}
        seen = {**disturbed, **whole}
        changed = [
            name
            for name in sorted(self.reference & set(batch) & set(disturbed))
            if not _same(batch[name], disturbed[name])
        ]
        if changed and self.reaches(batch, seen):
            raise ConfigError(
                f"task.conditions: '{self.name}' changes inputs and {listing(changed)}, with which "
                "predictions are compared; take a preparation that disturbs only inputs"
            )
        return seen


def _same(first: Tensor, second: Tensor) -> bool:
    if first is second:
        return True
    if first.shape != second.shape:
        return False
    return bool(((first == second) | (first.isnan() & second.isnan())).all())
