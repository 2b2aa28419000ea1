"""A job of SLURM that is requeued goes on with its own run, and with no other."""

from contextlib import suppress

import pytest
import torch

from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.signals import Stopped
from tests.faults import installed

TRAINER = {"max_steps": 12, "validate_every": 4, "log_every": 2, "batch_size": 8}


@pytest.fixture(scope="module", autouse=True)
def faults(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("faults")):
        yield


@pytest.fixture
def config(run_config, tmp_path, monkeypatch):
    """A run that SIGUSR1 stops at step 6, in the folder in which the job works."""
    monkeypatch.chdir(tmp_path)
    fault = {"name": "tests/fault", "step": 6, "number": "SIGUSR1"}
    short = {"baselines": [], "metrics": ["rmse"], "plots": []}

    def make(number="SIGUSR1", **more):
        faults = [fault | {"number": number}] if number is not None else []
        return run_config(task=short, trainer=TRAINER | {"callbacks": faults}, **more)

    return make


@pytest.fixture
def job(monkeypatch):
    """Set what SLURM tells a job."""

    def tell(number, requeued=0):
        monkeypatch.setenv("SLURM_JOB_ID", str(number))
        monkeypatch.setenv("SLURM_JOB_NAME", "train")
        monkeypatch.setenv("SLURM_NTASKS", "1")
        monkeypatch.setenv("SLURM_PROCID", "0")
        monkeypatch.setenv("SLURM_LOCALID", "0")
        monkeypatch.setenv("SLURM_NODEID", "0")
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(requeued))

    return tell


def stopped(values):
    with pytest.raises(Stopped) as caught:
        start(values)
    return caught.value


def folders(tmp_path):
    return sorted((tmp_path / "runs" / "oscillators").iterdir())


def weights(folder):
    return load_state(folder / "checkpoints" / "last.ckpt")["module"]["pipeline"]


def test_requeued_job_goes_on_with_its_run_and_a_later_one_begins_its_own(config, job, tmp_path):
    job(7)
    assert stopped(config()).code == 75
    (first,) = folders(tmp_path)
    assert load_state(first / "checkpoints" / "last.ckpt")["module"]["step"] == 6
    job(7, requeued=1)
    assert start(config()) == first
    assert folders(tmp_path) == [first]

    job(8)
    stopped(config())
    second = folders(tmp_path)[-1]
    assert second != first
    resume(second)
    torch.testing.assert_close(weights(first), weights(second), rtol=0, atol=0)
    assert (first / "logs" / "train.csv").read_text() == (second / "logs" / "train.csv").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]  # no hpc_ckpt_1.ckpt in the job's folder


def test_requeued_job_of_several_runs_goes_on_with_the_one_that_was_stopped(config, job, tmp_path):
    job(9)
    done = stopped(config(seed=1))
    (first,) = folders(tmp_path)
    resume(first)
    assert done.code == 75
    stopped(config(seed=2))
    second = folders(tmp_path)[-1]
    job(9, requeued=1)
    state = (first / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    assert start(config(seed=1)) == first  # has ended, and is not trained again
    assert (first / "checkpoints" / "last.ckpt").stat().st_mtime_ns == state
    assert start(config(seed=2)) == second
    assert len(folders(tmp_path)) == 2


def test_same_run_again_in_one_job_is_a_new_one(config, job, tmp_path):
    job(10)
    assert start(config(None)) != start(config(None))


@pytest.mark.parametrize(("number", "error"), [("SIGINT", Stopped), ("", OSError)])
def test_run_that_was_given_up_is_taken_up_by_a_requeued_job_only(config, job, tmp_path, number, error):
    """In a job that a person works in, the same command after Ctrl-C or an error begins a new run."""
    job(11)
    for runs in (1, 2):
        with pytest.raises(error):
            start(config(number))
        assert len(folders(tmp_path)) == runs
    job(11, requeued=1)
    with suppress(error):  # the error comes again
        start(config(number))
    assert len(folders(tmp_path)) == 2


def test_numbers_of_another_cluster_are_not_ours(config, job, tmp_path, monkeypatch):
    job(12)
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "a")
    stopped(config())
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "b")
    stopped(config())
    assert len(folders(tmp_path)) == 2
