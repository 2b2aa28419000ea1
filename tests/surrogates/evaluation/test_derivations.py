"""What follows from an answer is scored like a target, and no method sees what it is derived from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.derivations import Bands, Cycle
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.evaluation.metrics import MAE
from surrogates.experiment.pieces import with_defaults
from surrogates.inference.bundle import load_bundle
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation
from surrogates.report.examples import examples_of
from surrogates.report.page import text_table
from surrogates.runs.evaluate import evaluate_run
from surrogates.runs.methods import methods_of
from tests.surrogates.runs.test_evaluate import opened

SPEC = VariableSpec(
    name="velocity_model",
    dims=("sample", "depth", "lateral"),
    shape=(7, 2),
    units="m s-1",
    long_name="velocity",
    minimum=1500,
    maximum=4500,
)
DEPTH = xr.DataArray(10.0 * np.arange(7), dims="depth", attrs={"units": "m"})
OUTSIDE = VariableSpec(name="outside", dims=("sample", "depth"), shape=(7,), dtype="bool")
CONTEXT = Context.of([], [SPEC], specs={"outside": OUTSIDE}, shared={"depth": DEPTH})
BANDS = {"name": "bands", "variable": "velocity_model", "dimension": "depth", "edges": [0, 20, 60]}
UPPER, LOWER = "velocity_model_depth_0_20_m", "velocity_model_depth_20_60_m"


def batch(count: int = 4) -> Batch:
    values = torch.arange(count * 14, dtype=torch.float32).reshape(count, 7, 2) + 2000
    return {"velocity_model": values, "hidden": torch.ones(count), "known": torch.ones(count)}


def off_below(inputs: Batch, rng: torch.Generator) -> Batch:
    """Right down to 10 m, and 5 m/s too fast below."""
    answer = batch(len(inputs["known"]))["velocity_model"]
    answer[:, 2:] += 5
    return {"velocity_model": answer}


def table(methods: dict, *derivations: object, data: Batch | None = None, mask: object = None):  # type: ignore[no-untyped-def]
    data = data or batch()
    target = Target(SPEC, mask)  # type: ignore[arg-type]
    return evaluate(
        methods, [data], [target], {"mae": MAE()}, Blocks.of(4), derivations=derivations, hidden=["hidden"]
    )  # type: ignore[arg-type]


def test_bands_divide_a_variable_at_the_cells_centres() -> None:
    upper, lower = Derivation.build(BANDS, CONTEXT).provides()
    assert (upper.name, lower.name) == (UPPER, LOWER)
    assert (upper.shape, lower.shape) == ((2, 2), (5, 2))
    assert upper.dims == ("sample", "depth_0_20_m", "lateral")
    assert (upper.units, upper.maximum) == ("m s-1", 4500)
    assert upper.long_name == "velocity, depth 0 to 20 m"


def test_each_band_has_the_error_of_its_own_cells() -> None:
    found = table({"model": off_below}, Derivation.build(BANDS, CONTEXT))
    assert found.value("model", UPPER, "mae") == 0
    assert found.value("model", LOWER, "mae") == pytest.approx(5)
    assert found.value("model", "velocity_model", "mae") == pytest.approx(5 * 5 / 7)
    assert found.cells == {"velocity_model": 56, UPPER: 16, LOWER: 40}


def test_cells_that_do_not_count_do_not_count_in_a_band() -> None:
    outside = torch.ones(4, 7, dtype=torch.bool)
    outside[:, 2:5] = False
    found = table(
        {"model": off_below},
        Derivation.build(BANDS, CONTEXT),
        data=batch() | {"outside": outside},
        mask=OUTSIDE,
    )
    assert found.cells == {"velocity_model": 32, UPPER: 16, LOWER: 16}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variable": "velocity"}, "no variable 'velocity'. Did you mean 'velocity_model'"),
        ({"dimension": "lateral"}, "no dimension 'lateral' with a coordinate.* It has depth"),
        ({"edges": [0, 30, 20]}, r"edges is \[0.0, 30.0, 20.0\]; give two or more numbers that grow"),
        ({"edges": [0, 65, 90]}, "no cell of 'velocity_model' lies between depth 65 and 90; .* from 0 to 60"),
    ],
)
def test_bands_that_hold_nothing_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Derivation.build({**BANDS, **change}, CONTEXT)


class Sum(Derivation):
    """Derived from a variable that only the score may see; follows from answers above a level."""

    variables = ("hidden",)

    def provides(self) -> list[VariableSpec]:
        return [VariableSpec(name="sum", dims=("sample",), shape=())]

    def of_truth(self, batch: Batch) -> Batch:
        return {"sum": batch["velocity_model"].sum((1, 2)) + batch["hidden"]}

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        assert "velocity_model" not in batch
        total = prediction["velocity_model"].sum((1, 2)) + batch["hidden"]
        return {"sum": total} if total.min() > 1000 else {}


def test_no_method_sees_the_truth_or_what_is_read_for_the_score_alone() -> None:
    seen: set[str] = set()

    def curious(inputs: Batch, rng: torch.Generator) -> Batch:
        seen.update(inputs)
        return off_below(inputs, rng)

    found = table({"curious": curious}, Sum())
    assert seen == {"known"}
    assert found.value("curious", "sum", "mae") == pytest.approx(50)


def test_what_follows_from_no_answer_of_a_method_is_not_scored_for_it() -> None:
    def nothing(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"velocity_model": torch.zeros(len(inputs["known"]), 7, 2)}

    found = table({"nothing": nothing, "model": off_below}, Sum())
    assert [row.method for row in found.rows if row.target == "sum"] == ["model"]
    alone = table({"nothing": nothing}, Sum())
    assert not [row for row in alone.rows if row.target == "sum"]
    assert "nothing" in text_table(alone, [Target(SPEC), *(Target(s) for s in Sum().provides())])


def test_only_the_first_method_is_sent_back_and_without_gradients() -> None:
    gradients = []

    def back(answer: Batch, rng: torch.Generator) -> Batch:
        gradients.append(torch.is_grad_enabled())
        return {"known": answer["velocity_model"].mean((1, 2))}

    cycle = Cycle([VariableSpec(name="known", dims=("sample",), shape=())], back)
    methods = {"model": off_below, "baseline": off_below}
    found = evaluate(methods, [batch()], [Target(SPEC)], {"mae": MAE()}, Blocks.of(4), cycles=[cycle])
    assert {row.method for row in found.rows if row.target == "known_cycle"} == {"model"}
    assert gradients == [False]


FIELD_BANDS = {"name": "bands", "variable": "gain", "dimension": "y", "edges": [0, 16, 28]}


def test_a_run_scores_what_its_derivations_provide_and_its_report_shows_it(run: Path) -> None:
    experiment = opened(run, derivations=[FIELD_BANDS], baselines=["ridge"], plots=[])
    evaluate_run(run, experiment, device="cpu")
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    mine = [row for row in rows if row["target"] == "gain_y_0_16_m" and row["group"] == "all"]
    assert {row["method"] for row in mine} == {"mlp", "ridge"}
    assert all(row["value"] is None for row in mine if row["metric"] == "coverage")
    assert "Path gain, y 16 to 28 m" in (run / "report.html").read_text()
    node = with_defaults(experiment.config)["task"]["derivations"][0]
    assert node == {**FIELD_BANDS, "edges": [0.0, 16.0, 28.0]}


def test_pictures_get_what_follows_beside_the_answers(run: Path) -> None:
    experiment = opened(run, derivations=[FIELD_BANDS], baselines=[])
    methods = methods_of(load_bundle(run / "bundle"), experiment)
    examples = examples_of(methods, experiment, split="test", device=torch.device("cpu"))
    guess = examples.predictions["mlp"]
    assert guess["gain_y_0_16_m"].shape == (10, 4, 6)
    np.testing.assert_array_equal(guess["gain_y_0_16_m"], guess["gain"][:, :4])
    assert [target.spec.name for target in examples.targets] == ["gain", "profile", "speed"]


def test_variables_of_a_derivation_are_read_for_scores_and_not_in_training(run: Path) -> None:
    experiment = opened(run, baselines=[])
    bands = Bands(experiment.context, "gain", "y", (0, 28))
    bands.variables = ("gain", "outdoor")
    experiment.__dict__["derivations"] = [bands]
    assert experiment.scored_only == ["outdoor"]
    assert "outdoor" not in next(iter(experiment.loader("train", train=True)))
    assert "outdoor" in next(iter(experiment.loader("test", also=experiment.scored_only)))


def test_a_name_that_is_there_already_is_refused_before_any_work(run: Path) -> None:
    experiment = opened(run, derivations=[FIELD_BANDS, FIELD_BANDS])
    with pytest.raises(ConfigError, match="another derivation has 'gain_y_0_16_m' already"):
        experiment.check(experiment.pipeline())
