"""Processes that share each batch train what one process trains."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import yaml

from surrogates.core.errors import ConfigError
from surrogates.runs import processes
from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import read_curve
from surrogates.training.ranks import ALONE

# Cells that count differ between records, so that shares of a batch weigh differently.
TASK = {"inputs": ["stiffness", "damping", "force"], "mask": "inside", "baselines": []}
TRAINER = {"max_steps": 12, "validate_every": 4, "log_every": 2, "ema": 0.9, "gradient_clip": 0.5}
MODEL = {"name": "gru", "width": 8}
DYING = """
    import os, signal, sys, yaml
    import surrogates.training.fit as fit
    from surrogates.runs import train as run
    count, save = 0, fit.save_atomic
    def counted(state, path):
        global count
        save(state, path)
        count += path.name == "last.ckpt"
        if count == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    fit.save_atomic = counted
    run.start(yaml.safe_load(sys.stdin))
"""


@pytest.fixture
def config(run_config):
    """The configuration of a short masked run; ``config(devices=2)`` changes its trainer."""
    return lambda **trainer: run_config(task=TASK, model=MODEL, trainer=TRAINER | trainer)


def curve(folder: Path) -> torch.Tensor:
    rows = [row for part in ("train", "validation") for row in read_curve(folder / "logs" / f"{part}.csv")]
    return torch.tensor([float(value) for row in rows for value in row.values()], dtype=torch.float64)


def test_two_processes_follow_the_curve_of_one(config):
    one, two = start(config()), start(config(devices=2))
    torch.testing.assert_close(curve(two), curve(one), rtol=1e-4, atol=0)
    states = [load_state(folder / "checkpoints" / "last.ckpt")["module"] for folder in (one, two)]
    for name, value in states[0]["pipeline"].items():
        torch.testing.assert_close(states[1]["pipeline"][name], value, rtol=1e-3, atol=1e-5)
    assert (two / "metrics.json").exists()
    assert len(list(two.parent.iterdir())) == 2  # the second process has made no folder


def test_alone_nobody_is_asked():
    assert ALONE.agree(lambda: "mine") == "mine"
    assert ALONE.gather(2) == [2]


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"devices": 3}, "batch_size 8 cannot be shared equally by 3 processes .*take a multiple of 3"),
        ({"num_nodes": 2}, "start the processes of several machines with torchrun"),
        ({"strategy": "fsdp"}, "'trainer.strategy' should be 'auto' or 'ddp'"),
    ],
)
def test_processes_that_cannot_share_are_refused_before_any_work(config, tmp_path, trainer, message):
    with pytest.raises(ConfigError, match=message):
        start(config(**trainer))
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_run_killed_in_two_processes_goes_on_in_one(config, tmp_path):
    """The place in the epoch does not depend on the number of processes; the other process ends as well."""
    values = config(devices=2) | {"output": str(tmp_path / "killed")}
    command = [sys.executable, "-c", textwrap.dedent(DYING)]
    done = subprocess.run(command, input=yaml.safe_dump(values), text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    (stopped,) = (tmp_path / "killed" / "oscillators").iterdir()
    assert load_state(stopped / "checkpoints" / "last.ckpt")["module"]["step"] == 8
    resume(stopped, changes={"trainer": {"devices": 1}})
    torch.testing.assert_close(curve(stopped), curve(start(config())), rtol=1e-4, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"), [("os._exit(3)", "status 3"), ("open('/no/shard')", r".*No such file.*'/no/shard'")]
)
def test_process_that_fails_ends_the_run_in_one_line(config, monkeypatch, fault, words):
    """The second process fails at its first step; the first one says so instead of waiting for it."""
    step = f"import os, surrogates.training.fit as fit; fit.LearningModule.training_step = lambda *_: {fault}"
    monkeypatch.setattr(processes, "FOLLOW", f"{step}; {processes.FOLLOW}")
    with pytest.raises(ConfigError, match=rf"process 2 of 2 ended: {words}; go on .*run=DIR") as caught:
        start(config(devices=2))
    assert "\n" not in str(caught.value)
