"""Intervals cover what they promise, however wrong the standard deviations are."""

import numpy as np
import pytest
from pydantic import ValidationError

from surrogates.learning.conformal import MAX_ENTRIES, Calibration, needed
from surrogates.learning.distance import stretch


def table(scores: np.ndarray, *, relative: bool = False) -> Calibration:
    """Calibrate on records of one value each."""
    made = Calibration.of(
        [scores[i : i + 1] for i in range(len(scores))],
        [np.ones(1)] * len(scores),
        np.arange(len(scores)),
        relative=relative,
    )
    assert made is not None
    return made


def draw(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors with a heavy tail, whose scale varies, and that scale."""
    scale = rng.uniform(0.5, 3.0, size)
    return np.abs(scale * rng.standard_t(4, size)), scale


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("sigma", ["right", "ten times too small", "random", "none"])
def test_coverage_is_within_two_percent_for_right_and_for_wrong_deviations(level: float, sigma: str) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(20):
        (seen, seen_scale), (fresh, fresh_scale) = draw(rng, 500), draw(rng, 2000)
        deviation = {
            "right": lambda scale: scale,
            "ten times too small": lambda scale: scale / 10,
            "random": lambda scale: rng.uniform(0.1, 5, scale.size),
            "none": np.ones_like,
        }[sigma]
        radius = table(seen / deviation(seen_scale)).radius(level)
        covered.append((fresh / deviation(fresh_scale) <= radius).mean())
    assert np.mean(covered) == pytest.approx(level, abs=0.01)
    # One table of 500 scores: coverage is Beta distributed, with a deviation of 0.013 at 0.9.
    assert (np.abs(np.array(covered) - level) <= 0.045).all()


@pytest.mark.parametrize(
    ("count", "level", "rank"), [(9, 0.9, 9), (19, 0.9, 18), (500, 0.9, 451), (99, 0.95, 95)]
)
def test_the_radius_is_the_exact_rank(count: int, level: float, rank: int) -> None:
    scores = np.random.default_rng(1).permutation(np.arange(1.0, count + 1))
    assert table(scores).radius(level) == rank


def test_too_few_scores_give_no_interval() -> None:
    made = table(np.arange(8.0))
    assert made.radius(0.9) == np.inf
    assert made.highest == pytest.approx(8 / 9)
    assert made.radius(made.highest) == 7.0


def test_a_table_of_many_scores_stays_small_and_never_too_narrow() -> None:
    scores = np.random.default_rng(2).exponential(size=20_000)
    made = table(scores)
    assert len(made.scores) <= MAX_ENTRIES
    for level in (0.5, 0.9, 0.99, 0.999):
        exact = np.sort(scores)[int(np.ceil(20_001 * level)) - 1]
        assert made.radius(level) >= exact * (1 - 1e-6)
        assert (scores <= made.radius(level)).mean() == pytest.approx(level, abs=1.1 / MAX_ENTRIES)


def test_records_count_alike_whatever_their_number_of_cells() -> None:
    # One record of a thousand small errors, nine of one large error each.
    scores = [np.full(1000, 1.0), *[np.full(1, 5.0)] * 9]
    made = Calibration.of(scores, [np.ones(len(s)) for s in scores], np.arange(10), relative=False)
    assert made is not None
    assert made.blocks == 10
    assert made.radius(0.05) == 1.0
    assert made.radius(0.2) == 5.0


def test_blocks_count_alike_and_weights_within_a_record_are_respected() -> None:
    scores = [np.array([1.0, 9.0]), np.array([1.0]), np.array([5.0])]
    weights = [np.array([1.0, 0.0]), np.array([2.0]), np.array([0.5])]
    made = Calibration.of(scores, weights, np.array([7, 7, 8]), relative=False)
    assert made is not None
    assert (made.blocks, made.scores[0], made.scores[-1]) == (2, 1.0, 9.0)
    assert made.shares[made.scores.index(1.0) + 1] == pytest.approx(0.5)


def test_a_new_record_of_many_dependent_cells_is_covered_as_stated() -> None:
    # All cells of a record share one error: the hardest case, where cells say no more than records.
    rng = np.random.default_rng(3)
    level, count, covered = 0.8, 10, []
    for _ in range(600):
        errors = np.abs(rng.normal(size=count + 1))
        scores = [np.full(16, error) for error in errors[:count]]
        made = Calibration.of(scores, [np.ones(16)] * count, np.arange(count), relative=False)
        assert made is not None
        covered.append(errors[-1] <= made.radius(level))
    assert np.mean(covered) >= level * count / (count + 1) - 0.04


def test_infinite_scores_lie_above_all_others() -> None:
    made = table(np.array([1.0, 2.0, np.inf, np.nan]))
    assert made.scores == [1.0, 2.0]
    assert made.shares == [0.25, 0.5]
    assert made.radius(0.7) == np.inf
    assert Calibration.of([np.array([np.inf])], [np.ones(1)], np.zeros(1), relative=False) is None


def test_nothing_that_counts_gives_no_table() -> None:
    assert Calibration.of([np.zeros(0)], [np.zeros(0)], np.zeros(1), relative=False) is None


@pytest.mark.parametrize(
    "change",
    [
        {"scores": [1.0, float("nan")]},
        {"scores": [2.0, 1.0]},
        {"scores": [-1.0, 1.0]},
        {"shares": [1.0, 0.5]},
        {"shares": [0.5, 1.5]},
        {"shares": [0.5]},
        {"shares": [0.5, float("inf")]},
        {"count": float("nan")},
        {"count": 0},
        {"blocks": -3},
        {"scores": [], "shares": []},
        {"scores": [0.0] * (MAX_ENTRIES + 1), "shares": [1.0] * (MAX_ENTRIES + 1)},
        {"weights": [1.0]},
    ],
)
def test_a_damaged_table_is_refused(change: dict) -> None:
    sound = {"scores": [1.0, 2.0], "shares": [0.5, 1.0], "count": 2.0, "blocks": 2}
    Calibration.model_validate(sound)
    with pytest.raises(ValidationError):
        Calibration.model_validate(sound | change)


def sites(rng: np.random.Generator, count: int, spread: float = 1.0) -> list[np.ndarray]:
    """Absolute errors at sites of unequal size, each with an offset of its own and noise that varies."""
    sizes = rng.integers(1, 30, count)
    return [np.abs(rng.normal(0, spread) + rng.normal(0, 0.3, size)) for size in sizes]


def by_group(scores: list[np.ndarray]) -> Calibration:
    weights, labels = [np.ones(each.size) for each in scores], np.arange(len(scores))
    made = Calibration.of(scores, weights, labels, relative=False, groups=["site"])
    assert made is not None
    return made


def test_by_group_new_groups_are_covered_where_calibration_on_records_of_known_ones_fails() -> None:
    rng = np.random.default_rng(4)
    plain, grouped = [], []
    for _ in range(150):
        fresh = sites(rng, 20)
        # Records of sites that were trained on: their offsets are known.
        radius = table(np.concatenate(sites(rng, 40, spread=0.0))).radius(0.9)
        plain.append(np.mean([(each <= radius).mean() for each in fresh]))
        radius = by_group(sites(rng, 40)).radius(0.9)
        grouped.append(np.mean([(each <= radius).mean() for each in fresh]))
    assert np.mean(plain) < 0.6
    assert np.mean(grouped) == pytest.approx(0.9, abs=0.03)
    assert np.mean(grouped) >= 0.9 - 0.005


@pytest.mark.parametrize("groups", [9, 12, 20])
def test_by_group_the_guarantee_holds_for_few_groups_of_unequal_size(groups: int) -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(800):
        *known, new = sites(rng, groups + 1)
        covered.append((new <= by_group(known).radius(0.9)).mean())
    assert 0.9 - 0.015 <= np.mean(covered) <= 0.9 + 2 / (groups + 1) + 0.015


def test_by_group_the_radius_is_that_of_the_hierarchical_quantile() -> None:
    # Lee, Barber and Willett: the quantile of sum_k sum_i delta(s_ki) / ((K + 1) N_k) + delta(inf) / (K + 1).
    scores = sites(np.random.default_rng(6), 25)
    made = by_group(scores)
    values = np.concatenate(scores)
    weights = np.concatenate([np.full(each.size, 1 / (26 * each.size)) for each in scores])
    order = np.argsort(values)
    for level in (0.5, 0.8, 0.9, 0.95):
        expected = values[order][np.searchsorted(np.cumsum(weights[order]), level - 1e-12)]
        assert made.radius(level) == pytest.approx(expected, rel=1e-6)
    assert made.radius(0.97) == np.inf


def test_by_group_the_weight_of_a_group_is_shared_by_its_records() -> None:
    scores = sites(np.random.default_rng(8), 10)
    records = [each[i : i + 1] for each in scores for i in range(each.size)]
    labels = np.repeat(np.arange(10), [each.size for each in scores])
    ones = [np.ones(1)] * len(records)
    assert Calibration.of(records, ones, labels, relative=False, groups=["site"]) == by_group(scores)


def test_one_group_has_intervals_of_at_most_a_half() -> None:
    made = by_group([np.arange(1.0, 101)])
    assert (made.blocks, made.count, made.highest) == (1, 1.0, 0.5)
    assert np.isfinite(made.radius(0.5)) and made.radius(0.51) == np.inf


@pytest.mark.parametrize(("level", "count"), [(0.5, 1), (0.9, 9), (0.95, 19), (0.99, 99), (0.68, 3)])
def test_so_many_groups_suffice_for_a_level(level: float, count: int) -> None:
    assert needed(level) == count
    assert np.isfinite(by_group([np.ones(2)] * count).radius(level))
    assert count == 1 or not np.isfinite(by_group([np.ones(2)] * (count - 1)).radius(level))


def test_the_share_above_is_1_before_the_smallest_and_0_behind_the_largest() -> None:
    made = table(np.array([1.0, 2.0, 2.0, 4.0]))
    found = made.share_above(np.array([0.5, 1.0, 2.0, 3.0, 4.0, 5.0, np.inf]))
    assert found.tolist() == [1.0, 1.0, 0.75, 0.25, 0.25, 0.0, 0.0]


@pytest.mark.parametrize("scale", ["one", "distance"])
def test_mapie_finds_the_same_intervals(scale: str) -> None:
    mapie = pytest.importorskip("mapie.regression")
    from mapie.conformity_scores import ResidualNormalisedScore
    from sklearn.base import BaseEstimator, RegressorMixin

    class Model(RegressorMixin, BaseEstimator):
        """A model that is fitted already: twice the first column, or the stretch of the second."""

        def __init__(self, stretched: bool = False) -> None:
            self.stretched = stretched
            self.fitted_ = True

        def fit(self, x: np.ndarray, y: np.ndarray) -> "Model":
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return stretch(x[:, 1]) if self.stretched else 2 * x[:, 0]

    rng = np.random.default_rng(7)
    x = np.column_stack([rng.normal(size=150), rng.exponential(size=150)])
    y = 2 * x[:, 0] + (1 + x[:, 1]) * rng.normal(size=150)
    kept, fresh = slice(0, 99), slice(99, None)
    score = (
        ResidualNormalisedScore(residual_estimator=Model(True), prefit=True) if scale != "one" else "absolute"
    )
    theirs = mapie.SplitConformalRegressor(Model(), confidence_level=0.9, conformity_score=score, prefit=True)
    _, ends = theirs.conformalize(x[kept], y[kept]).predict_interval(x[fresh])
    width = stretch(x[:, 1]) if scale != "one" else np.ones(150)
    ours = table(np.abs(y - 2 * x[:, 0])[kept] / width[kept]).radius(0.9) * width[fresh]
    np.testing.assert_allclose((ends[:, 1, 0] - ends[:, 0, 0]) / 2, ours, rtol=1e-6)
