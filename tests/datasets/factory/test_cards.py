"""Every recipe says what it makes, and every store keeps it."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from datasets.factory.build import build
from datasets.factory.cards import ATTRIBUTE, introduction, recipe_card, section, store_card
from datasets.factory.find import find_recipe
from datasets.factory.verify import verify
from datasets.store.layout import open_store
from datasets.store.units import display
from surrogates.core.plugins import plugins
from tests.datasets.factory.conftest import content
from tests.datasets.seismic.files import openfwi_arrays, spread, write_segy
from tests.silence import no_warnings
from tests.toy import Oscillator

RECIPES = [
    name
    for plugin in plugins()
    if plugin.distribution == "sciml-surrogates"
    for name in plugin.pieces.get("recipes", {})
]
SECTIONS = ("Variables", "Splits", "Caveats", "Licence", "Citation")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_card_with_its_variables_and_licence(name: str) -> None:
    recipe = find_recipe(name)
    card = recipe_card(recipe)
    assert card.startswith(f"# {name}\n")
    assert all(section(card, title) for title in SECTIONS)
    assert "<!--" not in card
    assert recipe.license in section(card, "Licence")
    for spec in recipe.card_specs():
        row = rf"^\| `{spec.name}` \| {', '.join(spec.dims)} \| {re.escape(display(spec.units))} \| \w"
        assert re.search(row, card, re.MULTILINE), spec.name


def test_the_card_of_a_map_says_decibels() -> None:
    card = recipe_card(find_recipe("radio/urban"))
    assert "| `path_gain` | sample, y, x | dB |" in card
    assert "lg(re" not in card


def test_a_store_keeps_a_card_with_its_own_sizes_and_counts(undisturbed: str) -> None:
    card = xr.open_zarr(undisturbed).attrs[ATTRIBUTE]
    assert "| `displacement` | sample 48, time 32 | m | displacement from rest |" in card
    assert "| `time` | time 32 | s | time since release |" in card
    assert "| `split` | family | 0 | 36 | 8 | 4 | three quarters train |" in card
    assert "CC0-1.0" in section(card, "Licence")
    assert introduction(card) == "Damped oscillators."


def test_a_card_changes_neither_values_nor_checks(undisturbed: str, copied: str) -> None:
    group = zarr.open_group(copied)
    del group.attrs[ATTRIBUTE]
    open_store(copied).consolidate()
    with_card, without = open_store(undisturbed), open_store(copied)
    assert with_card.fingerprint == without.fingerprint
    assert content(undisturbed) == content(copied)
    assert verify(undisturbed, progress=False).ok and verify(copied, progress=False).ok
    with no_warnings():
        xr.testing.assert_equal(xr.open_zarr(undisturbed), xr.open_zarr(copied))


def test_the_card_of_a_store_without_one_is_made_again(undisturbed: str, copied: str) -> None:
    group = zarr.open_group(copied)
    del group.attrs[ATTRIBUTE]
    open_store(copied).consolidate()
    assert store_card(open_store(copied)) == open_store(undisturbed).attributes[ATTRIBUTE]


def test_a_card_beside_a_recipe_of_ones_own_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_springs.py").write_text(
        "from tests.toy import Oscillator\nclass Mine(Oscillator):\n    name = 'mine/springs'\n"
    )
    (tmp_path / "springs.card.md").write_text("# mine/springs\n\nSoft ones.\n\n<!-- variables -->\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    card = recipe_card(find_recipe("own_springs:Mine"))
    assert card.startswith("# mine/springs\n\nSoft ones.\n\n| variable |")
    assert "`stiffness` | sample | N m-1" in card


def test_a_recipe_whose_variables_follow_from_a_required_key_has_a_card_too() -> None:
    class Needy(Oscillator):
        steps: int

    assert recipe_card(Needy).startswith("# toy/oscillator")


def write_openfwi(folder: Path) -> dict[str, object]:
    gathers, models = openfwi_arrays(0)
    (folder / "FlatVel_A").mkdir()
    np.save(folder / "FlatVel_A" / "data1.npy", gathers)
    np.save(folder / "FlatVel_A" / "model1.npy", models)
    return {}


def write_line(folder: Path) -> dict[str, object]:
    sources, receivers = spread(np.array([0.0, 100.0]), np.arange(0.0, 120.0, 10.0))
    write_segy(folder / "line.sgy", np.ones((24, 50)), sources, receivers)
    return {}


def write_section(folder: Path) -> dict[str, object]:
    np.save(folder / "section.npy", np.full((80, 80), 2000.0))
    return {"section_spacing": [10.0, 10.0]}


def write_models(folder: Path) -> dict[str, object]:
    np.save(folder / "models.npy", np.full((2, 30, 30), 2000.0))
    return {"cell": [10.0, 10.0], "keeps_whole": "file"}


def write_flight(folder: Path) -> dict[str, object]:
    times = np.arange(60) * 0.1
    rows = [f"{t:.1f} {3 * t:.3f} 0 5 0 0 0 1" for t in times]
    (folder / "flight.txt").write_text("\n".join(rows))
    return {}


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("seismic/openfwi", write_openfwi),
        ("seismic/segy", write_line),
        ("seismic/section", write_section),
        ("seismic/models", write_models),
        ("uav/tum", write_flight),
    ],
)
def test_the_card_of_an_importer_names_what_its_stores_hold(name: str, write, tmp_path: Path) -> None:
    recipe = find_recipe(name)
    made = recipe.make({"folder": str(tmp_path), **write(tmp_path)})
    known = {spec.name: (spec.dims, spec.units) for spec in recipe.card_specs()}
    for spec in made.specs():
        assert known[spec.name] == (spec.dims, spec.units)


def test_a_build_with_a_card_repeats(tmp_path: Path) -> None:
    recipe = Oscillator(samples=8, shard=8)
    first, second = (build(recipe, str(tmp_path / name), workers=0, progress=False) for name in "ab")
    assert first.attributes[ATTRIBUTE] == second.attributes[ATTRIBUTE]
