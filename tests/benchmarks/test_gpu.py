"""The rows of a GPU, with the CPU in its place."""

from pathlib import Path

import pytest
import torch

from benchmarks.speed import gpu
from benchmarks.speed.gpu_rays import rays_rows
from benchmarks.speed.rows import Row
from surrogates.cli.bench import benchmarks
from tests.benchmarks.test_speed import require_sound

CPU = torch.device("cpu")


def test_shots_and_sound_are_measured_against_the_cpu() -> None:
    shots, sound = (measure(CPU, "a stand-in", True) for measure in (gpu.shots_row, gpu.sound_row))
    for row in (shots, sound):
        require_sound(row)
        assert row.reference_name == "CPU" and row.name.endswith("on a stand-in")
    assert "shots a second" in shots.note
    assert "both agree to 0 Pa" in sound.note


@pytest.mark.slow
def test_training_and_prediction_are_measured_too() -> None:
    rows = gpu.rows(CPU, "a stand-in", quick=True)
    for row in rows:
        require_sound(row)
    assert len({row.name for row in rows}) == len(rows) == 5
    assert [row.name for row in rows if "precision" in row.name and "latent_unet" in row.note]
    assert "records a second" in rows[-1].note


@pytest.mark.slow
def test_rays_are_traced_by_two_processes() -> None:
    (row,) = rays_rows(stand_in=True, quick=True)
    require_sound(row)
    assert "rays a second" in row.note and row.reference_name.startswith("LLVM")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_device_nothing_is_measured_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[Row] = gpu.run(quick=True)
    assert rows == []
    assert capsys.readouterr().out.splitlines() == [
        "gpu: skipped, torch sees no CUDA device here; ask `surrogates doctor`"
    ]
    assert "gpu" in benchmarks(Path(gpu.__file__).parent)
