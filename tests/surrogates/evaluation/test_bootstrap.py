"""Bootstrap intervals cover what they claim and respect blocks."""

import numpy as np
import pytest

from surrogates.evaluation.bootstrap import Blocks, bootstrap
from surrogates.evaluation.metrics import Bias


def totals_of(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Errors of shape (blocks, examples of a block)."""
    return {"error": errors.sum(1), "weight": np.full(len(errors), float(errors.shape[1]))}


def test_the_interval_covers_a_gaussian_mean_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    trials = 300
    covered = 0
    for _ in range(trials):
        estimate = bootstrap(totals_of(rng.normal(1.5, 2.0, (60, 1))), Bias(), resamples=400)
        covered += estimate.low <= 1.5 <= estimate.high
    # 95 % claimed; the percentile interval is a little narrow at 60 blocks, three standard errors are 4 %.
    assert 0.90 <= covered / trials <= 0.985


def test_correlated_examples_need_blocks_for_an_honest_width() -> None:
    rng = np.random.default_rng(1)
    shared = np.repeat(rng.normal(0, 1, (40, 1)), 25, axis=1)
    by_block = bootstrap(totals_of(shared), Bias())
    by_example = bootstrap(totals_of(shared.reshape(-1, 1)), Bias())
    assert by_block.value == pytest.approx(by_example.value)
    assert (by_block.high - by_block.low) > 3 * (by_example.high - by_example.low)


def test_equal_seeds_give_equal_intervals_and_paired_differences() -> None:
    rng = np.random.default_rng(2)
    first = rng.normal(0, 5, (50, 1))
    a, b = bootstrap(totals_of(first), Bias(), seed=7), bootstrap(totals_of(first + 1), Bias(), seed=7)
    assert (a.low, a.high) == (bootstrap(totals_of(first), Bias(), seed=7).low, a.high)
    difference = b.minus(a)
    assert (difference.low, difference.high) == (pytest.approx(1), pytest.approx(1))


def test_one_block_has_no_interval() -> None:
    estimate = bootstrap(totals_of(np.ones((1, 9))), Bias())
    assert estimate.value == 1
    assert np.isnan(estimate.low)


def test_blocks_stay_in_their_group_and_neighbours_merge_above_the_limit() -> None:
    groups = np.array(["a"] * 10 + ["b"] * 6)
    blocks = Blocks.of(16, groups=groups, blocks=np.arange(16) // 2, limit=4)
    assert blocks.groups.count("a") == 4
    assert blocks.groups.count("b") == 3
    for block, group in enumerate(blocks.groups):
        assert set(groups[blocks.index == block]) == {group}
    assert len(blocks.index) == 16


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="16 examples, 3 groups"):
        Blocks.of(16, groups=np.array(["a", "b", "c"]))


def test_many_groups_bound_their_blocks_together_and_none_is_merged_with_another() -> None:
    groups = np.arange(600).repeat(100)
    blocks = Blocks.of(len(groups), groups=groups)
    assert len(blocks.groups) == 600 * 33  # MOST_BLOCKS shared equally
    assert (np.array(blocks.groups)[blocks.index] == groups.astype(str)).all()
