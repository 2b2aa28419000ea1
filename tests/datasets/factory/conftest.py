"""A small store that is built once."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from datasets.factory.build import build
from tests.toy import Oscillator


def content(url: str) -> dict[str, object]:
    """Return every array of a store, statistics included, as bytes, and every receipt; no summary of them."""
    root = zarr.open_group(url, mode="r", use_consolidated=False)
    found: dict[str, object] = {}
    for name, member in root.members(max_depth=None):
        if name.startswith("build/summary"):
            continue
        if isinstance(member, zarr.Array):
            found[name] = np.asarray(member[...]).tobytes()
        elif name.startswith("build/row"):
            found[name] = dict(member.attrs)
    return found


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that nobody may change."""
    url = str(tmp_path_factory.mktemp("undisturbed") / "toy.zarr")
    build(Oscillator(), url, workers=0, progress=False)
    return url


@pytest.fixture
def copied(undisturbed: str, tmp_path: Path) -> str:
    """A store to damage."""
    return str(shutil.copytree(undisturbed, tmp_path / "toy.zarr"))
