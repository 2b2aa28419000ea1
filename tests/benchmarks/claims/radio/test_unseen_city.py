"""Cities that are left out: errors by class of cell, tables of several cities as one, and two folds run."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.claims.claim import claim_rows
from benchmarks.claims.radio import pictures, unseen_city
from benchmarks.claims.radio.unseen_city import CALIBRATED, KINDS, OURS, TITLES, Cells, claims
from benchmarks.claims.report import tables_of
from datasets.factory.build import build
from datasets.radio.urban import Urban
from surrogates.learning.conformal import Calibration

FEW = {"munich": "Munich", "etoile": "Paris"}
SMALL = {
    "test_cities": [],
    "samples": 4,
    "test_samples": 0,
    "transmitters_per_window": 2,
    "validation_share": 0.5,
    "window_size": 128.0,
    "built_share": 0.0,
    "rays": 20_000,
    "rays_test": 20_000,
    "depth": 1,
    "repeat_share": 0.0,
}
QUICK = ("model.base=4", "trainer.max_steps=2", "trainer.batch_size=2", "trainer.schedule=constant")


def table(*scores: float) -> Calibration:
    """A table of scores that count alike."""
    made = Calibration.of(
        [np.array(scores)], [np.ones(len(scores))], np.zeros(1), relative=False, distant=True
    )
    assert made is not None
    return made


def test_errors_are_those_of_their_class_of_cells() -> None:
    cells = Cells(
        truth=np.array([-80.0, -90.0, -119.0, -130.0]),
        predicted={OURS: np.array([-81.0, -90.0, -121.0, -122.0])},
        sight=np.array([True, True, False, False]),
        far=np.array([False, True, True, True]),
    )
    found = unseen_city.scores(cells)
    assert found == {
        "truth/deep": 0.25,
        f"{OURS}/all": pytest.approx(np.sqrt((1 + 0 + 4 + 64) / 4)),
        f"{OURS}/in_sight": pytest.approx(np.sqrt(0.5)),
        f"{OURS}/without_sight": pytest.approx(np.sqrt(34.0)),
        f"{OURS}/far": pytest.approx(2.0),
        f"{OURS}/deep": 0.5,
    }


def test_cities_count_alike_in_a_table_of_several_whatever_their_cells() -> None:
    """Of one city with scores 0 to 1 and one with 9 to 10, half lies below 1."""
    one, other = table(*np.linspace(0, 1, 100)), table(*np.linspace(9, 10, 900))
    both = unseen_city.pooled([one, other])
    assert both is not None
    assert both.distant
    assert both.radius(0.49) == pytest.approx(0.98, abs=0.02)
    assert both.radius(0.9) == pytest.approx(9.8, abs=0.02)


def test_intervals_hold_the_share_of_scores_up_to_their_radius() -> None:
    scores = np.arange(1.0, 11.0)
    assert unseen_city.covered(table(*scores), table(*np.linspace(0.01, 7.0, 1000))) == pytest.approx(0.6)
    assert unseen_city.covered(table(*scores), table(*[7.0] * 1000)) == pytest.approx(0.7)
    assert unseen_city.covered(table(*scores), None) == 1.0


@pytest.mark.slow
def test_two_cities_are_left_out_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for city in FEW:
        build(Urban.make({**SMALL, "cities": [city]}), f"{city}.zarr", workers=0, progress=False)
    monkeypatch.setattr(unseen_city, "TITLES", FEW)
    monkeypatch.setattr(unseen_city, "FAR", 50.0)
    monkeypatch.setattr(unseen_city, "store", lambda city: Path(f"{city}.zarr"))
    values, shadow = unseen_city.run_seed(0, QUICK), unseen_city.run_shadow(0, QUICK)
    for city in FEW:
        assert all(0 <= values[f"{city}/coverage/{name}"] <= 1 for name in CALIBRATED)
        assert values[f"{city}/uma/in_sight"] < values[f"{city}/uma/without_sight"]
        # The same network and formulas, on more cells: those that no ray reaches.
        assert shadow[f"plain/{city}/truth/deep"] > values[f"{city}/truth/deep"]
        assert shadow[f"plain/{city}/{OURS}/in_sight"] > 0
    titles = [axes.get_title() for axes in pictures.unseen_cities(QUICK).axes]
    assert [title for title in titles if ":" in title] == [f"{title}: ray tracing" for title in FEW.values()]
    assert len(list(tmp_path.glob("runs/claims/*"))) == 2 * len(KINDS)


def test_every_city_has_its_claims_and_its_columns() -> None:
    both = {each.experiment.name for each in claims()}
    assert both == {"unseen_city", "deep_shadow"}
    values = {f"{kind}/{name}": 1.0 for kind in KINDS for name in ("off_deep", "off_far")}
    for city in TITLES:
        values |= {f"{city}/{name}/all": 9.0 for name in (OURS, "uma", "log_distance_by_sight")}
        values |= {f"{city}/{OURS}/in_sight": 5.0}
    values |= {"munich/uma/all": 8.0, "off/cities": 0.04, "off/validation": 0.2}
    values |= {"worst/cities": 0.12, "worst/validation": 0.4}
    rows = [
        {
            "command": f"python -m benchmarks.claims radio {name} 0",
            "values": values,
            "seconds": 1.0,
            "commit": "abc",
        }
        for name in both
    ]
    found = claim_rows(claims(), rows)
    assert [row.claim for row in found if not row.holds] == [
        "In Munich, which it has never seen, U-Net-Iso errs less than 3GPP UMa by line of sight",
        "Intervals calibrated by city hold 80 to 100 % in every unseen city",
    ]
    errors, _, _ = tables_of(claims(), rows)
    assert errors.rows[0] == [OURS, *["9.0 / 5.0 / -"] * len(TITLES)]
