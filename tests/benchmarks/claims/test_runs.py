"""Stores are built once, runs are trained once and known by what they learn, scores have their names."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import joblib
import numpy as np
import pytest
import torch
import yaml

from benchmarks.claims import runs
from datasets.factory.errors import BuildError
from datasets.factory.recipe import Recipe
from datasets.store.layout import open_store
from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from tests.surrogates.conftest import write_oscillators


@pytest.fixture
def words(tmp_path, run_config):
    """The command line of an experiment in a user's own folder; it may be swept."""
    values = run_config(task={"baselines": []}) | {"sweep": {"model.width": "choice(4, 8)"}}
    del values["experiment"], values["output"]
    path = tmp_path / "conf" / "experiment" / "toy"
    path.mkdir(parents=True)
    (path / "spring.yaml").write_text("# @package _global_\n" + yaml.safe_dump(values))
    return ["--config-dir", str(tmp_path / "conf"), "experiment=toy/spring"]


class Command:
    """A stand-in for training, which leaves a checkpoint and may be stopped thereafter."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.stops = False

    def __call__(self, given: Sequence[str]) -> list[Path]:
        self.asked.append(list(given))
        if given[0].startswith("run="):
            return [Path(given[0].removeprefix("run="))]
        (folder,) = (Path(word.partition("=")[2]) for word in given if word.startswith("output="))
        checkpoint = folder / "toy" / "now" / "checkpoints" / "last.ckpt"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        if self.stops:
            raise KeyboardInterrupt
        return [checkpoint.parent.parent]


@pytest.fixture
def command(monkeypatch, tmp_path):
    found = Command()
    monkeypatch.setattr(runs, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(runs, "main", found)
    return found


def test_a_finished_run_is_kept(words, command, tmp_path):
    first = runs.trained_run(words, 0)
    assert runs.trained_run(words, 0) == first
    assert (first / "checkpoints" / "last.ckpt").exists()
    (given,) = command.asked
    assert given[: len(words)] == words
    assert {"seed=0", "trainer.progress=false"} <= set(given)


@pytest.mark.parametrize(
    ("extra", "seed"), [([], 1), (["trainer.max_steps=3"], 0), (["model.width=8"], 0)], ids=str
)
def test_another_seed_or_value_is_another_run(words, command, tmp_path, extra, seed):
    first = runs.trained_run(words, 0)
    assert runs.trained_run([*words, *extra], seed) != first
    assert len(command.asked) == len(list((tmp_path / "runs").iterdir())) == 2


def test_a_value_that_is_given_as_it_is_anyway_is_the_same_run(words, command, tmp_path):
    first = runs.trained_run(words, 0)
    assert runs.trained_run([*words, "trainer.max_steps=12"], 0) == first


def test_other_data_at_the_same_place_are_another_run(words, command, tmp_path):
    url = str(tmp_path / "own.zarr")
    write_oscillators(url)
    first = runs.trained_run([*words, f"dataset={url}"], 0)
    shutil.rmtree(url)
    write_oscillators(url, seed=1)
    assert runs.trained_run([*words, f"dataset={url}"], 0) != first


def test_a_run_that_was_stopped_goes_on_in_its_folder(words, command, tmp_path):
    command.stops = True
    with pytest.raises(KeyboardInterrupt):
        runs.trained_run(words, 0)
    run = runs.trained_run(words, 0)
    assert command.asked[1] == [f"run={run}"]
    assert runs.trained_run(words, 0) == run
    assert len(command.asked) == 2


def test_runs_that_are_trained_together_come_in_the_order_of_their_words(words, command, tmp_path):
    each = [[*words, f"model.width={width}"] for width in (8, 4, 8)]
    with joblib.parallel_config(backend="sequential"):
        found = runs.trained_runs(each, 2)
    assert found == [runs.trained_run(one, 2) for one in each]
    assert len(command.asked) == len(set(found)) == 2


def test_an_experiment_is_opened_as_a_run_would_be(words, store):
    experiment = runs.open_experiment([*words, "trainer.batch_size=4"])
    assert [each.url for each in experiment.data.stores] == [store.url]
    batch = next(iter(experiment.loader("test")))
    assert batch["displacement"].shape[0] == 4
    with pytest.raises(ConfigError, match=r"task\.targets: no variable 'speed' in"):
        _ = runs.open_experiment([*words, "task.targets=[speed]"]).targets


class Counted(Recipe):
    """Numbers; notes how often records are made."""

    name, title = "tests/counted", "Numbers"
    made: ClassVar[list[int]] = []
    count: int = 3

    def records(self):
        return self.count

    def specs(self):
        return [VariableSpec(name="number", dims=("sample",), shape=())]

    def simulate(self, indices, rngs):
        self.made.extend(indices.tolist())
        return {"number": indices.astype(np.float32)}


def test_a_store_is_built_once_and_another_recipe_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "DATA", tmp_path / "data")
    url = runs.stored(Counted(), "numbers", workers=0)
    assert runs.stored(Counted(), "numbers", workers=0) == url == tmp_path / "data" / "numbers.zarr"
    assert Counted.made == [0, 1, 2]
    assert open_store(str(url)).is_complete
    with pytest.raises(BuildError, match="holds other data"):
        runs.stored(Counted(count=4), "numbers", workers=0)


def test_scores_are_those_of_the_whole_subset_that_have_a_value(tmp_path):
    row = {"method": "radio/mean", "target": "gain", "metric": "uav/mae", "group": "all", "value": 3.0}
    rows = [row, {**row, "group": "salt", "value": 9.0}, {**row, "metric": "coverage", "value": None}]
    (tmp_path / "metrics.json").write_text(json.dumps({"rows": rows, "parameters": 12}))
    assert runs.own_scores(tmp_path) == {"mean/gain/mae": 3.0}
    assert runs.parameters(tmp_path) == 12.0
    assert runs.prefixed("home", {"a/mae": 3.0}) == {"home/a/mae": 3.0}
    assert runs.named_scores([{**row, "value": float("nan")}], "{method}") == {}


def test_methods_are_scored_on_the_data_of_an_experiment(words):
    on = runs.open_experiment([*words, "task.metrics=[mae]"])
    truth = {
        name: lambda inputs, rng: {"displacement": torch.zeros(len(inputs["damping"]), 16)} for name in "ab"
    }
    found = runs.scored(truth, on, "{method}/{target}/{metric}", split="validation")
    batch = next(iter(on.loader("validation", batch_size=64)))
    expected = float(batch["displacement"].abs().mean())
    assert found == {f"{name}/displacement/mae": pytest.approx(expected, rel=1e-5) for name in "ab"}


def test_of_two_overrides_of_a_key_the_last_counts():
    given = ["size=tiny", "task.groups=null", "dataset={url: a.zarr, split: b}", "task.groups=family"]
    assert runs.latest([*given, "dataset=c.zarr"]) == [
        "size=tiny",
        "task.groups=family",
        "dataset=c.zarr",
    ]
