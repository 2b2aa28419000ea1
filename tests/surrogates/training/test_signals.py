"""A signal ends a run after the step in hand; what goes on equals an undisturbed run."""

import random
import signal

import pytest
import torch

from surrogates.runs.train import resume, start
from surrogates.training.checkpoint import load_state
from surrogates.training.signals import STATUS, Signals, Stopped

pytestmark = pytest.mark.usefixtures("faults")

STEPS, EVERY = 30, 6
TRAINER = {"max_steps": STEPS, "validate_every": EVERY, "log_every": 4, "ema": 0.9, "gradient_clip": 1.0}
SHORT = {"baselines": [], "metrics": ["rmse"], "plots": []}
RANDOM = random.Random(12)


@pytest.fixture
def config(run_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # nothing may be left there
    return lambda **trainer: run_config(task=SHORT, trainer=TRAINER | trainer)


@pytest.fixture(scope="module")
def undisturbed(store, tmp_path_factory):
    """What every stopped run has to come to."""
    return start(
        {
            "experiment": "oscillators",
            "dataset": store.url,
            "task": {"inputs": ["stiffness", "damping"], "targets": ["displacement"], **SHORT},
            "model": {"name": "mlp", "width": 16, "depth": 1},
            "trainer": TRAINER | {"batch_size": 8, "accelerator": "cpu", "progress": False},
            "output": str(tmp_path_factory.mktemp("undisturbed")),
        }
    )


def assert_equal(folder, other):
    for part in ("train", "validation"):
        assert (folder / "logs" / f"{part}.csv").read_text() == (other / "logs" / f"{part}.csv").read_text()
    states = [load_state(each / "checkpoints" / "last.ckpt")["module"] for each in (folder, other)]
    for name in ("pipeline", "optimiser", "average"):
        torch.testing.assert_close(states[0][name], states[1][name], rtol=0, atol=0)
    weights = [(each / "bundle" / "weights.safetensors").read_bytes() for each in (folder, other)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("SIGTERM", EVERY),  # a validation is due
        ("SIGUSR1", STEPS),  # nothing is left but the evaluation
        *((name, RANDOM.randrange(1, STEPS)) for name in ("SIGTERM", "SIGUSR1", "SIGINT")),
    ],
)
def test_run_goes_on_bit_for_bit_after_a_signal(config, tmp_path, undisturbed, capsys, name, step):
    handler = signal.getsignal(signal.Signals[name])
    fault = {"name": "tests/fault", "step": step, "number": name}
    with pytest.raises(Stopped) as stopped:
        start(config(callbacks=[fault]))
    assert stopped.value.code == {"SIGTERM": 143, "SIGUSR1": 75, "SIGINT": 130}[name]
    assert signal.getsignal(signal.Signals[name]) == handler
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    line = f"stopped by {name} after step {step}; resume with: surrogates train run={folder}\n"
    assert capsys.readouterr().err == line
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == step
    resume(folder, changes={"trainer": {"callbacks": []}})
    assert_equal(folder, undisturbed)
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]


def test_signal_amid_a_validation_is_answered_there_and_the_validation_made_up(config, tmp_path, undisturbed):
    fault = {"name": "tests/fault", "step": 2 * EVERY, "number": "SIGTERM", "hook": "validation"}
    with pytest.raises(Stopped):
        start(config(callbacks=[fault]))
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    assert len((folder / "logs" / "validation.csv").read_text().splitlines()) == 2  # columns and one row
    resume(folder, changes={"trainer": {"callbacks": []}})
    assert_equal(folder, undisturbed)


def test_second_signal_of_a_scheduler_does_not_disturb_the_checkpoint(config, tmp_path, undisturbed):
    faults = [{"name": "tests/fault", "step": 8, "number": each} for each in ("SIGUSR1", "SIGTERM", "SIGINT")]
    with pytest.raises(Stopped) as stopped:
        start(config(callbacks=faults))
    assert stopped.value.code == STATUS[signal.SIGUSR1]
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    resume(folder, changes={"trainer": {"callbacks": []}})
    assert_equal(folder, undisturbed)


def test_ctrl_c_again_after_a_while_ends_a_step_that_hangs(monkeypatch):
    times = iter([0.0, 0.5, 2.0])
    monkeypatch.setattr("surrogates.training.signals.monotonic", lambda: next(times))
    with Signals().listening() as signals, pytest.raises(KeyboardInterrupt), signals.deferred():
        for _ in range(3):  # the second comes from a parent
            signal.raise_signal(signal.SIGINT)


def test_run_stopped_before_its_first_checkpoint_starts_anew_in_its_folder(config, tmp_path, undisturbed):
    with pytest.raises(OSError, match="no such shard"):
        start(config(callbacks=[{"name": "tests/fault", "step": 3}]))
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    assert not (folder / "checkpoints" / "last.ckpt").exists()
    resume(folder, changes={"trainer": {"callbacks": []}})
    assert_equal(folder, undisturbed)


def test_what_callbacks_watch_is_known_to_a_run_that_goes_on(config, tmp_path):
    watch = {"name": "early_stopping", "monitor": "train/loss", "patience": 20}
    fault = {"name": "tests/fault", "step": 5, "number": "SIGTERM"}  # after the loss of step 4
    with pytest.raises(Stopped):
        start(config(callbacks=[watch, fault], log_every=4, validate_every=6))
    (folder,) = (tmp_path / "runs" / "oscillators").iterdir()
    resume(folder, changes={"trainer": {"callbacks": [watch]}})
    assert load_state(folder / "checkpoints" / "last.ckpt")["module"]["step"] == STEPS


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals().listening():
            signal.raise_signal(signal.SIGHUP)  # as under nohup
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
