"""The page of results shows what the files hold, held or not."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.speed.rows import Row, as_json
from surrogates.cli.main import main
from surrogates.core import checkout
from surrogates.report.results import results_are_current, results_page, write_results

ROOT = Path(__file__).parents[3]
CLAIM = {"claim": "U-Net beats kriging", "metric": "RMSE in dB", "ours": 6.5}


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


def test_claims_of_every_domain_stand_with_what_they_have(tmp_path: Path) -> None:
    full = CLAIM | {"low": 6.1, "high": 6.9, "baseline": 7.5, "baseline_name": "kriging", "holds": False}
    (tmp_path / "radio.json").write_text(json.dumps([full | {"command": "surrogates x", "gain_low": 0.2}]))
    (tmp_path / "crop.json").write_text(json.dumps([CLAIM]))
    (tmp_path / "empty.json").write_text("[]")
    page = results_page(tmp_path)
    assert "| U-Net beats kriging | RMSE in dB | 6.5 (6.1 to 6.9) | 7.5 (kriging) | - | - | **no** |" in page
    assert "| U-Net beats kriging | RMSE in dB | 6.5 | - | - | - | - |" in page
    assert page.index("## Crop") < page.index("## Radio") < page.index("| `surrogates x` |")
    assert "Empty" not in page


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "radio.json").write_text('[{"claim": ')
    with pytest.raises(ValueError, match=r"radio.json is no JSON .*write it again with its command"):
        results_page(tmp_path)


def test_page_is_current_until_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    assert not results_are_current(tmp_path)
    write_results(tmp_path)
    assert results_are_current(tmp_path)
    (tmp_path / "results" / "radio.json").write_text(json.dumps([CLAIM]))
    assert not results_are_current(tmp_path)


def test_committed_page_shows_the_committed_files() -> None:
    assert results_are_current(ROOT / "docs"), "run `surrogates report results`"


def test_check_of_a_stale_page_ends_with_status_1_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs" / "results").mkdir(parents=True)
    monkeypatch.setattr(checkout, "checkout", lambda what: tmp_path)
    for words, status in ((["--check"], 1), ([], 0), (["--check"], 0)):
        with pytest.raises(SystemExit) as stop:
            main(["report", "results", *words])
        assert (stop.value.code or 0) == status
        assert (tmp_path / "docs" / "results.md").exists() == (status == 0)
    assert "docs/results.md is stale: run `surrogates report results`" in capsys.readouterr().err


def machine() -> dict[str, object]:
    return {"cpu": "a chip", "cores": 2, "load_at_start": 0.1}


def test_rows_of_a_commit_are_compared_with_those_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "docs" / "results" / "radio.json"
    rows.parent.mkdir(parents=True)
    full = CLAIM | {"baseline": 7.0, "holds": True, "commit": "0000000"}
    same = full | {"claim": "U-Net beats free space"}
    rows.write_text(json.dumps([full, same]))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "measured"], ["tag", "then"]):
        subprocess.run([*git, *words], check=True)
    rows.write_text(json.dumps([full | {"ours": 7.25, "holds": False}, same]))
    monkeypatch.setattr(checkout, "checkout", lambda what: tmp_path)
    with pytest.raises(SystemExit):
        main(["report", "results", "--since", "then"])
    page = (tmp_path / "docs" / "results.md").read_text()
    changed = page[page.index("## Measured again") :]
    assert "What differs from the rows of then:" in changed
    assert (
        "| radio | U-Net beats kriging | RMSE in dB | 6.5 (7) | 7.25 (7) | +0.75 | yes, **no** |" in changed
    )
    assert "free space" not in changed
    with pytest.raises(SystemExit) as stop:
        main(["report", "results", "--since", "never"])
    assert stop.value.code == 2
    assert "there is no commit 'never'" in capsys.readouterr().err
