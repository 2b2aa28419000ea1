"""Baselines without samples: closed formulas, and distance laws fitted to the training maps."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor

from physics import propagation
from surrogates.data.batch import Batch
from surrogates.domains.radio.link import AZIMUTH, HEIGHTS, LINK_FACTS, Link, Path
from surrogates.learning.context import Context, Fact
from surrogates.learning.contract import Baseline

DIRECTIONAL = "path_gain_directional"


class Formula(Baseline):
    """Predict a map of the direct ray for every target; add the antenna's gain for directional ones.

    Parameters
    ----------
    context
        Context of the data.
    facts
        Values of `surrogates.domains.radio.link.LINK_FACTS`.
    """

    facts: ClassVar[Mapping[str, Fact]] = LINK_FACTS

    def __init__(self, context: Context, facts: Mapping[str, float]) -> None:
        self.targets = context.target_names
        self.link = Link.of(facts)

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the formula's map for each target."""
        path = self.link.path(inputs)
        gain = self.gain(path)
        return {name: gain + self._antenna(name, path, inputs) for name in self.targets}

    def gain(self, path: Path) -> Tensor:
        """Return the path gain between isotropic antennas, dB."""
        raise NotImplementedError

    def _antenna(self, target: str, path: Path, inputs: Batch) -> Tensor | float:
        return self.link.antenna_gain(path, inputs[AZIMUTH]) if target == DIRECTIONAL else 0.0


class FreeSpace(Formula):
    """Predict free space by Friis' formula."""

    def gain(self, path: Path) -> Tensor:
        return self.link.free_space(path)


class UrbanMacro(Formula):
    """Predict 3GPP TR 38.901 UMa, by line of sight over the height raster."""

    def gain(self, path: Path) -> Tensor:
        return self.link.uma(path)


class Ericsson(Formula):
    """Predict Ericsson's 9999 model with its printed urban parameters, for kilometres and masts over roofs.

    It lies some 25 dB below ray tracing in windows of 512 m: the printed coefficient of the mast's height is
    +12, so that a higher mast loses more. Planning tools that write -12 beat free space within 200 m.
    """

    def gain(self, path: Path) -> Tensor:
        return torch.as_tensor(
            propagation.ericsson_path_gain(
                path.link.ground_distance, path.height, self.link.receiver_height, self.link.frequency
            )
        )


class LogDistance(Formula):
    """Fit ``gain = a + b log10(distance)`` to the outdoor cells of the training maps by least squares.

    Parameters
    ----------
    by_sight
        Fit cells with and without line of sight separately.
    weakest
        Cells below it, dB, are ignored.
    """

    def __init__(
        self,
        context: Context,
        facts: Mapping[str, float],
        by_sight: bool = False,
        weakest: float = -140.0,
    ) -> None:
        super().__init__(context, facts)
        self.by_sight, self.weakest = by_sight, weakest
        self._lines: list[Tensor] = []

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Accumulate the normal equations of each class."""
        classes = 2 if self.by_sight else 1
        normal, right = torch.zeros(classes, 2, 2).double(), torch.zeros(classes, 2).double()
        for batch in batches:
            path = self.link.path(batch)
            rows, group = self._rows(path), self._class(path)
            for name in self.targets:
                gain = batch[name] - self._antenna(name, path, batch)
                counted = (batch[HEIGHTS] <= 0) & (batch[name] >= self.weakest)
                for number in range(classes):
                    chosen = counted & (group == number)
                    a, y = rows[chosen].double(), gain[chosen].double()
                    normal[number] += a.T @ a
                    right[number] += a.T @ y
        if not normal[:, 0, 0].all():
            raise ValueError("the training maps have no outdoor cell of one class to fit a distance law on")
        self._lines = list(torch.linalg.solve(normal, right).float())
        return self

    def gain(self, path: Path) -> Tensor:
        rows, group = self._rows(path), self._class(path)
        fitted = torch.stack([rows @ line.to(rows) for line in self._lines])
        return fitted.gather(0, group.unsqueeze(0)).squeeze(0)

    def _rows(self, path: Path) -> Tensor:
        logarithm = torch.log10(torch.as_tensor(path.link.distance).clamp(min=1.0))
        return torch.stack([torch.ones_like(logarithm), logarithm], dim=-1)

    def _class(self, path: Path) -> Tensor:
        return path.sight.long() if self.by_sight else torch.zeros_like(path.sight, dtype=torch.long)


class LogDistanceBySight(LogDistance):
    """Fit cells with and without line of sight separately: the baseline that a network has to beat."""

    def __init__(self, context: Context, facts: Mapping[str, float], weakest: float = -140.0) -> None:
        super().__init__(context, facts, by_sight=True, weakest=weakest)
