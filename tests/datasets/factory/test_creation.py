"""A store is created once and whole."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import xarray as xr
import zarr

from datasets.factory.build import build, is_final
from datasets.factory.creation import lock_beside, open_or_create
from datasets.factory.errors import BuildError
from tests.datasets.factory.conftest import content
from tests.toy import Oscillator


def die_while_creating(url: Path) -> None:
    """Leave the lock of a process that died."""
    sign = {"host": socket.gethostname(), "pid": 1, "born": "never", "seen": 0}
    (url.parent / f"{url.name}.creating").write_text(json.dumps(sign))


def test_a_store_half_created_is_created_anew(tmp_path: Path, undisturbed: str) -> None:
    url = tmp_path / "toy.zarr"
    zarr.open_group(str(url), mode="w", attributes={"unfinished": "..."}).create_array(
        "damping", shape=3, dtype="i4"
    )
    die_while_creating(url)
    build(Oscillator(), str(url), workers=0, progress=False)
    assert content(str(url)) == content(undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.zarr"]


def test_a_store_whose_creator_died_just_after_is_kept(tmp_path: Path, undisturbed: str) -> None:
    url = tmp_path / "toy.zarr"
    shutil.copytree(undisturbed, url)
    die_while_creating(url)
    assert is_final(open_or_create(Oscillator(), str(url)))


def test_nothing_is_left_of_a_creation_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Oscillator) -> None:
        raise ValueError("the scene has no roads")

    monkeypatch.setattr(Oscillator, "shared", fail)
    with pytest.raises(ValueError, match="no roads"):
        open_or_create(Oscillator(), str(tmp_path / "toy.zarr"))
    assert not list(tmp_path.iterdir())


def test_shards_of_broken_units_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="16 records per shard are not a multiple of 5"):
        open_or_create(Oscillator(batch=5), str(tmp_path / "toy.zarr"))
    assert not list(tmp_path.iterdir())


def test_another_version_of_the_recipe_makes_another_store(
    undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Oscillator, "version", 2)
    with pytest.raises(BuildError, match="version 1 of the recipe instead of 2"):
        open_or_create(Oscillator(), undisturbed)


def test_a_parameter_that_came_later_is_no_difference_at_its_default(copied: str) -> None:
    class Newer(Oscillator):
        colour: str | None = None

    assert is_final(open_or_create(Newer(), copied))
    with pytest.raises(BuildError, match="colour=absent instead of red"):
        open_or_create(Newer(colour="red"), copied)
    group = zarr.open_group(copied, mode="r")
    assert "colour" not in str(group.attrs["recipe_config"])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "variable 'depth' has no units; mend it where the recipe declares 'depth'"),
        ({"units": "wibble"}, "variable 'depth': units 'wibble' are not UDUNITS"),
        (
            {"units": "months since 2000-01-01"},
            "variable 'depth': units 'months since 2000-01-01' make no dates",
        ),
    ],
)
def test_what_verify_would_not_accept_is_refused_before_anything_is_built(
    attributes: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = xr.Dataset({"depth": ((), 1.0, attributes)})
    monkeypatch.setattr(Oscillator, "shared", lambda self: depth)
    url = tmp_path / "toy.zarr"
    with pytest.raises(BuildError, match=message):
        build(Oscillator(), str(url), workers=0, progress=False)
    assert not url.exists() or not list(url.iterdir())


@pytest.mark.parametrize("url", ["memory://a/toy.zarr", "memory://a/toy.zarr/", "a/toy.zarr", "a/toy.zarr/"])
def test_a_lock_lies_beside_the_store_however_its_name_ends(url: str) -> None:
    files, name = lock_beside(url, "sealing")
    assert (files.url.removeprefix("memory://"), name) == ("a", "toy.zarr.sealing")
