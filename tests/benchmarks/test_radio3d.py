"""The speed rows of radio volumes."""

from benchmarks.speed import radio3d
from tests.benchmarks.test_speed import require_sound


def test_volumes_are_measured_against_the_bare_solver_and_against_rays() -> None:
    rows = radio3d.run(quick=True)
    for row in rows:
        require_sound(row)
    assert [row.target for row in rows] == ["<= 1.1", ">= 10", ">= 4", "", ">= 20"]
