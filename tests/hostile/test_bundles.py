"""A bundle of a stranger is refused in one line that names it and the cause, soon and without much memory."""

import json
import re
from pathlib import Path

import pytest

from surrogates.core.text import printable
from tests.hostile.attempt import Outcome, attempt
from tests.hostile.bundles import CASES, SOUND, load_each
from tests.hostile.conftest import make_bundle


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> Outcome:
    """All cases in one watched child."""
    folder: Path = tmp_path_factory.mktemp("bundles")
    bundle = make_bundle(folder / "bundle")
    return attempt(load_each, str(bundle), [*CASES, *SOUND], folder=folder, seconds=60)


@pytest.fixture(scope="module")
def said(outcome: Outcome) -> dict[str, str]:
    assert outcome.kind == "", outcome
    return dict(json.loads(outcome.output))


def test_all_are_read_without_a_forbidden_act_and_without_much_memory(outcome):
    forbidden = [
        each for each in outcome.forbidden if not each.startswith("socket.bind")
    ]  # of a case's maker
    assert (outcome.kind, forbidden) == ("", [])
    assert outcome.megabytes < 1024


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_bundle_is_refused_in_one_line(case, said):
    line = said[case]
    assert re.search(CASES[case][1], line), line
    assert not line.startswith("Traceback"), line
    assert "case-" in line, line
    assert printable(line) == line
    assert len(line) < 2500


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_bundle_is_read(case, said):
    assert said[case] == ""
