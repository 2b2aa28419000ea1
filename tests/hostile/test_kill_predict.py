"""A prediction to disk that is killed leaves nothing half-written once it is repeated."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.hostile import store_work as work
from tests.hostile.kill import run
from tests.hostile.work import build


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    build(str(folder / "w.zarr"))
    work.bundle(str(folder / "bundle"))
    done = run(work.predict, str(folder), below=str(folder / "out"))
    assert done.exitcode == 0, done.output
    return folder, xr.open_zarr(folder / "out" / "p.zarr").slope.values, len(done.actions)


def check(folder: Path, reference: np.ndarray, before: int) -> None:
    out = folder / "out"
    shutil.rmtree(out)
    killed = run(work.predict, str(folder), below=str(out), before=before)
    where = f"killed before action {before}, {killed.actions[-1]}"
    assert killed.exitcode == -9, where
    if not (out / "p.zarr").exists():
        done = run(work.predict, str(folder), below=str(out))
        assert done.exitcode == 0, f"{where}: {done.output}"
        assert [path.name for path in out.iterdir()] == ["p.zarr"], where
    np.testing.assert_array_equal(xr.open_zarr(out / "p.zarr").slope.values, reference, where)


def test_a_prediction_killed_at_some_actions_is_repeated(whole):
    folder, reference, count = whole
    for number in (1, count // 3, 2 * count // 3, count):
        check(folder, reference, number)


@pytest.mark.slow  # two predictions for each action of one
def test_a_prediction_killed_at_every_action_is_repeated(whole):
    folder, reference, count = whole
    for number in range(1, count + 1):
        check(folder, reference, number)
