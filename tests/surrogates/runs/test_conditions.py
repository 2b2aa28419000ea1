"""Under conditions every method sees the same disturbed inputs; the reference stays as it is."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from surrogates.core import registry
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.scoring import score
from surrogates.evaluation.tables import ALL, UNDISTURBED
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import load_bundle
from surrogates.learning.contract import Preparation
from surrogates.runs.evaluate import evaluate_run
from tests.surrogates.runs.conftest import finished_run

CPU = torch.device("cpu")
LEVELS = [0.0, 1.0, 10.0]


class HeightNoise(Preparation):
    """Add Gaussian noise of some metres to the height, and what else it is told to change."""

    def __init__(self, level: float = 1.0, also: Sequence[str] = ()) -> None:
        self._level, self._also = level, also

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        noise = np.stack([rng.normal(0, self._level, batch["height"].shape[1:]) for rng in rngs])
        changed = {"height": batch["height"] + torch.from_numpy(noise).float()}
        return {**batch, **changed, **{name: batch[name] + 1 for name in self._also}}


class GainNoise(Preparation):
    """Change only a target."""

    def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
        return {**batch, "gain": batch["gain"] + 1}


class Reading:
    """A method that keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def __call__(self, inputs: Batch, rng: torch.Generator) -> Batch:
        self.seen.append(inputs["height"])
        return {"gain": -100 - inputs["height"]}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, piece in {"toy/noise": HeightNoise, "toy/gain_noise": GainNoise}.items():
        path = f"{__name__}:{piece.__name__}"
        monkeypatch.setitem(registry._registered("preparations"), name, {path: "tests"})


def opened(parent: Path, batch_size: int = 4, **task: object) -> Experiment:
    folder = finished_run(parent, **task)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["trainer"]["batch_size"] = batch_size
    return Experiment.open(validate(RunConfig, config, "run"))


ONE_TARGET = {"targets": ["gain"], "metrics": ["rmse"], "baselines": ["mean"]}
CONDITIONS = {"conditions": [{"name": "toy/noise", "each": {"level": LEVELS}}]}


def test_each_stands_for_every_combination() -> None:
    values = {"inputs": ["a"], "targets": ["b"]}
    node = {"name": "toy/noise", "each": {"kind": ["x", "y"], "level": [1, 2]}, "seed": 3}
    config = {"dataset": "a.zarr", "task": {**values, "conditions": [node]}, "model": "mlp"}
    found = validate(RunConfig, {**config, "trainer": {"max_steps": 1}}, "run").task.conditions
    assert [(each["kind"], each["level"], each["seed"]) for each in found] == [
        ("x", 1, 3),
        ("x", 2, 3),
        ("y", 1, 3),
        ("y", 2, 3),
    ]


def test_all_methods_see_the_same_noise_whatever_the_batches(tmp_path: Path) -> None:
    seen = {}
    for size in (3, 4, 10):
        experiment = opened(tmp_path / str(size), size, **ONE_TARGET, **CONDITIONS)
        methods = {"one": Reading(), "other": Reading()}
        table = score(methods, experiment, split="test", device=CPU, conditions=experiment.conditions)
        one, other = (torch.cat(method.seen) for method in methods.values())
        assert torch.equal(one, other)
        seen[size] = one.reshape(1 + len(LEVELS), 10, 8, 6), [row.value for row in table.rows]
    for size in (3, 10):
        assert torch.equal(seen[size][0], seen[4][0])
        assert seen[size][1] == pytest.approx(seen[4][1], rel=1e-12)
    clean, *noisy = seen[4][0]
    assert torch.equal(clean, noisy[0])
    # One draw of each record, at each level: ten times the level is ten times the noise.
    torch.testing.assert_close(10 * (noisy[1] - clean), noisy[2] - clean, atol=1e-3, rtol=1e-3)


def test_targets_stay_clean_and_undisturbed_scores_are_those_of_a_run_without(tmp_path: Path) -> None:
    plain = opened(tmp_path / "a", **ONE_TARGET)
    experiment = opened(tmp_path / "b", **ONE_TARGET, **CONDITIONS)
    methods = {"exact": Reading()}
    without = score(methods, plain, split="test", device=CPU)
    table = score(methods, experiment, split="test", device=CPU, conditions=experiment.conditions)
    assert [row for row in table.rows if row.condition == UNDISTURBED] == without.rows
    values = [table.value("exact", "gain", "rmse", condition=f"toy/noise, level {n:g}") for n in LEVELS]
    assert values[0] == pytest.approx(table.value("exact", "gain", "rmse"))
    # The method repeats the height with the sign turned: noise of the reference (2 dB) and of the input add.
    assert values[2] == pytest.approx(np.hypot(values[0], LEVELS[2]), rel=0.1)


def test_a_condition_replaces_the_preparation_of_its_name(tmp_path: Path) -> None:
    noise = {"name": "toy/noise", "level": 1.0}
    experiment = opened(tmp_path, **ONE_TARGET, preparations=[noise], **CONDITIONS)
    reading = Reading()
    score({"one": reading}, experiment, split="test", device=CPU, conditions=experiment.conditions)
    own, silent, same, loud = torch.cat(reading.seen).reshape(4, 10, 8, 6)
    assert torch.equal(own, same)
    torch.testing.assert_close(loud - silent, 10 * (own - silent), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"name": "toy/gain_noise"}, "changes no variable that a method reads"),
        ({"name": "toy/noise", "also": ["gain"]}, "changes inputs and gain, with which"),
        ({"name": "toy/noise", "levle": 1}, "levle.*Did you mean 'level'"),
    ],
)
def test_what_disturbs_no_input_or_the_reference_is_refused(
    condition: dict, message: str, tmp_path: Path
) -> None:
    experiment = opened(tmp_path, **ONE_TARGET, conditions=[condition])
    with pytest.raises(ConfigError, match=message):
        experiment.check(experiment.pipeline())


def test_two_conditions_alike_are_refused(tmp_path: Path) -> None:
    twice = [{"name": "toy/noise", "level": 1}] * 2
    with pytest.raises(ConfigError, match="'toy/noise, level 1' stands there twice"):
        opened(tmp_path, **ONE_TARGET, conditions=twice).conditions  # noqa: B018


def test_a_run_reports_every_scenario_and_repeats(tmp_path: Path) -> None:
    task = {**CONDITIONS, "groups": ["city", "speed"], "plots": []}
    experiment = opened(tmp_path, **task)
    folder = tmp_path / "run"
    first = evaluate_run(folder, experiment, device="cpu")
    again = evaluate_run(folder, experiment, device="cpu")
    assert first.table.rows_as_dicts() == again.table.rows_as_dicts()
    rows = list(csv.DictReader((folder / "scores.csv").open()))
    assert len(rows) == len(first.table.rows)
    assert {row["condition"] for row in rows} == {UNDISTURBED, *(f"toy/noise, level {n:g}" for n in LEVELS)}
    assert {row["city"] for row in rows} == {ALL, "munich", "etoile"}
    assert all(row["speed"].endswith("m s-1") for row in rows if row["city"] != ALL)
    metrics = json.loads((folder / "metrics.json").read_text())
    ranks = {each["target"]: each for each in metrics["ranks"]}
    assert ranks["gain"]["scenarios"] == 10 * 4
    assert sum(rank["mean"][0] for rank in ranks["gain"]["ranks"]) == pytest.approx(1 + 2 + 3)
    assert {each["method"] for each in metrics["overhead"]} == {"mlp", "mean", "ridge"}
    page = (folder / "report.html").read_text()
    assert '<a href="scores.csv">' in page
    assert page.count('type="search"') == 3
    shown = load_bundle(folder / "bundle").manifest.metrics["rows"]
    assert {(row["condition"], row["group"]) for row in shown} == {(UNDISTURBED, ALL)}


def test_preparations_after_a_replaced_one_draw_as_they_do_undisturbed(tmp_path: Path) -> None:
    experiment = opened(tmp_path, **ONE_TARGET, **CONDITIONS)
    drawn: list[float] = []

    class Later(Preparation):
        def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
            drawn.extend(rng.random() for rng in rngs)
            return batch

    class Greedy(HeightNoise):
        def __call__(self, batch: Batch, rngs: Sequence[np.random.Generator], *, train: bool) -> Batch:
            for rng in rngs:
                rng.random(7)
            return super().__call__(batch, rngs, train=train)

    data = replace(experiment.data, preparations=[HeightNoise(), Later()])
    loader = replace(experiment, data=data).loader("test", batch_size=10)
    (condition,) = [each for each in experiment.conditions if each.name.endswith("level 10")]
    list(loader.disturbed(replace(condition, step=Greedy(10.0), position=0)))
    assert drawn[:10] == drawn[10:]
