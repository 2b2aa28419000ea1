"""Coverage by group and the order of errors are those of plain arithmetic."""

import numpy as np
import pytest
import torch

from surrogates.evaluation.probabilistic import Spread
from surrogates.evaluation.reliability import (
    BY_DISTANCE,
    BY_ERROR,
    BY_TRUST,
    BY_WIDTH,
    SHARES,
    Recorded,
    recorded,
    reliability,
)
from surrogates.learning.conformal import Calibration

TABLE = Calibration(scores=[2.0], shares=[1.0], count=99, blocks=99)


def found(error: np.ndarray, distance: np.ndarray, covered: np.ndarray | None = None) -> Recorded:
    inside = (error < 1).astype(float) if covered is None else covered
    return Recorded(error, inside, np.ones_like(error), distance, distance)


def test_an_example_has_the_error_and_the_coverage_of_its_cells_that_count() -> None:
    truth = torch.tensor([[1.0, 4.0, 100.0], [0.0, 0.0, 0.0]])
    weight = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    one = recorded(torch.zeros(2, 3), truth, weight, Spread(None, TABLE, distance=torch.tensor([1.0, 7.0])))
    np.testing.assert_allclose(one.error, [8.5**0.5, 0.0])
    np.testing.assert_allclose(one.covered, [0.5, 1.0])
    np.testing.assert_allclose(one.width, 4.0)
    np.testing.assert_allclose(one.distance, [1.0, 7.0])
    assert np.isnan(one.doubt).all()


def test_an_interval_that_follows_the_distance_covers_what_is_far() -> None:
    far = TABLE.model_copy(update={"distant": True})
    truth, weight = torch.full((2, 3), 3.0), torch.ones(2, 3)
    one = recorded(torch.zeros(2, 3), truth, weight, Spread(None, far, distance=torch.tensor([1.0, 3.0])))
    np.testing.assert_allclose(one.covered, [0.0, 1.0])
    np.testing.assert_allclose(one.width, [4.0, 8.0])
    with pytest.raises(ValueError, match="told none; calibrate it again"):
        recorded(torch.zeros(2, 3), truth, weight, Spread(None, far))


def test_discs_of_complex_targets_are_covered_by_their_radius() -> None:
    truth = torch.tensor([[1.0 + 1.0j], [0.0 - 2.5j]])
    spread = Spread(None, TABLE.model_copy(update={"distant": True}), distance=torch.tensor([1.0, 2.0]))
    one = recorded(torch.zeros_like(truth), truth, torch.ones(2, 1), spread)
    np.testing.assert_allclose(one.error, [2**0.5, 2.5])
    np.testing.assert_allclose(one.covered, [1.0, 1.0])
    np.testing.assert_allclose(one.width, [4.0, 6.0])


def test_examples_without_cells_and_without_an_answer_are_left_out() -> None:
    guess = torch.tensor([0.0, torch.nan, 1.0])
    one = recorded(guess, torch.zeros(3), torch.tensor([0.0, 1.0, 1.0]), Spread(None, TABLE))
    assert np.isnan(one.error).tolist() == np.isnan(one.covered).tolist() == [True, True, False]
    told = reliability("gain", "m", one, ["city"], np.array(["a", "a", "b"]))
    assert [(each.group, each.examples) for each in told.covered] == [("all", 1), ("b", 1)]
    assert not told.correlation and not told.kept  # nothing tells one example from another


def test_groups_of_unequal_size_are_shown_the_least_covered_first() -> None:
    labels = np.repeat(["a", "b", "c"], [1, 4, 5])
    covered = np.array([1.0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    told = reliability("gain", "m", found(np.arange(10.0), np.ones(10), covered), ["city"], labels)
    assert [(e.group, e.examples, e.coverage) for e in told.covered] == [
        ("all", 10, 0.7),
        ("b", 4, 0.5),
        ("c", 5, 0.8),
        ("a", 1, 1.0),
    ]
    assert BY_TRUST not in told.correlation and BY_WIDTH not in told.correlation  # they do not vary


def test_errors_that_grow_with_the_distance_are_told() -> None:
    distance = np.random.default_rng(0).permutation(np.arange(100.0))
    told = reliability("gain", "m", found(distance, distance), [], None)
    assert told.correlation[BY_TRUST] == pytest.approx(1.0)
    assert told.tail[BY_TRUST] == pytest.approx(94.5 / 49.5)
    assert told.kept[BY_TRUST] == told.kept[BY_ERROR]
    half = SHARES.index(0.5)
    assert told.kept[BY_TRUST][half] == pytest.approx(np.sqrt((np.arange(50.0) ** 2).mean()))


def test_errors_that_do_not_are_told_too() -> None:
    rng = np.random.default_rng(1)
    told = reliability("gain", "m", found(rng.exponential(size=4000), rng.exponential(size=4000)), [], None)
    assert abs(told.correlation[BY_TRUST]) < 0.05
    assert told.tail[BY_TRUST] == pytest.approx(1.0, abs=0.2)


def test_trust_and_the_distance_alone_are_compared_where_they_differ() -> None:
    doubts = np.arange(100.0)
    one = Recorded(doubts, np.ones(100), np.ones(100), distance=doubts[::-1], doubt=doubts)
    told = reliability("gain", "m", one, [], None)
    assert told.correlation == {BY_TRUST: pytest.approx(1.0), BY_DISTANCE: pytest.approx(-1.0)}
    few = reliability("gain", "m", one.of(doubts >= 90), [], None)
    assert few.tail[BY_TRUST] == pytest.approx(99 / 94.5)
    alone = reliability("gain", "m", found(doubts, doubts), [], None)
    assert set(alone.correlation) == {BY_TRUST}


def test_what_is_not_known_is_none_in_json() -> None:
    told = reliability("gain", "m", found(np.ones(3), np.arange(3.0)), [], None).as_dict()
    assert told["correlation"] == {"trust": None} and told["variables"] == []
