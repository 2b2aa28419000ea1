"""Croissant metadata of a store pass the checks of MLCommons' own library, and fetch nothing."""

import hashlib
import socket
import sys
from pathlib import Path

import pytest
import zarr

from datasets.factory.build import build
from datasets.factory.croissant import croissant
from datasets.factory.errors import BuildError
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.store.layout import open_store
from datasets.store.specs import DECIBEL, VariableSpec
from surrogates.core.errors import MissingExtraError
from tests.toy import Oscillator

mlc = pytest.importorskip("mlcroissant")


class Decibels(Oscillator):
    """Has variables of several types, decibels among them."""

    name, license = "toy/decibels", "ODbL-1.0 (somebody)"

    def specs(self) -> list[VariableSpec]:
        gain = VariableSpec(name="gain", dims=("sample",), shape=(), units=DECIBEL, display_units="dB")
        seen = VariableSpec(name="seen", dims=("sample",), shape=(), dtype="bool", long_name="seen or not")
        return [*super().specs(), gain, seen]

    def simulate(self, indices, rngs):
        arrays = super().simulate(indices, rngs)
        return arrays | {"gain": arrays["stiffness"], "seen": arrays["stiffness"] > 0}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    url = str(tmp_path_factory.mktemp("croissant") / "decibels.zarr")
    return build(Decibels(samples=16, shard=8), url, workers=0, progress=False)


def test_the_metadata_of_a_store_are_valid(store, offline: None) -> None:
    checked = mlc.Dataset(jsonld=croissant(store)).metadata
    assert not checked.ctx.issues.errors
    assert checked.name == "Damped oscillators"
    assert checked.license == ["https://spdx.org/licenses/ODbL-1.0.html", "ODbL-1.0 (somebody)"]
    assert checked.version == "1.0.0"
    assert checked.url == "decibels.zarr"


def test_the_hash_is_that_of_the_file_which_holds_the_receipts(store) -> None:
    root, receipts, shards = croissant(store)["distribution"]
    for each in (root, receipts):
        content = (Path(store.url) / each["contentUrl"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
    array = zarr.open_array(f"{store.url}/{receipts['contentUrl'].removesuffix('/c/0')}", mode="r")
    assert array.nchunks == 1
    for digest in store.receipt(0)["hashes"].values():
        assert digest.encode() in array[...].tobytes()
    assert list(Path(store.url).glob(shards["includes"]))


def test_fields_have_type_shape_units_and_meaning(store) -> None:
    splits, records = croissant(store)["recordSet"]
    fields = {field["name"]: field for field in records["field"]}
    assert fields["gain"]["description"].endswith(f"units: dB (UDUNITS: {DECIBEL})")
    assert (
        fields["displacement"]["description"] == "displacement from rest; dimensions: sample, time; units: m"
    )
    assert fields["displacement"]["cr:arrayShape"] == "32"
    assert fields["family"]["dataType"] == "cr:Int32"
    assert fields["seen"]["dataType"] == "sc:Boolean"
    assert "keeps whole: family; records: 0 unused, 12 train" in fields["split"]["description"]
    assert fields["split"]["references"] == {"field": {"@id": "splits/label"}}
    assert {"splits/label": 2, "splits/name": "test"}.items() <= splits["data"][3].items()


def test_a_recipe_that_names_a_paper_is_cited(tmp_path: Path) -> None:
    class Cited(Oscillator):
        """Has a card beside it."""

    Cited.__module__, Cited.name = OpenFWILike.__module__, OpenFWILike.name
    store = build(Cited(samples=8, shard=8), str(tmp_path / "cited.zarr"), workers=0, progress=False)
    assert "NeurIPS 2022" in mlc.Dataset(jsonld=croissant(store)).metadata.cite_as


def test_an_incomplete_store_is_refused(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    build(Oscillator(samples=16, shard=8), url, workers=0, slice=(1, 2), progress=False)
    with pytest.raises(BuildError, match="is not complete"):
        croissant(open_store(url))


def test_a_missing_library_is_answered_with_the_line_that_installs_it(
    store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlcroissant", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[cards\]"'):
        croissant(store)
