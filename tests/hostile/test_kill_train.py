"""A training that is killed before any of its file actions resumes to the same weights and curves."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.hostile.kill import run
from tests.hostile.work import build, command

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
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    build(str(folder / "w.zarr"))
    done = run(command, *train(folder / "w.zarr", folder / "runs"), below=str(folder / "runs"))
    assert done.exitcode == 0, done.output
    return folder / "w.zarr", content(run_in(folder / "runs")), len(done.actions)


def run_in(output: Path) -> Path:
    (folder,) = output.glob("*/*")
    return folder


def check(store: Path, reference: dict[str, object], output: Path, before: int) -> None:
    killed = run(command, *train(store, output), below=str(output), before=before)
    where = f"killed before action {before}, {killed.actions[-1]}"
    assert killed.exitcode == -9, where
    folders = list(output.glob("*/*"))
    if not folders or not (folders[0] / "config.yaml").exists():
        return  # nothing was done yet: the run is started anew
    again = [f"run={folders[0]}", "trainer.progress=false"]
    if (folders[0] / "checkpoints" / "last.ckpt").exists():
        again.append("ckpt=last")
    done = run(command, "train", *again, below=str(output))
    assert done.exitcode == 0, f"{where}: {done.output}"
    found = content(folders[0])
    assert sorted(found) == sorted(reference), where
    assert [name for name in found if found[name] != reference[name]] == [], where


@pytest.mark.parametrize("part", range(3))
def test_a_training_killed_at_some_actions_resumes(whole, tmp_path, part):
    store, reference, count = whole
    check(store, reference, tmp_path, before=(1 + 3 * part) * count // 9)


@pytest.mark.slow  # two trainings for each action of one
def test_a_training_killed_at_every_action_resumes(whole, tmp_path):
    store, reference, count = whole
    for number in range(1, count + 1):
        check(store, reference, tmp_path / str(number), number)
