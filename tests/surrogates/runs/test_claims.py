"""Claims resume seed by seed, keep what does not hold, and judge by the stated target."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from surrogates.cli.main import main
from surrogates.report.results import results_page
from surrogates.runs.claims import (
    Claim,
    Compare,
    Experiment,
    ResultTable,
    claim_rows,
    claims_of,
    read_seeds,
    run_seeds,
    seed_interval,
    write_claims,
)


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


def claim(
    run: Runs, compare: Compare = "lower_by", bound: float = 3.0, command: str = "train seed={seed}"
) -> Claim:
    experiment = Experiment("cities", command, run, seeds=(0, 1, 2))
    return Claim(
        "U-Net beats the line",
        "Li 2024",
        "RMSE, dB",
        experiment,
        "unet",
        "line",
        "line fit",
        compare,
        bound,
        5.0,
    )


def test_an_interrupted_run_goes_on_with_the_missing_seeds(tmp_path: Path) -> None:
    path = tmp_path / "seeds" / "toy.jsonl"
    with pytest.raises(KeyboardInterrupt):
        run_seeds([claim(Runs(killed_at=2))], path, tmp_path)
    second = Runs()
    rows = run_seeds([claim(second), claim(second, bound=9)], path, tmp_path)
    assert second.seeds == [2]
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert read_seeds(path) == rows


def test_a_changed_command_runs_again(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl"
    run_seeds([claim(Runs())], path, tmp_path)
    again = Runs()
    changed = claim(again, command="train seed={seed} size=paper")
    rows = run_seeds([changed], path, tmp_path)
    assert again.seeds == [0, 1, 2]
    assert claim_rows([changed], rows)[0].seeds == 3


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
    write_claims(rows, tmp_path / "results" / "toy.json")
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
    good = claim(Runs())
    bad = Claim(good.claim, "", "", good.experiment, "u_net", "line", "", "lower_by", 1)
    with pytest.raises(ValueError, match="Did you mean 'unet'"):
        claim_rows([bad], run_seeds([bad], tmp_path / "toy.jsonl", tmp_path))


def test_the_command_writes_rows_seeds_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("surrogates.core.checkout.checkout", lambda what: tmp_path)
    monkeypatch.setattr("surrogates.runs.claims.claims_of", lambda domain: [claim(Runs(), bound=3.5)])
    table = ResultTable("All seeds, dB", ["method", "error"], [["ours", "3.0"]])
    monkeypatch.setattr("surrogates.runs.claims.tables_of", lambda domain, seeds: [table])
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


def test_a_domain_without_claims_is_said() -> None:
    with pytest.raises(ValueError, match="domain 'cooking' has no claims"):
        claims_of("cooking")


def test_a_gain_whose_interval_reaches_zero_does_not_hold(tmp_path: Path) -> None:
    margins = [3.0, 0.1, 1.0]
    sure = replace(claim(Runs(), bound=1.0), compare="at_least", surely_above=0.0)
    low, _ = seed_interval(margins)
    assert low is not None
    assert low < 0
    assert not sure.holds(margins, low)
    assert sure.holds(margins, 0.2)
    assert not sure.holds(margins, None)
    assert sure.target == "ours >= 1, low > 0"
