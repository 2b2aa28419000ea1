"""Paths and URLs of stores: which is which, and what is said of one that cannot be read."""

from pathlib import Path

import fsspec
import pytest

from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from datasets.store.urls import (
    at_home,
    explained,
    local_path,
    matching,
    normalise,
    require_address,
    require_new,
    require_writable,
)


@pytest.mark.parametrize(
    "name", ["a b.zarr", "a:b.zarr", "a::b.zarr", "lr=1,v2", "~x.zarr", "50%20.zarr", "data/zip::x", "[v2]"]
)
def test_a_name_is_a_path_whatever_letters_it_has(name: str) -> None:
    assert local_path(name) == Path(name)
    assert normalise(name) == name


@pytest.mark.parametrize("url", ["s3://b/x", "http://h/x.zarr", "zip::x.zip", "simplecache::s3://b/x"])
def test_a_url_is_no_path(url: str) -> None:
    assert local_path(url) is None
    assert normalise(url) == url


def test_home_and_file_urls_are_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert local_path("~/x.zarr") == at_home("~/x.zarr") == Path("/home/me/x.zarr")
    assert local_path("file:///data/a b.zarr") == Path("/data/a b.zarr")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError("x"), "nothing lies at http://h/x.zarr; check the address"),
        (
            OSError("Cannot connect"),
            r"http://h/x.zarr cannot be read \(OSError: Cannot connect\); check",
        ),
        (RuntimeError("403,\n Forbidden"), r"\(RuntimeError: 403, Forbidden\)"),
        (TimeoutError(), r"\(TimeoutError: no reason given\)"),
    ],
)
def test_what_a_server_says_becomes_one_line(error: Exception, said: str) -> None:
    with pytest.raises(ContractError, match=said) as caught, explained("http://h/x.zarr"):
        raise error
    assert "\n" not in str(caught.value)
    with pytest.raises(type(error)), explained("data/x.zarr"):
        raise error


def test_a_store_that_is_not_there_is_answered_by_where_it_would_be(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="nothing lies at memory://nothing; check the address"):
        open_store("memory://nothing")
    with pytest.raises(ContractError, match=r"make one with `surrogates data build RECIPE 'out=.*a b'`"):
        open_store(str(tmp_path / "a b"))
    with pytest.raises(ContractError, match="foo://x begins with 'foo://', a protocol"):
        open_store("foo://x")


@pytest.mark.parametrize("url", ["s3://", "gs:///", "https://"])
def test_a_url_that_ends_behind_its_protocol_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(ContractError, match="names no place behind"), explained(url):
        pytest.fail("the server was asked")


@pytest.mark.parametrize(
    "url", ["s3://me:secret@b/x", "simplecache::https://me:secret@h/x", "ftp://:secret@h/x"]
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ContractError, match="holds a password, which would be written into files") as caught:
        require_address(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://h:8080/x@y:z", "az://container@account/x", "data/a:b@c", "s3://b/x"]
)
def test_an_address_without_a_password_passes(url: str) -> None:
    require_address(url)


def test_what_is_new_and_writable_passes_and_leaves_nothing() -> None:
    system = fsspec.filesystem("memory")
    require_new("memory://probed/x.zarr")
    assert not system.find("/probed")
    system.pipe_file("/probed/x.zarr/zarr.json", b"")
    with pytest.raises(FileExistsError, match=r"memory://probed/x\.zarr exists; remove it"):
        require_new("memory://probed/x.zarr")
    assert matching("memory://probed/*/*.json") == ["memory:///probed/x.zarr/zarr.json"]
    system.rm("/probed", recursive=True)


def test_what_is_only_read_is_refused_before_any_work() -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(ContractError, match=r"http://127\.0\.0\.1:1/x cannot be written"):
        require_writable("http://127.0.0.1:1/x")
    with pytest.raises(ContractError, match="`surrogates push` writes bundles"):
        require_writable("hf://me/x")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError("x"), "cannot be written: its bucket or folder does not exist"),
        (
            PermissionError("Access Denied"),
            r"cannot be written \(PermissionError: Access Denied\); check the",
        ),
        (RuntimeError("Unable to locate credentials"), "without credentials .* give them as the file system"),
        (NotImplementedError(), "cannot be written: its server is only read"),
    ],
)
def test_what_a_server_says_of_writing_becomes_one_line(error: Exception, said: str) -> None:
    with pytest.raises(ContractError, match=said), explained("http://h/x.zarr", "written"):
        raise error


def test_two_processes_may_try_at_once_whether_something_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = fsspec.filesystem("memory")
    remove = system.rm_file

    def after_another(path: str) -> None:
        remove(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(type(system), "rm_file", lambda self, path: after_another(path))
    require_writable("memory://tried/by-two.zarr")
