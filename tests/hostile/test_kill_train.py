"""A training that is killed before any of its file actions resumes to the same weights and curves."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file

from surrogates.runs.folder import CONFIG
from tests.hostile.kill import every_tenth, moments, run
from tests.hostile.work import build, command, plain_command

DIFFERS = (".lock", "report.html", "metrics.json", "bundle.yaml", "card.md", "config.yaml")
"""Files with times in them, and the lock; their names are compared."""


def train(store: Path, output: Path) -> list[str]:
    return [
        "train",
        f"dataset={store}",
        *("model=mlp", "model.width=4", "model.depth=1", "task.inputs=[height]", "task.targets=[slope]"),
        *("trainer.max_steps=4", "trainer.validate_every=2", "trainer.batch_size=2"),
        *("trainer.progress=false", f"output={output}"),
    ]


def content(folder: Path) -> dict[str, object]:
    """Return what a run holds: bytes, and the tensors of weights; TensorBoard's files are one a start."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or "tensorboard" in name:
            continue
        if path.suffix == ".safetensors":
            found[name] = {key: value.tobytes() for key, value in load_file(path).items()}
        elif path.suffix == ".ckpt" or path.name in DIFFERS:
            found[name] = None
        else:
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    url = tmp_path_factory.mktemp("store") / "w.zarr"
    assert run(build, str(url), below=str(url)).exitcode == 0
    return url


def undisturbed(work, store: Path, output: Path):
    """Train; return what the run holds, and what the child did."""
    done = run(work, *train(store, output), below=str(output))
    assert done.exitcode == 0, done.output
    (folder,) = output.glob("*/*")
    return content(folder), done


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    return undisturbed(plain_command, store, tmp_path_factory.mktemp("whole"))


def check(work, store: Path, reference: dict[str, object], output: Path, **moment) -> None:
    """Kill a training, resume it, and compare every file."""
    killed = run(work, *train(store, output), below=str(output), **moment)
    where = f"killed at {moment}, {killed.actions[-1]}"
    assert killed.exitcode == -9 or "after" in moment or len(killed.actions) < moment["before"], where
    folders = list(output.glob("*/*"))
    if not folders or not (folders[0] / CONFIG).exists():
        again = train(store, output)  # nothing was begun
    else:
        again = ["train", f"run={folders[0]}", "trainer.progress=false"]
    if folders and (folders[0] / "checkpoints" / "last.ckpt").exists():
        again.append("ckpt=last")
    done = run(work, *again, below=str(output))
    assert done.exitcode == 0, f"{where}: {done.output}"
    (folder,) = (path.parent for path in output.glob(f"*/*/{CONFIG}"))
    found = content(folder)
    assert sorted(found) == sorted(reference), where
    assert [name for name in found if found[name] != reference[name]] == [], where


def test_a_training_killed_at_some_actions_resumes(store, whole, tmp_path):
    reference, done = whole
    count = len(done.actions)
    for number in (count // 3, 5 * count // 6):
        check(plain_command, store, reference, tmp_path / str(number), before=number)


@pytest.mark.slow  # two trainings for each action of one
@pytest.mark.parametrize("first", range(1, 11))
def test_a_training_killed_at_every_action_resumes(store, whole, tmp_path, first):
    reference, done = whole
    for number in every_tenth(done.actions, first):
        check(plain_command, store, reference, tmp_path / str(number), before=number)


@pytest.mark.slow  # twenty trainings with their pictures
def test_a_training_killed_at_random_moments_resumes(store, tmp_path):
    reference, done = undisturbed(command, store, tmp_path / "whole")
    for number, after in enumerate(moments(done.seconds, 10, seed=1)):
        check(command, store, reference, tmp_path / str(number), after=after)
