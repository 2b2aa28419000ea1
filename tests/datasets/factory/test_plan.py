"""A plan says what a build costs and builds nothing."""

import time

import numpy as np
import pytest

from datasets.factory.plan import plan
from datasets.factory.recipe import Arrays
from tests.toy import Oscillator


class Sleepy(Oscillator):
    """Needs 20 ms a unit."""

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        time.sleep(0.02)
        return super().simulate(indices, rngs)


def test_time_and_size_follow_from_one_unit() -> None:
    found = plan(Sleepy(samples=1000), workers=2)
    assert (found.records, found.units, found.workers) == (1000, 250, 2)
    assert found.seconds == pytest.approx(125 * found.seconds_per_unit)
    assert found.seconds_per_unit >= 0.02
    assert found.bytes == 1000 * 4 * (3 + 32)
    assert 0 < found.compressed_bytes <= found.bytes
