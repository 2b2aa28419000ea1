"""Workers may die."""

from pathlib import Path

import pytest

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.store.layout import open_store
from tests.datasets.factory.conftest import content
from tests.datasets.factory.recipes import Deadly


def test_a_worker_that_dies_is_replaced(
    undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fuse = str(tmp_path / "toy.zarr"), tmp_path / "fuse"
    fuse.write_text("x")
    monkeypatch.setenv("TOY_FUSE", str(fuse))
    build(Deadly(), url, workers=2, progress=False)
    assert content(url) == content(undisturbed)


def test_workers_that_die_again_and_again_end_the_build_with_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fuse = str(tmp_path / "toy.zarr"), tmp_path / "fuse"
    fuse.write_text("xxxxxxxxx")
    monkeypatch.setenv("TOY_FUSE", str(fuse))
    with pytest.raises(
        BuildError, match=rf"died 3 times in a row at units \[1.*surrogates data resume {url}"
    ):
        build(Deadly(), url, workers=1, progress=False)
    fuse.write_text("")
    build(Deadly(), url, workers=0, progress=False)
    assert open_store(url).is_complete
