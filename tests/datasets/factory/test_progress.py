"""Progress is a bar on a terminal and a line now and then elsewhere."""

import pytest

from datasets.factory import progress
from datasets.factory.progress import Progress, clock


def test_without_a_terminal_plain_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with Progress("toy", 10) as shown:
        shown.start(4)
        shown.advance(2)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("toy: 6 of 10 records, ")
    assert first.endswith(" left")
    assert last.startswith("toy: 6 of 10 records in ")


def test_a_forced_bar_counts_and_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("toy", 10, bar=True) as shown:
        shown.start(0)
        shown.advance(10)
    assert "10/10" in capsys.readouterr().err
    with Progress("toy", 10, shown=False) as shown:
        shown.start(0)
        shown.advance(10)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (12, "12 s"), (200, "3 min 20 s"), (18600, "5 h 10 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert clock(seconds) == text
