"""`surrogates sweep`: a table, the best command and a picture; it goes on by its folder alone."""

from signal import SIGTERM

import pytest

from surrogates.cli.main import main
from surrogates.runs import sweep as module
from surrogates.training.signals import Stopped


def sweep(*words: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main(["sweep", *map(str, words)])
    return stop.value.code


@pytest.fixture
def started(monkeypatch, store):
    """Stand in for the training of a trial."""
    rates = []

    def run(plan, settings, output):
        rates.append(float(settings["trainer.optimiser.lr"]))
        return output

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr(module, "_value", lambda run, metric: rates[-1])
    return rates


def test_sweep_ends_with_a_table_a_command_and_a_picture_and_goes_on(store, started, tmp_path, capsys):
    task = "task={inputs:[stiffness],targets:[displacement]}"
    words = [f"dataset={store.url}", task, "model=mlp", "+trainer.max_steps=1"]
    assert not sweep(*words, "trainer.optimiser.lr=log(1e-4,1e-2)", "--trials", 2, "--folder", tmp_path / "s")
    out = capsys.readouterr().out
    best = min(started)
    assert (
        f"best: surrogates train dataset={store.url}" in out and f"trainer.optimiser.lr={best:.4g}\n" in out
    )
    assert (tmp_path / "s" / "sweep.png").stat().st_size > 5000
    assert not sweep("--folder", tmp_path / "s", "--trials", 3)
    assert len(started) == 3
    assert "trial 3/3" in capsys.readouterr().out


def test_a_signal_while_the_picture_is_drawn_names_the_folder_that_resumes(
    store, started, tmp_path, capsys, monkeypatch
):
    def stop(*_, **__):
        raise Stopped(SIGTERM)

    monkeypatch.setattr("surrogates.report.sweeps.draw", stop)
    monkeypatch.chdir(tmp_path)
    words = [f"dataset={store.url}", "task={inputs:[stiffness],targets:[displacement]}", "model=mlp"]
    found = sweep(*words, "+trainer.max_steps=1", "trainer.optimiser.lr=log(1e-4,1e-2)", "--trials", 1)
    assert found == 143
    (folder,) = (tmp_path / "runs" / "sweeps").iterdir()
    said = capsys.readouterr().err.splitlines()
    resumed = f"surrogates sweep --folder {folder.relative_to(tmp_path)} --trials 1"
    assert said[-1] == f"resume the whole sweep with: {resumed}"


def test_nothing_to_try_is_answered(capsys):
    assert sweep() == 2
    assert "nothing to try; give experiment=..." in capsys.readouterr().err
