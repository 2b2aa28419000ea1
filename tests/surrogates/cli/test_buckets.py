"""Every command that takes a store takes one in a bucket, as on this machine's disk."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

import surrogates
from datasets.factory.build import build
from datasets.factory.verify import verify
from surrogates.cli.main import main
from surrogates.core.build import validate
from surrogates.experiment.config import RunConfig
from surrogates.experiment.experiment import Experiment
from surrogates.inference.bundle import save_bundle
from tests.bucket_server import serving_bucket
from tests.datasets.factory.recipes import Counted

BUCKET = "s3://bucket"
TRAIN = (
    *("task.inputs=[power]", "task.targets=[heat]", "model=mlp", "model.width=8", "trainer.max_steps=8"),
    *("trainer.batch_size=8", "trainer.progress=false", "trainer.loggers=[]", "trainer.accelerator=cpu"),
)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """The file system of a server of S3 with a bucket."""
    with serving_bucket() as system:
        yield system


@pytest.fixture(scope="module")
def store(bucket: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store in the bucket that was imported from a file there."""
    folder = tmp_path_factory.mktemp("import")
    power = np.linspace(1, 5, 40)
    table = xr.Dataset({"power": ("run", power, {"units": "W"}), "heat": ("run", 3 * power, {"units": "K"})})
    table.to_netcdf(folder / "rods.nc")
    bucket.put_file(str(folder / "rods.nc"), "bucket/files/rods.nc")
    mapping = {
        "title": "Rods",
        "files": f"{BUCKET}/files/*.nc",
        "record_dimension": "run",
        "variables": {name: {"units": units} for name, units in (("power", "W"), ("heat", "K"))},
        "splits": {"split": {"validation": 0.2, "test": 0.2}},
    }
    (folder / "rods.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    url = f"{BUCKET}/rods.zarr"
    assert not run("data", "import", "generic", folder / "rods.yaml", f"out={url}", "workers=0")
    return url


@pytest.fixture(scope="module")
def made(store: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on the store in the bucket leaves, with fresh weights."""
    folder = tmp_path_factory.mktemp("run")
    config = {
        "experiment": "toy/rods",
        "dataset": [{"url": store}],
        "task": {"inputs": ["power"], "targets": ["heat"], "baselines": ["mean"], "plots": []},
        "model": {"name": "mlp", "width": 8},
        "trainer": {"max_steps": 1, "batch_size": 8, "threads": 0},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    opened = Experiment.open(validate(RunConfig, config, "run"))
    save_bundle(folder / "bundle", opened.pipeline(), name="toy/rods")
    return folder


def run(*words: object) -> object:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


@pytest.mark.slow  # an import, which is built the same way, is tried below
def test_a_store_is_built_in_a_bucket(bucket: Any, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{BUCKET}/walk.zarr"
    words = ("data", "build", "tests.datasets.factory.recipes:Walk", f"out={url}", "workers=0")
    assert not run(*words)
    assert "is complete" in capsys.readouterr().out
    assert verify(url, progress=False).ok
    assert not run(*words)  # it is there, and stays
    assert not [path for path in bucket.find("bucket/walk.zarr") if "staging" in path or "writable" in path]


def test_a_store_in_a_bucket_is_verified_shown_and_drawn(bucket: Any, store: str, capsys) -> None:
    assert not run("data", "verify", store, "--no-progress")
    assert f"{store}: holds (40 records)" in capsys.readouterr().out
    assert not run("data", "info", store)
    assert "40 records along 'run'" in capsys.readouterr().out
    assert not run("data", "plot", store, "--record", 3, "--out", f"{BUCKET}/three.png")
    assert bucket.cat_file("bucket/three.png").startswith(b"\x89PNG")


def test_a_run_on_a_bucket_is_scored_and_predicts_into_it(
    bucket: Any, store: str, made: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not run("evaluate", made, f"dataset={store}")
    assert "heat" in capsys.readouterr().out
    assert not run("predict", made, store, f"{BUCKET}/out.zarr", "--device", "cpu")
    assert f"heat -> {BUCKET}/out.zarr" in capsys.readouterr().out
    written = xr.open_zarr(f"{BUCKET}/out.zarr", chunks=None).load()
    bucket.put(str(made / "bundle"), "bucket/toy", recursive=True)
    loaded = surrogates.load(f"{BUCKET}/toy", device="cpu")
    inputs = xr.open_zarr(store, chunks=None)[["power"]].load()
    np.testing.assert_allclose(loaded.predict(inputs).heat, written.heat, rtol=1e-5)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # trains twice
def test_a_run_on_a_bucket_starts_from_a_bundle_in_a_bucket(bucket: Any, store: str, tmp_path: Path) -> None:
    assert not run("train", f"dataset={store}", *TRAIN, f"output={tmp_path / 'first'}")
    trained = max((tmp_path / "first").glob("*/*"))
    bucket.put(str(trained / "bundle"), "bucket/start", recursive=True)
    more = (f"init={BUCKET}/start", "trainer.max_steps=1", "trainer.optimiser={name: adam, lr: 1e-12}")
    assert not run("train", f"dataset={store}", *TRAIN[:4], *TRAIN[5:], *more, f"output={tmp_path / 'again'}")
    again = surrogates.load(max((tmp_path / "again").glob("*/*")), device="cpu")
    inputs = xr.open_zarr(store, chunks=None)[["power"]].load()
    expected = surrogates.load(trained, device="cpu").predict(inputs)
    np.testing.assert_allclose(again.predict(inputs).heat, expected.heat, rtol=1e-4)


@pytest.fixture
def only_read(bucket: Any) -> Iterator[str]:
    """A bucket in which nobody may write."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bucket.mkdir("shown")
    bucket.call_s3("put_bucket_policy", Bucket="shown", Policy=policy)
    yield "s3://shown"
    assert not bucket.find("shown")
    bucket.call_s3("delete_bucket_policy", Bucket="shown")
    bucket.rmdir("shown")


@pytest.fixture
def without_credentials(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket as somebody sees it who is not logged in."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    type(bucket).clear_instance_cache()
    yield BUCKET
    type(bucket).clear_instance_cache()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("only_read", r"\(PermissionError: .*\); check the address, the network and your rights"),
        ("without_credentials", "without credentials .*AWS_PROFILE"),
    ],
    ids=["only read", "no credentials"],
)
def test_where_nothing_may_be_written_is_told_before_any_work(
    where: str, said: str, tmp_path: Path, request, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    there = request.getfixturevalue(where)
    xr.Dataset({"power": ("run", np.ones(4), {"units": "W"})}).to_netcdf("rods.nc")
    variables = {"power": {"units": "W"}}
    mapping = {"title": "Rods", "files": "rods.nc", "record_dimension": "run", "variables": variables}
    Path("rods.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    recipe = "tests.datasets.factory.recipes:Counted"
    cases = [
        (f"{there}/a.zarr", ("data", "build", recipe, f"out={there}/a.zarr", "workers=0")),
        (f"{there}/b.zarr", ("data", "import", "generic", "rods.yaml", f"out={there}/b.zarr", "workers=0")),
        (f"{there}/c.zarr", ("predict", "runs/lost", "lost.nc", f"{there}/c.zarr")),
        (f"{there}/d.nc", ("predict", "runs/lost", "lost.nc", f"{there}/d.nc")),
        (f"{there}/e.onnx", ("export", "runs/lost", f"{there}/e.onnx")),
    ]
    for url, words in cases:
        capsys.readouterr()
        assert run(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(rf"{re.escape(url)} cannot be written {said}", line), line
    assert sorted(tmp_path.iterdir()) == before


def test_a_build_is_given_its_credentials_by_options(
    without_credentials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    options = {"key": "a", "secret": "b", "client_kwargs": {"region_name": "us-east-1"}}
    url = f"{without_credentials}/given.zarr"
    store = build(Counted(units=1), url, workers=0, progress=False, storage_options=options)
    assert np.isfinite(store.reader(["draw"]).read([0, 1])["draw"]).all()
    assert np.isfinite(store.dataset().draw).all()


def test_what_a_bucket_refuses_is_one_line(
    bucket: Any, store: str, made: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    none = "s3://none/out.zarr"
    cases = [
        (("predict", made, store, none), f"{none} cannot be written: its bucket or folder does not exist"),
        (("predict", made, store, store), f"{store} exists; remove it or choose another name"),
        (("predict", made, none, "out.nc"), f"nothing lies at {none}; check the address"),
        (("data", "build", "tests.toy:Oscillator", f"out={none}"), f"{none} cannot be written: its bucket"),
        (("data", "info", none), f"nothing lies at {none}; check the address"),
        (("predict", "s3://none/bundle", store, "out.nc"), "s3://none/bundle: it has no bundle.yaml"),
        (("data", "info", "s3://me:secret@bucket/a.zarr"), "the URL of s3://bucket holds a password"),
    ]
    for words, expected in cases:
        assert run(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert expected in line
    assert not list(tmp_path.iterdir())
