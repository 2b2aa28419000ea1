"""Baselines from the samples of each map."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.domains.radio.baselines.geometry import FEATURES, Cells, cells_of, sector_pattern
from surrogates.domains.radio.baselines.interpolators import (
    GeometryProcess,
    GeometryRidge,
    Interpolator,
    Kriging,
    SampleLogDistance,
    UniversalKriging,
)
from surrogates.domains.radio.preparations.maps import DrawSamples
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline
from tests.surrogates.domains.radio.conftest import CELL, LINK, context_of, shared

TRANSMITTER = np.array([70.0, 50.0, 20.0])
WITH_ERROR = [SampleLogDistance, Kriging, GeometryRidge, GeometryProcess]
RSRP = Context.of([], [VariableSpec(name="rsrp", dims=("sample", "y", "x"), shape=(32, 32))])


def made(model: type[Interpolator]) -> Interpolator:
    return model(RSRP, **{name: LINK[name] for name in model.facts})


def cells(rng: np.random.Generator) -> Cells:
    """Cells of a map whose geometry is noise, so that only what depends on it shows."""
    return cells_of((32, 32), TRANSMITTER, 4.0, rng.normal(size=(32, 32, len(FEATURES))))


def drawn_field(
    rng: np.random.Generator, here: Cells, length: float, nugget: float, count: int = 1
) -> np.ndarray:
    """Draw fields from a process of unit variance with an exponential covariance, (count, cells)."""
    distance = np.linalg.norm(here.position[:, None] - here.position[None], axis=-1)
    covariance = np.exp(-distance / length) + nugget * np.eye(len(distance))
    return rng.standard_normal((count, len(distance))) @ np.linalg.cholesky(covariance).T


@pytest.mark.parametrize("model", [SampleLogDistance, Kriging])
def test_a_log_distance_law_is_recovered_from_its_own_samples(model: type) -> None:
    here = cells(np.random.default_rng(0))
    law = -40.0 - 25.0 * np.log10(here.distance)
    known = np.random.default_rng(1).choice(1024, 60, replace=False)
    answer = made(model).interpolate(here.take(known), law[known], here)
    np.testing.assert_allclose(answer.mean, law, atol=1e-2)


def test_nine_of_ten_measurements_lie_in_the_90_percent_interval_of_kriging() -> None:
    rng = np.random.default_rng(2)
    here, inside = cells(rng), []
    for field in drawn_field(rng, here, 60.0, 0.1, count=6):
        truth = -100.0 + 8.0 * field
        known = rng.choice(1024, 150, replace=False)
        answer = made(Kriging).interpolate(here.take(known), truth[known], here)
        hidden = np.setdiff1d(np.arange(1024), known)
        error = np.abs(answer.mean - truth)[hidden]
        inside.append((error < 1.645 * np.asarray(answer.deviation)[hidden]).mean())
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("model", [GeometryRidge, GeometryProcess])
def test_geometry_tells_what_position_alone_cannot(model: type) -> None:
    rng = np.random.default_rng(3)
    here = cells(rng)
    assert here.features is not None
    truth = -100.0 + 6.0 * here.features[:, 2] + drawn_field(rng, here, 60.0, 0.02)[0]
    known = rng.choice(1024, 120, replace=False)
    errors = [
        np.sqrt(((made(each).interpolate(here.take(known), truth[known], here).mean - truth) ** 2).mean())
        for each in (model, Kriging)
    ]
    assert errors[0] < 0.5 * errors[1]


def test_a_geometry_that_the_samples_do_not_vary_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    here = cells(rng)
    assert here.features is not None
    known = rng.choice(1024, 60, replace=False)
    here.features[:, 3] = 50.0 * ~np.isin(np.arange(1024), known)
    values = 5.0 * drawn_field(rng, here, 60.0, 0.02)[0, known]
    flat = replace(here, features=np.where(np.arange(len(FEATURES)) == 3, 0.0, here.features))
    answers = [
        made(GeometryProcess).interpolate(each.take(known), values, each).mean for each in (here, flat)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("model", WITH_ERROR)
def test_a_few_samples_are_enough_for_an_answer(model: type, count: int) -> None:
    here = cells(np.random.default_rng(5))
    answer = made(model).interpolate(here.take(np.arange(count) * 100), np.linspace(-90, -95, count), here)
    assert np.isfinite(answer.mean).all()
    assert np.abs(answer.mean + 92.5).max() < 30.0


@pytest.mark.parametrize(
    "name",
    [
        "radio/sample_log_distance",
        "kriging",
        "radio/universal_kriging",
        "radio/geometry_ridge",
        "radio/geometry_gp",
    ],
)
def test_baselines_read_the_samples_they_are_told_and_say_how_far_off_they_may_be(
    batch: dict, name: str
) -> None:
    drawn = DrawSamples(count=30)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    given = drawn.pop("path_gain_samples")
    model = Baseline.build({"name": name, "samples": "rsrp_samples"}, replace(RSRP, shared=shared()))
    assert "rsrp_samples" in model.variables
    answer = model.fit([])({**drawn, "rsrp_samples": given})
    assert set(answer) == {"rsrp", "rsrp_standard_deviation"}
    for value in answer.values():
        assert value.shape == given.shape
        assert value.dtype == given.dtype
    assert bool((answer["rsrp_standard_deviation"] > 0).all())
    one = model({name: value[1:] for name, value in {**drawn, "rsrp_samples": given}.items()})
    torch.testing.assert_close(one["rsrp"][0], answer["rsrp"][1])


@pytest.mark.parametrize(
    "name", ["inverse_distance", "radio/nearest_samples", "radio/kriging", "radio/universal_kriging"]
)
def test_interpolators_beat_the_mean_of_the_samples(batch: dict, name: str) -> None:
    drawn = DrawSamples(count=80)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    context = context_of("path_gain_directional", inputs=("path_gain_samples",), shared=shared())
    answer = Baseline.build({"name": name}, context)(drawn)["path_gain_directional"]
    truth, scored = batch["path_gain_directional"], drawn["scored"] & batch["path_gain"].isfinite()
    error = (answer - truth)[scored].square().mean()
    assert float(error) < 0.25 * float(truth[scored].var())


def sector_field(here: Cells, azimuth: float, *coefficients: float) -> tuple[Cells, np.ndarray]:
    """Cells with the columns of a sector's drift, and the field of these coefficients."""
    position = torch.from_numpy(TRANSMITTER)[None].float()
    inputs = {
        "path_gain_samples": torch.full((1, 32, 32), torch.nan),
        "transmitter_position": position,
        "transmitter_azimuth": torch.tensor([azimuth]),
    }
    (cells,) = UniversalKriging(RSRP, CELL).points(inputs, (32, 32))
    assert (cells.position == here.position).all()
    level, slope, share = coefficients
    return cells, level + np.asarray(cells.features) @ [slope, share]


def test_the_drift_of_a_sector_is_recovered_where_nothing_was_measured() -> None:
    cells, truth = sector_field(cells_of((32, 32), TRANSMITTER, CELL), 1.0, -40.0, -30.0, 0.8)
    known = np.flatnonzero(cells.position[:, 1] < 70.0)[::9]  # half of the map
    answer = UniversalKriging(RSRP, CELL).interpolate(cells.take(known), truth[known], cells)
    np.testing.assert_allclose(answer.mean, truth, atol=0.1)


def test_universal_kriging_knows_the_back_of_a_sector_that_kriging_does_not() -> None:
    cells, law = sector_field(cells_of((32, 32), TRANSMITTER, CELL), 0.0, -40.0, -30.0, 1.0)
    rng, squares = np.random.default_rng(6), []
    for shadow in drawn_field(rng, cells, 30.0, 0.05, count=3):
        truth = law + 1.5 * shadow
        known = rng.choice(np.flatnonzero(cells.position[:, 1] > 56.0), 80, replace=False)
        behind = cells.take(cells.position[:, 1] < 30.0)
        squares.append(
            [
                np.mean(
                    (
                        model(RSRP, CELL).interpolate(cells.take(known), truth[known], behind).mean
                        - truth[cells.position[:, 1] < 30.0]
                    )
                    ** 2
                )
                for model in (UniversalKriging, Kriging)
            ]
        )
    ours, kriging = np.sqrt(np.mean(squares, axis=0))
    assert ours < 0.6 * kriging


def test_the_pattern_is_that_of_the_standard() -> None:
    offsets = torch.deg2rad(torch.tensor([0.0, 32.5, -65.0, 180.0, 360.0 - 65.0]))
    torch.testing.assert_close(
        sector_pattern(offsets), torch.tensor([0.0, -3.0, -12.0, -30.0, -12.0]), rtol=0, atol=1e-4
    )


def test_interpolation_without_samples_is_refused(batch: dict) -> None:
    empty = {**batch, "path_gain_samples": torch.full_like(batch["path_gain"], torch.nan)}
    with pytest.raises(ValueError, match="at least one measured cell"):
        Kriging(context_of("path_gain"), CELL)(empty)
