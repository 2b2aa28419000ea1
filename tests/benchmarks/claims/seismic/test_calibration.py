"""The calibration: statistics of a build, what counts as near, and going on where it was stopped."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.claims.seismic import calibration
from datasets.factory.recipe import generators
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.seismic.published import PUBLISHED


def row(family: str, **factors: float) -> dict[str, object]:
    """Statistics that are those published, but for some factors."""
    published = PUBLISHED[family]
    found = {name: factors.get(name, 1.0) * getattr(published, name) for name in calibration.TOLERANCES}
    return {"family": family, "samples": 5} | found


def test_measured_statistics_are_those_of_the_arrays() -> None:
    found = calibration.measure("flatvel-b", 3, workers=0)
    indices = np.arange(3)
    arrays = OpenFWILike(samples=3, family={"flatvel-b": 1.0}).simulate(indices, generators(0, indices))
    velocity, pressure = arrays["velocity_model"].astype(float), arrays["shot_gather"].astype(float)
    expected = [velocity.mean(), velocity.std(), pressure.std(), pressure.min(), pressure.max()]
    np.testing.assert_allclose([found[name] for name in calibration.TOLERANCES], expected, rtol=1e-6)


def test_the_family_that_is_farthest_off_decides() -> None:
    rows = [row("style-a", velocity_std=0.96), row("style-b", velocity_std=1.07)]
    claims = {claim["claim"].partition(" of ")[0]: claim for claim in calibration.claims(rows)}
    assert claims["Velocity std"]["ours"] == pytest.approx(7.0)
    assert claims["Velocity std"]["baseline_name"] == "farthest: style-b"
    assert not claims["Velocity std"]["holds"]
    assert claims["Velocity mean"]["holds"]


def test_only_what_is_not_known_is_measured_and_all_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measure(family: str, samples: int, workers: int) -> dict[str, float]:
        if len(asked) == 4:
            raise KeyboardInterrupt
        asked.append(family)
        return {name: row(family)[name] for name in calibration.TOLERANCES}  # type: ignore[misc]

    monkeypatch.setattr(calibration, "measure", measure)
    words = ["--samples", "5", "--out", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        calibration.main(words)
    assert asked == list(PUBLISHED)[:4]
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        calibration.main(words)
    assert asked == list(PUBLISHED)[4:8]
    asked.clear()
    calibration.main(words)
    assert asked == list(PUBLISHED)[8:]
    claims = json.loads((tmp_path / "seismic_data.json").read_text())
    assert [claim["holds"] for claim in claims] == [True] * 5
    (table,) = json.loads((tmp_path / "tables" / "seismic_data.json").read_text())
    assert [cells[0] for cells in table["rows"]] == list(PUBLISHED)
    assert table["rows"][0][1] == "2782 / 2782 (+0.0 %)"
