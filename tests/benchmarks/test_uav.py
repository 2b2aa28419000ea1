"""The speed row of simulated flights."""

import pytest

from benchmarks import uav


def test_simulation_is_measured_against_rotorpy() -> None:
    pytest.importorskip("rotorpy", reason="RotorPy is the reference")
    (row,) = uav.simulation_rows(quick=True)
    assert row.target == ">= 20"
    assert row.ours > 0 < row.reference
    assert "simulated seconds per second, RotorPy" in row.note
    assert "5000 flights of 1 to 1.5 s take" in row.note


def test_row_is_skipped_with_a_word_without_rotorpy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(uav, "find_spec", lambda name: None)
    assert uav.simulation_rows(quick=True) == []
    assert "skipped, RotorPy is not installed" in capsys.readouterr().out
