"""The bundles that ship: what calibrates their intervals."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import zoo
from datasets.factory.build import build
from datasets.radio.urban import Urban
from surrogates.inference.bundle import CALIBRATIONS, load_bundle

SMALL = {
    "samples": 4,
    "transmitters_per_window": 2,
    "validation_share": 0.0,
    "window_size": 128.0,
    "built_share": 0.0,
    "rays": 20_000,
    "rays_test": 20_000,
    "depth": 1,
    "repeat_share": 0.0,
}
QUICK = ("model.base=4", "trainer.max_steps=2", "trainer.batch_size=2", "trainer.schedule=constant")


@pytest.mark.slow
def test_a_city_that_neither_trains_nor_tests_calibrates_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, other = "radio/geo2sigmap", tmp_path / "florence.zarr"
    alone = {"cities": ["florence"], "test_cities": [], "test_samples": 0}
    build(Urban.make({**SMALL, **alone}), str(other), workers=0)
    own = {**SMALL, "cities": ["munich"], "test_cities": ["etoile"], "test_samples": 2}
    data = replace(zoo.MAPS, stores={"tiny": (str(tmp_path / "maps.zarr"), {**own, "validation_share": 0.5})})
    entry = replace(
        zoo.ENTRIES[name],
        data=data,
        overrides=(*QUICK, zoo.unseen_city.SCALE),
        records=1,
        calibration=lambda: other,
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "zoo")
    monkeypatch.setitem(zoo.ENTRIES, name, entry)
    monkeypatch.setattr(zoo, "require_equal_scores", lambda before, after: None)  # of two steps they are not
    bundle = load_bundle(zoo.make(name, "tiny", 0))
    (noted,) = cast(list[Mapping[str, Any]], bundle.manifest.provenance[CALIBRATIONS])
    assert noted["dataset"] == str(other)
    assert (noted["subset"], noted["scale"], noted["blocks"]) == ("all", "deviation, distance", 2)
    assert bundle.manifest.calibration["path_gain"].distant
    assert bundle.neighbours is not None
    assert bundle.manifest.trust is not None
