"""Methods are ranked in every scenario; equal scores share ranks."""

from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from datasets.store.specs import VariableSpec
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.evaluation.metrics import RMSE
from surrogates.evaluation.ranking import rank, ranked_by, rankings
from surrogates.evaluation.tables import ALL, UNDISTURBED, Score, Table
from surrogates.learning.context import Context
from surrogates.learning.contract import Best, Metric

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


def table(best: Best, values: dict[str, list[float]]) -> Table:
    groups, nan = [ALL, "x", "y"], np.nan
    rows = [
        Score(method, "speed", "score", "m", group, value, nan, nan, 3, condition=condition, best=best)
        for method, scores in values.items()
        for group, value in zip(groups, scores, strict=True)
        for condition in (UNDISTURBED, "noise")
    ]
    return Table(rows, 3, {"speed": 3})


@pytest.mark.parametrize(("best", "method"), [("smallest", "low"), ("largest", "high"), ("zero", "near")])
def test_the_best_is_small_large_or_close_to_zero_by_metric(best: Best, method: str) -> None:
    scores = {"low": [0, -0.5, -0.5], "near": [0, 0.1, 0.1], "high": [0, 0.9, 0.9]}
    (ranking,) = rankings(table(best, scores))
    assert ranking.scenarios == 4  # two groups under two conditions; all groups together are no scenario
    assert {each.method for each in ranking.ranks if each.mean[0] == 1} == {method}


def test_coverage_ranks_nothing() -> None:
    found = table("none", {"a": [0, 1, 2], "b": [1, 2, 3]})
    assert rankings(found) == []
    assert ranked_by(found.rows) is None


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("rmse", "smallest"),
        ("bias", "zero"),
        ("r2", "largest"),
        ("correlation", "largest"),
        ("ssim", "largest"),
        ("coverage", "none"),
        ("interval_width", "none"),
        ("csi/nmse", "smallest"),
        ("csi/spectral_efficiency", "largest"),
        ("csi/spectral_efficiency_bound", "none"),
        ("uav/fde", "smallest"),
        ("uav/horizon_coverage", "none"),
    ],
)
def test_a_metric_says_which_of_its_values_is_best(name: str, best: Best) -> None:
    assert Metric.build({"name": name}, Context.of((), ())).best == best


class Similarity(RMSE):
    """A metric of another package, whose name says nothing."""

    best: ClassVar[Best] = "largest"


def test_rows_of_a_metric_that_nobody_knows_are_ranked_as_it_says() -> None:
    truth = {"speed": torch.zeros(2, 3), "start": torch.zeros(2)}
    spec = VariableSpec(name="speed", dims=("sample", "x"), shape=(3,), units="m s-1")
    answers = {"close": truth, "far": {"speed": torch.ones(2, 3)}}
    methods = {name: partial(lambda inputs, rng, answer: answer, answer=a) for name, a in answers.items()}
    blocks = Blocks.of(2, groups=np.array(["x", "y"]))
    found = evaluate(methods, [truth], [Target(spec)], {"similarity": Similarity()}, blocks)
    (ranking,) = rankings(found)
    assert {each.method: each.mean[0] for each in ranking.ranks} == {"close": 2.0, "far": 1.0}
    assert "best" not in found.as_dict()["rows"][0]
