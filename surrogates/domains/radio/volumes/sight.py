"""Quantities of volumes with and without line of sight, scored apart."""

import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.learning.answers import beside, member_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation

SIGHT = "line_of_sight"
CLASSES = ("in_sight", "without_sight")


class BySight(Derivation):
    """Score each target twice more: ``<target>_in_sight`` and ``<target>_without_sight``.

    Its standard deviation, quantiles and members are scored with it. Calibrated intervals are those of the
    target itself.

    Parameters
    ----------
    context
        Of the data; a batch holds ``line_of_sight``, true where a path meets nothing on its way.
    """

    takes_directions = True
    variables = (SIGHT,)

    def __init__(self, context: Context) -> None:
        self._targets = context.targets

    def provides(self) -> list[VariableSpec]:
        """Return the specs of both classes of each target."""
        return [
            spec.model_copy(
                update={
                    "name": f"{spec.name}_{each}",
                    "long_name": f"{spec.long_name or spec.name}, {each.replace('_', ' ')}",
                }
            )
            for spec in self._targets
            for each in CLASSES
        ]

    def of_truth(self, batch: Batch) -> Batch:
        """Return each target in the cells of each class, NaN in the others."""
        return {
            f"{spec.name}_{each}": batch[spec.name].where(cells, torch.nan)
            for spec in self._targets
            for each, cells in _classes(batch).items()
        }

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Return each target, and what tells its uncertainty, under the names of both classes."""
        found: Batch = {}
        for spec in self._targets:
            for name in (spec.name, *beside(spec.name), member_name(spec.name)):
                if name in prediction:
                    ending = name.removeprefix(spec.name)
                    found |= {f"{spec.name}_{each}{ending}": prediction[name] for each in CLASSES}
        return found


def _classes(batch: Batch) -> dict[str, Tensor]:
    sight = batch[SIGHT].bool()
    return dict(zip(CLASSES, (sight, ~sight), strict=True))
