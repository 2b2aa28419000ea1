"""The last seconds of a stream: linear in between, bounded in memory."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogates.domains.uav.recent import ROOM, RecentTrack


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3 * ROOM), st.floats(0.001, 0.5))
def test_positions_are_those_of_interpolation_in_all_samples(seed: int, count: int, wait: float):
    rng = np.random.default_rng(seed)
    times = 1e6 + np.cumsum(rng.uniform(0.2, 1.0, count) * wait)
    positions = rng.normal(size=(count, 3))
    track, span = RecentTrack(1.0), 1.0
    for time, position in zip(times, positions, strict=True):
        track.append(time, position)
    asked = np.sort(rng.uniform(max(times[0], times[-1] - span), times[-1], 15))
    expected = np.stack([np.interp(asked, times, positions[:, axis]) for axis in range(3)], axis=1)
    np.testing.assert_array_equal(track.at(asked), expected)
    assert track.newest == times[-1]


def test_memory_does_not_grow_with_the_length_of_the_stream():
    track = RecentTrack(1.0)
    for number in range(20_000):
        track.append(number / 100, np.zeros(3))
    assert len(track) == 101
    assert len(track._times) == ROOM


def test_a_fast_stream_gets_the_room_that_it_needs():
    track = RecentTrack(1.0)
    for number in range(5_000):
        track.append(number / 1000, np.full(3, number / 1000))
    assert len(track) in (1001, 1002)
    np.testing.assert_allclose(track.at(np.array([4.0, 4.5005, 4.999])).T[0], [4.0, 4.5005, 4.999])
