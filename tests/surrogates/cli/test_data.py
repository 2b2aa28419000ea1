"""`surrogates data` from the command line: what it builds, prints and refuses in one line."""

import json
import signal
from pathlib import Path

import pytest
import xarray as xr
import zarr

from datasets.factory.build import build
from surrogates.cli.main import main
from tests.datasets.factory.recipes import Failing
from tests.toy import Oscillator

TOY = "tests.toy:Oscillator"


def run(*words: object) -> int:
    """Return the exit status of `surrogates data ...`."""
    with pytest.raises(SystemExit) as stop:
        main(["data", *map(str, words)])
    return int(stop.value.code or 0)


@pytest.fixture
def built(tmp_path: Path) -> str:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(samples=16, shard=8), url, workers=0, progress=False)
    return url


def test_a_recipe_of_ones_own_is_built_with_its_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = tmp_path / "toy.zarr"
    assert run("build", TOY, f"out={url}", "samples=12", "seed=3", "workers=0") == 0
    assert f"{url} is complete: 12 records" in capsys.readouterr().out
    assert xr.open_zarr(url).attrs["seed"] == 3
    assert run("build", TOY, f"out={url}", "samples=12", "seed=3") == 0


def test_a_dry_run_says_time_and_size_and_builds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", TOY, f"out={tmp_path / 'toy.zarr'}", "samples=1000", "workers=2", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "1000 records in 250 units of" in said
    assert "with workers=2" in said
    assert "on disk" in said
    assert not list(tmp_path.iterdir())


def test_parts_are_built_and_finalised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = tmp_path / "toy.zarr"
    for part in ("1/2", "2/2"):
        assert run("build", TOY, f"out={url}", "samples=16", "shard=8", "workers=0", f"parts={part}") == 0
    assert f"surrogates data finalise {url}" in capsys.readouterr().out
    assert run("finalise", url) == 0
    assert "is complete: 16 records in 2 shard rows" in capsys.readouterr().out


def test_a_stopped_build_is_resumed_with_the_recipe_that_the_user_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(tmp_path / "toy.zarr")
    with pytest.raises(ValueError, match="diverged"):
        build(Failing(), url, workers=0, progress=False)
    assert run("info", url) == 0
    assert f"surrogates data resume {url}" in " ".join(capsys.readouterr().out.split())
    assert run("resume", url) == 2
    assert "--recipe MODULE:CLASS" in capsys.readouterr().err
    assert run("resume", url, "workers=0", "--recipe", TOY) == 0
    assert "is complete: 48 records" in capsys.readouterr().out


def test_an_interrupted_build_says_that_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["build", TOY, f"out={tmp_path / 'toy.zarr'}", "samples=8", "workers=0"]

    for name, status in [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 75)]:
        with monkeypatch.context() as patch:
            patch.setattr(
                Oscillator, "simulate", lambda *_, name=name: signal.raise_signal(signal.Signals[name])
            )
            assert run(*words) == status
        (line,) = capsys.readouterr().err.splitlines()
        assert line == f"Stopped by {name}. Finished units are kept; the same command resumes the build."
    assert run(*words) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", TOY, "out=x", "sampels=3"], "no parameter 'sampels'. Did you mean 'samples'?"),
        (["build", TOY, "out=x", "wokers=3"], "Did you mean 'workers'?"),
        (["build", TOY, "out=x", "samples=many"], "'samples' should be a valid integer"),
        (["build", TOY, "out=x", "workers=-1"], "workers=-1: expected a whole number"),
        (["build", TOY, "out=x", "parts=3"], "parts=3: expected I/N"),
        (["build", TOY, "samples"], "Found 'samples', expected KEY=VALUE"),
        (["build", TOY, "out=x", "samples=[3"], "samples=[3: not a YAML value"),
        (["build", TOY, "out=memory://x"], "a store in memory ends with this command"),
        (["build", TOY, "out="], "Add out=URL"),
        (["build", TOY], "Add out=URL, for example out=data/Oscillator.zarr"),
        (["build", "genric"], "Did you mean 'generic'?"),
        (["resume", "nothing.zarr", "samples=3"], "resume takes workers=N"),
        (["info", "nothing.zarr"], "no data store at nothing.zarr"),
        (["import", "generic", "nothing.yaml", "out=x"], "nothing.yaml"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not list(tmp_path.iterdir())


def test_info_shows_variables_and_writes_json(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(built).parent / "info.json"
    assert run("info", built, "--json", path) == 0
    said = capsys.readouterr().out
    assert "16 records along 'sample'" in said
    assert "displacement" in said
    found = json.loads(path.read_text())
    assert found["complete_rows"] == [0, 1]
    assert {variable["name"]: variable["units"] for variable in found["variables"]}["damping"] == "kg s-1"


def test_verify_answers_with_its_exit_status_and_json(built: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(built).parent / "report.json"
    assert run("verify", built, "--resimulate", 1, "--recipe", TOY) == 0
    assert "same" in capsys.readouterr().out
    zarr.open_group(built)["stiffness"][3] = 1.0
    assert run("verify", built, "--json", path) == 1
    said = capsys.readouterr().out
    assert "variable 'stiffness', record 3" in said
    assert "DOES NOT HOLD" in said
    assert json.loads(path.read_text())["ok"] is False


def test_plot_draws_a_picture(built: str) -> None:
    path = Path(built).parent / "pictures" / "three.png"
    assert run("plot", built, "--record", 3, "--out", path) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_needs_a_file_name(built: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plot", built, "--out", tmp_path) == 2
    assert "expected a name that ends in .png" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["toy.zarr"]


def test_commands_that_are_shown_can_be_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = tmp_path / "my data" / "töy.zarr"
    assert run("build", TOY, f"out={url}", "samples=16", "shard=8", "workers=0", "parts=1/2") == 0
    assert f"surrogates data finalise '{url}'" in capsys.readouterr().out
    assert run("finalise", url) == 2
    assert f"`surrogates data resume '{url}' --recipe MODULE:CLASS`" in capsys.readouterr().err


def test_files_are_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heights = ("run", [1.0, 2.0, 3.0], {"units": "cm"})
    xr.Dataset({"h": heights, "other": heights}).to_netcdf(tmp_path / "a.nc", engine="netcdf4")
    (tmp_path / "tank.yaml").write_text(
        "{title: Tank, files: a.nc, record_dimension: run, variables: {h: {units: m, long_name: height}}}"
    )
    assert run("import", "generic", tmp_path / "tank.yaml", f"out={tmp_path / 'tank.zarr'}", "workers=0") == 0
    said = capsys.readouterr().out
    assert "1 of 2 variables left out: 1 not named by the mapping (other)\n" in said
    assert xr.open_zarr(tmp_path / "tank.zarr").h.values.tolist() == pytest.approx([0.01, 0.02, 0.03])


def test_list_names_recipes_and_their_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    said = capsys.readouterr().out
    assert "generic\n" in said
    assert "seed=0 " in said
    assert "mapping=..." in said
