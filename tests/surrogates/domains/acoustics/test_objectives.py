"""The residual of the wave equation vanishes for waves, and is what it should be for others."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import xarray as xr
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.deepxde import as_deepxde
from surrogates.domains.acoustics.objectives import WaveResidual, second_derivatives, wave_residual
from surrogates.learning.context import Context, facts_of
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

SPEED = 343.0


def standing(numbers: tuple[float, ...], rate: float) -> Callable[..., Tensor]:
    """A standing wave of two records, Pa: wave numbers along each axis in rad/m, angular frequency in 1/s."""

    def pressure(*coordinates: Tensor) -> Tensor:
        *space, time = coordinates
        wave = torch.cos(rate * time)
        for number, axis in zip(numbers, space, strict=True):
            wave = wave * torch.cos(number * axis)
        return torch.tensor([[1.0], [-2.0]], dtype=wave.dtype) * wave

    return pressure


def places(axes: int, count: int = 50) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    space = [2 * torch.rand(count, generator=rng, dtype=torch.float64) for _ in range(axes)]
    return [*space, 0.05 * torch.rand(count, generator=rng, dtype=torch.float64)]


@pytest.mark.parametrize("numbers", [(3.0,), (3.0, 4.0), (2.0, 3.0, 6.0)])
def test_standing_waves_have_no_residual(numbers: tuple[float, ...]) -> None:
    rate = SPEED * sum(number**2 for number in numbers) ** 0.5
    points = places(len(numbers))
    found = wave_residual(standing(numbers, rate), points, SPEED)
    assert found.shape == (2, 50)
    assert found.abs().max() < 1e-9 * rate**2


@pytest.mark.parametrize("numbers", [(3.0,), (3.0, 4.0), (2.0, 3.0, 6.0)])
def test_waves_of_another_frequency_have_the_residual_that_their_dispersion_says(numbers) -> None:
    square, rate, points = sum(number**2 for number in numbers), 1200.0, places(len(numbers))
    pressure = standing(numbers, rate)
    expected = (SPEED**2 * square - rate**2) * pressure(*points)
    torch.testing.assert_close(wave_residual(pressure, points, SPEED), expected, rtol=1e-9, atol=1e-3)


@pytest.mark.parametrize("own", [False, True])
def test_second_derivatives_are_those_of_reverse_differentiation(own: bool) -> None:
    x, y = (torch.randn(*((3,) if own else ()), 8, dtype=torch.float64) for _ in range(2))
    scale = torch.tensor([[1.0], [2.0], [-0.5]], dtype=torch.float64)

    def function(x: Tensor, y: Tensor) -> Tensor:
        return scale * torch.exp(x * y) + x**3

    found = second_derivatives(function, [x, y])
    wide = [each.expand(3, 8).clone().requires_grad_() for each in (x, y)]
    for axis, by in enumerate(wide):
        slope = torch.autograd.grad(function(*wide).sum(), by, create_graph=True)[0]
        expected = torch.autograd.grad(slope.sum(), by, retain_graph=True)[0]
        torch.testing.assert_close(found[axis], expected)


def test_points_that_records_share_are_asked_once() -> None:
    shapes: list[torch.Size] = []

    def function(x: Tensor, time: Tensor) -> Tensor:
        shapes.append(x.shape)
        return torch.sin(x) * time**2

    second_derivatives(function, [torch.rand(5), torch.rand(5)])
    assert shapes == [(10,)]


def test_the_residual_has_gradients_by_the_weights() -> None:
    number = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)

    def loss(number: Tensor) -> Tensor:
        return (
            wave_residual(
                lambda x, time: torch.cos(number * x) * torch.cos(900.0 * time), places(1, 10), SPEED
            )
            .square()
            .mean()
            * 1e-10
        )

    assert torch.autograd.gradcheck(loss, number)


INITIAL = VariableSpec(name="initial_pressure", dims=("sample", "y0", "x0"), shape=(5, 4), units="Pa")
PRESSURE = VariableSpec(name="sound_pressure", dims=("sample", "point"), shape=(40,), units="Pa")


def context(*recorded: str) -> Context:
    """A room on a plane; coordinates that are named belong to each record."""
    coordinates = [
        VariableSpec(
            name=name,
            dims=("sample", "point") if name in recorded else ("point",),
            shape=(40,),
            units="s" if name == "point_time" else "m",
        )
        for name in ("point_x", "point_y", "point_time")
    ]
    speed = xr.DataArray(SPEED, attrs={"units": "m s-1"})
    return Context.of([INITIAL, *coordinates], [PRESSURE], shared={"speed_of_sound": speed})


def batch_of(known: Context, records: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """Standing waves of some amplitude in a room of 2 m."""
    rng = torch.Generator().manual_seed(seed)
    amplitude = 1 + torch.rand(records, 1, generator=rng)
    drawn = {
        name: torch.rand((records, 40) if "sample" in known.specs[name].dims else (40,), generator=rng)
        * scale
        for name, scale in {"point_x": 2.0, "point_y": 2.0, "point_time": 0.01}.items()
    }
    wave = (
        torch.cos(3 * drawn["point_x"])
        * torch.cos(4 * drawn["point_y"])
        * torch.cos(5 * SPEED * drawn["point_time"])
    )
    return drawn | {
        "initial_pressure": amplitude[..., None] * torch.ones(records, 5, 4),
        "sound_pressure": amplitude * wave,
    }


def pipeline(known: Context, **changes: Any) -> Pipeline:
    node = {"name": "deeponet", "width": 24, "depth": 2, "products": 8, "wave_numbers": (2.0,), **changes}
    torch.manual_seed(0)
    config = PipelineConfig(
        inputs=list(known.inputs),
        targets=list(known.targets),
        record_dimension="sample",
        transform={"name": "points"},
        network=node,
    )
    made = Pipeline(config, known)
    made.fit_normalisers([batch_of(known, records=8, seed=1)])
    return made


def objective(known: Context, **changes: Any) -> WaveResidual:
    return WaveResidual(known, speed_of_sound=SPEED, **{"weight": 1e-13, "points": 20, **changes})


def test_the_objective_keeps_what_its_kind_promises() -> None:
    known = context()
    testing.check_objective(objective(known), pipeline=pipeline(known), batch=batch_of(known))


@pytest.mark.parametrize("recorded", [(), ("point_x", "point_y", "point_time"), ("point_x", "point_y")])
def test_the_residual_is_that_of_deepxde_in_physical_units(deepxde: Any, recorded: tuple[str, ...]) -> None:
    """DeepXDE differentiates the network by its own coordinates, which the normalisers scaled."""
    known = context(*recorded)
    made, batch = pipeline(known).double(), {n: v.double() for n, v in batch_of(known).items()}
    loss = objective(known, reach=0.1, weight=1.0)
    drawn = loss.draw(batch, torch.Generator().manual_seed(3))
    features = made.features({**batch, **drawn})
    channels = made.input_normaliser(features.channels)
    theirs = as_deepxde(made.network)
    pascals = made.target_normaliser.stretch(torch.ones(1, 1, 1, dtype=torch.float64)).item()
    expected = []
    for record in range(3):
        trunk = channels["trunk"] if channels["trunk"].ndim == 2 else channels["trunk"][record]
        points = trunk.detach().clone().requires_grad_()
        answer = theirs((channels["branch"][record : record + 1].flatten(1), points))[0][:, None]
        slopes = [
            made.input_normaliser["trunk"].stretch(torch.eye(3, dtype=torch.float64)[None])[0, i, i]
            for i in range(3)
        ]
        second = [
            pascals / slopes[axis] ** 2 * deepxde.grad.hessian(answer, points, i=axis, j=axis)[:, 0]
            for axis in range(3)
        ]
        deepxde.grad.clear()
        expected.append(second[2] - SPEED**2 * (second[0] + second[1]))
    total, terms = loss(made, batch, torch.Generator().manual_seed(3))
    square = torch.stack(expected).square().mean()
    assert float(terms["residual"]) == pytest.approx(float(square.detach().sqrt()), rel=1e-4)
    assert float(total.detach()) == pytest.approx(float(terms["data"] + square.detach()), rel=1e-4)


@pytest.mark.slow
def test_training_lowers_the_residual_and_the_weight_decides_how_much() -> None:
    known, residuals = context(), {}
    for weight in (0.0, 1e-13):
        made, loss = pipeline(known), objective(known, weight=weight)
        optimiser = torch.optim.Adam(made.network.parameters(), 2e-3)
        for step in range(150):
            optimiser.zero_grad()
            value, terms = loss(made, batch_of(known, seed=step), torch.Generator().manual_seed(step))
            value.backward()
            optimiser.step()
        residuals[weight] = float(terms["residual"])
    assert residuals[1e-13] < 0.5 * residuals[0.0]


def test_points_lie_near_those_of_the_batch_and_between_its_times() -> None:
    known = context()
    batch, rng = batch_of(known), torch.Generator().manual_seed(0)
    drawn = objective(known, points=200).draw(batch, rng)
    assert set(drawn["point_x"].tolist()) <= set(batch["point_x"].tolist())
    assert not set(drawn["point_time"].tolist()) <= set(batch["point_time"].tolist())
    assert (
        batch["point_time"].min()
        <= drawn["point_time"].min()
        < drawn["point_time"].max()
        <= batch["point_time"].max()
    )
    moved = objective(known, points=200, reach=0.1).draw(batch, torch.Generator().manual_seed(0))
    distance = (moved["point_x"] - drawn["point_x"]).abs()
    assert 0.09 < distance.max() <= 0.1


def test_padding_of_records_is_never_drawn() -> None:
    known = context("point_x", "point_y", "point_time")
    batch = batch_of(known)
    for name in ("point_x", "point_y", "point_time"):
        batch[name][1, 5:] = torch.nan
    drawn = objective(known, points=300).draw(batch, torch.Generator().manual_seed(0))
    assert all(value.shape == (3, 300) and value.isfinite().all() for value in drawn.values())
    assert set(drawn["point_x"][1].tolist()) == set(batch["point_x"][1, :5].tolist())


def test_equal_generators_give_equal_losses() -> None:
    known = context()
    made, batch, loss = pipeline(known), batch_of(known), objective(known, weight=1e-10)
    values = [float(loss(made, batch, torch.Generator().manual_seed(seed))[0].detach()) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_the_speed_of_sound_comes_from_the_data() -> None:
    assert facts_of(WaveResidual.facts, context(), {}, "the objective") == {"speed_of_sound": SPEED}
    without = Context.of(context().inputs, [PRESSURE])
    with pytest.raises(
        ConfigError, match=r"needs speed_of_sound in m s-1[^\n]*task.shared.speed_of_sound=VALUE"
    ):
        facts_of(WaveResidual.facts, without, {}, "the objective")


def test_data_without_coordinates_are_refused_in_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"the inputs initial_pressure and the targets sound_pressure found; [^\n]*$"
    ):
        objective(Context.of([INITIAL], [PRESSURE]))
