"""The demonstration from the build to the tables, with few steps on few maps."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread

from benchmarks.claims.radio import cities
from surrogates.domains.radio import demo
from surrogates.runs import compose

FAST = ["trainer.max_steps=2", "trainer.batch_size=2", "trainer.progress=false"]


@pytest.fixture(scope="module")
def result(maps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a demonstration leaves."""
    output = tmp_path_factory.mktemp("demo")
    demo.main(["--data", str(maps), "--output", str(output), "--workers", "1", *FAST])
    return output


def test_demonstration_scores_both_stages_beside_their_baselines(result: Path) -> None:
    rmse = json.loads((result / "metrics.json").read_text())["rmse_db"]
    without, samples = rmse["without_samples"], rmse["with_200_samples"]
    assert {"U-Net-Iso", "free_space", "uma", "log_distance", "log_distance_by_sight"} <= set(without)
    assert {"U-Net-Dir", "inverse_distance", "nearest_samples", "kriging"} <= set(samples)
    assert imread(result / "radio_map.png").shape[1] > 1000


def test_every_claim_reads_a_number_of_the_demonstration(result: Path) -> None:
    rmse = json.loads((result / "metrics.json").read_text())["rmse_db"]
    numbers = {f"{stage}/{method}": value for stage, table in rmse.items() for method, value in table.items()}
    margins = [claim.margin(numbers) for claim in cities.claims()]
    assert len(margins) == 6


def test_second_call_makes_nothing_again(
    result: Path, maps: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "report", lambda *given: None)
    before = sorted(result.glob("**/*"))
    demo.main(["--data", str(maps), "--output", str(result), "--workers", "1", *FAST])
    assert sorted(result.glob("**/*")) == before
    assert capsys.readouterr().out.count("found") == 4


def test_stopped_stage_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "stage" / "radio" / "geo2sigmap" / "2026-01-01T00-00-00"
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "last.ckpt").touch()
    asked: list[str] = []
    monkeypatch.setattr(compose, "main", lambda words: [asked.extend(words), run][1:])
    demo.train(tmp_path / "stage", "radio/geo2sigmap", tmp_path / "maps.zarr", ["seed=3"])
    assert asked == [f"run={run}", "seed=3"]
    assert (tmp_path / "stage" / "run.txt").read_text() == f"{run}\n"
