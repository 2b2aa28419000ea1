"""The help of a recipe lists its keys."""

import pytest

from surrogates.cli.data_help import type_text
from tests.surrogates.cli.test_data import TOY, run


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert run(*words, "--help") == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_keys_come_with_type_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "build", TOY)
    assert "samples integer, above 0 48 Number of oscillators." in lines
    assert lines[0] == f"Usage: surrogates data build {TOY} KEY=VALUE... out=URL"
    assert lines[-1] == f"surrogates data build {TOY} samples=48 out=data/Oscillator.zarr"


def test_keys_of_sections_stand_below_them(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "import", "radio/drive_test")
    assert "columns section Columns of the CSV file, by name or position." in lines
    assert "columns.rsrp text or integer dBm rsrp Reference signal received power, dBm." in lines
    assert "window_size number, above 0 m 512 Side of the window, m." in lines
    assert any(
        line.startswith("cells.NAME.height number, above 0, at most 1000 m (required)") for line in lines
    )
    assert "site=... measurements=... buildings=... cells=..." in lines[-1]


def test_brackets_in_a_meaning_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "import", "seismic/models")
    assert any("such as [sample" in line for line in lines)


def test_what_an_import_finds_by_itself_is_not_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [line.split()[0] for line in shown(capsys, "import", "uav/csv") if line]
    assert "files" in keys and "sources" not in keys


@pytest.mark.parametrize("words", [("--config", "keys.yaml", TOY), (TOY, "--config", "keys.yaml")])
def test_the_file_of_keys_is_not_taken_for_the_recipe(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, "build", *words)[0].startswith(f"Usage: surrogates data build {TOY}")


@pytest.mark.parametrize(("name", "said"), [("uav/csv", True), ("radio/drive_test", False)])
def test_a_folder_is_offered_where_a_recipe_reads_one(
    name: str, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ("[FOLDER]" in shown(capsys, "import", name)[0]) is said


def test_without_a_recipe_the_help_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert any("--dry-run" in line for line in shown(capsys, "build"))


def test_the_help_of_an_unknown_recipe_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build", "radio/urbn", "--help") == 2
    assert "Did you mean 'radio/urban'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "number, at least 0, below 1"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or none"),
        ({"type": "array", "prefixItems": [{"type": "number"}] * 2}, "list of 2: number"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "mapping of names to number"),
        ({"enum": ["a", "b"], "type": "string"}, "one of a, b"),
        ({}, "anything"),
    ],
)
def test_types_read_as_people_say_them(schema: dict[str, object], text: str) -> None:
    assert type_text(schema, {}) == text
