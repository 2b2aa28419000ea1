"""A radio build is timed beside a bare loop of its solver."""

from math import isfinite
from pathlib import Path

import pytest

from benchmarks import build as benchmark
from datasets.factory.build import build
from datasets.radio.urban import Urban


def test_a_build_is_measured_against_a_bare_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(benchmark, "REPEATS", 1)
    recipe = Urban.make(benchmark.SETTINGS | {"samples": 4, "rays": 10_000, "depth": 1})
    url = str(tmp_path / "first")
    build(recipe, url, workers=0, progress=False)
    row = benchmark._wall_time(recipe, url)
    assert isfinite(row.ours) and row.ours > 0 < row.reference
    assert row.target == "<= 1.1" and row.holds == (row.ratio <= 1.1)
    assert "4 maps of etoile" in row.note


def test_memory_of_a_build_is_measured_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SHARD", 4)
    row = benchmark._peak_memory(3)
    assert isfinite(row.ours) and row.ours > 100 < row.reference
    assert row.target == "<= 1.05" and "12 samples against 8" in row.note
