"""The speed row of map extracts."""

from pathlib import Path

import pytest

from benchmarks.speed import radio
from tests.benchmarks.test_speed import require_sound
from tests.datasets.radio.maps import real


def test_scene_of_an_extract_is_measured_against_its_libraries() -> None:
    row = radio.scene_row(real("planet_10_068_48_135_10_071_48_137"), quick=True)
    require_sound(row)
    assert row.target == "<= 1"
    assert "31 buildings" in row.note


def test_row_is_skipped_with_a_word_where_there_is_no_extract(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SURROGATES_RADIO_DATA", str(tmp_path))
    monkeypatch.setattr(radio, "tiled_prediction", lambda quick: [])
    assert radio.run(quick=True) == []
    assert "skipped, there is no" in capsys.readouterr().out
