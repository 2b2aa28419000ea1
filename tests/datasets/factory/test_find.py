"""Recipes are found by name, or by the path a user types."""

from pathlib import Path

import pytest

from datasets.factory.errors import BuildError
from datasets.factory.find import find_recipe
from datasets.factory.importing import GenericImport
from surrogates.core.errors import RegistryError
from tests.toy import Oscillator


def test_a_registered_name_and_a_typed_path_are_found() -> None:
    assert find_recipe("generic") is GenericImport
    assert find_recipe("tests.toy:Oscillator") is Oscillator


def test_a_module_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_oscillators.py").write_text(
        "from tests.toy import Oscillator\nclass Mine(Oscillator):\n    name = 'mine'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere", *__import__("sys").path])
    assert find_recipe("my_oscillators:Mine").name == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tests.toy:Oscilator", "has no 'Oscilator'. Did you mean 'Oscillator'"),
        ("tests.toi:Oscillator", "There is no Python module 'tests.toi'"),
        ("tests.toy:displacement", "expected a class that extends"),
        ("tests.toy:", "'tests.toy:' is no MODULE:CLASS"),
        ("datasets.factory.recipe:Recipe", "lacks the class attribute `name`"),
    ],
)
def test_a_wrong_path_is_explained(name: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        find_recipe(name)


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(RegistryError, match="Did you mean 'generic'"):
        find_recipe("genric")
