"""The claims on traced arrivals: one small area, measured whole."""

import pytest

from benchmarks.claims.claim import claim_rows
from benchmarks.claims.radio3d import arrivals
from physics.raytracing import arrivals as solver

SMALL = {"cities": ["etoile"], "window_size": 64.0, "cell_size": 8.0, "depth": 1, "heights": [1.5, 15.0]}


@pytest.fixture(scope="module")
def values() -> dict[str, float]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "AREA", arrivals.AREA | SMALL)
        patch.setattr(arrivals, "RAYS", {"reflection": None, "diffraction": 3000})
        patch.setattr(solver, "CANDIDATES", 500_000)  # as many as such an area needs
        return arrivals.run_seed(0)


def test_every_claim_finds_its_number_and_physics_holds(values: dict[str, float]) -> None:
    names = {claim.ours for claim in arrivals.claims()}
    assert names - values.keys() <= {"diffraction/one/gain_mae_db"}  # a small area may have no such cell
    assert values["early_mm"] <= 1.0
    assert values["late_in_sight_mm"] <= 1.0
    assert values["direction_deg"] <= 0.1
    assert values["friis_db"] <= 0.1
    assert values["seeds_share"] <= 0.1


def test_dominant_paths_and_traced_ones_have_the_same_delay_in_sight(values: dict[str, float]) -> None:
    assert values["reflection/sight_agrees"] > 0.8
    assert values["reflection/sight/cells"] > 20
    assert values["reflection/sight/delay_ns"] < 1e-3
    assert values["reflection/sight/azimuth_deg"] < 0.1


def test_tables_have_a_row_for_each_product_and_class(values: dict[str, float]) -> None:
    (table,) = arrivals.tables([values])
    assert next(row[:2] for row in table.rows) == ["reflection", "line of sight"]
    assert len(table.rows) == 6


@pytest.mark.parametrize(("early", "holds"), [(0.5, True), (2.0, False)])
def test_claim_fails_when_a_path_is_faster_than_light(early: float, holds: bool) -> None:
    numbers = {claim.ours: early for claim in arrivals.claims()} | {"cells": 100.0}
    runs = [
        {"command": command, "values": numbers, "seconds": 1.0, "commit": "abc"}
        for command in arrivals.claims()[0].experiment.commands
    ]
    assert claim_rows(arrivals.claims(), runs)[0].holds is holds
