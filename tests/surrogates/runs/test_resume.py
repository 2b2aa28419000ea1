"""A run that was killed goes on as if nothing had happened."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
import yaml

from surrogates.core.errors import ConfigError
from surrogates.runs.folder import alone_in, read_config
from surrogates.runs.resuming import checkpoint_name
from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state, save_atomic

CHANGES = {
    "trainer": {"max_steps": 30, "validate_every": 5, "log_every": 2, "ema": 0.9, "gradient_clip": 1.0},
    "task": {"inputs": ["stiffness", "damping", "force"], "preparations": [], "baselines": []},
}
COUNTED = """
    import os, signal, sys, yaml, torch
    torch.set_num_threads(1)
    from surrogates.runs import train as run
    from surrogates.training import checkpoint
    save, count = checkpoint.save_atomic, 0
    def counted(state, path):
        global count
        save(state, path)
        count += path.name == "last.ckpt"
        if count == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    from surrogates.training import callbacks
    callbacks.save_atomic = counted
    run.start(yaml.safe_load(sys.stdin))
"""


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory):
    """A short finished run."""
    task = {"inputs": ["stiffness", "damping"], "targets": ["displacement"], "baselines": []}
    trainer = {"max_steps": 2, "batch_size": 8, "accelerator": "cpu", "progress": False}
    model = {"name": "mlp", "width": 16, "depth": 1}
    output = str(tmp_path_factory.mktemp("runs"))
    return start({"dataset": store.url, "task": task, "model": model, "trainer": trainer, "output": output})


def curve(folder, part):
    return (folder / "logs" / f"{part}.csv").read_text()


def weights(folder):
    return load_state(folder / "checkpoints" / "last.ckpt")["module"]["pipeline"]


def killed(values):
    """Start a run in another process that kills itself right after its third checkpoint."""
    command = [sys.executable, "-c", textwrap.dedent(COUNTED)]
    done = subprocess.run(command, input=yaml.safe_dump(values), text=True, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return next((Path(values["output"]) / "oscillators").iterdir())


@pytest.mark.parametrize("model", [{"name": "gru", "width": 8}])
def test_killed_run_resumes_bit_identical_in_mid_epoch(run_config, tmp_path, model):
    """Steps 15 of 30 lie within an epoch of 6 steps; the curve and the weights equal an undisturbed run's."""
    undisturbed = start(run_config(**CHANGES, model=model))
    stopped = killed(run_config(**CHANGES, model=model, output=str(tmp_path / "killed")))
    assert load_state(stopped / "checkpoints" / "last.ckpt")["loader"]["step"] == 3
    with (stopped / "logs" / "train.csv").open("a") as file:
        file.write("16,0.0,0.001\n18,0.")  # what a process killed later may leave behind
    resume(stopped)
    for part in ("train", "validation"):
        assert curve(stopped, part) == curve(undisturbed, part)
    torch.testing.assert_close(weights(stopped), weights(undisturbed), rtol=0, atol=0)
    for name in ("bundle/weights.safetensors",):
        assert (stopped / name).read_bytes() == (undisturbed / name).read_bytes()


def test_kill_in_the_middle_of_a_checkpoint_leaves_the_previous_one(tmp_path):
    script = """
        import sys, torch
        from pathlib import Path
        from surrogates.training.checkpoint import save_atomic
        n = 0
        while True:
            n += 1
            save_atomic({"n": n, "w": torch.full((2_000_000,), float(n))}, Path(sys.argv[1]))
            print(n, flush=True)
    """
    path = tmp_path / "last.ckpt"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(3):
        written = int(process.stdout.readline())
    time.sleep(0.004)
    os.kill(process.pid, signal.SIGKILL)
    written += len(process.stdout.read().split())
    process.wait()
    state = load_state(path)
    assert state["n"] >= 3
    assert (state["w"] == state["n"]).all()


def test_failed_write_keeps_the_previous_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    save_atomic({"n": 1}, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write the checkpoint .*No space.*free some space .* run="):
        save_atomic({"n": 2}, path)
    assert load_state(path)["n"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_finished_run_can_be_prolonged(run_config):
    folder = start(run_config(trainer={"max_steps": 4}, task={"baselines": []}))
    resume(folder, changes={"trainer": {"max_steps": 8}})
    assert read_config(folder)["trainer"]["max_steps"] == 8
    whole = start(run_config(trainer={"max_steps": 8, "validate_every": 4}, task={"baselines": []}))
    torch.testing.assert_close(weights(folder), weights(whole), rtol=0, atol=0)


def test_checkpoint_that_is_not_there_is_answered_with_those_that_are(trained):
    with pytest.raises(ConfigError, match=r"no checkpoint .*lst.ckpt; this run has best, last"):
        resume(trained, "lst")
    with pytest.raises(ConfigError, match=r"'best' holds only weights.*ckpt=last.*init=.* to begin from"):
        resume(trained, "best")


def test_checkpoint_of_a_run_that_has_none_yet(tmp_path):
    with pytest.raises(ConfigError, match="before its first; begin it in its folder with run="):
        load_state(tmp_path / "last.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 5}, "seed: a resumed run keeps 0, found 5"),
        ({"model": {"width": 9}}, "model: a resumed run keeps .*'width': 16.*'width': 9"),
        ({"task": {"inputs": ["damping"]}}, "task.inputs: a resumed run keeps"),
        ({"task": {"head": {"loss": "mae"}}}, "task.head: a resumed run keeps .*'mse'.*'mae'"),
        ({"task": {"objective": {"loss": "mae"}}}, "task.head is .*'mse'.* task.objective says .*'mae'"),
        ({"task": {"objective": {"weights": {"displacement": 2.0}}}}, "task.objective: a resumed run keeps"),
        ({"task": {"predictor": {"name": "rollout"}}}, "task.predictor: a resumed run keeps .*'direct'"),
        ({"trainer": {"batch_size": 4}}, "trainer.batch_size: a resumed run keeps 8, found 4"),
        ({"trainer": {"optimiser": {"name": "adamw"}}}, "trainer.optimiser.name: a resumed run keeps 'adam'"),
    ],
)
def test_change_that_does_not_fit_the_state_is_refused(trained, changes, message):
    before = (trained / "config.yaml").read_text()
    with pytest.raises(ConfigError, match=message):
        resume(trained, changes=changes)
    assert (trained / "config.yaml").read_text() == before


@pytest.mark.parametrize(
    "named", ["last", "last.ckpt", "checkpoints/last.ckpt", "{run}/checkpoints/last.ckpt"]
)
def test_checkpoint_is_found_by_its_name_and_by_its_file(tmp_path, named):
    run = tmp_path / "run"
    assert checkpoint_name(run, named.format(run=run)) == "last"


def test_checkpoint_of_another_run_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(ConfigError, match=r"ckpt=other/checkpoints/last.ckpt: .* which has last"):
        checkpoint_name(tmp_path, "other/checkpoints/last.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer": {"max_steps": 1}}, r"trainer.max_steps makes 1 steps, but this run has done \d+"),
        ({"output": "elsewhere"}, "output: .* has begun and keeps its own; leave it out"),
        ({"init": "other"}, "init: .* has begun"),
        ({"size": "paper"}, "size: .* has begun"),
        ({"trainer": {"epochs": 2}}, r"found both of max_steps and epochs.* trainer.max_steps=null"),
    ],
)
def test_change_that_would_be_ignored_is_refused(trained, changes, message):
    before = (trained / "config.yaml").read_text()
    with pytest.raises(ConfigError, match=message):
        resume(trained, changes=changes)
    assert (trained / "config.yaml").read_text() == before


def test_settings_of_the_optimiser_and_an_average_may_change_on_the_way(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "run")
    before = weights(folder)
    changes = {"max_steps": 3, "optimiser": {"weight_decay": 0.1, "lr": 1e-30}, "ema": 0.5}
    resume(folder, changes={"trainer": changes})
    state = load_state(folder / "checkpoints" / "last.ckpt")["module"]
    group = state["optimiser"]["param_groups"][0]
    assert (group["weight_decay"], group["lr"]) == (0.1, 1e-30)
    torch.testing.assert_close(state["pipeline"], before, rtol=0, atol=0)  # nothing is learned at this rate
    learned = [before[name] for name in before if before[name].is_floating_point()]
    known = {tuple(each.flatten().tolist()) for each in learned}
    assert all(tuple(mean.flatten().tolist()) in known for mean in state["average"]["mean"])


def test_new_run_is_advised_with_these_weights_where_they_fit(trained):
    for changes, fits in [({"trainer": {"batch_size": 4}}, True), ({"model": {"width": 9}}, False)]:
        with pytest.raises(ConfigError, match="its whole command without run= and ckpt=") as caught:
            resume(trained, changes=changes)
        assert (f"init={trained}" in str(caught.value)) is fits


def test_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_state(path)


def test_checkpoint_with_code_inside_is_refused(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"format_version": 1, "evil": os.system}, path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_state(path)


def test_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is no run"):
        resume(tmp_path)


def test_run_that_another_process_trains_is_neither_read_nor_changed(trained, monkeypatch):
    monkeypatch.setattr("surrogates.runs.folder.ENDING", 0.3)
    before = (trained / "config.yaml").read_text()
    with alone_in(trained), pytest.raises(ConfigError, match="is in training by another process; wait"):
        resume(trained, changes={"trainer": {"max_steps": 9}})
    assert (trained / "config.yaml").read_text() == before


def test_data_with_other_content_are_refused_unless_asked_for(make_store, run_config):
    store = make_store("data.zarr")
    task = {"baselines": [], "metrics": ["rmse"], "plots": []}
    folder = start(run_config(dataset=store.url, task=task, trainer={"max_steps": 2}))
    shutil.rmtree(store.url)
    make_store("data.zarr", seed=1)
    longer = {"trainer": {"max_steps": 4}}
    with pytest.raises(
        ConfigError, match=r"data.zarr: the content has changed since the checkpoint; .*dataset=.*init="
    ):
        resume(folder, changes=longer)
    resume(folder, changes=longer | {"dataset": store.url})


def test_half_written_checkpoint_of_a_killed_process_goes(trained):
    half = trained / "checkpoints" / ".last.ckpt-abcd.partial"
    half.mkdir()
    (half / "last.ckpt").write_bytes(b"half")
    resume(trained)
    assert sorted(each.name for each in half.parent.iterdir()) == ["best.ckpt", "last.ckpt"]
