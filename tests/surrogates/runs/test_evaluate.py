"""A finished run is scored with its baselines, and leaves metrics, a report and scores in the bundle."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
import zarr

import surrogates
from datasets.store.specs import VariableSpec
from surrogates.cli.main import main
from surrogates.core.build import validate
from surrogates.core.errors import ConfigError
from surrogates.evaluation.scoring import blocks_of, score, targets_of
from surrogates.experiment.config import DatasetConfig, RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import load_bundle
from surrogates.learning.pipeline import Pipeline, PipelineConfig
from surrogates.runs.alike import free_dimensions
from surrogates.runs.evaluate import evaluate_elsewhere, evaluate_run
from surrogates.runs.methods import methods_of
from tests.surrogates.runs.conftest import RECORDS, finished_run, write_fields

CPU = torch.device("cpu")


def opened(run: Path, **task: object) -> Experiment:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["task"] |= task
    return Experiment.open(validate(RunConfig, config, "run"))


def test_metrics_hold_the_model_first_and_every_baseline_beside_it(evaluated: Path) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert list(dict.fromkeys(row["method"] for row in metrics["rows"])) == ["mlp", "mean", "ridge"]
    assert {row["group"] for row in metrics["rows"]} == {"all", "munich", "etoile"}
    assert (metrics["examples"], metrics["split"], metrics["model"]) == (10, "test", "mlp")
    assert set(metrics["seconds_per_example"]) == {"mlp", "mean", "ridge"}


def test_baselines_have_learned_from_the_training_split(evaluated: Path) -> None:
    rows = json.loads((evaluated / "metrics.json").read_text())["rows"]
    rmse = {
        row["method"]: row["value"] for row in rows if (row["target"], row["metric"]) == ("profile", "rmse")
    }
    # The profile is a linear function of the height, which fresh weights do not know.
    assert rmse["ridge"] < rmse["mean"] < rmse["mlp"]


def test_a_baseline_that_stops_early_does_not_shorten_the_next(run: Path) -> None:
    bundle = load_bundle(run / "bundle")
    means = []
    for before in ([], [{"name": "ridge", "max_examples": 4}]):
        experiment = opened(run, baselines=[*before, "mean"])
        mean = methods_of(bundle, experiment)["mean"]
        (batch, *_) = experiment.loader("test")
        means.append(mean(batch, torch.Generator())["speed"])
    torch.testing.assert_close(means[0], means[1])


def test_weak_cells_do_not_count(run: Path) -> None:
    bundle = load_bundle(run / "bundle")
    cells = []
    for smallest in ({}, {"gain": -125.0}):
        experiment = opened(run, valid_min=smallest, baselines=[])
        cells.append(score(methods_of(bundle, experiment), experiment, split="test", device=CPU).cells)
    assert cells[1]["gain"] < cells[0]["gain"]
    assert cells[1]["speed"] == cells[0]["speed"] == 10


def test_the_test_scores_reach_bundle_and_card(evaluated: Path) -> None:
    rows = load_bundle(evaluated / "bundle").manifest.metrics["rows"]
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert rows == [row for row in metrics["rows"] if row["group"] == "all"]
    assert "ridge | gain | rmse" in (evaluated / "bundle" / "card.md").read_text()


def test_the_report_needs_nothing_but_itself(evaluated: Path) -> None:
    page = (evaluated / "report.html").read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert not re.search(r"https?://|@import|url\(", page)
    # Coverage, error against share kept, a loss curve, and one picture of each target: map, line, scatter.
    assert page.count("data:image/png;base64,") == 6
    for word in ("ridge", "mean", "Path gain", "gain &gt;= -125 dB", "abc1234"):
        assert word in page


def test_a_run_without_logs_and_with_markup_in_its_name_has_a_report_too(run: Path) -> None:
    (run / "logs" / "metrics.csv").unlink()
    experiment = opened(run, plots=[], baselines=[])
    config = experiment.config.model_copy(update={"experiment": "<script>alert(1)</script>"})
    evaluate_run(run, replace(experiment, config=config), device="cpu")
    page = (run / "report.html").read_text()
    assert page.count("base64") == 2  # the coverage of the intervals, and the error against the share kept
    assert "<script>" not in page


def test_scoring_elsewhere_changes_nothing_in_the_run(evaluated: Path, other_fields: str) -> None:
    before = {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()}
    config = yaml.safe_load((evaluated / "config.yaml").read_text()) | {"dataset": [{"url": other_fields}]}
    other = Experiment.open(validate(RunConfig, config, "run"))
    evaluation = evaluate_elsewhere(evaluated, opened(evaluated), other, split="validation", device="cpu")
    assert evaluation.about["dataset"] == [other_fields]
    assert evaluation.table.examples == 10
    assert {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "km"}, "'height' has the units km in .*other.zarr, but m in training"),
        ({"dims": ("sample", "x", "y")}, r"the dimensions \('sample', 'x', 'y'\)"),
        ({"shape": (8, 7)}, "the lengths {'y': 8, 'x': 7}"),
        ({"attributes": {"step": 0.05}}, "the spacing of samples 0.05 in .*, but 1.0 in training"),
    ],
)
def test_other_data_have_to_mean_the_same(
    evaluated: Path, other_fields: str, change: dict, message: str
) -> None:
    other = validate(RunConfig, yaml.safe_load((evaluated / "config.yaml").read_text()), "run")
    on = Experiment.open(other.model_copy(update={"dataset": [DatasetConfig(url=other_fields)]}))
    height = on.data.specs["height"].model_copy(update=change)
    changed = replace(on, data=replace(on.data, specs=on.data.specs | {"height": height}))
    with pytest.raises(ConfigError, match=message):
        evaluate_elsewhere(evaluated, opened(evaluated), changed)


def test_other_data_have_to_lie_on_such_a_grid(evaluated: Path, tmp_path: Path) -> None:
    coarse = write_fields(tmp_path / "coarse.zarr", seed=1, step=8.0)
    other = validate(RunConfig, yaml.safe_load((evaluated / "config.yaml").read_text()), "run")
    on = Experiment.open(other.model_copy(update={"dataset": [DatasetConfig(url=coarse)]}))
    with pytest.raises(ConfigError, match=r"coarse.zarr: coordinate 'x': spacing 8 m, expected 4 m"):
        evaluate_elsewhere(evaluated, opened(evaluated), on, device="cpu")


@pytest.mark.parametrize(
    ("grids", "expected"),
    [
        ({"grid": ["time", "place"], "target_grid": ["depth", "lateral"]}, set()),
        ({"grid": ["time", "place"], "target_grid": ["depth", "place"]}, {"place"}),
        ({"grid": ["depth", "place"]}, {"depth", "place"}),
    ],
)
def test_only_dimensions_of_both_grids_may_have_another_length(grids: dict, expected: set) -> None:
    inputs, targets = (
        VariableSpec(name=name, dims=("sample", *grids.get(key, grids["grid"])), shape=(8, 6))
        for name, key in (("gather", "grid"), ("image", "target_grid"))
    )
    network = {"name": "latent_unet", "latent": 8, "channels": [2, 4], "repeat": 1, "depth": 1}
    transform = {"name": "stack", **grids}
    config = PipelineConfig(inputs=[inputs], targets=[targets], transform=transform, network=network)
    assert free_dimensions(Pipeline(config)) == expected


def test_a_threshold_for_a_variable_that_is_no_target_is_refused(evaluated: Path) -> None:
    with pytest.raises(ValueError, match=r"valid_min: 'height' is not a target"):
        targets_of(opened(evaluated, valid_min={"height": 0}))


def test_the_command_prints_the_table_and_writes_json(
    evaluated: Path, other_fields: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(
            [
                "evaluate",
                str(evaluated),
                f"dataset={other_fields}",
                "--json",
                str(evaluated.parent / "scores.json"),
            ]
        )
    assert not stop.value.code
    assert "ridge" in capsys.readouterr().out
    assert json.loads((evaluated.parent / "scores.json").read_text())["dataset"] == [other_fields]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--split", "tests"], "expected test, validation or train"),
        (["data=x"], "Did you mean 'dataset'?"),
        (["model.width=3"], "takes keys of dataset, seed, task, trainer"),
        (["task.inputs=[gain]"], "a trained run keeps it"),
        (["task.draws"], "expected KEY=VALUE"),
        (["task.preparations=[{name: radio/hold_out}]"], "task.preparations: no variable 'building_height'"),
        (["task.drawz=3"], "Did you mean 'draws'?"),
    ],
)
def test_a_wrong_word_ends_in_one_line(
    evaluated: Path, words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(evaluated), *words])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert hint in line


def test_a_folder_that_is_no_run_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(tmp_path)])
    assert stop.value.code == 2
    assert "is no run" in capsys.readouterr().err


def test_the_command_scores_draws_and_other_baselines_and_leaves_the_run_alone(
    evaluated: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()}
    scores = tmp_path / "scores.json"
    words = ["task.draws=3", "task.baselines=[mean]", "task.groups=null", "--json", str(scores)]
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(evaluated), *words])
    assert not stop.value.code
    found = json.loads(scores.read_text())
    assert found["examples"] == 30
    assert {row["method"] for row in found["rows"]} == {"mlp", "mean"}
    assert {row["group"] for row in found["rows"]} == {"all"}
    assert {path: path.read_bytes() for path in evaluated.rglob("*") if path.is_file()} == before


class Together:
    """A preparation whose draws come in pairs."""

    draws_together = 2

    def __call__(self, batch: dict, rngs: object, *, train: bool) -> dict:
        return batch


def test_draws_that_belong_together_lie_in_one_block_of_one_group(run: Path) -> None:
    whole = opened(run)
    experiment = replace(whole, data=replace(whole.data, preparations=[Together()]))
    index = replace(experiment.data.index("test"), draws=4)
    blocks = blocks_of(experiment, index)
    labels = blocks.index.reshape(-1, 2, 2)
    assert (labels[..., 0] == labels[..., 1]).all()
    assert len(set(labels[..., 0].ravel().tolist())) == 2 * len(index.record)
    groups = np.array(blocks.groups)[blocks.index]
    assert (groups == np.repeat(experiment.data.groups(index).labels, 4)).all()


def test_every_method_has_intervals_and_the_model_keeps_its_own(evaluated: Path) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert (
        metrics["intervals"] == "calibrated on the validation split, 10 blocks; enough for levels up to 0.91"
    )
    coverage = {
        row["method"]: row["value"]
        for row in metrics["rows"]
        if (row["target"], row["metric"], row["group"]) == ("gain", "coverage", "all")
    }
    assert coverage.keys() == {"mlp", "mean", "ridge"}
    assert all(0.75 < value < 1 for value in coverage.values())
    assert {(c["method"], c["target"]) for c in metrics["coverage_curves"]} == {
        (method, target) for method in coverage for target in ("gain", "profile", "speed")
    }
    calibration = load_bundle(evaluated / "bundle").manifest.calibration
    assert calibration.keys() == {"gain", "profile", "speed"}
    assert calibration["speed"].count == pytest.approx(10)


def test_what_no_method_has_is_no_column_of_the_report(evaluated: Path) -> None:
    page = (evaluated / "report.html").read_text()
    assert "<th>coverage</th>" in page
    assert "gaussian coverage" not in page
    assert "Coverage of the intervals" in page


def test_without_a_validation_split_coverage_is_left_out_with_a_note(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    store = zarr.open_group(config["dataset"][0]["url"], mode="r+", use_consolidated=False)
    store["split"][:] = np.where(store["split"][:] == 1, 0, store["split"][:])
    zarr.consolidate_metadata(store.store)
    evaluation = evaluate_run(run, opened(run), device="cpu")
    assert evaluation.about["intervals"].startswith("none: the run has no validation split")
    assert np.isnan(evaluation.table.value("mlp", "gain", "coverage"))
    assert evaluation.table.curves == []
    assert "none: the run has no validation split" in (run / "report.html").read_text()
    with pytest.raises(ValueError, match="`surrogates evaluate RUN` calibrates"):
        surrogates.load(run, device="cpu").predict(xr.Dataset(), interval=0.9)


def test_data_that_only_test_are_scored_without_baselines(run: Path) -> None:
    values = yaml.safe_load((run / "config.yaml").read_text())
    store = zarr.open_group(values["dataset"][0]["url"], mode="r+", use_consolidated=False)
    store["split"][:] = 2
    zarr.consolidate_metadata(store.store)
    with pytest.raises(ConfigError, match=r"no training records to fit .* out with task.baselines=\[\]"):
        evaluate_run(run, opened(run), device="cpu")
    values["task"]["baselines"] = []
    alone = Experiment.open(validate(RunConfig, values, "run"))
    assert evaluate_run(run, alone, device="cpu").table.examples == RECORDS


def test_a_gaussian_run_predicts_calibrated_intervals(tmp_path: Path) -> None:
    folder = finished_run(tmp_path, head={"name": "gaussian"})
    evaluate_run(folder, opened(folder), device="cpu")
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    raw = [row for row in rows if row["metric"] == "gaussian_coverage" and row["group"] == "all"]
    assert {row["method"]: row["value"] is None for row in raw} == {"mlp": False, "mean": True, "ridge": True}
    assert "gaussian coverage" in (folder / "report.html").read_text()
    surrogate = surrogates.load(folder, device="cpu")
    out = surrogate.predict(xr.open_zarr(tmp_path / "toy.zarr", chunks=None)[["height"]], interval=0.5)
    half = (out["gain_upper"] - out["gain_lower"]) / 2
    radius = surrogate.bundle.manifest.calibration["gain"].radius(0.5)
    np.testing.assert_allclose(half, radius * out["gain_standard_deviation"], rtol=1e-4)


def test_calibration_comes_from_the_runs_own_validation_split(evaluated: Path, other_fields: str) -> None:
    config = yaml.safe_load((evaluated / "config.yaml").read_text()) | {"dataset": [{"url": other_fields}]}
    other = Experiment.open(validate(RunConfig, config, "run"))
    elsewhere = evaluate_elsewhere(evaluated, opened(evaluated), other, device="cpu")
    bundle = load_bundle(evaluated / "bundle")
    expected = score(
        {"mlp": methods_of(bundle, opened(evaluated))["mlp"]},
        other,
        split="test",
        device=CPU,
        calibrations={"mlp": bundle.manifest.calibration},
    )
    assert elsewhere.table.value("mlp", "gain", "coverage") == expected.value("mlp", "gain", "coverage")


def test_a_mask_of_one_target_leaves_the_others_whole(tmp_path: Path) -> None:
    folder = finished_run(tmp_path, mask={"gain": "outdoor"}, valid_min={}, baselines=["mean"])
    experiment = opened(folder)
    targets = {each.spec.name: each for each in targets_of(experiment)}
    assert targets["gain"].mask is not None and targets["gain"].mask.name == "outdoor"
    assert targets["profile"].mask is None and targets["speed"].mask is None
    assert "outdoor" in experiment.variables
    bundle = load_bundle(folder / "bundle")
    assert bundle.pipeline.context.mask == experiment.context.mask
    evaluate_run(folder, experiment, device="cpu")
    rows = json.loads((folder / "metrics.json").read_text())["rows"]
    assert {row["target"] for row in rows} == {"gain", "profile", "speed"}
