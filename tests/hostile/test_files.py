"""Files of strangers run no code, take no machine, and are refused in one line: which file, what cause."""

import json
import re

import pytest

from tests.hostile import files, reading
from tests.hostile.attempt import attempt


@pytest.mark.parametrize("kind", files.KINDS)
def test_hostile_files_are_refused_in_one_line(kind, tmp_path):
    cases = files.KINDS[kind]
    paths = {name: made(case, tmp_path / name) for name, case in cases.items()}
    readers = {name: case.read for name, case in cases.items()}
    found = attempt(reading.answers, str(tmp_path), readers, folder=tmp_path, seconds=60)
    assert (found.kind, found.error, found.forbidden) == ("", "", []), found
    assert found.megabytes < 1024
    said = json.loads(found.output.splitlines()[-1])
    wrong = {name: said[name] for name, case in cases.items() if not fits(said[name], case.said, paths[name])}
    assert wrong == {}


def made(case, folder):
    """Make what is read, and leave its path where the child finds it."""
    folder.mkdir()
    path = str(case.make(folder))
    (folder / "path.txt").write_text(path, encoding="utf-8")
    return path


def fits(said: str, expected: str, path: str) -> bool:
    """Tell whether what was said is one line that names the file and has the expected cause."""
    if not expected:
        return not said
    named = path.rpartition("/")[2] in said or said.startswith("/dev/")
    return named and "\n" not in said and not said.startswith("Traceback") and bool(re.search(expected, said))
