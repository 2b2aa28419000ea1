"""Runs that are known by what they learn: made once, gone on with, and another where anything differs."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import joblib
import pytest
import yaml

from surrogates.core.errors import ConfigError
from surrogates.runs import cache
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
def command(monkeypatch):
    found = Command()
    monkeypatch.setattr(cache, "main", found)
    return found


def test_a_finished_run_is_kept(words, command, tmp_path):
    first = cache.trained_run(words, 0, tmp_path / "runs")
    assert cache.trained_run(words, 0, tmp_path / "runs") == first
    assert (first / "checkpoints" / "last.ckpt").exists()
    (given,) = command.asked
    assert given[: len(words)] == words
    assert {"seed=0", "trainer.progress=false"} <= set(given)


@pytest.mark.parametrize(
    ("extra", "seed"), [([], 1), (["trainer.max_steps=3"], 0), (["model.width=8"], 0)], ids=str
)
def test_another_seed_or_value_is_another_run(words, command, tmp_path, extra, seed):
    first = cache.trained_run(words, 0, tmp_path / "runs")
    assert cache.trained_run([*words, *extra], seed, tmp_path / "runs") != first
    assert len(command.asked) == len(list((tmp_path / "runs").iterdir())) == 2


def test_a_value_that_is_given_as_it_is_anyway_is_the_same_run(words, command, tmp_path):
    first = cache.trained_run(words, 0, tmp_path / "runs")
    assert cache.trained_run([*words, "trainer.max_steps=12"], 0, tmp_path / "runs") == first


def test_other_data_at_the_same_place_are_another_run(words, command, tmp_path):
    url = str(tmp_path / "own.zarr")
    write_oscillators(url)
    first = cache.trained_run([*words, f"dataset={url}"], 0, tmp_path / "runs")
    shutil.rmtree(url)
    write_oscillators(url, seed=1)
    assert cache.trained_run([*words, f"dataset={url}"], 0, tmp_path / "runs") != first


def test_a_run_that_was_stopped_goes_on_in_its_folder(words, command, tmp_path):
    command.stops = True
    with pytest.raises(KeyboardInterrupt):
        cache.trained_run(words, 0, tmp_path / "runs")
    run = cache.trained_run(words, 0, tmp_path / "runs")
    assert command.asked[1] == [f"run={run}"]
    assert cache.trained_run(words, 0, tmp_path / "runs") == run
    assert len(command.asked) == 2


def test_runs_that_are_trained_together_come_in_the_order_of_their_words(words, command, tmp_path):
    each = [[*words, f"model.width={width}"] for width in (8, 4, 8)]
    with joblib.parallel_config(backend="sequential"):
        runs = cache.trained_runs(each, 2, tmp_path / "runs")
    assert runs == [cache.trained_run(one, 2, tmp_path / "runs") for one in each]
    assert len(command.asked) == len(set(runs)) == 2


def test_an_experiment_is_opened_as_a_run_would_be(words, store):
    experiment = cache.open_experiment([*words, "trainer.batch_size=4"])
    assert [each.url for each in experiment.data.stores] == [store.url]
    batch = next(iter(experiment.loader("test")))
    assert batch["displacement"].shape[0] == 4
    with pytest.raises(ConfigError, match=r"task\.targets: no variable 'speed' in"):
        _ = cache.open_experiment([*words, "task.targets=[speed]"]).targets
