"""Bundles at URLs are copied, then read as any other; predictions appear at URLs whole or not at all."""

import re
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
import xarray as xr
import yaml

import surrogates
from datasets.store.errors import ContractError
from surrogates.cli.main import main
from surrogates.core.outputs import written
from surrogates.inference import fetching, sinks
from surrogates.inference.errors import BundleError
from tests.hub_server import serving

BUCKET = "memory://bucket"


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An empty bucket in memory."""
    system = fsspec.filesystem("memory")
    system.mkdirs("/bucket", exist_ok=True)
    yield system
    system.rm("/bucket", recursive=True)


class Quiet(SimpleHTTPRequestHandler):
    """A server that lists no folders."""

    def list_directory(self, path: Any) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_bundle_of_a_bucket_predicts_the_same(
    bucket: Any, bundle: Path, inputs: xr.Dataset, capsys
) -> None:
    bucket.put(str(bundle), "/bucket/toy", recursive=True)
    loaded = surrogates.load(f"{BUCKET}/toy/", device="cpu")
    assert re.match(rf"{BUCKET}/toy: fetching 0\.\d+ MB\n", capsys.readouterr().err)
    prediction = loaded.predict(inputs)
    xr.testing.assert_equal(prediction, surrogates.load(bundle, device="cpu").predict(inputs))
    assert prediction.attrs["bundle"] == f"{BUCKET}/toy"


def test_a_bundle_of_a_web_server_that_lists_nothing_is_loaded(bundle: Path) -> None:
    pytest.importorskip("aiohttp")
    (bundle / "evil.pkl").write_bytes(b"x")  # which nobody asks for
    with serving(
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(bundle.parent)))
    ) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        assert surrogates.load(f"{url}/bundle/", device="cpu").bundle.origin == f"{url}/bundle"
        with pytest.raises(BundleError, match=r"/none: it has no bundle\.yaml; give the folder of a bundle"):
            surrogates.load(f"{url}/none")


def test_a_hostile_bundle_at_a_url_is_refused_in_one_line(bucket: Any, bundle: Path, monkeypatch) -> None:
    manifest = yaml.safe_load((bundle / "bundle.yaml").read_bytes())
    hashes = manifest["files"]
    cases: dict[str, tuple[Any, str]] = {
        "pickle": ({**hashes, "x.pt": "0"}, "lists x.pt, which may hold a pickle; nothing was fetched"),
        "outside": ({**hashes, "../x": "0"}, "leaves the bundle's folder; only plain names are allowed"),
        "torn": ({**hashes, "lost.safetensors": "0"}, "it lacks lost.safetensors, listed in its bundle.yaml"),
        "changed": (
            {"weights.safetensors": "0"},
            "weights.safetensors does not have the hash in bundle.yaml",
        ),
    }
    for name, (files, expected) in cases.items():
        bucket.put(str(bundle), f"/bucket/{name}", recursive=True)
        text = yaml.safe_dump({**manifest, "files": files})
        bucket.pipe_file(f"/bucket/{name}/bundle.yaml", text.encode())
        with pytest.raises(BundleError) as caught:
            surrogates.load(f"{BUCKET}/{name}", device="cpu")
        assert expected in str(caught.value)
        assert str(caught.value).startswith(f"{BUCKET}/{name}")
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(fetching, "MAX_BYTES", 100)
    bucket.put(str(bundle), "/bucket/large", recursive=True)
    with pytest.raises(BundleError, match=r"large: it has \d+ bytes; at most 100 are read"):
        surrogates.load(f"{BUCKET}/large")


def test_a_server_that_sends_more_than_it_states_is_stopped() -> None:
    counted = fetching._Counted("weights", 100, None)
    counted.relative_update(60)
    with pytest.raises(BundleError, match="weights has more than 100 bytes"):
        counted.relative_update(60)


def test_a_refused_bundle_leaves_no_copy(bucket: Any, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BundleError):
        surrogates.load(f"{BUCKET}/none")
    assert not list(tmp_path.iterdir())


def test_a_prediction_is_written_to_a_url_portion_by_portion(
    bucket: Any, bundle: Path, inputs: xr.Dataset, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    surrogate = surrogates.load(bundle, device="cpu")
    found = surrogate.predict(inputs, batch_size=2, out=f"{BUCKET}/out.zarr")
    xr.testing.assert_allclose(found.load(), surrogate.predict(inputs), rtol=1e-6)
    with pytest.raises(FileExistsError, match=r"out\.zarr exists; remove it or choose another name"):
        surrogate.predict(inputs, out=f"{BUCKET}/out.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]  # no folder named `memory:`


def test_a_prediction_that_fails_leaves_nothing_at_a_url(
    bucket: Any, bundle: Path, inputs: xr.Dataset, monkeypatch
) -> None:
    inputs.height[5] = float("inf")
    shown: list[bool] = []
    write = sinks._Arrays.write

    def noted(*given: Any) -> None:
        shown.append(bucket.exists("/bucket/out.zarr/zarr.json"))
        write(*given)

    monkeypatch.setattr(sinks._Arrays, "write", noted)
    with pytest.raises(ContractError, match="'height': an infinite value at record 5"):
        surrogates.load(bundle, device="cpu").predict(inputs, batch_size=2, out=f"{BUCKET}/out.zarr")
    assert shown == [False, False]  # none opens what is not whole
    assert not bucket.find("/bucket")


def test_a_file_appears_at_a_url_whole_or_not_at_all(bucket: Any) -> None:
    with written(f"{BUCKET}/a.nc") as path:
        path.write_bytes(b"abc")
    assert bucket.cat_file("/bucket/a.nc") == b"abc"
    with pytest.raises(ValueError, match="no"), written(f"{BUCKET}/b.nc") as path:
        path.write_bytes(b"abc")
        raise ValueError("no")
    assert not bucket.exists("/bucket/b.nc")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate", f"{BUCKET}/toy"], "comes without its data; give a store to score it on, dataset=URL"),
        (["calibrate", f"{BUCKET}/toy", "s.zarr"], "stays as it is; give --out DIR for the new one"),
        (["evaluate", f"{BUCKET}/toy", "dataset=s.zarr"], f"{BUCKET}/toy holds no config.yaml, by which it"),
        (["export", f"{BUCKET}/toy", "foo://x/a.onnx"], "foo://x/a.onnx begins with 'foo://', a protocol"),
        (["export", f"{BUCKET}/toy", "az://x/a.onnx"], 'pip install "sciml-surrogates[azure]"'),
        (["ensemble", f"{BUCKET}/toy", "x", "--out", "y"], "is a URL, but a run lies on this machine's disk"),
        (["data", "info", "s.zarr", "--json", "s3://b/a.json"], "s3://b/a.json is a URL; expected a path"),
        (["sweep", "--folder", "s3://b/sweep"], "s3://b/sweep is a URL; expected a path on this machine"),
        (["push", f"{BUCKET}/toy", "me/toy"], "found me/toy, expected hf://OWNER/NAME"),
        (["push", f"{BUCKET}/toy", "hf://me/toy@v1"], "names the revision 'v1', but a push makes a new one"),
        (
            ["predict", f"{BUCKET}/toy", "in.nc", "hf://me/a.zarr"],
            "to which `surrogates push` writes bundles",
        ),
    ],
)
def test_what_a_command_cannot_do_with_a_url_is_one_line(
    bucket: Any, bundle: Path, tmp_path: Path, words: list[str], message: str, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bucket.put(str(bundle), "/bucket/toy", recursive=True)
    shutil.rmtree(bundle)
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())
