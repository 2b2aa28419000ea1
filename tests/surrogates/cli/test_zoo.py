"""`surrogates zoo`: what ships, in full, as a table, and as an example to begin with."""

import json
from pathlib import Path

import pytest
import xarray as xr

from surrogates.cli import main as cli
from surrogates.inference.zoo import names
from tests.silence import no_warnings

PAGE = Path(__file__).parents[3] / "docs" / "zoo.md"


def run(*words: str) -> None:
    try:
        cli.main(list(words))
    except SystemExit as stop:
        assert not stop.code


def test_every_bundle_is_listed_with_its_error_and_command(capsys) -> None:
    run("zoo")
    text = capsys.readouterr().out
    for name in names():
        assert f"python -m benchmarks.zoo {name} --size" in text
    assert text.count("rmse") >= len(names())


def test_json_holds_every_bundle(capsys) -> None:
    run("zoo", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [card["name"] for card in found] == names()
    assert all(card["errors"][0]["value"] > 0 for card in found)


def test_one_name_shows_its_card(capsys) -> None:
    run("zoo", "zoo:uav/course")
    assert capsys.readouterr().out.startswith("# uav/course")


def test_the_table_of_the_page_is_that_of_the_command(capsys) -> None:
    run("zoo", "--markdown")
    assert capsys.readouterr().out.strip() in PAGE.read_text(), (
        "docs/zoo.md is stale: put the output of `surrogates zoo --markdown` there"
    )


def test_a_mistyped_name_ends_in_one_line(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["zoo", "uav/corse"])
    assert stop.value.code == 2
    assert "Did you mean 'uav/course'" in capsys.readouterr().err


def test_an_example_is_written_and_predicted(tmp_path: Path) -> None:
    store, answer = tmp_path / "flights.zarr", tmp_path / "answer.nc"
    with no_warnings():
        run("zoo", "uav/course", "--example", str(store))
        run("predict", "zoo:uav/course", str(store), str(answer), "--interval", "0.9")
    with xr.open_dataset(answer) as found, xr.open_zarr(store) as known:
        assert found.position_forecast.shape == known.position_forecast.shape
        assert (found.position_forecast_lower < found.position_forecast_upper).all()


def test_evaluation_asks_for_a_store(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["evaluate", "zoo:uav/course"])
    assert stop.value.code == 2
    assert "dataset=URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evaluate", "zoo:uav/corse", "dataset=flights.zarr"), "Did you mean 'uav/course'"),
        (("zoo", "--json", "--markdown"), "choose one"),
        (("zoo", "uav/course", "--example", "flights.nc"), "ends in .zarr"),
    ],
)
def test_what_cannot_be_done_ends_in_one_line(words: tuple[str, ...], said: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
