"""Full-waveform inversion without a network: what an optimiser makes of the same gathers."""

from collections.abc import Iterable
from typing import Annotated, Self

import torch
from pydantic import Field, NonNegativeInt

from physics.waves.seismic.inversion import refine, stages_of
from surrogates.core.errors import ConfigError
from surrogates.core.optional import require
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.domains.seismic.acquisition import (
    common_survey,
    solver_device,
    surveys_of_records,
    valid_range,
    varying,
)
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

Corners = Annotated[tuple[Annotated[float, Field(gt=0, le=1e6)], ...], Field(max_length=16)]
Cells = Annotated[float, Field(ge=0, le=1e4)]
Smoothing = tuple[Cells, Cells] | Annotated[tuple[tuple[Cells, Cells], ...], Field(max_length=17)]


class ClassicalInversion(Baseline):
    """Minimise the misfit of the gathers, from the mean profile of the training models on.

    Parameters
    ----------
    context
        Context of the data: velocity models from gathers.
    steps
        Steps of the optimiser, each about three simulations of each example; see
        `physics.waves.seismic.inversion.refine`.
    frequencies, smoothing
        Corners of the stages, Hz, and the Gaussian that smooths the change, in cells, as for `refine`.
    """

    def __init__(
        self,
        context: Context,
        steps: NonNegativeInt = 20,
        frequencies: Corners | None = None,
        smoothing: Smoothing | None = None,
    ) -> None:
        require("deepwave", "The baseline 'seismic/fwi'")
        targets, inputs = context.target_names, context.input_names
        if targets != [VELOCITY] or GATHER not in inputs:
            raise ConfigError(
                f"baseline 'seismic/fwi': targets {listing(targets)} from {listing(inputs)} found, "
                f"'{VELOCITY}' from '{GATHER}' expected; take it off `task.baselines`"
            )
        self._velocity, self._gathers = context.specs[VELOCITY], context.specs[GATHER]
        self._shared, self._steps = context.shared, steps
        self._frequencies, self._smoothing = frequencies, smoothing
        self.variables = varying(self._gathers, self._shared)
        try:
            stages_of(steps, frequencies, smoothing, common_survey(self._gathers, self._shared))
        except ValueError as error:
            raise ConfigError(f"baseline 'seismic/fwi': {error}") from None
        self._profile = torch.empty(0)

    def fit(self, batches: Iterable[Batch]) -> Self:
        """Learn the mean velocity of each depth."""
        total, count = torch.zeros(self._velocity.shape[0], dtype=torch.float64), 0
        for batch in batches:
            models = batch[VELOCITY].cpu().double()
            total += models.mean(2).sum(0)
            count += len(models)
        self._profile = total / count
        return self

    def __call__(self, inputs: Batch, rng: torch.Generator | None = None) -> Batch:
        """Return the velocity model of each example."""
        gathers = inputs[GATHER]
        sources = {name: inputs[name].cpu().numpy() for name in self.variables}
        surveys = surveys_of_records(self._gathers, self._shared, len(gathers), sources)
        refined = refine(
            self._profile[:, None].expand(len(gathers), *self._velocity.shape).numpy(),
            gathers.cpu().numpy(), surveys, self._steps,
            frequencies=self._frequencies, smoothing=self._smoothing,
            bounds=valid_range(self._velocity), device=solver_device(gathers.device),
        )  # fmt: skip
        return {VELOCITY: torch.from_numpy(refined.velocity).to(gathers.device)}
