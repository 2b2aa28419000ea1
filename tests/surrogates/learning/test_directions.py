"""Directions: cosine and sine inside of the network, angles outside, a full turn beside zero."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import circmean
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.baselines import Mean
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.calibration import calibrate
from surrogates.evaluation.directions import CircularError
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.evaluation.metrics import MAE, R2, RMSE
from surrogates.evaluation.probabilistic import CRPS, Coverage
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.directions import (
    as_directions,
    full_turn,
    mean_direction,
    rolled,
    unrolled,
    within_turn,
    wrapped,
)
from surrogates.learning.heads import Head
from surrogates.learning.layout import Layout
from surrogates.learning.members import MEMBER_LEVELS, summary
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

EACH: dict[str, Any] = {"dims": ("sample",), "shape": ()}
CIRCULAR = {"topology": "circular", "comment": "clockwise from north"}
WIND = VariableSpec(name="wind", **EACH, units="degree", attributes=CIRCULAR)
SIGNED = WIND.model_copy(update={"units": "rad", "minimum": -math.pi, "maximum": math.pi})
SPEED = VariableSpec(name="speed", **EACH, units="m s-1")


def test_units_tell_a_full_turn() -> None:
    assert full_turn(WIND) == 360 and full_turn(SIGNED) == pytest.approx(math.tau)
    assert full_turn(WIND.model_copy(update={"attributes": {}})) is None
    with pytest.raises(
        ConfigError, match=r"'wind' is circular.*in m; expected a real number in units of angle"
    ):
        full_turn(WIND.model_copy(update={"units": "m"}))
    with pytest.raises(ConfigError, match="float32 in 1; expected"):
        full_turn(WIND.model_copy(update={"units": "1"}))


def test_an_unknown_direction_stays_unknown_where_tiles_are_blended() -> None:
    known = np.array([[350.0, np.nan]], np.float32)
    found = rolled(unrolled({"wind": known}, {"wind": 360.0}), [WIND])["wind"]
    np.testing.assert_allclose(found, known, rtol=1e-5)


def test_channels_are_cosine_and_sine_and_come_back_as_the_angle() -> None:
    layout = Layout((SPEED, WIND), (), "sample")
    assert layout.names == ["speed", "wind.cos", "wind.sin"]
    assert layout.real_parts == (1,)
    angles = torch.tensor([0.0, 359.99, 90.0, 180.0, -1e-9, 720.5])
    packed = layout.pack({"speed": torch.ones(6), "wind": angles})
    torch.testing.assert_close(packed[2], torch.tensor([1.0, 0.0, 1.0]), atol=1e-6, rtol=0)
    back = layout.unpack(packed)["wind"]
    assert bool(((back >= 0) & (back < 360)).all())
    assert float(wrapped(back - angles, 360.0).abs().max()) < 1e-3
    signed = Layout((SIGNED,), (), "sample")
    back = signed.unpack(signed.pack({"wind": torch.tensor([3 * math.pi / 2, -3.0])}))["wind"]
    torch.testing.assert_close(back, torch.tensor([-math.pi / 2, -3.0]))
    assert layout.pack({"speed": torch.ones(1), "wind": torch.tensor([torch.nan])})[:, 1:].isnan().all()


def test_a_small_negative_angle_is_no_full_turn() -> None:
    assert float(within_turn(torch.tensor(-1e-9), 360.0, 0.0)) == 0.0


def small(*targets: VariableSpec, **config: Any) -> Pipeline:
    torch.manual_seed(0)
    network = {"name": "mlp", "width": 16, "depth": 2}
    return Pipeline(PipelineConfig(inputs=[SPEED], targets=list(targets), network=network, **config))


def northerly(count: int = 256) -> Batch:
    """Winds about north: a third of a turn to the left and right of zero."""
    speed = torch.linspace(-1, 1, count)
    return {"speed": speed, "wind": (60 * torch.sin(3 * speed)) % 360}


def trained(pipeline: Pipeline, batch: Batch, steps: int = 150) -> Pipeline:
    pipeline.fit_normalisers([batch])
    objective = Objective.build({"name": "regression"}, pipeline.context)
    optimiser = torch.optim.Adam(pipeline.parameters(), lr=0.02)
    for _ in range(steps):
        optimiser.zero_grad()
        objective(pipeline, batch, torch.Generator())[0].backward()
        optimiser.step()
    return pipeline.eval()


def test_a_network_learns_across_north_only_of_directions() -> None:
    batch = northerly()
    plain = WIND.model_copy(update={"attributes": {}})
    errors = []
    for spec in (WIND, plain):
        found = trained(small(spec), batch)(batch)["wind"].detach()
        errors.append(float(wrapped(found - batch["wind"], 360.0).abs().mean()))
    assert errors[0] < 2 and errors[1] > 5 * errors[0]


def test_directions_and_other_targets_learn_together() -> None:
    heat = VariableSpec(name="heat", **EACH, units="K")
    batch = northerly() | {"heat": 300 + northerly()["speed"]}
    pipeline = trained(small(heat, WIND), batch)
    answer = {name: value.detach() for name, value in pipeline(batch).items()}
    assert set(answer) == {"heat", "wind"} and pipeline.layout.channels == 3
    assert float((answer["heat"] - batch["heat"]).abs().max()) < 0.2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"head": {"name": "gaussian"}},
            "head 'gaussian' takes numbers on a line, but 'wind' is a direction",
        ),
        ({"head": {"name": "quantiles"}}, "head 'quantiles' takes numbers on a line"),
        ({"normalisation": "min_max"}, "min_max would change the phase of complex variables and directions"),
        (
            {"transform": {"name": "stack", "scale_by": "speed"}},
            "scale_by: 'wind' is a direction, which has no scale",
        ),
    ],
)
def test_what_takes_angles_for_numbers_on_a_line_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(WIND, **config)


def test_heads_of_the_spine_that_take_directions_are_known() -> None:
    context = Context.of([SPEED], [WIND])
    assert Head.build({"name": "point"}, context).takes_directions


def test_a_task_names_directions_that_the_store_does_not() -> None:
    plain = WIND.model_copy(update={"attributes": {}})
    later = plain.model_copy(update={"name": "wind_forecast"})
    found = as_directions({"wind": plain, "wind_forecast": later, "speed": SPEED}, ["wind"])
    assert [name for name, spec in found.items() if full_turn(spec)] == ["wind", "wind_forecast"]
    with pytest.raises(ConfigError, match=r"task.directions: no variable 'winds'. Did you mean 'wind'"):
        as_directions({"wind": plain}, ["winds"])


def test_the_mean_direction_lies_between_and_its_deviation_is_that_of_a_narrow_spread() -> None:
    angles = (5 * torch.randn(4000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)) % 360
    mean, deviation = mean_direction(angles, WIND)
    expected = circmean(angles.numpy(), high=360, axis=1)
    assert float(wrapped(mean - torch.as_tensor(expected), 360.0).abs().max()) < 1e-9
    assert float(deviation.square().mean().sqrt()) == pytest.approx(5.0, rel=0.02)
    even = mean_direction(360 * torch.rand(20, 400, generator=torch.Generator().manual_seed(0)), WIND)[1]
    assert float(even.max()) < math.degrees(math.sqrt(2)) and float(even.min()) > 70
    assert float(mean_direction(angles[:, :1], WIND)[1].max()) < 1e-5  # one member; cosine and sine round


def test_quantiles_of_members_are_arcs_about_their_mean() -> None:
    members = (torch.linspace(-20, 20, 19)[None] + 2) % 360
    found = summary({"wind": members}, [WIND])
    torch.testing.assert_close(found["wind"], torch.tensor([2.0]), atol=1e-4, rtol=0)
    low, middle, high = found["wind_quantile"][0].tolist()
    assert (low, middle, high) == pytest.approx((-18, 2, 22), abs=1e-3)
    assert found["quantile"].tolist() == pytest.approx(MEMBER_LEVELS)


def rows(prediction: Tensor, truth: Tensor, *, spread: float | None = None) -> dict[str, float]:
    """Score a method that repeats a prediction, calibrated on the same data."""
    targets, batch = [Target(WIND)], {"speed": torch.zeros(len(truth)), "wind": truth}
    members = None
    if spread is not None:
        noise = torch.randn(len(truth), 30, generator=torch.Generator().manual_seed(5))
        members = (prediction[:, None] + spread * noise) % 360

    def method(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"wind": prediction} if members is None else summary({"wind": members}, [WIND])

    tables = calibrate({"a": method}, [batch], targets, np.arange(len(truth)))
    metrics = {"rmse": RMSE(), "mae": MAE(), "circular": CircularError(), "r2": R2(), "crps": CRPS()}
    metrics |= {"coverage": Coverage(0.9), "members": Coverage(0.9, "members")}
    table = evaluate({"a": method}, [batch], targets, metrics, Blocks.of(len(truth)), calibrations=tables)
    return {row.metric: row.value for row in table.rows}


def test_scores_take_the_shorter_way_round() -> None:
    noise = 8 * torch.randn(2000, generator=torch.Generator().manual_seed(0))
    across = rows(torch.full((2000,), 359.0), (359 + noise) % 360)
    away = rows(torch.full((2000,), 180.0), 180 + noise)
    for name in ("rmse", "mae", "circular", "crps", "coverage"):
        assert across[name] == pytest.approx(away[name], rel=1e-3)
    assert across["circular"] == pytest.approx(8 * math.sqrt(2 / math.pi), rel=0.03)
    assert across["coverage"] == pytest.approx(0.9, abs=0.01)
    assert "r2" not in across  # it has no meaning on a circle


def test_arcs_of_members_cover_across_north() -> None:
    noise = 8 * torch.randn(2000, generator=torch.Generator().manual_seed(0))
    found = rows(torch.full((2000,), 359.0), (359 + noise) % 360, spread=8.0)
    assert found["members"] == pytest.approx(0.9, abs=0.02)
    assert found["coverage"] == pytest.approx(0.9, abs=0.01)
    assert found["crps"] == pytest.approx(8 * 0.564 / 1.0, rel=0.05)  # of a Gaussian, 1 / sqrt(pi) of it


def test_the_mean_of_winds_about_north_is_north() -> None:
    batch = {"speed": torch.zeros(4), "wind": torch.tensor([350.0, 10.0, 355.0, 5.0])}
    found = Mean(Context.of([SPEED], [WIND])).fit([batch])({"speed": torch.zeros(2)})["wind"]
    assert float(wrapped(found, 360.0).abs().max()) < 1e-4


def test_the_error_of_guesses_is_a_quarter_of_a_turn() -> None:
    truth, guess = (360 * torch.rand(2, 50_000, generator=torch.Generator().manual_seed(0))).unbind()
    found = CircularError().statistics(guess, truth, torch.ones(50_000), spec=WIND)
    assert float(found["circular_error"].mean()) == pytest.approx(90, abs=1)
