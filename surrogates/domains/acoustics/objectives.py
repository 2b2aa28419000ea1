"""The wave equation as a term of the loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.domains.acoustics.names import POINT_SPACE, POINT_TIME
from surrogates.domains.acoustics.ranges import Speed
from surrogates.learning.context import Context, Fact, Scalar
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class WaveResidual(Objective):
    """A loss at the points of the data, plus the squared residual of the wave equation at points of its own.

    The residual is ``p_tt - c^2 (p_xx + p_yy + p_zz)`` of the pressure p in Pa at coordinates in m and s, so
    its unit is Pa/s^2. The positions are those of random points of the batch, which lie in the air of the
    room, moved by up to `reach`; the times are uniform between the first and the last one of the batch.

    Parameters
    ----------
    context
        Of the data: coordinates of points, and one target.
    speed_of_sound
        Read from the data, m/s.
    weight
        Factor of the mean squared residual, s^4/Pa^2. Where the sound's frequency is f, ``(2 pi f)^-4``
        makes both terms alike.
    points
        Points of each step.
    reach
        Distance along each axis by which positions are moved at most, m.
    loss
        Objective at the points of the data.

    References
    ----------
    S. Wang, H. Wang, P. Perdikaris, "Learning the solution operator of parametric partial differential
    equations with physics-informed DeepONets", Science Advances 7(40), 2021, arXiv:2103.10974, equation 8.
    """

    facts: ClassVar[Mapping[str, Fact]] = {"speed_of_sound": Scalar("m s-1")}
    needs_gradients = True

    def __init__(
        self,
        context: Context,
        speed_of_sound: Speed,
        weight: Weight,
        points: Count = 256,
        reach: Weight = 0.0,
        loss: dict[str, Any] | None = None,
    ) -> None:
        names = context.input_names
        self._space, self._target = [name for name in POINT_SPACE if name in names], context.target_names[0]
        if not self._space or POINT_TIME not in names or len(context.targets) != 1:
            raise ConfigError(
                f"objective 'acoustics/wave_residual': the inputs {listing(names)} and the targets "
                f"{listing(context.target_names)} found; the coordinates "
                "point_x and point_time at least, and one target expected"
            )
        self._loss = Objective.build(loss or {"name": "regression"}, context)
        self._speed, self._weight, self._points, self._reach = speed_of_sound, weight, points, reach

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum of both, the loss at the data's points and the RMS value of the residual, Pa/s^2."""
        loss, terms = self._loss(pipeline, batch, rng)
        given = self.draw(batch, rng)

        def pressure(*coordinates: Tensor) -> Tensor:
            asked = dict(zip(given, coordinates, strict=True))
            return pipeline({**batch, **asked})[self._target]

        residual = wave_residual(pressure, list(given.values()), self._speed)
        square = residual.square().mean()
        told = {**terms, "data": loss.detach(), "residual": square.detach().sqrt()}
        return loss + self._weight * square, told

    def draw(self, batch: Mapping[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
        """Return random coordinates, space first and time last, each (point,) or (batch, point)."""
        stored = {name: batch[name] for name in (*self._space, POINT_TIME)}
        known = torch.broadcast_tensors(*(value.isfinite() for value in stored.values()))
        there = torch.stack(known).all(0)  # padding has no coordinates
        chosen = torch.multinomial(there.cpu().float(), self._points, replacement=True, generator=rng)
        time = stored[POINT_TIME][stored[POINT_TIME].isfinite()]
        drawn = {}
        for name, value in stored.items():
            share = torch.rand(chosen.shape, generator=rng, dtype=value.dtype).to(value.device)
            if name == POINT_TIME:
                drawn[name] = time.min() + share * (time.max() - time.min())
            else:
                places = value.expand(there.shape).gather(-1, chosen.to(value.device))
                drawn[name] = places + self._reach * (2 * share - 1)
        return drawn


def wave_residual(
    pressure: Callable[..., Tensor], coordinates: Sequence[Tensor], speed_of_sound: float
) -> Tensor:
    """Return ``p_tt - c^2 (p_xx + ...)``, Pa/s^2, of a pressure each value of which depends on its own point.

    Parameters
    ----------
    pressure
        Maps coordinates to Pa, (..., point).
    coordinates
        Along each axis of space, m, and of time, s, each (point,) or (batch, point).
    speed_of_sound
        m/s.
    """
    *space, time = second_derivatives(pressure, coordinates)
    return time - speed_of_sound**2 * torch.stack(space).sum(0)


def second_derivatives(function: Callable[..., Tensor], coordinates: Sequence[Tensor]) -> list[Tensor]:
    """Return the second derivative of each value by each coordinate of its own point.

    Twice forward: the function is asked once, for as many copies of the points as there are coordinates, so
    points that all records share stay shared.

    Parameters
    ----------
    function
        Maps coordinates to values, (..., point).
    coordinates
        Each (point,) or (batch, point).
    """
    axes = len(coordinates)
    count = coordinates[0].shape[-1]
    copies = tuple(torch.cat([each] * axes, dim=-1) for each in coordinates)
    directions = tuple(
        torch.cat([torch.full_like(each, float(axis == own)) for own in range(axes)], dim=-1)
        for axis, each in enumerate(coordinates)
    )

    def slope(*points: Tensor) -> Tensor:
        return torch.func.jvp(function, points, directions)[1]

    found = torch.func.jvp(slope, copies, directions)[1]
    return list(found.unflatten(-1, (axes, count)).unbind(-2))
