"""Full-waveform inversion without a network: what the same gathers give to an optimiser alone."""

from collections.abc import Iterable, Mapping
from typing import Self

import torch
import xarray as xr
from pydantic import NonNegativeInt

from datasets.store.specs import VariableSpec
from physics.waves.seismic.inversion import refine
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.domains.seismic.acquisition import solver_device, surveys_of_records, valid_range, varying
from surrogates.domains.seismic.names import GATHER, VELOCITY
from surrogates.learning.protocols import Batch


class ClassicalInversion:
    """Begin with the mean profile of the training models, and lower the misfit of the gathers.

    Parameters
    ----------
    targets, inputs, specs, coordinates
        Of the task: velocity models from gathers.
    steps
        Of the optimiser, each about three simulations of each example; see
        `physics.waves.seismic.inversion.refine`.
    """

    def __init__(
        self,
        targets: list[str],
        inputs: list[str],
        specs: Mapping[str, VariableSpec],
        coordinates: Mapping[str, xr.DataArray],
        steps: NonNegativeInt = 20,
    ) -> None:
        if targets != [VELOCITY] or GATHER not in inputs:
            raise ConfigError(
                f"baseline 'seismic_fwi': targets {listing(targets)} from {listing(inputs)} found, "
                f"'{VELOCITY}' from '{GATHER}' expected; take it off `task.baselines`"
            )
        self._velocity, self._gathers, self._coordinates = specs[VELOCITY], specs[GATHER], coordinates
        self._steps = steps
        self.variables = varying(self._gathers, coordinates)
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
        surveys = surveys_of_records(self._gathers, self._coordinates, len(gathers), sources)
        refined = refine(
            self._profile[:, None].expand(len(gathers), *self._velocity.shape).numpy(),
            gathers.cpu().numpy(), surveys, self._steps,
            bounds=valid_range(self._velocity), device=solver_device(gathers.device),
        )  # fmt: skip
        return {VELOCITY: torch.from_numpy(refined.velocity).to(gathers.device)}
