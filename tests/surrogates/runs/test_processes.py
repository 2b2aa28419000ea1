"""Processes that share each batch train what one process trains, whoever has started them."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from surrogates.core.errors import ConfigError
from surrogates.experiment.config import RunConfig, TrainerConfig
from surrogates.experiment.experiment import Experiment
from surrogates.experiment.launched import Launched, launched, processes
from surrogates.runs import compose, sweep
from surrogates.runs.processes import _require_own_gpus
from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.logs import read_curve
from surrogates.training.ranks import ALONE, Ranks
from tests.faults import installed

# Cells that count differ between records, so that shares of a batch weigh differently.
TASK = {"inputs": ["stiffness", "damping", "force"], "mask": "inside", "baselines": [], "metrics": ["rmse"]}
TRAINER = {"max_steps": 12, "validate_every": 4, "log_every": 2, "ema": 0.9, "gradient_clip": 0.5}
MODEL = {"name": "gru", "width": 8}
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}
ENDING = 10.0
"""Seconds within which all processes have ended."""
START = "import sys, yaml; from surrogates.runs.train import start; start(yaml.safe_load(sys.stdin))"


@pytest.fixture(scope="module", autouse=True)
def faults(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("faults")):
        yield


@pytest.fixture
def config(run_config):
    """The configuration of a short masked run; ``config(devices=2)`` changes its trainer."""
    return lambda **trainer: run_config(task=TASK, model=MODEL, trainer=TRAINER | trainer)


@pytest.fixture(scope="module")
def one(store, tmp_path_factory):
    """What one process trains."""
    values = {"experiment": "oscillators", "dataset": store.url, "model": MODEL}
    trainer = TRAINER | {"batch_size": 8, "accelerator": "cpu", "progress": False}
    task = TASK | {"targets": ["displacement"]}
    return start(values | {"task": task, "trainer": trainer, "output": str(tmp_path_factory.mktemp("one"))})


def curve(folder: Path) -> torch.Tensor:
    rows = [row for part in ("train", "validation") for row in read_curve(folder / "logs" / f"{part}.csv")]
    return torch.tensor([float(value) for row in rows for value in row.values()], dtype=torch.float64)


def assert_follows(folder: Path, one: Path) -> None:
    torch.testing.assert_close(curve(folder), curve(one), **TOLERANCE)
    states = [load_state(each / "checkpoints" / "last.ckpt")["module"] for each in (folder, one)]
    torch.testing.assert_close(states[0]["pipeline"], states[1]["pipeline"], **TOLERANCE)
    assert (folder / "metrics.json").exists()


def words_of(values: dict) -> list[str]:
    """The command line of a configuration."""
    flat = {f"trainer.{key}": value for key, value in values["trainer"].items()}
    flat |= {f"task.{key}": value for key, value in values["task"].items()}
    flat |= {f"model.{key}": value for key, value in values["model"].items() if key != "name"}
    flat |= {key: values[key] for key in ("dataset", "output")} | {"model": values["model"]["name"]}
    return [f"{key}={said(value)}" for key, value in flat.items()]


def said(value: object) -> str:
    """A value in Hydra's grammar, whose keys have no quotes."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{said(each)}' for key, each in value.items())}}}"
    return f"[{','.join(map(said, value))}]" if isinstance(value, list) else json.dumps(value)


@contextmanager
def tasks(command: list[str], size: int = 2, **more: str):
    """Start a command as `srun` does, once for each task of one machine."""
    place = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NAME": "train", "SLURM_NNODES": "1"}
    place |= {"SLURM_NTASKS": str(size), "SLURM_NODEID": "0", "SLURM_NODELIST": "127.0.0.1", **more}
    started = []
    for rank in range(size):
        own = place | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env={**os.environ, **own}, **pipes))
    try:
        yield started
    finally:
        for each in started:
            each.kill()
            each.communicate()


def test_two_processes_follow_the_curve_of_one(config, one):
    two = start(config(devices=2))
    assert_follows(two, one)
    assert len(list(two.parent.iterdir())) == 1  # the others have made no folder
    assert sorted(each.name for each in (two / "logs").iterdir() if each.is_dir()) == ["tensorboard"]


def test_each_task_of_srun_is_a_process_of_one_run(config, one, tmp_path):
    command = [sys.executable, "-m", "surrogates.train", *words_of(config())]
    with tasks(command) as started:
        heard = [each.communicate(timeout=120) for each in started]
    assert [each.returncode for each in started] == [0, 0], heard
    (folder,) = (tmp_path / "runs" / "run").iterdir()
    assert heard[0][0].split() == [str(folder)]
    assert heard[1][0] == ""
    assert_follows(folder, one)


def test_processes_that_were_given_the_same_gpu_are_told_apart_when_they_meet(monkeypatch):
    gpu = SimpleNamespace(uuid="GPU-a", name="NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    group = Launched("torchrun", 0, 3, 0, 3)
    monkeypatch.setattr(Ranks, "gather", lambda self, value: [value, "GPU-b", value])
    with pytest.raises(ConfigError, match=r"the processes 1, 3 were given the same NVIDIA H200, .*=cpu$"):
        _require_own_gpus(group)
    monkeypatch.setattr(Ranks, "gather", lambda self, value: [value, "GPU-b", "GPU-c"])
    _require_own_gpus(group)


def test_process_that_fails_ends_the_run_in_one_line(config, capfd):
    fault = {"name": "tests/fault", "step": 3, "rank": 1}
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"^process 2 of 2 ended: no such shard; resume .*=DIR") as caught:
        start(config(devices=2, callbacks=[fault]))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
    assert time.monotonic() - begun < 60


def test_alone_nobody_is_asked():
    assert ALONE.agree(lambda: "mine") == "mine"
    assert ALONE.gather(2) == [2]
    assert ALONE.largest(15, 1) == (15, 1)


SRUN = {"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NNODES": "2"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "a", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}
TORCHRUN["LOCAL_WORLD_SIZE"] = "2"


UNEVEN = {"SLURM_TASKS_PER_NODE": "2(x2),1", "SLURM_NNODES": "3", "SLURM_NODEID": "1"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        (SRUN, Launched("srun", 3, 4, 1, 2)),
        (SRUN | {"SLURM_JOB_NAME": "interactive"}, None),
        (SRUN | {"SLURM_NTASKS": "1"}, None),
        ({"SLURM_NTASKS": "4"}, None),  # a shell of salloc
        (SRUN | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"}, None),  # a step of one task
        (SRUN | {"SLURM_NTASKS": "5", **UNEVEN}, Launched("srun", 3, 5, 1, 2)),
        (SRUN | {"SLURM_NTASKS": "5", **UNEVEN, "SLURM_NODEID": "2"}, Launched("srun", 3, 5, 1, 1)),
        (TORCHRUN, Launched("torchrun", 1, 2, 1, 2)),
        (SRUN | TORCHRUN, Launched("torchrun", 1, 2, 1, 2)),
    ],
)
def test_place_in_a_group_is_read_from_what_started_it(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launched() == expected


def test_processes_of_mpirun_do_not_each_train_alone(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match=r"mpirun started several processes.*torchrun or srun"):
        launched()


def test_number_of_processes_is_what_started_them_says(monkeypatch):
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    assert processes(TrainerConfig(max_steps=1)) == 4
    assert processes(TrainerConfig(max_steps=1, devices=2, num_nodes=2)) == 4
    with pytest.raises(ConfigError, match=r"srun started 4 processes, but trainer.devices=2 .* make 2"):
        processes(TrainerConfig(max_steps=1, devices=2))


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"devices": 3}, "batch_size 8 cannot be shared equally by 3 processes .*take a multiple of 3"),
        ({"num_nodes": 2}, "start the processes of several machines with torchrun"),
        ({"batch_size": 9, "devices": 2}, "batch_size 9 cannot be shared equally by 2 processes"),
        ({"strategy": "fsdp"}, "'trainer.strategy' should be 'auto' or 'ddp'"),
    ],
)
def test_processes_that_cannot_share_are_refused_before_any_work(config, tmp_path, trainer, message):
    with pytest.raises(ConfigError, match=message):
        start(config(**trainer))
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_torchrun_starts_the_processes_of_one_run(config, one, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "surrogates.train"]
    done = subprocess.run([*torchrun, *words_of(config())], check=True, capture_output=True, text=True)
    (folder,) = (tmp_path / "runs" / "run").iterdir()
    assert done.stdout.split() == [str(folder)]
    assert_follows(folder, one)


@pytest.mark.slow
def test_command_line_several_runs_and_a_sweep_start_processes(config, one, tmp_path):
    words = words_of(config(devices=2))
    (folder,) = compose.main(words)
    assert_follows(folder, one)
    many = compose.main(["-m", *words, "seed=0,1"])
    assert_follows(many[0], one)
    assert not torch.equal(curve(many[1]), curve(one))
    plan = sweep.Plan.of([*words, "trainer.threads=choice(1,2)"])
    (tried,) = sweep.sweep(plan, tmp_path / "sweep", 1)
    assert tried.error == ""
    assert_follows(Path(tried.run), one)


@pytest.mark.slow
def test_task_of_srun_that_fails_ends_all_in_its_own_line(config):
    fault = {"name": "tests/fault", "step": 3, "rank": 1}
    command = [sys.executable, "-m", "surrogates.train", *words_of(config(callbacks=[fault]))]
    with tasks(command) as started:
        words = started[1].communicate(timeout=60)[1]
        begun = time.monotonic()
        other = started[0].communicate(timeout=60)[1]
        assert time.monotonic() - begun < ENDING
    assert [each.returncode for each in started] == [2, 2]
    assert re.fullmatch(r"error: process 2 of 2 ended: no such shard; resume .*\n", words)
    assert re.fullmatch(r"error: process 1 of 2 ended: .*; resume .*\n", other)


def begun(values: dict, command: list[str]) -> tuple[subprocess.Popen, Path]:
    """Start a run and wait until it trains."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdin.write(yaml.safe_dump(values))
    process.stdin.close()
    process.stdin = None
    while not (found := list(Path(values["output"]).glob("*/*/logs/train.csv"))):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process, found[0].parents[1]


def children(process: subprocess.Popen) -> list[int]:
    """The processes that train."""
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(each) for each in task if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + ENDING
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, "a process lives on"
        time.sleep(0.05)


LONG = {"max_steps": 400, "validate_every": 20, "log_every": 2}
RANDOM = random.Random(12)
STEPS = [RANDOM.randrange(1, 60) for _ in range(20)]


@pytest.fixture(scope="module")
def middling(one, tmp_path_factory):
    """The same run, long enough for twenty places to be disturbed at."""
    copy = tmp_path_factory.mktemp("middling") / "run"
    shutil.copytree(one, copy)
    values = yaml.safe_load((copy / "config.yaml").read_text())
    values["trainer"] |= MIDDLING
    return start(values | {"output": str(copy.parent)})


MIDDLING = {"max_steps": 60, "validate_every": 7, "log_every": 2}


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGUSR1"])
@pytest.mark.parametrize("number", range(20))
def test_run_goes_on_after_any_signal_at_a_random_step(
    config, tmp_path, monkeypatch, middling, devices, name, number
):
    """Alone and in two processes, parent, first or second hit: what goes on equals an undisturbed run."""
    monkeypatch.chdir(tmp_path)
    hit = {"rank": 0 if devices == 1 else number % 3 - 1, "hook": "validation" if number % 5 == 4 else "step"}
    fault = {"name": "tests/fault", "step": STEPS[number], "number": name, **hit}
    values = config(**MIDDLING, devices=devices, callbacks=[fault])
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, input=yaml.safe_dump(values), text=True, capture_output=True, check=False)
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    path = folder / "checkpoints" / "last.ckpt"
    if name == "SIGKILL":
        status = -signal.SIGKILL if hit["rank"] == -1 or devices == 1 else 1
        assert done.returncode == status, done.stderr
    else:
        assert done.returncode == {"SIGTERM": 143, "SIGUSR1": 75}[name], done.stderr
        assert re.fullmatch(rf"stopped by {name}.*; resume with: .* run={folder}\n", done.stderr)
        saved = load_state(path)["module"]["step"]
        assert (
            saved >= STEPS[number] if hit["rank"] == -1 else saved in range(STEPS[number], STEPS[number] + 8)
        )
    resume(folder, changes={"trainer": {"callbacks": []}})  # at once: others may still be ending
    if devices == 1:
        assert torch.equal(curve(folder), curve(middling))
        states = [load_state(each / "checkpoints" / "last.ckpt")["module"] for each in (folder, middling)]
        torch.testing.assert_close(states[0]["pipeline"], states[1]["pipeline"], rtol=0, atol=0)
    else:
        assert_follows(folder, middling)
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]
    assert list((tmp_path / "runs").rglob("config.yaml")) == [folder / "config.yaml"]


@pytest.mark.slow
def test_failure_in_several_runs_under_srun_ends_all(config, tmp_path):
    fault = {"name": "tests/fault", "step": 3, "rank": 1}
    words = words_of(config(callbacks=[fault]))
    with tasks([sys.executable, "-m", "surrogates.train", "-m", *words, "seed=0,1"]) as started:
        heard = [each.communicate(timeout=90)[1] for each in started]
    assert [each.returncode for each in started] == [2, 2]
    assert re.fullmatch(r"error: process 2 of 2 ended: no such shard; resume .*\n", heard[1])


def test_run_of_several_processes_is_opened_anywhere(one, monkeypatch):
    """Scores, export and ensembles need no processes of the training."""
    values = yaml.safe_load((one / "config.yaml").read_text())
    values["trainer"] |= {"devices": 2, "num_nodes": 2}
    assert Experiment.open(RunConfig.model_validate(values)).config.trainer.processes == 4
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    values["trainer"] |= {"devices": 2, "num_nodes": 1}
    Experiment.open(RunConfig.model_validate(values))


@pytest.mark.slow
def test_killed_process_and_ctrl_c_end_all_with_one_line(config, tmp_path):
    command = [sys.executable, "-m", "surrogates.train", *words_of(config(**LONG, devices=2))]
    for name, pattern in (
        ("SIGKILL", r"error: process 2 of 2 ended: killed by SIGKILL; resume .*run=DIR.*\n"),
        ("SIGINT", r"stopped by SIGINT; resume with: surrogates train run=.*\n"),
    ):
        process, _ = begun(config() | {"output": str(tmp_path / "runs")}, command)
        others = children(process)
        os.kill(others[-1] if name == "SIGKILL" else process.pid, signal.Signals[name])
        started = time.monotonic()
        _, words = process.communicate(timeout=60)
        wait_for_end(others)
        assert time.monotonic() - started < ENDING
        assert re.fullmatch(pattern, words), words
        assert process.returncode == (2 if name == "SIGKILL" else 130)
        shutil.rmtree(tmp_path / "runs")


@pytest.mark.slow
def test_run_of_two_processes_goes_on_in_one(config, tmp_path, one):
    """The place in the epoch does not depend on the number of processes."""
    fault = {"name": "tests/fault", "step": 7, "number": "SIGTERM", "rank": 1}
    with pytest.raises(SystemExit):
        start(config(devices=2, callbacks=[fault]))
    (stopped,) = (tmp_path / "runs" / "oscillators").iterdir()
    resume(stopped, changes={"trainer": {"devices": 1, "callbacks": []}})
    assert_follows(stopped, one)


@pytest.mark.slow
def test_processes_end_when_their_parent_is_killed_and_ctrl_c_is_ignored(config, tmp_path):
    """As under `nohup` or in the background of a shell: the signal that torch asks the system for is lost."""
    values = config(max_steps=100_000, devices=2) | {"output": str(tmp_path / "runs")}
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {START}"
    process, folder = begun(values, [sys.executable, "-c", ignoring])
    others = children(process)
    process.kill()
    process.communicate(timeout=60)
    wait_for_end(others)
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] > 0


@pytest.mark.slow
def test_callback_that_ends_one_process_ends_all(config):
    folder = start(
        config(devices=2, callbacks=[{"name": "tests/fault", "step": 3, "number": "stop", "rank": 1}])
    )
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == 3


@pytest.mark.slow
def test_script_without_a_guard_is_told_to_have_one(config, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"from surrogates.runs.train import start\nstart({config(devices=2)!r})\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert 'put what it does under `if __name__ == "__main__":`' in done.stderr
    assert len(list((tmp_path / "runs" / "oscillators").iterdir())) == 1
