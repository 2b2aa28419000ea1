"""The claims' experiment: numbers of one seed, and nothing stale for the next."""

import json
from pathlib import Path

import pytest

from benchmarks.claims.radio import cities
from surrogates.domains.radio import demo


def test_seed_gives_the_demonstrations_numbers_and_leaves_no_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def demonstrate(arguments: list[str]) -> None:
        asked.append(arguments)
        folder = Path(arguments[arguments.index("--output") + 1])
        folder.mkdir(parents=True)
        rmse = {"without_samples": {"U-Net-Iso": 8.0, "uma": 12.0}}
        (folder / "metrics.json").write_text(json.dumps({"rmse_db": rmse, "seconds": {}}))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "main", demonstrate)
    assert cities.run_seed(2) == {"without_samples/U-Net-Iso": 8.0, "without_samples/uma": 12.0}
    assert asked == [["--data", "data/demo.zarr", "--output", "runs/claims/2", "seed=2"]]
    assert not list(tmp_path.glob("runs/claims/*"))
