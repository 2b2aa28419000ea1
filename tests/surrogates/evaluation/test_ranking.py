"""Methods are ranked in every scenario; equal scores share ranks."""

import numpy as np
import pytest
from scipy.stats import rankdata

from surrogates.evaluation.ranking import badness, rank, ranked_metric, rankings
from surrogates.evaluation.tables import ALL, UNDISTURBED, Score, Table

METHODS = ["a", "b", "c", "d"]


def test_mean_ranks_with_ties_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).integers(0, 4, (200, 4)).astype(float)  # many ties
    count, ranks = rank(METHODS, values)
    expected = rankdata(values, axis=1).mean(axis=0)
    assert count == 200
    assert [each.mean[0] for each in ranks] == pytest.approx(expected)
    shares = np.array([[share[0] for share in each.shares] for each in ranks])
    assert shares.sum(axis=0) == pytest.approx(np.ones(4))
    assert shares @ np.arange(1, 5) == pytest.approx(expected)


def test_methods_that_tie_share_their_scenario() -> None:
    _, (a, b, c) = rank("abc", np.array([[1.0, 1.0, 2.0], [1.0, 2.0, 3.0]]))
    assert (a.mean[0], b.mean[0], c.mean[0]) == (1.25, 1.75, 3.0)
    assert [share[0] for share in a.shares] == [0.75, 0.25, 0.0]
    assert [share[0] for share in c.shares] == [0.0, 0.0, 1.0]


def test_a_method_without_a_score_comes_last_and_an_empty_scenario_does_not_count() -> None:
    nan = np.nan
    count, (a, b) = rank("ab", np.array([[nan, 5.0], [1.0, 2.0], [nan, nan]]))
    assert count == 2
    assert (a.mean[0], b.mean[0]) == (1.5, 1.5)


def test_intervals_hold_the_true_mean_rank_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        _, (first, _) = rank("ab", rng.normal((0.0, 0.5), 1.0, (60, 2)), resamples=400)
        hits += first.mean[1] <= 1.3618 <= first.mean[2]  # P(N(0, 1) > N(0.5, 1)) = 0.3618
    assert 0.88 <= hits / 200 <= 0.99


def table(metric: str, values: dict[str, list[float]]) -> Table:
    groups = [ALL, "x", "y"]
    rows = [
        Score(method, "speed", metric, "m", group, value, np.nan, np.nan, 3, condition=condition)
        for method, scores in values.items()
        for group, value in zip(groups, scores, strict=True)
        for condition in (UNDISTURBED, "noise")
    ]
    return Table(rows, 3, {"speed": 3})


@pytest.mark.parametrize(("metric", "best"), [("rmse", "low"), ("r2", "high"), ("bias", "near")])
def test_the_best_is_small_large_or_close_to_zero_by_metric(metric: str, best: str) -> None:
    scores = {"low": [0, -0.5, -0.5], "near": [0, 0.1, 0.1], "high": [0, 0.9, 0.9]}
    (ranking,) = rankings(table(metric, scores))
    assert ranking.scenarios == 4  # two groups under two conditions; all groups together are no scenario
    assert {each.method for each in ranking.ranks if each.mean[0] == 1} == {best}


def test_coverage_ranks_nothing() -> None:
    found = table("coverage", {"a": [0, 1, 2], "b": [1, 2, 3]})
    assert rankings(found) == []
    assert ranked_metric(found.rows) is None


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ("csi/nmse", 0),
        ("csi/spectral_efficiency", 2),
        ("csi/spectral_efficiency (snr=10)", 2),
        ("r2", 2),
        ("bias", 1),
    ],
)
def test_the_best_score_is_the_largest_smallest_or_nearest_to_zero(metric: str, best: int) -> None:
    worse = badness(metric, np.array([-2.0, 0.5, 3.0]))
    assert worse is not None and worse.argmin() == best


def test_a_bound_ranks_no_methods() -> None:
    assert badness("csi/spectral_efficiency_bound", np.zeros(2)) is None
