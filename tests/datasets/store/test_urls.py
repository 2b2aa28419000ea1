"""Paths and URLs of stores: which is which, and what is said of one that cannot be read."""

from pathlib import Path

import pytest

from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from datasets.store.urls import at_home, explained, local_path, normalise


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
