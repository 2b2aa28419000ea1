"""Derivations from predictions: the gathers of a velocity model, and the first arrivals of gathers."""

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from datasets.store.specs import VariableSpec
from physics.waves.seismic.propagator import simulate
from surrogates.core.errors import ConfigError
from surrogates.core.optional import require
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.domains.seismic.acquisition import solver_device, surveys_of_records, valid_range, varying
from surrogates.domains.seismic.names import GATHER, TIME, VELOCITY
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation

RESIMULATED, FIRST_ARRIVAL = "shot_gather_resimulated", "first_arrival"


class Resimulation(Derivation):
    """Simulate the gathers of a predicted velocity model, to be scored against the observed ones.

    Velocities are clipped to the valid range.

    Parameters
    ----------
    context
        Context of the data.
    """

    def __init__(self, context: Context) -> None:
        require("deepwave", "The derivation 'seismic/resimulation'")
        self._gathers = _spec(context, GATHER, "seismic/resimulation")
        self._velocity = _spec(context, VELOCITY, "seismic/resimulation")
        self._shared = context.shared
        self._sources = varying(self._gathers, self._shared)
        self.variables = (GATHER, *self._sources)

    def provides(self) -> list[VariableSpec]:
        """Return the spec of the simulated gathers."""
        about = {"name": RESIMULATED, "long_name": "gathers of the predicted velocity model"}
        return [self._gathers.model_copy(update=about)]

    def of_truth(self, batch: Batch) -> Batch:
        """Return the observed gathers."""
        return {RESIMULATED: batch[GATHER]}

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Simulate the predicted velocity models, if there are any."""
        if VELOCITY not in prediction:
            return {}
        velocity = prediction[VELOCITY]
        sources = {name: batch[name].cpu().numpy() for name in self._sources}
        surveys = surveys_of_records(self._gathers, self._shared, len(velocity), sources)
        models = velocity.clamp(*valid_range(self._velocity)).cpu().numpy()
        gathers = simulate(models, surveys, device=solver_device(velocity.device))
        return {RESIMULATED: torch.from_numpy(gathers).to(velocity.device)}


class FirstArrival(Derivation):
    """Pick the first arrival of each trace: when it reaches a share of its largest amplitude.

    Amplitudes are interpolated linearly between samples. A silent trace has no arrival (NaN).

    Parameters
    ----------
    context
        Context of the data.
    share
        Share of the largest amplitude. A network's errors before the arrival lie below a tenth.
    """

    variables: Sequence[str] = (GATHER,)

    def __init__(self, context: Context, share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1) -> None:
        self._gathers = _spec(context, GATHER, "seismic/first_arrival")
        seconds = context.field(TIME, "s")
        if seconds is None:
            raise ConfigError(
                f"seismic/first_arrival: no coordinate '{TIME}' among {listing(context.shared)}; a store of "
                "gathers has one"
            )
        self._time = torch.tensor(seconds)
        self._share = share

    def provides(self) -> list[VariableSpec]:
        """Return the spec of the first arrivals."""
        dims = tuple(dim for dim in self._gathers.dims if dim != TIME)
        lengths = dict(zip(self._gathers.dims[1:], self._gathers.shape, strict=True))
        return [
            VariableSpec(
                name=FIRST_ARRIVAL,
                dims=dims,
                shape=tuple(lengths[dim] for dim in dims[1:]),
                units="s",
                long_name="time of the first arrival",
                missing=True,
            )
        ]

    def of_truth(self, batch: Batch) -> Batch:
        """Pick the arrivals of the reference."""
        return {FIRST_ARRIVAL: self._pick(batch[GATHER])}

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Pick the predicted arrivals, if gathers were predicted."""
        return {FIRST_ARRIVAL: self._pick(prediction[GATHER])} if GATHER in prediction else {}

    def _pick(self, gathers: Tensor) -> Tensor:
        """Return (sample, shot, receiver) times, s."""
        traces = gathers.movedim(self._gathers.dims.index(TIME), -1).abs().double()
        level = self._share * traces.amax(-1, keepdim=True)
        first = (traces >= level).byte().argmax(-1, keepdim=True)
        before = (first - 1).clamp(min=0)
        time = self._time.to(gathers.device)
        low, high = traces.gather(-1, before), traces.gather(-1, first)
        fraction = torch.where(high > low, (level - low) / (high - low), 1.0).clamp(0.0, 1.0)
        found = time[before] + fraction * (time[first] - time[before])
        return torch.where(level > 0, found, torch.nan)[..., 0].to(gathers.dtype)


def _spec(context: Context, name: str, piece: str) -> VariableSpec:
    if name not in context.specs:
        known = listing(context.specs)
        raise ConfigError(f"{piece}: no variable '{name}' among {known}; it is for data of gathers")
    return context.specs[name]
