"""The claims on networks of volumes: their numbers, their tables, and which transmitters are traced."""

from itertools import product

import numpy as np
import pytest

from benchmarks.claims.radio3d import networks
from datasets.radio.urban3d import Urban3d
from datasets.store.specs import TEST
from surrogates.domains.radio.volumes.sight import CLASSES

SCORED = [
    f"{name}/{target}_{sight}/{score}"
    for name in [
        f"{network}/{known}/{share:g}"
        for network in networks.NETWORKS
        for known, shares in networks.SHARES.items()
        for share in shares
    ]
    for target, sight in product(networks.TARGETS, CLASSES)
    for score in (*networks.SCORES, *networks.COVERAGES)
]


def test_claims_compare_numbers_that_are_measured() -> None:
    claims = networks.claims()
    assert {name for claim in claims for name in (claim.ours, claim.baseline)} <= set(SCORED)
    assert len({(claim.claim, claim.metric) for claim in claims}) == len(claims)


def test_tables_show_the_units_of_their_columns_and_dashes_for_what_is_missing() -> None:
    values = dict.fromkeys(SCORED, 0.5) | {
        "direct_path/0/path_gain_without_sight/rmse": 9.0,
        "unet_3d/volumes_sampled/0/time_of_arrival_without_sight/rmse": 2e-8,
    }
    tables = networks.tables([values])
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)
    rows = {tuple(row[:3]): row[3:] for row in tables[0].rows}
    assert rows["transmitter known", "0%", "3-D U-Net"][:2] == ["0.500", "20.000"]  # dB, ns
    assert rows["-", "0%", "free space"] == ["9.000", "-", "-", "-"]
    assert networks.tables([]) == []


def test_only_transmitters_of_the_test_are_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(Urban3d, "simulate", lambda _, indices, rngs: chosen.extend(indices.tolist()) or {})
    recipe = networks.TracedTest.make(networks.AREAS | {"product": "diffraction"})
    recipe.simulate(np.arange(recipe.records()), [])
    labels = Urban3d.make(networks.AREAS).splits()[0].labels
    assert len(set(chosen)) == networks.TRACED
    assert (labels[chosen] == TEST).all()
    assert len({record // 4 for record in chosen}) == networks.TRACED  # each in an area of its own
