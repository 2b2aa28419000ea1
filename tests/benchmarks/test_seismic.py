"""The solver's share of a build is measured without leaving a trace."""

from pathlib import Path

from benchmarks.speed import seismic


def test_share_of_the_solver_counts_its_calls_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    before = seismic.propagator._record
    row = seismic._share_row(seismic._recipe(3, quick=True), tmp_path)
    assert row.ours > row.reference > 0
    assert "3 models in one process" in row.note
    assert seismic.propagator._record is before
