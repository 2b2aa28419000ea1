import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.store.statistics import Moments, merge, reduce

values = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 9), st.integers(1, 5)),
    elements=st.one_of(st.floats(1e-100, 1e6), st.floats(-1e6, -1e-100), st.sampled_from([0.0, np.nan])),
)


@given(values)
def test_merged_records_equal_the_whole(data: np.ndarray) -> None:
    found = merge([Moments.of(record) for record in data])
    seen = data[~np.isnan(data)]
    assert found.count == seen.size
    if seen.size == 0:
        assert np.isnan([found.mean, found.std, found.minimum, found.maximum]).all()
        return
    scale = np.abs(seen).max() + 1e-300
    np.testing.assert_allclose(found.mean, seen.mean(), atol=1e-12 * scale)
    np.testing.assert_allclose(found.std, seen.std(), atol=1e-9 * scale)
    assert (found.minimum, found.maximum) == (seen.min(), seen.max())


def test_a_large_offset_does_not_eat_the_variance() -> None:
    data = 1e9 + np.random.default_rng(0).normal(size=(50, 100))
    np.testing.assert_allclose(merge([Moments.of(row) for row in data]).std, data.std(), rtol=1e-6)


def test_masked_cells_and_nan_do_not_count() -> None:
    data = np.array([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]])
    mask = np.array([True, False, True])
    found = Moments.of(data, mask)
    assert (found.count, found.mean, found.minimum, found.maximum) == (3, 3, 1, 5)


def test_axes_that_are_kept_stay_apart() -> None:
    data = np.random.default_rng(0).normal(size=(4, 3, 5))
    found = Moments.of(data, axes=(0, 2))
    np.testing.assert_allclose(found.mean, data.mean((0, 2)))
    np.testing.assert_allclose(found.std, data.std((0, 2)))


def test_both_parts_of_complex_numbers_are_samples() -> None:
    data = np.array([[1 + 3j], [5 + 7j]])
    found = Moments.of(data, np.array([[True], [False]]), axes=1)
    assert found.count.tolist() == [2, 0]
    assert found.mean[0] == 2 and np.isnan(found.mean[1])


def test_bools_measure_their_share() -> None:
    assert Moments.of(np.array([True, False, True, True])).mean == 0.75


def test_nothing_to_merge_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        merge([])
    with pytest.raises(ValueError, match="at least one record"):
        reduce(Moments.of(np.empty((0, 3)), axes=1))
