"""Ratios come from pairs in turn, and point the way their target says."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.speed.rows import Paired, as_json, costs, faster, measure_pairs, table
from surrogates.cli.main import main


def test_runs_alternate_and_the_clock_is_divided() -> None:
    calls: list[str] = []
    ticks = iter(range(100))
    pairs = measure_pairs(
        lambda: calls.append("o"),
        lambda: calls.append("r"),
        repeats=3,
        warmup=1,
        clock=lambda: float(next(ticks)),
        per=2,
    )
    assert "".join(calls) == "or" + "or" + "ro" + "or"
    assert pairs.ours == pairs.reference == (0.5, 0.5, 0.5)


def test_the_median_of_ratios_ignores_one_disturbed_pair() -> None:
    pairs = Paired((1.0, 1.0, 50.0), (10.0, 12.0, 10.0))
    assert pairs.speedup() == 10
    assert pairs.cost() == pytest.approx(0.1)


def test_targets_hold_in_their_direction() -> None:
    pairs = Paired((1.0,), (9.0,))
    assert faster("read", "s", pairs, "zarr", at_least=8).holds is True
    assert faster("read", "s", pairs, "zarr", at_least=10).holds is False
    assert costs("step", "s", pairs, "loop", at_most=1.1).holds is True
    assert faster("read", "s", pairs, "zarr").holds is None


def test_rows_are_json_with_the_machine_and_print_what_misses() -> None:
    rows = [faster("read", "ms", Paired((1.0,), (2.0,)), "zarr-python", at_least=8)]
    (plain,) = json.loads(json.dumps(as_json(rows)))
    expected = ["name", "unit", "ours", "reference", "reference_name", "ratio", "target", "holds"]
    assert list(plain)[:8] == expected
    assert plain["machine"]["cores"] >= 1
    assert "NO" in table(rows)


def test_bench_runs_a_benchmark_and_writes_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "benchmarks" / "speed"
    folder.mkdir(parents=True)
    (folder / "rows.py").touch()
    (folder / "copy.py").write_text('"""Copies."""\n\ndef run(quick=False):\n    return []\n')
    module = ModuleType("benchmarks.speed.copy")
    module.run = lambda quick: [
        faster("copy", "s", Paired((1.0,), (3.0 if quick else 2.0,)), "cp", at_least=9)
    ]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "benchmarks.speed.copy", module)
    monkeypatch.setattr("surrogates.core.checkout.checkout", lambda what: tmp_path)
    with pytest.raises(SystemExit):
        main(["bench", "list"])
    assert capsys.readouterr().out.split() == ["copy", "Copies."]
    with pytest.raises(SystemExit) as stop:
        main(["bench", "copy", "--quick", "--json", str(tmp_path / "new" / "rows.json")])
    assert not stop.value.code  # too slow is a result, not a failure
    (row,) = json.loads((tmp_path / "new" / "rows.json").read_text())
    assert (row["ratio"], row["holds"]) == (3.0, False)


def test_a_misspelt_benchmark_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["bench", "startupp"])
    assert stop.value.code == 2
    assert "There is no benchmark 'startupp'" in capsys.readouterr().err


def test_outside_a_checkout_bench_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("surrogates.core.checkout.__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["bench", "list"])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "clone the repository" in line
