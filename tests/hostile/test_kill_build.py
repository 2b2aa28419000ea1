"""A build that is killed before any of its file actions resumes to the same bytes; nothing is left over."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.kill import Killed, run
from tests.hostile.work import build, build_in_slices, build_with_workers

TENTH = 10
TIMES = ("history", "time", "finished")


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder; times and process numbers, which differ, are left out."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, data in found.items():
        if name.endswith(".sha256"):
            found[name] = b"" if len(data) == 64 else data
        elif name.endswith(".json"):
            found[name] = json.dumps(_plain(json.loads(data)), sort_keys=True).encode()
    return found


def _plain(value):
    if isinstance(value, dict):
        return {
            key: _plain(each) for key, each in value.items() if key not in ("history", "time", "finished")
        }
    return [_plain(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict[str, bytes], Killed]:
    folder = tmp_path_factory.mktemp("whole")
    done = run(build, str(folder / "w.zarr"), below=str(folder))
    assert (done.exitcode, done.output) == (0, "")
    return content(folder), done


def check(folder: Path, whole: dict[str, bytes], before: int) -> None:
    killed = run(build, str(folder / "w.zarr"), below=str(folder), before=before)
    assert killed.exitcode == -9, killed
    done = run(build, str(folder / "w.zarr"), below=str(folder))
    where = f"killed before action {before}, {killed.actions[-1]}"
    assert (done.exitcode, done.output) == (0, ""), where
    found = content(folder)
    assert found.keys() == whole.keys(), where
    assert [name for name in found if found[name] != whole[name]] == [], where


def test_a_build_killed_at_every_tenth_action_resumes(whole, tmp_path):
    reference, done = whole
    for number in np.arange(1, len(done.actions) + 1, TENTH).tolist():
        folder = tmp_path / str(number)
        folder.mkdir()
        check(folder, reference, number)


@pytest.mark.slow  # as many builds, twice, as a build has actions
def test_a_build_killed_at_every_action_resumes(whole, tmp_path):
    reference, done = whole
    for number in range(1, len(done.actions) + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(folder, reference, number)


def check_again(work, folder: Path, reference: dict[str, bytes], **moment) -> None:
    killed = run(work, str(folder / "w.zarr"), below=str(folder), **moment)
    done = run(work, str(folder / "w.zarr"), below=str(folder))
    assert (done.exitcode, done.output) == (0, ""), (moment, killed)
    found = content(folder)
    assert found.keys() == reference.keys(), moment
    assert [name for name in found if found[name] != reference[name]] == [], moment


@pytest.mark.slow  # twenty builds with processes of their own
def test_a_build_with_workers_killed_at_random_moments_resumes(whole, tmp_path):
    for number, after in enumerate(np.random.default_rng(0).uniform(0.05, 6.0, 10).tolist()):
        folder = tmp_path / str(number)
        folder.mkdir()
        check_again(build_with_workers, folder, whole[0], after=after)


@pytest.mark.slow  # as many builds, twice, as every fifth action
def test_a_build_in_slices_killed_at_some_actions_resumes(whole, tmp_path):
    done = run(build_in_slices, str(tmp_path / "all" / "w.zarr"), below=str(tmp_path))
    assert (done.exitcode, done.output) == (0, "")
    for number in range(1, len(done.actions) + 1, 5):
        folder = tmp_path / str(number)
        folder.mkdir()
        check_again(build_in_slices, folder, whole[0], before=number)
