"""The speed rows of seismic imaging."""

from pathlib import Path

import pytest

from benchmarks import seismic


def test_solver_is_measured_against_the_scheme() -> None:
    row = seismic.solver_row(quick=True)
    assert 0 < row.ours < row.reference
    assert "models a second, the scheme" in row.note
    assert "MiB" in row.note


def test_networks_of_both_directions_are_measured_against_what_they_replace() -> None:
    inverse, forward, classical = seismic.network_rows(quick=True)
    assert {row.target for row in (inverse, forward, classical)} == {">= 20"}
    assert inverse.reference_name == forward.reference_name == "forward simulation"
    assert classical.ratio > inverse.ratio
    assert "latent_unet of the size tiny" in forward.note


def test_share_of_the_solver_counts_all_of_its_calls_and_nothing_else(tmp_path: Path) -> None:
    row = seismic._share_row(seismic._recipe(samples=3), tmp_path)
    assert row.target.startswith("<= 1.11")
    assert row.ours > row.reference > 0.01
    before = seismic.propagator._record
    assert before.__name__ == "_record"


@pytest.mark.slow
def test_two_workers_are_measured_against_one(tmp_path: Path) -> None:
    row = seismic._workers_row(seismic._recipe(samples=32), tmp_path, repeats=1)
    assert row.target == ">= 1.8"
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"2-0", "1-1"}
