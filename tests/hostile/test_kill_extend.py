"""An extension that is killed before any of its file actions leaves the old store or one that is resumed."""

import shutil
from pathlib import Path

import pytest

from datasets.factory.build import build
from datasets.factory.extend import finish_growing
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from tests.hostile.kill import every_tenth, moments, run
from tests.hostile.test_kill_build import content
from tests.hostile.work import Heights, extend


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> Path:
    """A store whose second shard row is half full."""
    folder = tmp_path_factory.mktemp("six")
    build(Heights(samples=6), str(folder / "w.zarr"), workers=0, progress=False)
    return folder


@pytest.fixture(scope="module")
def twelve(six, tmp_path_factory) -> tuple[Path, list[str], float]:
    folder = tmp_path_factory.mktemp("twelve") / "whole"
    shutil.copytree(six, folder)
    done = run(extend, str(folder / "w.zarr"), below=str(folder))
    assert (done.exitcode, done.output) == (0, "")
    return folder, done.actions, done.seconds


def check(six: Path, twelve: Path, folder: Path, **moment) -> None:
    """Kill an extension; what is there has to be the old store or to resume to the new one."""
    shutil.copytree(six, folder)
    url = str(folder / "w.zarr")
    killed = run(extend, url, below=str(folder), **moment)
    where = f"killed at {moment}, {killed.actions[-1:]}"
    finish_growing(url)
    store = open_store(url)
    assert store.records in (6, 12), where
    if store.records == 6:
        assert verify(url, progress=False).ok, where
    assert 0 in store.complete_rows(), where
    done = run(extend, url, below=str(folder))
    assert (done.exitcode, done.output) == (0, ""), where
    found, reference = content(folder), content(twelve)
    assert found.keys() == reference.keys(), where
    assert [name for name in found if found[name] != reference[name]] == [], where


def test_an_extension_killed_at_three_actions_resumes(six, twelve, tmp_path):
    whole, actions, seconds = twelve
    for number in (len(actions) // 4, len(actions) // 2, 3 * len(actions) // 4):
        check(six, whole, tmp_path / str(number), before=number)
    (after,) = moments(seconds, 1, seed=0)
    check(six, whole, tmp_path / "moment", after=after)


@pytest.mark.slow  # as many extensions, twice, as one has actions
@pytest.mark.parametrize("first", range(1, 11))
def test_an_extension_killed_at_every_action_resumes(six, twelve, tmp_path, first):
    whole, actions, _ = twelve
    for number in every_tenth(actions, first):
        check(six, whole, tmp_path / str(number), before=number)
