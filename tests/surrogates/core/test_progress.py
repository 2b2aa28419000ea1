"""Progress is a bar on a terminal, about ten lines elsewhere, and nothing when it is off."""

import subprocess
import sys

import pytest

from surrogates.core import progress
from surrogates.core.progress import Progress, clock


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock; the test moves its hand."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_progress_prints_few_plain_lines_without_a_terminal(capsys):
    with Progress(100) as shown:
        shown.note("validation loss 0.5")
        for _ in range(100):
            shown.advance()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("step 100/100") and lines[-1].endswith("validation loss 0.5")
    assert "\r" not in "".join(lines)


@pytest.mark.parametrize(
    ("total", "count", "lines"), [(19, 1, 10), (7, 1, 7), (1000, 3, 10), (5, 5, 1), (0, 0, 0)]
)
def test_no_work_prints_more_than_ten_lines_and_the_last_one_says_all(total, count, lines, capsys):
    with Progress(total, "draw") as shown:
        while shown.done < total:
            shown.advance(min(count, total - shown.done))
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == lines
    assert not printed or printed[-1].startswith(f"draw {total}/{total} in ")


def test_progress_can_be_silent(capsys):
    for bar in (None, True, False):
        with Progress(10, shown=False, bar=bar) as shown:
            for _ in range(10):
                shown.advance()
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_plain_lines_come_now_and_then(capsys):
    with Progress(10, "record", label="toy") as shown:
        shown.start(4)
        shown.advance(2)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("toy: 6 of 10 records, ")
    assert first.endswith(" left")
    assert last.startswith("toy: 6 of 10 records in ")


def test_rate_and_remaining_time_are_those_since_the_start(time, capsys):
    with Progress(100) as shown:
        time[0] += 50  # before the first step: not counted
        shown.start(0)
        time[0] += 5
        shown.advance(20)
        time[0] += 5
        shown.advance(80)
    assert capsys.readouterr().err.splitlines() == [
        "step 20/100, 4 steps/s, 20 s left",
        "step 100/100 in 10 s, 10 steps/s",
    ]


def test_what_was_done_before_counts_for_no_rate(time, capsys):
    with Progress(100) as shown:
        shown.start(90)
        time[0] += 10
        shown.advance(9)
        time[0] += 10
        shown.advance(1)
    assert capsys.readouterr().err.splitlines() == ["step 100/100 in 20 s, 0.5 steps/s"]


def test_a_failure_is_not_told_as_an_end(capsys):
    with pytest.raises(ValueError), Progress(100) as shown:
        shown.advance(5)
        raise ValueError
    assert capsys.readouterr().err == ""


def test_a_forced_bar_counts(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with Progress(10, "record", label="toy", bar=True) as shown:
        shown.start(6)
        shown.advance(4)
        shown.note("loss [0.5]")
    said = capsys.readouterr().err
    assert "toy" in said and "10/10" in said and " records/s, loss [0.5]" in said


def test_the_bar_is_gone_when_the_work_fails(capsys):
    with pytest.raises(ValueError), Progress(10, bar=True) as shown:
        bar = shown._bar
        raise ValueError
    assert not bar.live.is_started


def test_rich_is_imported_for_a_bar_alone():
    code = (
        "import sys; from surrogates.core.progress import Progress\n"
        "with Progress(2) as shown: shown.advance(2)\n"
        "assert 'rich' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (12, "12 s"), (200, "3 min 20 s"), (18600, "5 h 10 min")]
)
def test_durations_read_as_people_say_them(seconds, text):
    assert clock(seconds) == text


def test_a_resumed_bar_begins_where_the_work_was(capsys):
    with Progress(10, bar=True) as shown:
        shown.start(6)
    assert "6/10" in capsys.readouterr().err
