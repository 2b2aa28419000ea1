"""Scores of members: fair, proper, and those of the closed form where there is one."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogates.evaluation.members import EnergyScore, RankHistogram, ranks
from surrogates.evaluation.probabilistic import (
    CRPS,
    CURVE_LEVELS,
    NOTHING,
    CoverageCurve,
    IntervalWidth,
    Spread,
    member_coverage,
)
from surrogates.learning.contract import Metric
from surrogates.learning.members import member_quantiles


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scored(metric: Metric, members: Tensor, target: Tensor, **spread: float) -> float:
    weight = torch.ones_like(target.real)
    found = metric.statistics(members.mean(1), target, weight, spread=Spread(members=members, **spread))
    return float(metric.combine({name: value.sum(0).numpy() for name, value in found.items()}))


def pairs(members: Tensor, target: Tensor, distance) -> float:  # type: ignore[no-untyped-def]
    """The fair score by its definition: all members, and all pairs of two different ones."""
    count = members.shape[1]
    found = []
    for some, truth in zip(members, target, strict=True):
        to_target = np.mean([distance(each, truth) for each in some])
        apart = np.mean([distance(some[i], some[j]) for i in range(count) for j in range(count) if i != j])
        found.append(to_target - apart / 2)
    return float(np.mean(found))


def test_crps_of_members_is_that_of_their_definition() -> None:
    members, target = normal(7, 5, 3), normal(7, 3, seed=1)
    flat = members.transpose(1, 2).reshape(-1, 5, 1), target.reshape(-1, 1)
    assert scored(CRPS(), members, target) == pytest.approx(
        pairs(*flat, lambda a, b: float((a - b).abs().sum())), rel=1e-9
    )
    wave, truth = torch.complex(members, normal(7, 5, 3, seed=2)), torch.complex(target, 0 * target)
    flat = wave.transpose(1, 2).reshape(-1, 5, 1), truth.reshape(-1, 1)
    assert scored(CRPS(), wave, truth) == pytest.approx(
        pairs(*flat, lambda a, b: float((a - b).abs().sum())), rel=1e-9
    )


@pytest.mark.parametrize("count", [2, 5, 30])
def test_crps_of_few_members_is_that_of_their_distribution(count: int) -> None:
    members, target = 0.5 + 2 * normal(40_000, count), normal(40_000, seed=1)
    z = (target - 0.5) / 2
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    exact = 2 * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    assert scored(CRPS(), members, target) == pytest.approx(float(exact.mean()), abs=0.03)


def test_crps_of_directions_does_not_see_where_zero_is() -> None:
    members, target = 40 * normal(50, 6, 2), 40 * normal(50, 2, seed=1)
    across = scored(CRPS(), members % 360, target % 360, turn=360.0)
    away = scored(CRPS(), (members + 170) % 360, (target + 170) % 360, turn=360.0)
    assert across == pytest.approx(away, rel=1e-6)
    narrow = scored(CRPS(), members / 10, target / 10)
    assert scored(CRPS(), (members / 10) % 360, (target / 10) % 360, turn=360.0) == pytest.approx(narrow)


def test_energy_score_sees_whether_cells_vary_together() -> None:
    shared, apart = normal(4000, 6, 1).expand(-1, -1, 9), normal(4000, 6, 9, seed=1)
    truth = normal(4000, 1, seed=2).expand(-1, 9)
    scores = [scored(EnergyScore(), each, truth) for each in (shared, apart)]
    assert scores[0] < 0.9 * scores[1]
    assert scored(CRPS(), shared, truth) == pytest.approx(scored(CRPS(), apart, truth), rel=0.03)


def test_energy_score_is_that_of_its_definition_and_fair() -> None:
    members, target = normal(6, 5, 4), normal(6, 4, seed=1)
    rms = lambda a, b: float((a - b).square().mean().sqrt())  # noqa: E731
    assert scored(EnergyScore(), members, target) == pytest.approx(pairs(members, target, rms), rel=1e-9)
    few, many = (scored(EnergyScore(), normal(20_000, n, 4), normal(20_000, 4, seed=1)) for n in (2, 12))
    assert few == pytest.approx(many, rel=0.02)


def test_energy_score_of_one_cell_is_the_crps() -> None:
    members, target = normal(30, 5, 1), normal(30, 1, seed=1)
    assert scored(EnergyScore(), members, target) == pytest.approx(scored(CRPS(), members, target))


def test_quantiles_of_members_cover_as_often_as_they_say() -> None:
    for count in (9, 19, 40):
        level = min(0.9, (count - 1) / (count + 1))
        members, target = normal(40_000, count, seed=count).exp(), normal(40_000, seed=1).exp()
        found = scored(member_coverage(level), members, target)
        assert found == pytest.approx(level, abs=0.01)
    assert scored(member_coverage(0.9), members[:, :5], target) == pytest.approx(4 / 6, abs=0.01)
    width = scored(IntervalWidth(0.9, "members"), members, target)
    low, high = member_quantiles(members, [0.05, 0.95]).unbind(1)
    assert width == pytest.approx(float((high - low).mean()))


def test_discs_and_arcs_of_members_cover_as_often_as_they_say() -> None:
    members, target = torch.complex(normal(20_000, 39), normal(20_000, 39, seed=1)), normal(20_000, seed=2)
    found = scored(member_coverage(0.9), members, torch.complex(target, normal(20_000, seed=3)))
    assert found == pytest.approx(0.9, abs=0.02)
    angles, truth = (20 * normal(20_000, 39)) % 360, (20 * target) % 360
    mean = torch.zeros_like(truth)
    statistics = member_coverage(0.9).statistics(
        mean, truth - 360 * (truth > 180), torch.ones_like(truth), spread=Spread(members=angles, turn=360.0)
    )
    assert float(statistics["covered"].mean()) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("turn", [None, 360.0])
def test_the_curve_of_members_is_their_coverage_at_each_level(turn: float | None) -> None:
    members, target = normal(4000, 9), 1.5 * normal(4000, seed=1)
    if turn is not None:
        members, target = (40 * members) % turn, 40 * target  # as near to the prediction as can be
    spread, weight = Spread(members=members, turn=turn), torch.ones_like(target)
    prediction = members.mean(1) if turn is None else torch.zeros_like(target)
    curve = CoverageCurve().statistics(prediction, target, weight, spread)["covered"][:, 2].mean(0)
    for level, found in zip(CURVE_LEVELS, curve, strict=True):
        low, high = spread.member_ends(level, prediction)
        inside = (low <= target - prediction) & (target - prediction <= high)
        assert float(found) == pytest.approx(float(inside.double().mean()), abs=1e-12)
        own = member_coverage(level).statistics(prediction, target, weight, spread=spread)["covered"]
        assert float(own.mean()) == float(found)
    assert float(curve[-1]) < 0.75  # members that lie too close together
    assert CoverageCurve().statistics(prediction, target, weight, NOTHING)["covered"].isnan().all()


def test_ranks_of_the_target_are_even_only_for_right_members() -> None:
    target, weight = normal(20_000), torch.ones(20_000)
    even = ranks(normal(20_000, 7, seed=1), target, weight).sum(0) / 20_000
    assert float((even - 1 / 8).abs().max()) < 0.01
    narrow = ranks(0.4 * normal(20_000, 7, seed=1), target, weight).sum(0) / 20_000
    assert float(narrow[[0, -1]].min()) > 0.2
    index = [scored(RankHistogram(), s * normal(20_000, 7, seed=1), target) for s in (0.4, 1.0, 3.0)]
    assert index[1] < 0.05 < min(index[0], index[2])
    assert scored(RankHistogram(), torch.full((3, 7), 9.0), torch.zeros(3)) == pytest.approx(2 * 7 / 8)


def test_ties_share_their_ranks_and_cells_that_do_not_count_have_none() -> None:
    members = torch.tensor([[[1.0, 5.0], [1.0, 5.0], [2.0, torch.nan]]])
    found = ranks(members, torch.tensor([[1.0, 5.0]]), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0.0]], dtype=torch.float64))


def test_methods_without_members_are_scored_by_their_prediction() -> None:
    prediction, target = normal(5, 4), normal(5, 4, seed=1)
    found = EnergyScore().statistics(prediction, target, torch.ones(5, 4))
    torch.testing.assert_close(found["energy_score"], (prediction - target).square().mean(1).sqrt())
    none = RankHistogram().statistics(prediction, target, torch.ones(5, 4))
    assert np.isnan(RankHistogram().combine({"ranks": none["ranks"].sum(0).numpy()}))
