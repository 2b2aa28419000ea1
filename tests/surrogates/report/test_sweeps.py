"""A sweep at a glance."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from surrogates.report.sweeps import Tried, draw, table

TRIALS = [
    Tried(0, {"trainer.optimiser.lr": "0.1", "model": "mlp"}, 3.0, "runs/0"),
    Tried(1, {"trainer.optimiser.lr": "0.01", "model": "gru"}, float("nan"), "", "training diverged"),
    Tried(2, {"trainer.optimiser.lr": "0.001", "model": "gru"}, 0.5, "runs/2"),
]


def test_table_shows_the_best_first_with_its_settings():
    lines = table([TRIALS[2], TRIALS[0]], "loss").splitlines()
    assert lines[0].split() == ["trial", "loss", "trainer.optimiser.lr", "model"]
    assert [line.split() for line in lines[1:]] == [["3", "0.5", "0.001", "gru"], ["1", "3", "0.1", "mlp"]]


@pytest.mark.parametrize("largest", [False, True])
def test_picture_has_a_panel_for_each_setting(tmp_path: Path, largest: bool):
    trials = [replace(trial, largest=largest) for trial in TRIALS]
    draw(trials, "loss", tmp_path / "sweep.png", log=["trainer.optimiser.lr"])
    height, width, _ = imread(tmp_path / "sweep.png").shape
    assert width == pytest.approx(3 * height * 4.2 / 3.2, rel=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.png"]
