"""The documentation does what it says: its executable pages run as written."""

from pathlib import Path

import pytest

from datasets.store.streams import SAMPLE, stream
from tests.docs.pages import run_page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Give an empty current folder, from which Python imports as a script there would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def test_seeds_page_draws_what_a_build_draws(folder):
    namespace = run_page(ROOT / "docs" / "seeds.md", folder)
    assert namespace["rng"].random() == stream(0, SAMPLE, 17).random()


def test_own_simulator_becomes_a_store_a_surrogate_and_a_bundle(folder):
    run_page(ROOT / "docs" / "bring-your-own.md", folder)
