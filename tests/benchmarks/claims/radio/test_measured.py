"""Claims on measured cells: every number that they name is one that a seed gives."""

from itertools import product
from typing import Any

import pytest

from benchmarks.claims.claim import claim_rows
from benchmarks.claims.radio.measured import BASELINES, OURS, PROTOCOLS, SEEDS, claims
from benchmarks.claims.report import tables_of

MAPS = ("A Pixel", "C Samsung")


def seeds(ours: float, others: float) -> list[dict[str, Any]]:
    """Rows as `run_seeds` leaves them, with errors that differ by 1 dB between the maps."""
    rows = []
    for protocol, seed in product(PROTOCOLS, range(SEEDS)):
        values = {}
        for metric in ("rmse", "mae", "coverage"):
            for method in (OURS, *BASELINES):
                level = 0.9 if metric == "coverage" else (ours if method == OURS else others) + 0.02 * seed
                for number, place in enumerate(MAPS):
                    values[f"{metric}/{method}/{place}"] = level + (metric != "coverage") * number
                values[f"{metric}/{method}"] = level + (metric != "coverage") * 0.5
        values |= {f"gain/{name}": others - ours for name in BASELINES}
        command = f"python -m benchmarks.claims radio geo2sigmap_measured_{protocol} {seed}"
        rows.append({"command": command, "values": values, "seconds": 1.0, "commit": "abc"})
    return rows


@pytest.mark.parametrize(("ours", "holds"), [(6.0, True), (7.5, False), (7.0, True)])
def test_gains_hold_when_the_paired_difference_reaches_their_bounds(ours: float, holds: bool) -> None:
    rows = {row.baseline_name: row for row in claim_rows(claims(), seeds(ours, 8.0)) if "128 m" in row.metric}
    kriging, process = rows["RMSE of kriging"], rows["RMSE of Gaussian process on geometry"]
    assert (kriging.target, process.target) == ("ours >= 1, low > 0", "ours >= 0.6, low > 0")
    assert (kriging.holds, process.holds) == (holds, holds)
    assert kriging.ours == 8.0 - ours


def test_every_baseline_is_claimed_under_every_protocol_with_twenty_seeds() -> None:
    rows = [row for row in claim_rows(claims(), seeds(6.0, 8.0)) if row.claim.startswith("Paired gain")]
    assert {row.baseline_name for row in rows} == {f"RMSE of {title}" for title in BASELINES.values()}
    assert len(rows) == len(BASELINES) * len(PROTOCOLS)
    assert {row.seeds for row in rows} == {20}


def test_table_shows_each_map_and_the_mean_over_seeds() -> None:
    (random,) = (each for each in tables_of(claims(), seeds(6.0, 8.0)) if "200 random" in each.title)
    assert random.header == ["method", "mean of the maps", *MAPS]
    assert random.rows[-1][0] == OURS
    assert random.rows[-1][2:] == ["6.19 / 6.19 / 90 %", "7.19 / 7.19 / 90 %"]
    assert len(random.rows) == len(BASELINES) + 1
