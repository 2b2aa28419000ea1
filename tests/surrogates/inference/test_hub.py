"""Bundles on the Hugging Face Hub are pushed, loaded by name at a commit, cached, and refused in one line."""

import errno
import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr
import yaml

import surrogates
from datasets.store.layout import Store
from surrogates.cli.main import main
from surrogates.inference import hub_card
from surrogates.inference.bundle import save_ensemble, update_metrics
from surrogates.inference.errors import BundleError
from surrogates.inference.hub import parsed, push
from surrogates.inference.manifest import PICKLES, read_manifest
from tests.hub_server import TOKEN, Hub, serving
from tests.surrogates.runs.conftest import finished_run

hub = pytest.importorskip("huggingface_hub")
CONSTANTS = importlib.import_module("huggingface_hub.constants")
URL = "hf://me/toy"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with an empty cache, to which a user is logged in."""
    with serving(Hub()) as server:
        monkeypatch.setattr(CONSTANTS, "ENDPOINT", server.url)
        monkeypatch.setattr(
            CONSTANTS, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(CONSTANTS, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, server: Hub) -> None:
    monkeypatch.setattr(CONSTANTS, "HF_HUB_OFFLINE", True)
    hub.close_session()


def run(*words: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by their paths in it."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_pushed_bundle_predicts_the_same_and_tells_its_commit(
    server: Hub, bundle: Path, inputs: xr.Dataset, capsys
) -> None:
    assert not run("push", bundle, URL, "--private")
    (commit,) = server.commits["me/toy"]
    assert capsys.readouterr().out == f"-> {URL}@{commit}\n"
    assert server.private == {"me/toy"}
    loaded = surrogates.load(URL, device="cpu")
    said = capsys.readouterr().err
    assert f"{URL}@{commit}: fetching 0.0" in said and " MB" in said
    assert f"{URL}@{commit}" in repr(loaded)
    prediction = loaded.predict(inputs)
    xr.testing.assert_equal(prediction, surrogates.load(bundle, device="cpu").predict(inputs))
    assert prediction.attrs["bundle"] == f"{URL}@{commit}"
    assert not any(path.is_symlink() for path in loaded.bundle.folder.rglob("*"))


def test_what_should_be_private_is_not_pushed_to_a_public_repository(
    server: Hub, bundle: Path, capsys
) -> None:
    for _ in range(2):
        assert not run("push", bundle, "hf://me/hidden", "--private")
    assert not run("push", bundle, URL)
    before = dict(server.commits["me/toy"])
    (bundle / "card.md").write_text("secret")
    capsys.readouterr()
    assert run("push", bundle, URL, "--private") == 2
    assert "exists and is public, so nothing was pushed; make it private" in capsys.readouterr().err
    assert server.commits["me/toy"] == before


def test_a_second_push_of_the_same_bundle_makes_no_commit(server: Hub, bundle: Path, capsys) -> None:
    for _ in range(2):
        assert not run("push", bundle, URL)
        (commit,) = server.commits["me/toy"]
        assert capsys.readouterr().out == f"-> {URL}@{commit}\n"


@pytest.mark.slow  # trains
def test_a_trained_run_is_pushed_whole_and_predicts_the_same(
    server: Hub, store: Store, tmp_path: Path, capsys
) -> None:
    task = ("task.inputs=[stiffness,damping]", "task.targets=[displacement]", "model=mlp", "model.width=8")
    trainer = ("trainer.max_steps=8", "trainer.batch_size=8", "trainer.progress=false", "trainer.loggers=[]")
    words = ("trainer.accelerator=cpu", f"dataset={store.url}", f"output={tmp_path / 'runs'}")
    assert not run("train", *task, *trainer, *words)
    trained = max((tmp_path / "runs").glob("*/*"))
    origins = []
    for _ in range(2):
        capsys.readouterr()
        assert not run("push", trained, URL)
        origins.append(capsys.readouterr().out)
    (files,) = server.commits["me/toy"].values()
    assert len(set(origins)) == 1
    inputs = store.dataset()[["stiffness", "damping"]].load()
    loaded, own = surrogates.load(URL, device="cpu"), surrogates.load(trained, device="cpu")
    pushed, expected = loaded.predict(inputs), own.predict(inputs)
    assert list(pushed) == list(expected)
    for name, values in expected.items():
        assert pushed[name].dtype == values.dtype
        assert pushed[name].values.tobytes() == values.values.tobytes()
    taken = {str(each.relative_to(loaded.bundle.folder)) for each in loaded.bundle.folder.rglob("*")}
    assert set(files) == taken | {"card.md", "README.md"}  # what people read
    assert not {Path(name).suffix for name in files} & PICKLES
    assert str(tmp_path).encode() not in b"".join(files.values())


def test_only_files_of_the_bundle_are_fetched(server: Hub, bundle: Path) -> None:
    server.commit("me/toy", {**files_of(bundle), "evil.pkl": b"x", "setup.py": b"x", "README.md": b"x"})
    folder = surrogates.load(URL, device="cpu").bundle.folder
    assert {path.name for path in folder.iterdir()} == {"bundle.yaml", "weights.safetensors"}
    assert not [line for line in server.asked if "evil" in line or "setup" in line or "README" in line]


def test_a_revision_is_pinned(server: Hub, bundle: Path) -> None:
    first = server.commit("me/toy", files_of(bundle))
    renamed = (bundle / "bundle.yaml").read_bytes().replace(b"name: toy", b"name: second")
    server.commit("me/toy", {"bundle.yaml": renamed})
    assert surrogates.load(URL, device="cpu").bundle.manifest.name == "second"
    pinned = surrogates.load(f"{URL}@{first}", device="cpu")
    assert (pinned.bundle.manifest.name, pinned.bundle.origin) == ("toy", f"{URL}@{first}")
    asked = len(server.asked)
    surrogates.load(f"{URL}@{first}", device="cpu")
    assert len(server.asked) == asked  # a cached commit needs no network


def test_what_is_cached_loads_offline(server: Hub, bundle: Path, request, capsys) -> None:
    commit = server.commit("me/toy", files_of(bundle))
    surrogates.load(URL, device="cpu")
    request.getfixturevalue("offline")
    capsys.readouterr()
    assert surrogates.load(URL, device="cpu").bundle.origin == f"{URL}@{commit}"
    assert capsys.readouterr().err == f"{URL}@{commit}: taken from the cache\n"
    with pytest.raises(
        BundleError, match=r"hf://me/other@main: HF_HUB_OFFLINE forbids .* not cached; load it"
    ):
        surrogates.load("hf://me/other")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of other weights, on stores of the same values."""
    made = {"baselines": ["mean"], "plots": [], "metrics": ["rmse"], "targets": ["speed"], "valid_min": {}}
    return [finished_run(tmp_path_factory.mktemp("runs"), seed=seed, **made) for seed in (0, 1)]


@pytest.fixture
def two_commits(server: Hub, runs: list[Path]) -> list[str]:
    """Commits of a repository: the bundle of the first run, then that of the second."""
    for folder in runs:
        assert not run("push", folder, URL)
    return list(server.commits["me/toy"])


def scores(folder: Path, *words: object) -> list[dict[str, object]]:
    """Return what `surrogates evaluate` writes to a file."""
    assert not run("evaluate", *words, "--device", "cpu", "--json", folder / "scores.json")
    rows: list[dict[str, object]] = json.loads((folder / "scores.json").read_text())["rows"]
    return rows


def test_a_bundle_of_the_hub_is_scored_on_a_store_here(
    server: Hub, runs: list[Path], two_commits: list[str], tmp_path: Path, request, capsys
) -> None:
    folder, (first, second) = runs[0], two_commits
    words = (f"dataset={folder.parent / 'toy.zarr'}", "--split", "validation")
    expected = scores(tmp_path, folder, *words)
    assert {row["method"] for row in expected} == {"mlp", "mean"}
    assert scores(tmp_path, f"{URL}@{first}", *words) == expected
    latest = scores(tmp_path, URL, *words)
    value = {row["method"]: row["value"] for row in expected if row["group"] == "all"}
    other = {row["method"]: row["value"] for row in latest if row["group"] == "all"}
    assert other["mean"] == value["mean"] and other["mlp"] != value["mlp"]
    request.getfixturevalue("offline")
    asked = len(server.asked)
    capsys.readouterr()
    assert scores(tmp_path, URL, *words) == latest
    assert f"{URL}@{second}: taken from the cache" in capsys.readouterr().err
    assert len(server.asked) == asked
    assert run("evaluate", "hf://me/other", *words) == 2
    assert "HF_HUB_OFFLINE forbids to ask the hub" in capsys.readouterr().err


def test_a_bundle_of_the_hub_is_calibrated_into_a_folder(
    server: Hub, runs: list[Path], two_commits: list[str], tmp_path: Path, request, capsys
) -> None:
    folder, (first, second) = runs[0], two_commits
    store = folder.parent / "toy.zarr"
    assert run("calibrate", URL, store) == 2
    assert f"{URL} stays as it is; give --out DIR for the new one" in capsys.readouterr().err
    made = {name: tmp_path / name for name in ("here", "pinned", "cached")}
    assert not run("calibrate", folder, store, "--out", made["here"], "--device", "cpu")
    assert not run("calibrate", f"{URL}@{first}", store, "--out", made["pinned"], "--device", "cpu")
    surrogates.load(URL, device="cpu")
    request.getfixturevalue("offline")
    assert not run("calibrate", f"{URL}@{second}", store, "--out", made["cached"], "--device", "cpu")
    radius = {
        name: read_manifest(each / "bundle").calibration["speed"].radius(0.9) for name, each in made.items()
    }
    assert radius["pinned"] == radius["here"] != radius["cached"]
    loaded = surrogates.load(made["pinned"], device="cpu")
    with xr.open_zarr(store) as ds:
        found = loaded.predict(ds.isel(sample=slice(4)), interval=0.9)
    assert float((found.speed_upper - found.speed)[0]) == pytest.approx(radius["here"], rel=1e-5)


def test_an_ensemble_is_pushed_with_its_members(server: Hub, bundle: Path, tmp_path: Path) -> None:
    other = shutil.copytree(bundle, tmp_path / "other")
    folder = save_ensemble(tmp_path / "both", [bundle, other])
    origin = push(folder, URL, beside={})
    loaded = surrogates.load(origin, device="cpu").bundle
    assert (len(loaded.parts), loaded.origin) == (2, origin)


def test_the_card_has_the_metadata_that_the_hub_reads(server: Hub, bundle: Path) -> None:
    row = {"method": "mlp", "target": "gain", "metric": "rmse", "value": 4.5, "units": "dB", "group": "all"}
    rows = [row, {**row, "method": "mean", "value": 9.0}, {**row, "metric": "mae", "value": float("nan")}]
    update_metrics(bundle, {"model": "mlp", "rows": rows})
    push(bundle, URL, beside={})
    (files,) = server.commits["me/toy"].values()
    _, header, text = files["README.md"].decode().split("---\n", 2)
    found = yaml.safe_load(header)
    assert found["library_name"] == "sciml-surrogates"
    assert (found["metrics"], "surrogate-model" in found["tags"]) == (["rmse"], True)
    ((result,),) = [each["results"] for each in found["model-index"]]
    assert [each["value"] for each in result["metrics"]] == [4.5]
    assert text.strip() == files["card.md"].decode().strip()
    assert f'surrogates.load("{URL}")' in text
    hub.ModelCard(files["README.md"].decode())  # which the hub's own library parses


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (["CC0-1.0"], {"license": "cc0-1.0"}),
        (["ODbL-1.0 (building geometry (c) OpenStreetMap contributors)"], {"license": "odbl"}),
        (["CC0-1.0", "secret"], {"license": "other", "license_name": "cc0-1.0-and-secret"}),
        (["unspecified"], {}),
        (["CC0-1.0", "unspecified"], {"license": "other", "license_name": "cc0-1.0-and-unspecified"}),
    ],
)
def test_the_license_is_that_of_the_training_data(bundle: Path, licenses: list[str], expected: dict) -> None:
    stores = [{"license": each, "title": "t"} for each in licenses]
    manifest = read_manifest(bundle).model_copy(update={"provenance": {"datasets": stores}})
    found = yaml.safe_load(hub_card.metadata(manifest))
    assert {key: found[key] for key in found if key.startswith("license")} == expected


def test_a_cache_that_may_only_be_read_is_told(server: Hub, bundle: Path, monkeypatch) -> None:
    server.commit("me/toy", files_of(bundle))
    download = hub.hf_hub_download

    def refuse(*words: object, dry_run: bool, **keys: object) -> object:
        if dry_run:
            return download(*words, dry_run=dry_run, **keys)
        raise OSError(errno.EROFS, "Read-only file system", "/cache/models--me--toy")

    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    with pytest.raises(BundleError, match=r"hf://me/toy@main: .* its cache \(Read-only .* by HF_HUB_CACHE$"):
        surrogates.load(URL)


def test_what_the_hub_lacks_is_one_line(server: Hub, bundle: Path, monkeypatch) -> None:
    server.commit("me/toy", files_of(bundle))
    server.commit("me/data", {"README.md": b"nothing"})
    manifest = yaml.safe_load(files_of(bundle)["bundle.yaml"])
    manifest["files"]["x.pkl"] = "0"
    server.commit("me/pickle", {**files_of(bundle), "bundle.yaml": yaml.safe_dump(manifest).encode()})
    server.commit("me/large", {"bundle.yaml": b"#" * ((1 << 20) + 1)})
    server.commit("me/torn", {"bundle.yaml": files_of(bundle)["bundle.yaml"]})
    cases = {
        "hf://me/nothing": "hf://me/nothing does not exist, or is private; check the name",
        f"{URL}@v9": "hf://me/toy has no revision 'v9'; give a branch, a tag or a commit",
        "hf://me/data": "hf://me/data@main has no bundle.yaml, so it is no whole bundle; `surrogates push",
        "hf://me/torn": "has no weights.safetensors, so it is no whole bundle",
        "hf://me/pickle": "hf://me/pickle: bundle.yaml lists x.pkl, which may hold a pickle; nothing",
        "hf://me/large": "bundle.yaml has 1048577 bytes; at most 1048576 are read",
        "hf://toy": "found hf://toy, expected hf://OWNER/NAME or hf://OWNER/NAME@REVISION",
        "hf://me/toy/../../x": "expected hf://OWNER/NAME",
    }
    for url, expected in cases.items():
        with pytest.raises(BundleError) as caught:
            surrogates.load(url)
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    server.private.add("me/toy")
    with pytest.raises(BundleError, match=r"is private; .* log in by `hf auth login`"):
        surrogates.load(URL)
    with pytest.raises(BundleError, match=r"hf://me/toy: the hub refuses .*; log in by `hf auth login`"):
        push(bundle, URL, beside={})


def test_a_hub_that_does_not_answer_is_one_line(server: Hub, bundle: Path, monkeypatch) -> None:
    monkeypatch.setattr(CONSTANTS, "ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(
        CONSTANTS, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:1/{repo_id}/resolve/{revision}/{filename}"
    )
    with pytest.raises(BundleError, match="hf://me/toy: the hub does not answer"):
        push(bundle, URL, beside={})


def test_without_the_extra_the_line_to_install_is_said(monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    (tmp_path / "in.nc").touch()
    assert run("predict", URL, tmp_path / "in.nc", tmp_path / "out.nc") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert 'pip install "sciml-surrogates[hub]"' in line


def test_the_form_of_a_name() -> None:
    assert parsed("hf://me/toy") == ("me/toy", None)
    assert parsed("hf://me/toy@refs/pr/3") == ("me/toy", "refs/pr/3")
