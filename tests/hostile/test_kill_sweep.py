"""A sweep that is killed before any of its file actions, and typed again, ends as an undisturbed one."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.hostile.kill import every_tenth, moments, run
from tests.hostile.test_kill_train import content as content_of_run
from tests.hostile.work import build_untested, command, plain_command

TRIALS = 2


def sweep(store: Path, folder: Path) -> list[str]:
    return [
        "sweep",
        f"dataset={store}",
        *("model=mlp", "model.depth=1", "task.inputs=[height]", "task.targets=[slope]"),
        *("trainer.max_steps=2", "trainer.validate_every=1", "trainer.batch_size=2"),
        *("trainer.progress=false", "model.width=int(2,6)"),
        *("--trials", str(TRIALS), "--folder", str(folder)),
    ]


def trials(folder: Path) -> list[tuple[Any, ...]]:
    """Return the trials of the study; what a kill has cut off before it had a number may only have failed."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    found = optuna.load_study(study_name="sweep", storage=storage).trials
    assert {each.state.name for each in found if "number" not in each.user_attrs} <= {"FAIL"}
    return [
        (each.user_attrs["number"], each.user_attrs["settings"], each.state.name, each.value)
        for each in found
        if "number" in each.user_attrs
    ]


def content(folder: Path) -> dict[str, object]:
    """Return what each trial's only run holds, and the names of all that lies beside the runs."""
    found: dict[str, object] = {}
    for trial in sorted((folder / "trials").iterdir()):
        (own,) = trial.glob("*/*")
        found |= {f"{trial.name}/{name}": value for name, value in content_of_run(own).items()}
        found |= {str(each.relative_to(folder)): None for each in trial.iterdir()}
    return found | {each.name: None for each in folder.iterdir()}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    url = tmp_path_factory.mktemp("store") / "w.zarr"
    assert run(build_untested, str(url), below=str(url)).exitcode == 0
    return url


def undisturbed(work, store: Path, folder: Path):
    done = run(work, *sweep(store, folder), below=str(folder))
    assert done.exitcode == 0, done.output
    found = trials(folder)
    assert [(number, state) for number, _, state, _ in found] == [(n, "COMPLETE") for n in range(TRIALS)]
    return content(folder), found, done


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    return undisturbed(plain_command, store, tmp_path_factory.mktemp("whole") / "sweep")


def check(work, store: Path, reference: dict[str, object], tried: list[Any], folder: Path, **moment) -> None:
    """Kill a sweep, type it again, and compare its trials and every file."""
    killed = run(work, *sweep(store, folder), below=str(folder), **moment)
    where = f"killed at {moment}, {killed.actions[-1]}"
    assert killed.exitcode == -9 or "after" in moment or len(killed.actions) < moment["before"], where
    done = run(work, *sweep(store, folder), below=str(folder))
    assert done.exitcode == 0, f"{where}: {done.output}"
    assert trials(folder) == tried, where
    found = content(folder)
    assert sorted(found) == sorted(reference), where
    assert [name for name in found if found[name] != reference[name]] == [], where


def test_a_sweep_killed_before_a_trial_has_its_number_and_typed_again_ends_as_an_undisturbed_one(
    store, whole, tmp_path
):
    reference, tried, done = whole
    begun = next(number for number, each in enumerate(done.actions) if each.endswith("0000/.lock"))
    asked = begun + 6  # a trial has been asked for, and has no number yet
    check(plain_command, store, reference, tried, tmp_path / "asked", before=asked)


@pytest.mark.slow  # two sweeps for each action of one
@pytest.mark.parametrize("first", range(1, 11))
def test_a_sweep_killed_at_every_action_and_typed_again_ends_as_an_undisturbed_one(
    store, whole, tmp_path, first
):
    reference, tried, done = whole
    for number in every_tenth(done.actions, first):
        check(plain_command, store, reference, tried, tmp_path / str(number), before=number)


@pytest.mark.slow  # twenty sweeps with their pictures
def test_a_sweep_killed_at_random_moments_and_typed_again_ends_as_an_undisturbed_one(store, tmp_path):
    reference, tried, done = undisturbed(command, store, tmp_path / "whole")
    for number, after in enumerate(moments(done.seconds, 10, seed=1)):
        check(command, store, reference, tried, tmp_path / str(number), after=after)
