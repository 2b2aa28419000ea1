"""A wrong command ends in one line that says what is wrong, before any work, and leaves nothing behind."""

import re
from pathlib import Path

import pytest

from surrogates.cli.main import main
from tests.hostile import wrong_answers, wrong_data, wrong_others, wrong_settings, wrong_training
from tests.hostile.world import write_world

MODULES = (wrong_training, wrong_settings, wrong_answers, wrong_data, wrong_others)


COMPOSED, SHOWN = ("train", "sweep"), 4
"""Commands that compose a configuration, of which each table tries one in so many by default."""


def cases():
    """Yield each case; those that open data, build a network or compose are slow in sum."""
    for module in MODULES:
        for name, table in vars(module).items():
            if name.isupper() and isinstance(table, list):
                for number, (words, expected, *slow) in enumerate(table):
                    rest = words[:1] and words[0] in COMPOSED and number % SHOWN
                    marks = [pytest.mark.slow] if slow or rest else []
                    yield pytest.param(words, expected, marks=marks, id=f"{name}: {' '.join(words)}"[:150])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all cases share, since none may change it."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


def content(folder: Path) -> dict[str, int]:
    """Return the files and folders, with the time of each file's last change."""
    return {str(path): path.stat().st_mtime_ns if path.is_file() else 0 for path in folder.rglob("*")}


@pytest.mark.parametrize(("words", "expected"), cases())
def test_a_wrong_command_ends_in_one_line(words, expected, world, monkeypatch, capsys):
    monkeypatch.chdir(world)
    before = content(world)
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    assert re.fullmatch(r"error: [^\n]+\n", said), said
    assert expected in said
    assert content(world) == before


@pytest.mark.parametrize("words", [["data"], ["report"], ["schema"], ["uav"], []], ids=str)
def test_a_group_without_a_command_shows_its_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert f"Usage: {' '.join(['surrogates', *words])}" in shown.out + shown.err


def test_the_table_is_large():
    assert sum(1 for _ in cases()) >= 200
