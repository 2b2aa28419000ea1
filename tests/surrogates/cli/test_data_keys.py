"""Keys of a build come from the command line and from a file."""

from pathlib import Path

import pytest
import xarray as xr

from datasets.factory.find import find_recipe
from surrogates.cli.data_keys import read_keys
from tests.surrogates.cli.test_data import TOY, run


def test_keys_come_from_a_file_and_the_command_line_wins(tmp_path: Path) -> None:
    file, url = tmp_path / "keys.yaml", tmp_path / "toy.zarr"
    file.write_text(f"samples: 12\nsteps: 8\nworkers: 0\nout: {url}\n")
    assert run("build", TOY, "--config", file, "samples=8", "shard=8") == 0
    assert dict(xr.open_zarr(url).sizes) == {"sample": 8, "time": 8}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "sampels: 3\n",
            "keys.yaml: Recipe 'toy/oscillator' has no parameter 'sampels'. Did you mean 'samples'?",
        ),
        ("samples: many\n", "keys.yaml: recipe 'toy/oscillator': 'samples' should be a valid integer"),
        ("- samples\n", "keys.yaml holds list, expected `key: value` lines"),
        ("samples: [3\n", "keys.yaml is not valid YAML"),
        ("samples: !!python/name:os.system\n", "keys.yaml is not valid YAML"),
        ("samples: 3\nsamples: 4\n", "line 2: the key 'samples' stands in line 1 already"),
        ("# nothing\n", "keys.yaml holds nothing, expected `key: value` lines"),
        ("out: [a, b]\n", "out=['a', 'b']: expected the path or URL of one store"),
        ("samples: on\n", "keys.yaml: recipe 'toy/oscillator': 'samples' should be a valid integer"),
        ("samples: true\n", "keys.yaml: recipe 'toy/oscillator': 'samples': expected a number, found true"),
        ("\x1f\x8b\x08", "keys.yaml is a file packed by gzip, expected YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_named(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keys.yaml").write_bytes(content.encode("latin-1"))
    given = [] if content.startswith("out") else ["out=toy.zarr"]
    assert run("build", TOY, "--config", "keys.yaml", *given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not Path("toy.zarr").exists()


def test_a_key_of_a_section_is_answered_with_how_to_write_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "radio/drive_test", "columns.rsrp=dbm", "out=x") == 2
    assert "'columns.rsrp' is a key of a section; write columns={rsrp: dbm}" in capsys.readouterr().err


def test_a_file_of_an_import_is_named_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("sight: here\n")
    assert run("import", "radio/drive_test", file, "out=x") == 2
    assert f"{file}: Recipe 'radio/drive_test' has no parameter 'sight'. Did you mean 'site'?" in (
        capsys.readouterr().err
    )


def test_a_key_that_stands_twice_in_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build", "seismic/openfwi_like", "family={salt: 1, salt: 2}", "--dry-run") == 2
    assert "the key 'salt' stands in line 1 already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recipe", "word", "value"),
    [
        ("uav/csv", "folder=[v2]", "[v2]"),
        ("uav/csv", "folder=a: b", "a: b"),
        ("uav/csv", "folder=a #1", "a #1"),
        ("uav/csv", "folder=2024", "2024"),
        ("uav/csv", "folder=2024-01-01", "2024-01-01"),
        ("uav/csv", "folder=null", "null"),
        ("uav/csv", "folder='2024'", "2024"),
        ("uav/csv", "folder=", None),
        ("uav/csv", "encoding=null", None),
        ("uav/csv", "files=*.csv", ["*.csv"]),
        ("uav/csv", "files=[*.csv, 'a, b.csv']", ["*.csv", "a, b.csv"]),
        ("uav/csv", "families={a: hover}", {"a": "hover"}),
        ("radio/osm", "osm_file=a: b #1.osm", ["a: b #1.osm"]),
        ("seismic/openfwi_like", "samples=3", 3),
    ],
)
def test_text_and_paths_are_taken_as_they_are_typed(recipe: str, word: str, value: object) -> None:
    assert read_keys([word], find_recipe(recipe)).given == {word.partition("=")[0]: value}


def test_a_list_that_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "[a,b]").touch()
    assert read_keys(["files=[a,b]"], find_recipe("uav/csv")).given == {"files": ["[a,b]"]}
