"""`surrogates data card` shows what a recipe makes and what a store holds."""

import json
from pathlib import Path

import pytest

from datasets.factory.build import build
from tests.surrogates.cli.test_data import TOY, run
from tests.toy import Oscillator


@pytest.fixture
def built(tmp_path: Path) -> str:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(samples=16, shard=8), url, workers=0, progress=False)
    return url


def test_cards_of_recipes_and_stores_are_shown(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("card", "seismic/segy") == 0
    assert "| `line_position` | sample | m |" in capsys.readouterr().out
    assert run("card", TOY) == 0
    assert "| `damping` | sample | kg s-1 |" in capsys.readouterr().out
    assert run("card", built) == 0
    assert "| `damping` | sample 16 | kg s-1 |" in capsys.readouterr().out


def test_croissant_is_written_to_a_file(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlcroissant")
    path = Path(built).parent / "made" / "croissant.json"
    assert run("card", built, "--croissant", "--out", path) == 0
    assert json.loads(path.read_text())["conformsTo"] == "http://mlcommons.org/croissant/1.1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["radio/urbn"], "neither a store nor a recipe. Did you mean 'radio/urban'?"),
        (["nothing.zarr"], "no data store at nothing.zarr"),
        (["radio/urban", "--croissant"], "the recipe 'radio/urban' has none; give a store"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("card", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
