"""Claims resume seed by seed, keep what does not hold, and judge by the stated target."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.claims import report
from benchmarks.claims.__main__ import main as run_command
from benchmarks.claims.claim import Claim, Compare, Experiment, claim_rows, seed_interval
from benchmarks.claims.files import folder, require
from benchmarks.claims.report import claims_of, read_seeds, run_one, run_seeds, write_rows
from benchmarks.claims.tables import ResultTable
from surrogates.cli.main import main
from surrogates.core.errors import ConfigError
from surrogates.report.results import results_page


class Runs:
    """An experiment that counts its runs and can be killed."""

    def __init__(self, killed_at: int | None = None) -> None:
        self.seeds: list[int] = []
        self.killed_at = killed_at

    def __call__(self, seed: int) -> dict[str, float]:
        if seed == self.killed_at:
            raise KeyboardInterrupt
        self.seeds.append(seed)
        return {"unet": 8.0 + seed, "line": 12.0}


def claim(run: Runs, compare: Compare = "lower_by", bound: float = 3.0, name: str = "cities") -> Claim:
    table = ResultTable("All seeds, dB", ["method", "error"], [["ours", "3.0"]])
    return Claim(
        claim="U-Net beats the line",
        source="Li 2024",
        metric="RMSE, dB",
        experiment=Experiment("toy", name, run, tables=lambda values: [table]),
        ours="unet",
        baseline="line",
        baseline_name="line fit",
        compare=compare,
        bound=bound,
        published=5.0,
    )


def test_an_interrupted_run_resumes_with_the_missing_seeds(tmp_path: Path) -> None:
    path = tmp_path / "seeds" / "toy.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_seeds([claim(Runs(killed_at=2))], path, tmp_path)
    second = Runs()
    rows = run_seeds([claim(second), claim(second, bound=9)], path, tmp_path)
    assert second.seeds == [2]
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert read_seeds(path) == rows


def test_another_experiment_runs_anew(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl"
    run_seeds([claim(Runs())], path, tmp_path)
    again = Runs()
    changed = claim(again, name="cities_paper")
    rows = run_seeds([changed], path, tmp_path)
    assert again.seeds == [0, 1, 2]
    assert claim_rows([changed], rows)[0].seeds == 3
    assert rows[-1]["command"] == "python -m benchmarks.claims toy cities_paper 2"


def test_a_line_cut_off_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl"
    run_seeds([claim(Runs())], path, tmp_path)
    path.write_text(path.read_text()[:-20])
    again = Runs()
    run_seeds([claim(again)], path, tmp_path)
    assert again.seeds == [2]
    assert len(read_seeds(path)) == 3


def test_a_claim_that_does_not_hold_stays_in_the_table(tmp_path: Path) -> None:
    stated = [claim(Runs(), bound=2.5), claim(Runs(), bound=3.5)]
    rows = claim_rows(stated, run_seeds(stated, tmp_path / "toy.jsonl", tmp_path))
    assert [row.holds for row in rows] == [True, False]
    write_rows(rows, tmp_path / "results" / "toy.json")
    saved = json.loads((tmp_path / "results" / "toy.json").read_text())
    assert saved[1]["target"] == "baseline - ours >= 3.5"
    page = results_page(tmp_path / "results")
    assert "## Toy" in page
    assert "**no**" in page
    assert "9 (6.52 to 11.5)" in page


@pytest.mark.parametrize(
    ("compare", "bound", "holds"),
    [
        ("lower_by", 3.0, True),
        ("higher_by", 0.0, False),
        ("times_lower", 1.2, True),
        ("at_most", 9.0, True),
        ("at_most", 8.9, False),
        ("at_least", 9.1, False),
    ],
)
def test_each_comparison_means_its_formula(
    tmp_path: Path, compare: Compare, bound: float, holds: bool
) -> None:
    stated = [claim(Runs(), compare, bound)]
    assert claim_rows(stated, run_seeds(stated, tmp_path / "toy.jsonl", tmp_path))[0].holds is holds


def test_the_seed_interval_is_students() -> None:
    low, high = seed_interval([8.0, 9.0, 10.0])
    assert low == pytest.approx(9 - 4.302653 / 3**0.5, rel=1e-5)
    assert high == pytest.approx(9 + 4.302653 / 3**0.5, rel=1e-5)
    assert seed_interval([8.0]) == (None, None)


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    bad = replace(claim(Runs()), ours="u_net")
    with pytest.raises(ValueError, match="Did you mean 'unet'"):
        claim_rows([bad], run_seeds([bad], tmp_path / "toy.jsonl", tmp_path))


def test_the_command_writes_rows_seeds_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("surrogates.core.checkout.checkout", lambda what: tmp_path)
    monkeypatch.setattr(report, "claims_of", lambda domain: [claim(Runs(), bound=3.5)])
    with pytest.raises(SystemExit) as stop:
        main(["report", "claims", "toy", "--json", str(tmp_path / "rows.json")])
    assert not stop.value.code  # a claim that does not hold is a result, not a failure
    assert "does NOT hold" in capsys.readouterr().out
    results = tmp_path / "docs" / "results"
    columns = "claim source metric ours baseline baseline_name low high published target holds command"
    (row,) = json.loads((results / "toy.json").read_text())
    assert {*columns.split(), "seconds", "commit"} <= set(row)
    assert json.loads((tmp_path / "rows.json").read_text()) == [row]
    assert len((results / "seeds" / "toy.jsonl").read_text().splitlines()) == 3
    page = (tmp_path / "docs" / "results.md").read_text()
    assert "All seeds, dB\n\n| method | error |\n|---|---|\n| ours | 3.0 |" in page
    with pytest.raises(SystemExit):
        main(["report", "results"])
    assert (tmp_path / "docs" / "results.md").read_text() == page


def test_outside_a_checkout_claims_say_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("surrogates.core.checkout.__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["report", "claims", "radio"])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "clone the repository" in line


def test_a_domain_without_claims_is_said() -> None:
    with pytest.raises(
        ConfigError, match=r"no claims on 'cooking'.*There are claims on: acoustics, csi, diffusion, radio, "
    ):
        claims_of("cooking")


def test_the_command_of_a_seed_prints_its_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = claim(Runs())
    monkeypatch.setattr(report, "claims_of", lambda domain: [stated] if domain == "toy" else [])
    *command, domain, name, seed = stated.experiment.command(1).split()
    assert command == ["python", "-m", "benchmarks.claims"]
    run_command([domain, name, seed])
    assert json.loads(capsys.readouterr().out) == {"unet": 9.0, "line": 12.0}
    with pytest.raises(ConfigError, match=r"no experiment 'citys'\. Did you mean 'cities'"):
        run_one("toy", "citys", 0)


def test_a_wrong_experiment_ends_the_command_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["claims", "seismic", "network", "0"])
    monkeypatch.delitem(sys.modules, "benchmarks.claims.__main__")
    with pytest.raises(SystemExit, match=r"^error: no experiment 'network'\. Did you mean 'networks'"):
        runpy.run_module("benchmarks.claims", run_name="__main__")


def test_missing_files_are_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURROGATES_UAV_DATA", str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"gazebo, which is not there; set SURROGATES_UAV_DATA to the folder"
    ):
        require("uav", "gazebo")
    (tmp_path / "gazebo").mkdir()
    assert require("uav", "gazebo") == folder("uav") / "gazebo"


def test_a_gain_whose_interval_reaches_zero_does_not_hold() -> None:
    margins = [3.0, 0.1, 1.0]
    sure = replace(claim(Runs(), bound=1.0), compare="at_least", surely_above=0.0)
    low, _ = seed_interval(margins)
    assert low is not None
    assert low < 0
    assert not sure.holds(margins, low)
    assert sure.holds(margins, 0.2)
    assert not sure.holds(margins, None)
    assert sure.target == "ours >= 1, low > 0"
