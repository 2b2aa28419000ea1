"""A finished run is scored with its baselines, and leaves metrics, a report and scores in the bundle."""

import json
import re
from pathlib import Path

import pytest
import yaml

from surrogates.cli.main import main
from surrogates.core.build import validate
from surrogates.evaluation.run import evaluate_elsewhere, evaluate_run
from surrogates.inference.bundle import load_bundle
from surrogates.training.config import RunConfig
from surrogates.training.experiment import Experiment


def opened(run: Path, **task: object) -> Experiment:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["task"] |= task
    return Experiment.open(validate(RunConfig, config, "run"))


def test_metrics_hold_the_model_first_and_every_baseline_beside_it(run: Path) -> None:
    evaluation = evaluate_run(run, opened(run), device="cpu")
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(dict.fromkeys(row["method"] for row in metrics["rows"])) == ["mlp", "mean", "ridge"]
    assert {row["group"] for row in metrics["rows"]} == {"all", "0", "1"}
    assert metrics["examples"] == 10
    assert metrics["split"] == "test"
    assert set(metrics["seconds_per_example"]) == {"mlp", "mean", "ridge"}
    # The profile is a linear function of the height: ridge has to beat the mean.
    assert evaluation.table.value("ridge", "profile", "rmse") < evaluation.table.value(
        "mean", "profile", "rmse"
    )


def test_weak_cells_do_not_count(run: Path) -> None:
    few = evaluate_run(run, opened(run), device="cpu").table.cells
    all_known = evaluate_run(run, opened(run, valid_min={}), device="cpu").table.cells
    assert 0 < few["gain"] < all_known["gain"]
    assert few["speed"] == all_known["speed"] == 10


def test_the_test_scores_reach_bundle_and_card(run: Path) -> None:
    evaluation = evaluate_run(run, opened(run), device="cpu")
    rows = load_bundle(run / "bundle").manifest.metrics["rows"]
    assert rows[0]["value"] == pytest.approx(evaluation.table.rows[0].value)
    assert "ridge | gain | rmse" in (run / "bundle" / "card.md").read_text()


def test_the_report_needs_nothing_but_itself(run: Path) -> None:
    evaluate_run(run, opened(run), device="cpu")
    page = (run / "report.html").read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)", page)
    assert not re.search(r"https?://|@import|url\(", page)
    # A loss curve, and one picture for each target: a map, a line, a scatter.
    assert page.count("data:image/png;base64,") == 4
    for word in ("ridge", "mean", "Path gain", "gain &gt;= -125 dB", "abc1234"):
        assert word in page


def test_a_name_with_markup_is_only_text_in_the_report(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["experiment"] = "<script>alert(1)</script>"
    evaluate_run(run, Experiment.open(validate(RunConfig, config, "run")), device="cpu")
    assert "<script>" not in (run / "report.html").read_text()


def test_a_run_without_logs_has_a_report_too(run: Path) -> None:
    (run / "logs" / "metrics.csv").unlink()
    evaluate_run(run, opened(run), device="cpu")
    assert (run / "report.html").read_text().count("data:image/png;base64,") == 3


def test_scoring_elsewhere_changes_nothing_in_the_run(run: Path, other_fields: str) -> None:
    evaluate_run(run, opened(run), device="cpu")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    config = yaml.safe_load((run / "config.yaml").read_text()) | {"dataset": [{"url": other_fields}]}
    other = Experiment.open(validate(RunConfig, config, "run"))
    evaluation = evaluate_elsewhere(run, opened(run), other, split="validation", device="cpu")
    assert evaluation.about["dataset"] == [other_fields]
    assert evaluation.table.examples == 10
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_threshold_for_a_variable_that_is_no_target_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match=r"valid_min names \['height'\]"):
        evaluate_run(run, opened(run, valid_min={"height": 0}), device="cpu")


def test_the_command_prints_the_table_and_writes_json(
    run: Path, other_fields: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(run), f"dataset={other_fields}", "--json", str(run.parent / "scores.json")])
    assert not stop.value.code
    assert "ridge" in capsys.readouterr().out
    assert json.loads((run.parent / "scores.json").read_text())["dataset"] == [other_fields]


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["--split", "tests"], "expected test, validation or train"), (["data=x"], "takes dataset=URL")],
)
def test_a_wrong_word_ends_in_one_line(
    run: Path, words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(run), *words])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert hint in line


def test_a_folder_that_is_no_run_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", str(tmp_path)])
    assert stop.value.code == 2
    assert "is no run" in capsys.readouterr().err
