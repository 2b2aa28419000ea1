"""The page of results shows what the files hold, held or not."""

import json
from pathlib import Path

from benchmarks.rows import Row, as_json
from surrogates.evaluation.results import results_page


def test_speed_rows_stand_with_their_verdict_and_machine(tmp_path: Path) -> None:
    rows = [
        Row("read | lz4", "ms", 0.3, 1.2, "zarr-python", 4.0, ">= 3", True, machine=machine()),
        Row("step", "ms", 2.8, 2.0, "bare loop", 1.4, "<= 1.3", False, "GRU", machine=machine()),
    ]
    (tmp_path / "speed").mkdir()
    (tmp_path / "speed" / "io.json").write_text(json.dumps(as_json(rows)))
    page = results_page(tmp_path)
    assert "| read \\| lz4 | ms | 0.3 | 1.2 (zarr-python) | 4 | >= 3 | yes |" in page
    assert "| step. GRU | ms | 2.8 | 2 (bare loop) | 1.4 | <= 1.3 | **no** |" in page
    assert "`surrogates bench io` on a chip, 2 cores, load 0.1 at the start:" in page


def test_without_measurements_the_page_claims_nothing(tmp_path: Path) -> None:
    assert "|" not in results_page(tmp_path)


def machine() -> dict[str, object]:
    return {"cpu": "a chip", "cores": 2, "load_at_start": 0.1}
