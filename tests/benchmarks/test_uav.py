"""Without its reference there is no row of simulated flights."""

import pytest

from benchmarks.speed import uav


def test_row_is_skipped_with_a_word_without_rotorpy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(uav, "find_spec", lambda name: None)
    assert uav.simulation_rows(quick=True) == []
    assert "skipped, RotorPy is not installed" in capsys.readouterr().out
