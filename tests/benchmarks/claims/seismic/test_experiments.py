"""What the claims on seismic imaging run: with stubs for training, every number that they read is there."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pytest
import xarray as xr
import yaml

import surrogates
from benchmarks import zoo
from benchmarks.claims import runs
from benchmarks.claims.seismic import (
    forward,
    latents,
    networks,
    published,
    refinement,
    small,
    solver,
    training,
    unseen_refinement,
)
from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from datasets.store.layout import open_store
from physics.waves.seismic import analytic, propagator, reference
from physics.waves.seismic.survey import Survey
from surrogates.core.build import build
from surrogates.evaluation.derivations import cycle_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation, Preparation
from surrogates.runs import compose
from tests.surrogates.domains.seismic.small import write_store

PARAMETERS, ERROR = 25_000, 2.0
SURVEY = Survey(time_stride=training.STRIDE)
CONTEXT = Context.of(
    (),
    (),
    specs={spec.name: spec for spec in (velocity_spec(70, 70), gather_spec(SURVEY))},
    shared={str(name): values for name, values in coordinates(SURVEY, 70, 70).coords.items()},
)
SAME = ("dataset=", "trainer.", "task.preparations=")
"""Words that do not change what is scored."""
Values = Mapping[str, Any]


def composed(words: Sequence[str]) -> Values:
    """The configuration of a command line, as far as it says what is scored; composing costs 0.3 s."""
    data = [word.partition("=")[2] for word in words if word.startswith("dataset=")]
    return {**_composed(tuple(word for word in words if not word.startswith(SAME))), "dataset": data[-1]}


@cache
def _composed(words: tuple[str, ...]) -> Values:
    return compose.read(words)


def scored_names(values: Values) -> Iterator[str]:
    """Variables that the evaluation of a run of this configuration scores."""
    task = values["task"]
    both = task.get("both_ways", False)
    yield from task["targets"]
    yield from (name for name in task["inputs"] if both)
    yield from (cycle_name(name) for name in (*task["inputs"], *task["targets"]) if both)
    for node in task["derivations"]:
        yield from (spec.name for spec in Derivation.build(node, CONTEXT).provides())


def names_of(nodes: Iterable[Any]) -> list[str]:
    return [node if isinstance(node, str) else node["name"] for node in nodes]


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Stub training and scores: a run is the table that its configuration asks for. Notes what was asked."""
    asked: list[tuple[str, ...]] = []
    made: dict[tuple[tuple[str, ...], int], Path] = {}
    number = count()

    def train(words: Sequence[str], seed: int, output: Path | None = None) -> Path:
        key = (tuple(words), seed)
        if key not in made:
            asked.append(key[0])
            values, run = composed(words), tmp_path / str(next(number))
            methods = [values["model"]["name"], *names_of(values["task"]["baselines"])]
            rows = [
                {"method": method, "target": target, "metric": metric, "group": group, "value": ERROR}
                for group in ("all", *training.HOMES)
                for method in methods
                for target in scored_names(values)
                for metric in names_of(values["task"]["metrics"])
            ]
            run.mkdir()
            (run / "metrics.json").write_text(json.dumps({"rows": rows, "parameters": PARAMETERS}))
            made[key] = run
        return made[key]

    def together(words: Iterable[Sequence[str]], seed: int) -> list[Path]:
        return [train(each, seed) for each in words]

    def score(methods: Values, on: Values, name: str, split: str = "test") -> dict[str, float]:
        groups = ["all", *(training.OTHERS if "families" in on["dataset"] else ())]
        rows = [
            {"group": group, "method": method, "target": target, "metric": metric, "value": ERROR}
            for group in groups
            for method in methods
            for target in on["task"]["targets"]
            for metric in names_of(on["task"]["metrics"])
        ]
        return runs.named_scores(rows, name)

    monkeypatch.setattr(runs, "trained_run", train)
    monkeypatch.setattr(runs, "trained_runs", together)
    monkeypatch.setattr(runs, "open_experiment", composed)
    monkeypatch.setattr(runs, "network", lambda run: run)
    monkeypatch.setattr(runs, "scored", score)
    monkeypatch.setattr(training, "home", lambda family: Path(f"{family}.zarr"))
    monkeypatch.setattr(training, "elsewhere", lambda: Path("families.zarr"))
    monkeypatch.setattr(training, "tiles", lambda smoothing: Path(f"section_{smoothing:g}.zarr"))
    monkeypatch.setattr(training, "validation_error", lambda run: float(run.name))
    return asked


def require_read(part: ModuleType, values: Mapping[str, float]) -> None:
    """Every name that a claim reads was measured, and finite."""
    for claim in part.claims():
        assert {claim.ours, claim.baseline} <= values.keys()
    assert np.isfinite(list(values.values())).all()


def dashes(part: ModuleType, values: Mapping[str, float]) -> set[str]:
    """Titles of the columns, or first cells of the rows, in which a number is missing."""
    found = set()
    for table in part.tables([values]):
        assert all(len(row) == len(table.header) for row in table.rows)
        for row in table.rows:
            found |= {title for title, text in zip(table.header, row, strict=True) if "-" in text.split()}
    return found


@pytest.mark.parametrize("file_is_there", [True, False])
def test_networks_give_every_number_that_their_claims_and_tables_read(
    trained: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_is_there: bool
) -> None:
    monkeypatch.setenv("SURROGATES_SEISMIC_DATA", str(tmp_path))
    monkeypatch.setattr(published, "published", lambda network, family: 10.0)
    if file_is_there:
        (tmp_path / training.SECTION).touch()
    values = networks.run_seed(0)
    require_read(networks, values)
    # Of a baseline nobody counts the parameters, and none was published.
    sections = set() if file_is_there else {f"trained on {family}" for family in training.HOMES}
    assert dashes(networks, values) == {"parameters", "published MAE"} | sections
    pairs = len(training.INVERSE) * len(training.HOMES)
    assert len(trained) == pairs * (len(training.RATES) + 1)


@pytest.mark.parametrize("part", [forward, latents])
def test_other_networks_give_every_number_that_their_claims_read(
    trained: list[tuple[str, ...]], part: ModuleType
) -> None:
    values = part.run_seed(0)
    require_read(part, values)
    assert dashes(part, values) <= {"parameters"}
    assert values[next(name for name in values if "parameters" in name)] == PARAMETERS


def test_the_network_that_ships_gives_every_number_that_its_claims_read(
    trained: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "trained_run", runs.trained_run)
    monkeypatch.setattr(zoo, "built", lambda data, size: f"{size}.zarr")
    monkeypatch.setattr(small, "_seconds", lambda: {"seconds/network": 0.01, "seconds/solver": 0.3})
    values = small.run_seed(0)
    require_read(small, values)
    assert dashes(small, values) == {"parameters"}
    targets = [composed(words)["task"]["targets"] for words in trained]
    assert targets == [["velocity_model"]]


def test_each_variant_of_the_latent_image_is_another_network(trained: list[tuple[str, ...]]) -> None:
    latents.run_seed(0)
    models = [dict(composed(words)["model"]) for words in trained[-len(latents.VARIANTS) :]]
    assert all(one != other for n, one in enumerate(models) for other in models[:n])


@pytest.mark.parametrize("node", networks.DISTURBED.values(), ids=networks.DISTURBED)
def test_disturbances_can_be_built(node: str) -> None:
    assert callable(Preparation.build(yaml.safe_load(node), CONTEXT))


def test_the_solver_gives_every_number_that_its_claims_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference scheme that is off by the more the narrower its strip."""
    monkeypatch.setattr(propagator, "simulate", lambda models, survey: np.full((len(models), 1, 1, 1), 2.0))
    monkeypatch.setattr(
        reference, "simulate", lambda models, survey, strip: np.full((len(models), 1, 1, 1), 2.0 + 1 / strip)
    )
    monkeypatch.setattr(analytic, "homogeneous_gather", lambda speed, survey: np.full((1, 1, 1), 1.0))
    monkeypatch.setattr(analytic, "dispersion", lambda *_: 0.1)
    values = solver.run_seed(0)
    require_read(solver, values)
    assert dashes(solver, values) == set()
    narrow, wide = (values[f"{name}/worst"] for name in solver.STRIPS)
    assert narrow == pytest.approx((1 / 120) / (2 + 1 / 120))
    assert wide == pytest.approx((1 / 240) / (2 + 1 / 240))
    assert values[f"exact/{solver.SPEEDS[0]:.0f}"] == 1.0


@pytest.fixture
def refined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Stub a network 100 m/s off, and a refinement that leaves 40 m/s. Notes the records it was given."""
    given: list[list[int]] = []
    families = unseen_refinement.FAMILIES
    url = write_store(str(tmp_path / "small.zarr"), records=8 * refinement.EACH, families=families)
    known = open_store(url).dataset().load()

    def invert(gathers: xr.Dataset, refine_steps: int, progress: bool, **keys: object) -> xr.Dataset:
        assert set(gathers.data_vars) == {"shot_gather"}
        pairs = gathers.shot_gather.to_numpy()[:, None] == known.shot_gather.to_numpy()
        records = pairs.all(axis=(2, 3, 4)).argmax(axis=1).tolist()
        given.append(records)
        truth = known.velocity_model.isel(sample=records)
        misfit = np.linspace(0.5, 0.1, refine_steps + 1) * np.ones((len(records), 1))
        found = {"velocity_model": truth + 100, "velocity_model_refined": truth - 40}
        trusted = ("sample", np.ones(len(records), np.int8))
        return xr.Dataset(
            found | {"data_misfit": (("sample", "step"), misfit), "refinement_trusted": trusted}
        )

    monkeypatch.setattr(
        surrogates, "load", lambda run, device: SimpleNamespace(seismic=SimpleNamespace(invert=invert))
    )
    monkeypatch.setattr(training, "home", lambda family: Path(url))
    made = {("latent_unet", family): Path("run") for family in training.HOMES}
    monkeypatch.setattr(training, "final_runs", lambda seed, networks: made)
    return given


def test_refinement_gives_every_number_that_its_claims_read(refined: list[list[int]]) -> None:
    with joblib.parallel_config(backend="sequential"):
        values = refinement.run_seed(0)
    require_read(refinement, values)
    assert dashes(refinement, values) == set()
    for family in training.HOMES:
        found = [values[f"{family}/mae/{stage}"] for stage in ("network", "refined", "gain")]
        assert found == pytest.approx([100.0, 40.0, 60.0], rel=1e-4)
        found = [values[f"{family}/misfit/{stage}"] for stage in ("network", "refined")]
        assert found == pytest.approx([0.5, 0.1])


@pytest.mark.parametrize("file_is_there", [True, False])
def test_unseen_refinement_gives_every_number_that_its_claims_read(
    refined: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_is_there: bool
) -> None:
    monkeypatch.setenv("SURROGATES_SEISMIC_DATA", str(tmp_path))
    if file_is_there:
        (tmp_path / training.SECTION).touch()
    url = training.home("any")
    monkeypatch.setattr(runs, "trained_run", lambda words, seed: Path("run"))
    monkeypatch.setattr(unseen_refinement, "unseen", lambda seed: url)
    monkeypatch.setattr(training, "tiles", lambda smoothing: url)
    with joblib.parallel_config(backend="sequential"):
        values = unseen_refinement.run_seed(0)
    require_read(unseen_refinement, values)
    assert dashes(unseen_refinement, values) == set()
    assert len(unseen_refinement.tables([values])) == 1 + file_is_there
    assert [values[f"{family}/better"] for family in unseen_refinement.FAMILIES] == [16.0] * 3
    assert (values["all/worse"], values["all/warned"]) == (0.0, 0.0)


def test_shares_are_those_of_the_models_that_became_worse_and_of_those_warned_of() -> None:
    before, after, trusted = np.full(5, 100.0), np.array([90.0, 110.0, 120.0, 80.0, 70.0]), [1, 0, 1, 0, 0]
    found = xr.Dataset({"mae/network": ("sample", before), "mae/refined": ("sample", after)})
    values = unseen_refinement.numbers(found.assign(trusted=("sample", trusted)))
    assert (values["better"], values["caught of worse"]) == (3.0, 0.5)
    assert values["caught of warned"] == pytest.approx(1 / 3)


def test_each_seed_refines_other_models_that_nobody_learned_from(refined: list[list[int]]) -> None:
    for seed in (0, 1):
        refinement.refined("run", training.HOMES[0], seed)
    unseen = np.flatnonzero(open_store(str(training.home("any"))).split("split") == 2)
    assert [*refined[0], *refined[1]] == unseen[: 2 * refinement.EACH].tolist()


def test_the_rate_of_the_least_error_is_taken_and_each_run_is_asked_for_once(
    trained: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are numbered as they come, and the number is the error: of each pair the first rate is best."""
    pair = ("latent_unet", training.HOMES[1])
    assert training.tuned([pair[0]], [pair[1]]) == {pair: f"trainer.optimiser.lr={training.RATES[0]}"}
    assert len(trained) == len(training.RATES)
    monkeypatch.setattr(training, "validation_error", lambda run: -float(run.name))
    assert training.tuned([pair[0]], [pair[1]]) == {pair: f"trainer.optimiser.lr={training.RATES[-1]}"}
    assert len(trained) == len(training.RATES)
    trainers = [compose.read(words)["trainer"] for words in trained]
    assert {each["max_steps"] for each in trainers} == {training.SHORT}
    assert [each["optimiser"]["lr"] for each in trainers] == list(training.RATES)


def test_networks_of_one_comparison_are_of_equal_size_and_learn_equally_long(
    trained: list[tuple[str, ...]],
) -> None:
    training.final_runs(0)
    whole = [composed(words) for words in trained if f"trainer.max_steps={training.SHORT}" not in words]
    assert len(whole) == len(training.INVERSE) * len(training.HOMES)
    assert len({(each["trainer"]["max_steps"], each["trainer"]["batch_size"]) for each in whole}) == 1
    sizes = {each["model"]["name"]: parameters(each) for each in whole}
    assert max(sizes.values()) < 1.1 * min(sizes.values())


def parameters(values: Values) -> int:
    shapes = {"in_shape": (250, 70), "out_shape": (70, 70)}
    network = build("models", values["model"], in_channels=5, out_channels=1, **shapes)
    return sum(weight.numel() for weight in network.parameters())
