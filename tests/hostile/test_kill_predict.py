"""A prediction to disk that is killed leaves nothing half-written once it is repeated."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.hostile import store_work as work
from tests.hostile.kill import moments, run
from tests.hostile.work import build


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert run(build, str(folder / "w.zarr"), below=str(folder)).exitcode == 0
    assert run(work.bundle, str(folder / "bundle"), below=str(folder)).exitcode == 0
    done = run(work.predict, str(folder), str(folder / "out"), below=str(folder / "out"))
    assert done.exitcode == 0, done.output
    return folder, xr.open_zarr(folder / "out" / "p.zarr").slope.values, done


def check(folder: Path, reference: np.ndarray, out: Path, **moment) -> None:
    """Kill a prediction, repeat it, and compare."""
    killed = run(work.predict, str(folder), str(out), below=str(out), **moment)
    where = f"killed at {moment}, {killed.actions[-1]}"
    assert killed.exitcode == -9 or "after" in moment or len(killed.actions) < moment["before"], where
    if not (out / "p.zarr").exists():
        done = run(work.predict, str(folder), str(out), below=str(out))
        assert done.exitcode == 0, f"{where}: {done.output}"
        assert [path.name for path in out.iterdir()] == ["p.zarr"], where
    np.testing.assert_array_equal(xr.open_zarr(out / "p.zarr").slope.values, reference, where)


def test_a_prediction_killed_at_some_actions_is_repeated(whole, tmp_path):
    folder, reference, done = whole
    count = len(done.actions)
    for number in (count // 3, count):
        check(folder, reference, tmp_path / str(number), before=number)
    (after,) = moments(done.seconds, 1, seed=0)
    check(folder, reference, tmp_path / "moment", after=after)


@pytest.mark.slow  # two predictions for each action of one
def test_a_prediction_killed_at_every_action_is_repeated(whole, tmp_path):
    folder, reference, done = whole
    for number in range(1, len(done.actions) + 1):
        check(folder, reference, tmp_path / str(number), before=number)


@pytest.mark.slow  # twenty predictions
def test_a_prediction_killed_at_random_moments_is_repeated(whole, tmp_path):
    folder, reference, done = whole
    for number, after in enumerate(moments(done.seconds, 10, seed=1)):
        check(folder, reference, tmp_path / str(number), after=after)
