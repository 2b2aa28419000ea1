"""`verify` finds every kind of damage and names it."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from datasets.factory.build import build, resume
from datasets.factory.errors import BuildError
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Failing, Walk
from tests.toy import Oscillator


def checks(url: str) -> set[str]:
    return {problem.check for problem in verify(url, progress=False).problems}


def live(url: str) -> zarr.Group:
    return zarr.open_group(url, use_consolidated=False)


def test_an_undisturbed_store_holds_and_repeats(undisturbed: str) -> None:
    report = verify(undisturbed, resimulate=3, recipe_class=Oscillator, progress=False)
    assert report.ok
    assert [unit.answer for unit in report.resimulated] == ["same"] * 3
    assert json.loads(report.model_dump_json())["ok"] is True


def test_nothing_is_simulated_unless_asked_for(undisturbed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Oscillator, "simulate", None)
    assert verify(undisturbed, progress=False).ok


@pytest.mark.parametrize("variable", ["displacement", "stiffness"])
def test_a_flipped_byte_is_named_and_can_be_mended(variable: str, copied: str, undisturbed: str) -> None:
    shard = Path(copied, variable, "c", *{"displacement": "10", "stiffness": "1"}[variable])
    damaged = bytearray(shard.read_bytes())
    damaged[20] ^= 1
    shard.write_bytes(damaged)
    (problem,) = verify(copied, progress=False).problems
    assert (problem.check, problem.variable, problem.row) == ("checksums", variable, 1)
    assert str(shard) in problem.message
    assert "16 to 31" in problem.message
    assert f"{copied}/build/row-000001" in problem.message

    del live(copied)["build/row-000001"]
    resume(copied, workers=0, recipe_class=Oscillator, progress=False)
    assert verify(copied, progress=False).ok
    assert content(copied) == content(undisturbed)


def test_a_value_changed_with_its_checksum_is_found(copied: str) -> None:
    live(copied)["stiffness"][20] = 9.0
    report = verify(copied, resimulate=12, recipe_class=Oscillator, progress=False)
    assert {problem.check for problem in report.problems} == {"hashes", "statistics"}
    assert any("record 20" in problem.message for problem in report.problems)
    (different,) = [unit for unit in report.resimulated if unit.answer == "different"]
    assert (different.first_record, different.last_record) == (20, 23)
    assert "'stiffness', record 20: stored 9, simulated" in different.detail


def test_a_forged_receipt_does_not_survive_simulating_again(copied: str) -> None:
    store = open_store(copied)
    values = store.reader(list(store.specs)).read(np.arange(16))
    receipt = store.receipt(0) or {}
    values["stiffness"][5] = 9.0
    receipt["hashes"] = store.write_row(0, values)
    store.write_receipt(0, receipt)
    store.consolidate()
    report = verify(copied, resimulate=12, recipe_class=Oscillator, progress=False)
    assert not report.problems
    assert not report.ok


@pytest.mark.parametrize("key", ["recipe_version", "recipe_config_sha256"])
def test_a_changed_receipt_is_found(key: str, copied: str) -> None:
    live(copied)["build/row-000002"].attrs[key] = 2
    open_store(copied).consolidate()
    assert checks(copied) == {"receipts"}


@pytest.mark.parametrize(
    "name", ["build/row-000002", "stiffness", "time", "split", "statistics/damping/mean", "statistics"]
)
def test_metadata_that_differ_from_their_gathered_copy_are_found(name: str, copied: str) -> None:
    file = Path(copied, name, "zarr.json")
    whole = file.read_text()
    file.write_text(whole.replace('"node_type"', '"nodf_type"'))
    (problem,) = verify(copied, progress=False).problems
    assert (problem.check, problem.variable) == ("metadata", name)
    file.unlink()
    assert checks(copied) == {"receipts" if "row" in name else "metadata"}
    file.write_text(whole)
    assert not checks(copied)


SUMMED = ["receipts", "statistics/stiffness"]


@pytest.mark.parametrize("name", SUMMED)
def test_a_flipped_byte_of_the_summary_is_found_and_mended(name: str, copied: str) -> None:
    (chunk,) = (path for path in Path(copied, "build/summary-1", name, "c").rglob("*") if path.is_file())
    flip(chunk)
    (problem,) = verify(copied, progress=False).problems
    assert f"build/summary-1/{name} is damaged" in problem.message
    open_store(copied).consolidate()
    assert verify(copied, progress=False).ok


def test_statistics_that_differ_from_their_summary_are_found(copied: str) -> None:
    live(copied)["build/summary-1/statistics/stiffness"][1, 20] = 9.0
    (problem,) = verify(copied, progress=False).problems
    assert (problem.check, problem.variable) == ("statistics", "stiffness")
    assert "the mean in the summary" in problem.message


def test_a_flipped_byte_of_the_statistics_is_found(copied: str) -> None:
    flip(Path(copied, "statistics/stiffness/mean/c/1"))
    first, second = verify(copied, progress=False).problems
    assert (first.check, first.row, second.check) == ("checksums", 1, "statistics")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_changed_parameters_are_found(copied: str) -> None:
    live(copied).attrs["recipe_config"] = '{"seed": 7}'
    open_store(copied).consolidate()
    assert checks(copied) == {"receipts"}


def test_values_out_of_range_are_found(copied: str) -> None:
    live(copied)["displacement"][40, 3] = 5.0
    messages = [p.message for p in verify(copied, progress=False).problems if p.check == "values"]
    assert len(messages) == 1
    assert "5 above the limit 1 m at record 40, cell [3]" in messages[0]


def test_a_split_that_tears_a_group_apart_is_found(copied: str) -> None:
    live(copied)["split"][1] = 2
    (problem,) = verify(copied, progress=False).problems
    assert problem.check == "splits"
    assert "keep each family whole" in problem.message


def test_units_that_nobody_can_read_are_found(copied: str) -> None:
    live(copied)["time"].attrs["units"] = "wibbles per fortnight"
    open_store(copied).consolidate()
    assert checks(copied) == {"units"}


def test_an_unfinished_build_does_not_hold(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    with pytest.raises(BuildError):
        build(Failing(), url, workers=0, progress=False)
    (problem,) = verify(url, progress=False).problems
    assert "2 of 3 shard rows have no receipt" in problem.message
    assert f"surrogates data resume {url}" in problem.message


def test_another_version_of_the_solver_is_not_comparable(
    copied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Oscillator, "software", lambda self: {"numpy": "99.0"})
    report = verify(copied, resimulate=1, recipe_class=Oscillator, progress=False)
    assert report.ok
    assert report.resimulated[0].answer == "not comparable"
    assert "99.0 now" in report.resimulated[0].detail


def test_a_store_cannot_name_the_code_that_is_run(
    copied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap.py").write_text("from pathlib import Path\nPath('sprung').touch()\nclass Trap: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    live(copied).attrs["recipe"] = "trap:Trap"
    with pytest.raises(ValueError, match=r"No recipe is registered as 'trap:Trap'.*--recipe MODULE:CLASS"):
        verify(copied, resimulate=1, progress=False)
    assert not Path("sprung").exists()


def test_of_a_chained_recipe_the_first_unit_is_simulated_again(tmp_path: Path) -> None:
    url = str(tmp_path / "walk.zarr")
    build(Walk(), url, workers=0, progress=False)
    report = verify(url, resimulate=4, recipe_class=Walk, progress=False)
    assert [(unit.unit, unit.answer) for unit in report.resimulated] == [(0, "same")]
