"""The campaigns whose buildings are hidden, and the claims on them."""

import numpy as np
import pytest

import surrogates
from benchmarks.claims.claim import claim_rows
from benchmarks.claims.radio.hidden import METHODS, PROCESS, PROTOCOLS, SEEDS, campaigns, claims, tables


def test_a_seed_draws_a_walk_outdoors_on_each_map_and_the_same_again() -> None:
    surrogate = surrogates.load(PROCESS, device="cpu")
    one, again, other = (campaigns(surrogate, seed) for seed in (0, 0, 1))
    assert len(one) == 4
    for first, second, third in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(first.rsrp, second.rsrp)
        assert (first.measured != third.measured).any()
        assert 20 < first.measured.sum() <= 800
        assert not (first.measured & (first.inputs["building_height"][0].numpy() > 0)).any()


@pytest.mark.parametrize(("gain", "holds"), [(0.2, True), (-0.1, False)])
def test_claims_hold_when_the_average_is_no_worse_than_universal_kriging(gain: float, holds: bool) -> None:
    values = {f"{protocol}/{method}": 6.0 for protocol in PROTOCOLS for method in METHODS}
    values |= {f"gain/{protocol}": gain for protocol in PROTOCOLS}
    rows = [
        {
            "command": f"python -m benchmarks.claims radio hidden_buildings {seed}",
            "values": values,
            "seconds": 1.0,
            "commit": "abc",
        }
        for seed in range(SEEDS)
    ]
    assert [row.holds for row in claim_rows(claims(), rows)] == [holds, holds]
    (table,) = tables([values] * SEEDS)
    assert table.rows[0] == [METHODS["process"], "6.00", "6.00"]
