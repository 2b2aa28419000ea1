"""A build that is killed before any of its file actions resumes to the same bytes; nothing is left over."""

import json
from pathlib import Path

import pytest

from tests.hostile.kill import Killed, every_tenth, moments, run
from tests.hostile.work import build, build_heights, build_in_slices, build_with_workers

TIMES = ("history", "time", "finished")


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder; times, which differ, are left out."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, data in found.items():
        if name.endswith(".sha256"):
            found[name] = b"" if len(data) == 64 else data
        elif name.endswith(".json"):
            found[name] = json.dumps(_plain(json.loads(data)), sort_keys=True).encode()
    return found


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in TIMES}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def undisturbed(work, folder: Path) -> tuple[dict[str, bytes], Killed]:
    done = run(work, str(folder / "w.zarr"), below=str(folder))
    assert (done.exitcode, done.output) == (0, "")
    return content(folder), done


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict[str, bytes], Killed]:
    return undisturbed(build, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def sliced(tmp_path_factory) -> Killed:
    return undisturbed(build_in_slices, tmp_path_factory.mktemp("sliced"))[1]


def check(work, folder: Path, reference: dict[str, bytes], **moment) -> None:
    """Kill a build, do it again, and compare every file."""
    folder.mkdir()
    killed = run(work, str(folder / "w.zarr"), below=str(folder), **moment)
    where = f"killed at {moment}, {killed.actions[-1]}"
    assert killed.exitcode == -9 or "after" in moment or len(killed.actions) < moment["before"], where
    done = run(work, str(folder / "w.zarr"), below=str(folder))
    assert (done.exitcode, done.output) == (0, ""), where
    found = content(folder)
    assert found.keys() == reference.keys(), where
    assert [name for name in found if found[name] != reference[name]] == [], where


def test_a_build_killed_at_every_tenth_action_resumes(tmp_path):
    reference, done = undisturbed(build_heights, tmp_path / "whole")
    for number in every_tenth(done.actions, 1):
        check(build_heights, tmp_path / str(number), reference, before=number)
    (after,) = moments(done.seconds, 1, seed=0)
    check(build_heights, tmp_path / "moment", reference, after=after)


@pytest.mark.slow  # as many builds, twice, as a build has actions
@pytest.mark.parametrize("first", range(1, 11))
def test_a_build_killed_at_every_action_resumes(whole, tmp_path, first):
    reference, done = whole
    for number in every_tenth(done.actions, first):
        check(build, tmp_path / str(number), reference, before=number)


@pytest.mark.slow  # forty builds, some with processes of their own
@pytest.mark.parametrize("work", [build, build_in_slices, build_with_workers])
def test_a_build_killed_at_random_moments_resumes(whole, tmp_path, work):
    reference, done = undisturbed(work, tmp_path / "whole")
    assert reference == whole[0]
    for number, after in enumerate(moments(done.seconds, 10, seed=1)):
        check(work, tmp_path / str(number), reference, after=after)


@pytest.mark.slow  # as many builds, twice, as a build in slices has actions
@pytest.mark.parametrize("first", range(1, 11))
def test_a_build_in_slices_killed_at_every_action_resumes(whole, sliced, tmp_path, first):
    for number in every_tenth(sliced.actions, first):
        check(build_in_slices, tmp_path / str(number), whole[0], before=number)
