"""`surrogates data extend|merge|subset|compare` from the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from tests.surrogates.cli.test_data import TOY, run
from tests.toy import Oscillator


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("stores")
    urls = [str(folder / name) for name in ("a.zarr", "b.zarr")]
    for seed, url in enumerate(urls):
        build(Oscillator(samples=8, shard=8, seed=seed), url, workers=0, progress=False)
    return urls


def test_a_store_is_extended_merged_cut_and_compared(
    stores: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = [shutil.copytree(url, tmp_path / Path(url).name).as_posix() for url in stores]
    both, some, report = (str(tmp_path / name) for name in ("both.zarr", "some.zarr", "found.json"))
    assert run("extend", stores[0], "records=12", "workers=0", "--recipe", TOY, "--no-progress") == 0
    assert f"{stores[0]} is complete: 12 records in 2 shard rows." in capsys.readouterr().out
    assert run("merge", *stores, f"out={both}", "--no-progress") == 0
    assert "is complete: 20 records" in capsys.readouterr().out
    assert run("verify", both, "--no-progress") == 0
    words = ["records=12:", "family=1", "variables=damping", "split=split:train"]
    assert run("subset", both, f"out={some}", *words, "--no-progress") == 0
    ds = xr.open_zarr(some)
    assert set(ds.data_vars) == {"damping", "split"}
    np.testing.assert_array_equal(ds["damping"], xr.open_zarr(stores[1])["damping"][4:])
    capsys.readouterr()
    assert run("compare", *stores, "records=all", "--json", report, "--no-progress") == 1
    said = capsys.readouterr().out
    assert "parameter 'samples': 12, 8" in said and "parameter 'seed': 0, 1" in said
    assert "values: 'stiffness' differs in 8 cells of 8 records" in said
    assert json.loads(Path(report).read_text())["answer"] == "different"
    assert run("compare", both, both, "--no-progress") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["extend", "A", "--recipe", TOY], "expected how many records"),
        (["extend", "A", "record=20"], "There is no key 'record'. Did you mean 'records'?"),
        (["extend", "A", "records=many"], "records=many: expected a whole number"),
        (["extend", "A", "records=20"], "--recipe MODULE:CLASS"),
        (["merge", "A", "B"], "Where to? Add out=URL"),
        (["merge", "A", "out=c.zarr"], "merge takes two stores or more"),
        (["subset", "A", "out=c.zarr", "records=5"], "records=5: expected FIRST:STOP"),
        (["subset", "A", "out=c.zarr", "speed=1"], "has no variable 'speed' with one value for each sample"),
        (["compare", "A", "c.zarr"], "no data store at c.zarr"),
    ],
)
def test_mistakes_end_in_one_line(
    words: list[str], said: str, stores: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*[{"A": stores[0], "B": stores[1]}.get(word, word) for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("command", ["extend", "merge", "subset", "compare"])
def test_help_teaches_by_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    assert f"surrogates data {command} data/" in capsys.readouterr().out
