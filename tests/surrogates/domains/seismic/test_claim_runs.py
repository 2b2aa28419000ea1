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
from datasets.seismic.variables import coordinates, gather_spec, velocity_spec
from datasets.store.layout import open_store
from physics.waves.seismic import analytic, propagator, reference
from physics.waves.seismic.survey import Survey
from surrogates.core.build import build
from surrogates.core.errors import ConfigError
from surrogates.domains.seismic import (
    claim_runs,
    forward_claims,
    latent_claims,
    network_claims,
    refinement_claims,
    solver_claims,
)
from surrogates.evaluation.derivations import cycle_name
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation, Preparation
from surrogates.runs import compose
from tests.surrogates.domains.seismic.small import write_store

PARAMETERS, ERROR = 25_000, 2.0
SURVEY = Survey(time_stride=claim_runs.STRIDE)
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
    runs: dict[tuple[tuple[str, ...], int], Path] = {}
    number = count()

    def train(words: Sequence[str], seed: int, folder: Path) -> Path:
        assert folder == claim_runs.RUNS
        key = (tuple(words), seed)
        if key not in runs:
            asked.append(key[0])
            values, run = composed(words), tmp_path / str(next(number))
            methods = [values["model"]["name"], *names_of(values["task"]["baselines"])]
            rows = [
                {"method": method, "target": target, "metric": metric, "group": "all", "value": ERROR}
                for method in methods
                for target in scored_names(values)
                for metric in names_of(values["task"]["metrics"])
            ]
            run.mkdir()
            (run / "metrics.json").write_text(json.dumps({"rows": rows, "parameters": PARAMETERS}))
            runs[key] = run
        return runs[key]

    def together(words: Iterable[Sequence[str]], seed: int, folder: Path) -> list[Path]:
        return [train(each, seed, folder) for each in words]

    def score(run: Path, on: Values, split: str = "test") -> dict[str, float]:
        places = ["", *(f"{family}/" for family in claim_runs.OTHERS if "families" in on["dataset"])]
        metrics, targets = names_of(on["task"]["metrics"]), on["task"]["targets"]
        return {f"{place}{t}/{metric}": ERROR for place in places for t in targets for metric in metrics}

    monkeypatch.setattr("surrogates.runs.cache.trained_run", train)
    monkeypatch.setattr("surrogates.runs.cache.trained_runs", together)
    monkeypatch.setattr("surrogates.runs.cache.open_experiment", composed)
    monkeypatch.setattr(claim_runs, "home", lambda family: Path(f"{family}.zarr"))
    monkeypatch.setattr(claim_runs, "elsewhere", lambda: Path("families.zarr"))
    monkeypatch.setattr(claim_runs, "tiles", lambda smoothing: Path(f"section_{smoothing:g}.zarr"))
    monkeypatch.setattr(claim_runs, "scored", score)
    monkeypatch.setattr(claim_runs, "validation_error", lambda run: float(run.name))
    return asked


def as_row(part: ModuleType, values: Mapping[str, float]) -> dict[str, Any]:
    return {"experiment": part.NAME, "seed": 0, "values": values, "seconds": 1.0, "commit": "abc"}


def require_read(part: ModuleType, values: Mapping[str, float]) -> None:
    """Every name that a claim reads was measured, and finite."""
    for claim in part.claims():
        assert {claim.ours, claim.baseline} <= values.keys()
    assert np.isfinite(list(values.values())).all()


def dashes(part: ModuleType, values: Mapping[str, float]) -> set[str]:
    """Titles of the columns, or first cells of the rows, in which a number is missing."""
    found = set()
    for table in part.tables([as_row(part, values)]):
        assert all(len(row) == len(table.header) for row in table.rows)
        for row in table.rows:
            found |= {title for title, text in zip(table.header, row, strict=True) if "-" in text.split()}
    return found


@pytest.mark.parametrize("file_is_there", [True, False])
def test_networks_give_every_number_that_their_claims_and_tables_read(
    trained: list[tuple[str, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_is_there: bool
) -> None:
    monkeypatch.setattr(claim_runs, "FILES", tmp_path)
    monkeypatch.setattr(network_claims, "published", lambda network, family: 10.0)
    if file_is_there:
        (tmp_path / claim_runs.SECTION).touch()
    values = network_claims.run_seed(0)
    require_read(network_claims, values)
    # Of a baseline nobody counts the parameters, and none was published.
    sections = set() if file_is_there else {f"trained on {family}" for family in claim_runs.HOMES}
    assert dashes(network_claims, values) == {"parameters", "published MAE"} | sections
    pairs = len(claim_runs.INVERSE) * len(claim_runs.HOMES)
    assert len(trained) == pairs * (len(claim_runs.RATES) + 1)


@pytest.mark.parametrize("part", [forward_claims, latent_claims])
def test_other_networks_give_every_number_that_their_claims_read(
    trained: list[tuple[str, ...]], part: ModuleType
) -> None:
    values = part.run_seed(0)
    require_read(part, values)
    assert dashes(part, values) <= {"parameters"}
    assert values[next(name for name in values if "parameters" in name)] == PARAMETERS


def test_each_variant_of_the_latent_image_is_another_network(trained: list[tuple[str, ...]]) -> None:
    latent_claims.run_seed(0)
    models = [dict(composed(words)["model"]) for words in trained[-len(latent_claims.VARIANTS) :]]
    assert all(one != other for n, one in enumerate(models) for other in models[:n])


@pytest.mark.parametrize("node", network_claims.DISTURBED.values(), ids=network_claims.DISTURBED)
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
    values = solver_claims.run_seed(0)
    require_read(solver_claims, values)
    assert dashes(solver_claims, values) == set()
    narrow, wide = (values[f"{name}/worst"] for name in solver_claims.STRIPS)
    assert narrow == pytest.approx((1 / 120) / (2 + 1 / 120))
    assert wide == pytest.approx((1 / 240) / (2 + 1 / 240))
    assert values[f"exact/{solver_claims.SPEEDS[0]:.0f}"] == 1.0


@pytest.fixture
def refined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Stub a network 100 m/s off, and a refinement that leaves 40 m/s. Notes the records it was given."""
    given: list[list[int]] = []
    url = write_store(str(tmp_path / "small.zarr"), records=8 * refinement_claims.EACH)
    known = open_store(url).dataset().load()

    def invert(gathers: xr.Dataset, refine_steps: int, progress: bool) -> xr.Dataset:
        assert set(gathers.data_vars) == {"shot_gather"}
        pairs = gathers.shot_gather.to_numpy()[:, None] == known.shot_gather.to_numpy()
        records = pairs.all(axis=(2, 3, 4)).argmax(axis=1).tolist()
        given.append(records)
        truth = known.velocity_model.isel(sample=records)
        misfit = np.linspace(0.5, 0.1, refine_steps + 1) * np.ones((len(records), 1))
        found = {"velocity_model": truth + 100, "velocity_model_refined": truth - 40}
        return xr.Dataset(found | {"data_misfit": (("sample", "step"), misfit)})

    monkeypatch.setattr(
        surrogates, "load", lambda run, device: SimpleNamespace(seismic=SimpleNamespace(invert=invert))
    )
    monkeypatch.setattr(claim_runs, "home", lambda family: Path(url))
    made = {("latent_unet", family): Path("run") for family in claim_runs.HOMES}
    monkeypatch.setattr(claim_runs, "final_runs", lambda seed, networks: made)
    return given


def test_refinement_gives_every_number_that_its_claims_read(refined: list[list[int]]) -> None:
    with joblib.parallel_config(backend="sequential"):
        values = refinement_claims.run_seed(0)
    require_read(refinement_claims, values)
    assert dashes(refinement_claims, values) == set()
    for family in claim_runs.HOMES:
        found = [values[f"{family}/mae/{stage}"] for stage in ("network", "refined", "gain")]
        assert found == pytest.approx([100.0, 40.0, 60.0], rel=1e-4)
        found = [values[f"{family}/misfit/{stage}"] for stage in ("network", "refined")]
        assert found == pytest.approx([0.5, 0.1])


def test_each_seed_refines_other_models_that_nobody_learned_from(refined: list[list[int]]) -> None:
    for seed in (0, 1):
        refinement_claims.refined("run", claim_runs.HOMES[0], seed)
    unseen = np.flatnonzero(open_store(str(claim_runs.home("any"))).split("split") == 2)
    assert [*refined[0], *refined[1]] == unseen[: 2 * refinement_claims.EACH].tolist()


def test_the_rate_of_the_least_error_is_taken_and_each_run_is_asked_for_once(
    trained: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are numbered as they come, and the number is the error: of each pair the first rate is best."""
    pair = ("latent_unet", claim_runs.HOMES[1])
    assert claim_runs.tuned([pair[0]], [pair[1]]) == {pair: f"trainer.optimiser.lr={claim_runs.RATES[0]}"}
    assert len(trained) == len(claim_runs.RATES)
    monkeypatch.setattr(claim_runs, "validation_error", lambda run: -float(run.name))
    assert claim_runs.tuned([pair[0]], [pair[1]]) == {pair: f"trainer.optimiser.lr={claim_runs.RATES[-1]}"}
    assert len(trained) == len(claim_runs.RATES)
    trainers = [compose.read(words)["trainer"] for words in trained]
    assert {each["max_steps"] for each in trainers} == {claim_runs.SHORT}
    assert [each["optimiser"]["lr"] for each in trainers] == list(claim_runs.RATES)


def test_networks_of_one_comparison_are_of_equal_size_and_learn_equally_long(
    trained: list[tuple[str, ...]],
) -> None:
    claim_runs.final_runs(0)
    whole = [composed(words) for words in trained if f"trainer.max_steps={claim_runs.SHORT}" not in words]
    assert len(whole) == len(claim_runs.INVERSE) * len(claim_runs.HOMES)
    assert len({(each["trainer"]["max_steps"], each["trainer"]["batch_size"]) for each in whole}) == 1
    sizes = {each["model"]["name"]: parameters(each) for each in whole}
    assert max(sizes.values()) < 1.1 * min(sizes.values())


def parameters(values: Values) -> int:
    shapes = {"in_shape": (250, 70), "out_shape": (70, 70)}
    network = build("models", values["model"], in_channels=5, out_channels=1, **shapes)
    return sum(weight.numel() for weight in network.parameters())


def test_data_are_simulated_once_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, Any]] = []

    def note(recipe: Any, url: str, **_: Any) -> None:
        made.append(("built", recipe))
        Path(url).mkdir(parents=True)

    monkeypatch.setattr(claim_runs, "DATA", tmp_path / "data")
    monkeypatch.setattr("datasets.factory.build.build", note)
    monkeypatch.setattr("datasets.factory.build.resume", lambda url, **_: made.append(("resumed", url)))
    assert claim_runs.home("flatvel-a") == claim_runs.home("flatvel-a")
    assert claim_runs.home("flatfault-a") != claim_runs.elsewhere()
    assert [kind for kind, _ in made] == ["built", "resumed", "built", "built"]


def test_a_missing_section_is_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_runs, "FILES", tmp_path)
    with pytest.raises(
        ConfigError, match=r"npz, which is not there; set SURROGATES_SEISMIC_DATA to the folder that holds"
    ):
        claim_runs.tiles(2.0)


def test_scores_are_those_of_the_whole_part_that_have_a_value(tmp_path: Path) -> None:
    row = {"method": "mean", "target": "velocity_model", "metric": "mae", "group": "all", "value": 3.0}
    rows = [row, {**row, "group": "salt", "value": 9.0}, {**row, "metric": "coverage", "value": None}]
    (tmp_path / "metrics.json").write_text(json.dumps({"rows": rows, "parameters": 12}))
    assert claim_runs.scores_of(tmp_path) == {"mean/velocity_model/mae": 3.0}
    assert claim_runs.parameters([("mean", tmp_path)]) == {"parameters/mean": 12.0}
    assert claim_runs.named("home", {"a/mae": 3.0}) == {"home/a/mae": 3.0}
