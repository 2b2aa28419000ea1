"""The speed row of map extracts."""

from pathlib import Path

import pytest

from benchmarks import radio
from tests.datasets.radio.maps import real


def test_scene_of_an_extract_is_measured_against_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radio, "EXTRACT", real("planet_10_068_48_135_10_071_48_137"))
    (row,) = radio.scene_rows(quick=True)
    assert row.target == "<= 1"
    assert row.ours > 0 < row.reference
    assert "31 buildings" in row.note


def test_row_is_skipped_with_a_word_where_there_is_no_extract(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(radio, "EXTRACT", tmp_path / "no.osm.pbf")
    assert radio.scene_rows(quick=True) == []
    assert "skipped, there is no" in capsys.readouterr().out
