import numpy as np

from datasets.store import streams


def test_streams_of_different_purpose_or_key_differ_and_repeat() -> None:
    purposes = [value for name, value in vars(streams).items() if name.isupper()]
    assert len(set(purposes)) == len(purposes)
    keys = [(purpose, *key) for purpose in purposes for key in [(0,), (1,), (0, 1), (1, 0)]]
    draws = {key: tuple(streams.stream(5, *key).integers(0, 2**60, 2)) for key in keys}
    assert len(set(draws.values())) == len(keys)
    assert draws == {key: tuple(streams.stream(5, *key).integers(0, 2**60, 2)) for key in keys}


def test_a_record_draws_the_same_whoever_asks_in_whatever_order() -> None:
    forwards = [streams.stream(1, streams.SAMPLE, i).normal() for i in range(5)]
    backwards = [streams.stream(1, streams.SAMPLE, i).normal() for i in reversed(range(5))]
    np.testing.assert_array_equal(forwards, backwards[::-1])
