"""`surrogates export`: on records of the run's test split, or without its data within the ranges."""

import shutil
from pathlib import Path

import pytest

from surrogates.cli.main import main
from surrogates.runs.train import start


def export(*words: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main(["export", *map(str, words)])
    return stop.value.code


@pytest.mark.slow
def test_run_is_compared_on_its_test_split_and_without_data_within_its_ranges(
    run_config, make_store, tmp_path, capsys
):
    store = make_store("gone.zarr")
    run = start(run_config(dataset=store.url, trainer={"max_steps": 1}, task={"baselines": []}))
    assert not export(run, f"out={tmp_path / 'one.onnx'}")
    out = capsys.readouterr().out
    assert "displacement: largest difference from torch" in out and "on 4 records of the test split" in out
    shutil.rmtree(store.url)
    assert not export(run, tmp_path / "two.onnx", "--records", 3)
    found = capsys.readouterr()
    assert "on 3 records drawn from the ranges of training" in found.out
    assert "warning: the run's data cannot be read (no data store at" in found.err
    assert (tmp_path / "two.onnx").stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "message"), [("model.pt", "ends in .onnx"), ("there.onnx", "exists; remove it")]
)
def test_output_that_does_not_serve_is_refused(tmp_path: Path, capsys, name, message):
    (tmp_path / "there.onnx").write_text("")
    assert export(tmp_path, tmp_path / name) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
