"""Text of a stranger's file comes to the terminal and into cards without what acts on them."""

import json
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasets.factory.cards import store_card
from datasets.store.layout import open_store
from surrogates.cli.main import main
from surrogates.core.text import HIDDEN as KINDS
from surrogates.core.text import code_markdown, plain_markdown, printable
from surrogates.inference.bundle import update_metrics
from surrogates.inference.zoo import FOLDER
from tests.hostile.bundles import HIDDEN
from tests.hostile.work import build

ACTS = "\x1b\x07\x9b\u202e\u2028\r"
HTML = "<img src=x onerror=alert(1)>\n# big\n[a](javascript:b) ![c](d) | ` "


def spoilt(value: Any, extra: str) -> Any:
    """Append to every text in a JSON value, and to every text in a JSON text."""
    if isinstance(value, dict):
        return {key: spoilt(each, extra) for key, each in value.items()}
    if isinstance(value, list):
        return [spoilt(each, extra) for each in value]
    if not isinstance(value, str):
        return value
    try:
        inner = json.loads(value)
    except ValueError:
        return value + extra
    return json.dumps(spoilt(inner, extra)) if isinstance(inner, dict | list) else value


def spoil(path: Path, extra: str, *kept: str) -> None:
    """Append to every text among the attributes of a node of a store."""
    node = json.loads(path.read_text(encoding="utf-8"))
    node["attributes"] = {
        key: value if key in kept else spoilt(value, extra) for key, value in node["attributes"].items()
    }
    path.write_text(json.dumps(node), encoding="utf-8")


def spoil_store(store: Path, extra: str) -> None:
    """Append to every text among the attributes of a store, not where nothing would be read then."""
    root = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
    root["consolidated_metadata"] = None
    (store / "zarr.json").write_text(json.dumps(root), encoding="utf-8")
    for name in ("", "height", "slope", "split"):
        spoil(store / name / "zarr.json", extra, "units", "record_dimension", "record_variables")


@pytest.fixture(scope="module")
def spoilt_store(tmp_path_factory) -> Path:
    """A store whose every text holds controls."""
    store: Path = tmp_path_factory.mktemp("text") / "w.zarr"
    build(str(store))
    spoil_store(store, HIDDEN)
    return store


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A trained run whose bundle and configuration hold controls wherever they may."""
    folder: Path = tmp_path_factory.mktemp("run")
    build(str(folder / "w.zarr"))
    words = ["model=mlp", "model.width=4", "model.depth=1", "task.inputs=[height]", "task.targets=[slope]"]
    words += ["trainer.max_steps=2", "trainer.progress=false", f"output={folder / 'runs'}"]
    with pytest.raises(SystemExit) as stopped:
        main(["train", f"dataset={folder / 'w.zarr'}", *words])
    assert not stopped.value.code
    (found,) = (folder / "runs").glob("*/*")
    path = found / "bundle" / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data |= {"name": HIDDEN, "provenance": {HIDDEN: HIDDEN}, "versions": {HIDDEN: HIDDEN}}
    for spec in [*data["pipeline"]["inputs"], *data["pipeline"]["targets"]]:
        spec["long_name"] += HIDDEN
        spec["display_units"] = HIDDEN
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    path = found / "config.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["experiment"] = data["task"]["name"] = HIDDEN
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    spoil_store(folder / "w.zarr", HIDDEN)
    return found


@pytest.fixture
def typed(monkeypatch, capsys) -> Callable[..., str]:
    """Return what a typed command prints, errors and warnings included."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["surrogates", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as stopped:
            assert not isinstance(stopped.code, str)
        said = capsys.readouterr()
        return said.out + said.err

    return call


def harmless(text: str) -> bool:
    return not {*ACTS} & {*text}


@pytest.mark.parametrize(
    "command",
    [
        ("data", "info"),
        ("data", "card"),
        ("data", "verify", "--no-progress"),
        ("data", "plot", "--out", "PNG"),
        ("data", "card", "--croissant"),
        ("data", "resume"),
    ],
)
def test_commands_on_a_store_print_nothing_that_acts(command, spoilt_store, typed, tmp_path):
    said = typed(
        *command[:2], spoilt_store, *(each.replace("PNG", str(tmp_path / "a.png")) for each in command[2:])
    )
    assert harmless(said)
    assert "pwned" in said or command[1] in ("verify", "plot", "resume")


@pytest.mark.slow  # a training, two evaluations and an export
def test_commands_on_a_run_print_nothing_that_acts(run, typed, tmp_path):
    data = tmp_path / "in.nc"
    open_store(str(run.parents[2] / "w.zarr")).dataset().isel(sample=slice(0, 2))[["height"]].to_netcdf(data)
    said = [
        typed("evaluate", run),
        typed("predict", run, data, tmp_path / "out.nc"),
        typed("predict", run, tmp_path / f"{HIDDEN}.nc", tmp_path / "other.nc"),
        typed("export", run, tmp_path / "out.onnx"),
        typed("ensemble", run, run, "--out", tmp_path / HIDDEN),
    ]
    assert all(map(harmless, said)), said
    assert ["error" in said[0], "pwned" in said[0], "pwned" in said[2]] == [False, True, True]
    assert harmless((run / "bundle" / "card.md").read_text(encoding="utf-8"))


def test_the_zoo_prints_nothing_that_acts(typed, tmp_path, monkeypatch):
    monkeypatch.setattr("surrogates.inference.zoo.FOLDER", tmp_path)
    shutil.copytree(FOLDER / "uav" / "course", tmp_path / "uav" / "course")
    path = tmp_path / "uav" / "course" / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["provenance"] |= {"note": HIDDEN, "command": HIDDEN}
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    (path.parent / "card.md").write_text(HIDDEN, encoding="utf-8")
    said = [typed("zoo"), typed("zoo", "uav/course"), typed("zoo", "--markdown"), typed("zoo", "--json")]
    assert all(map(harmless, said))
    assert [each for each in said if "pwned" not in each] == []
    assert harmless(typed("zoo", f"../{HIDDEN}"))


def test_a_message_that_quotes_a_file_is_one_bearable_line(typed, tmp_path):
    (tmp_path / "bundle.yaml").write_text(f"name: {'x' * 900_000}\n", encoding="utf-8")
    said = typed("predict", tmp_path, tmp_path / "in.nc", tmp_path / "out.nc")
    assert said.count("\n") == 1
    assert len(said) < 2100


@pytest.mark.parametrize(
    "text", [chr(code) for code in (0, 7, 27, 127, 0x9B, 0x200B, 0x202E, 0x2028, 0xDC80)]
)
def test_what_is_not_seen_is_escaped_as_json_does(text):
    assert printable(f"a{text}ä") == f"a{json.dumps(text)[1:-1]}ä"
    assert printable(f"a\n{text}", lines=True).startswith("a\n\\")


def test_only_lines_and_tabs_of_a_text_stay():
    assert printable("a\tb\nc", lines=True) == "a\tb\nc"
    assert printable("a\tb\nc") == r"a\tb\nc"
    assert KINDS == ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize("shown", [plain_markdown(HTML), code_markdown(HTML)])
def test_markdown_of_a_stranger_is_text(shown):
    assert "\n" not in shown
    assert "<" not in shown
    assert "](" not in shown.replace("]\\(", "")
    assert " | " not in shown.replace("\\|", "")


def test_the_card_of_a_store_shows_text_of_its_attributes_as_text(tmp_path):
    build(str(tmp_path / "w.zarr"))
    spoil_store(tmp_path / "w.zarr", HTML)
    path = tmp_path / "w.zarr" / "zarr.json"
    node = json.loads(path.read_text(encoding="utf-8"))
    for kept in (True, False):
        if not kept:
            del node["attributes"]["card"]
            path.write_text(json.dumps(node), encoding="utf-8")
        card = store_card(open_store(str(tmp_path / "w.zarr")))
        assert "<img" not in card
        assert "onerror" in card
    assert "\n# big" not in card


def test_the_card_of_a_bundle_shows_text_of_its_manifest_as_text(bundle):
    path = bundle / "bundle.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data |= {"name": HTML, "versions": {HTML: HTML}, "provenance": {HTML: HTML, "data": [{HTML: HTML}]}}
    data["pipeline"]["inputs"][0] |= {"long_name": HTML, "display_units": HTML}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    row = {"method": HTML, "target": HTML, "metric": HTML, "value": 1.0, "units": HTML, "group": "all"}
    update_metrics(bundle, {"rows": [row, {"group": "all"}]})
    card = (bundle / "card.md").read_text(encoding="utf-8")
    assert "<" not in card
    assert "\n# big" not in card
    assert "](" not in card.replace("]\\(", "")
