"""Stamps are seconds, whatever they are written as; what cannot be told is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.factory.tables import read_table
from datasets.uav.stamps import TimeUnit, stamps_of

TIMES = 0.05 * np.arange(40)


def stamps(
    write: Callable[[float], str], time_unit: TimeUnit | None = None, header: str = "t"
) -> tuple[np.ndarray, list[str]]:
    text = "\n".join([f"{header},b", *(f"{write(time)},1" for time in TIMES)])
    return stamps_of(read_table("a.csv", text), "t", time_unit)


@pytest.mark.parametrize(
    ("write", "unit", "header"),
    [
        (lambda t: f"{t:.3f}", None, "t"),
        (lambda t: f"{t:.3f} s", None, "t"),
        (lambda t: f"{1e3 * t:.0f}", "ms", "t"),
        (lambda t: f"{1e3 * t:.0f}", None, "t [ms]"),
        (lambda t: f"{1e3 * t:.0f}", "ms", "T (ms)"),
        (lambda t: f"{1e6 * t:.0f}", None, "t_us"),
        (lambda t: f"{1e9 * t:.0f} ns", None, "t"),
        (lambda t: f"1970-01-01T00:00:{t:06.3f}Z", None, "t"),
        (lambda t: f"1970-01-01 02:00:{t:06.3f}+02:00", None, "t"),
        (lambda t: f"1970-01-01 02:00:{t:06.3f} +0200", None, "t"),
        (lambda t: f"1970/01/01 00:00:{t:012.9f} UTC", None, "t"),
    ],
)
def test_one_instant_is_written_in_many_ways(
    write: Callable[[float], str], unit: TimeUnit | None, header: str
) -> None:
    found, remarks = stamps(write, unit, header)
    np.testing.assert_allclose(found, TIMES, atol=1e-9)
    assert remarks == []


def test_date_without_a_zone_is_taken_for_utc_with_a_remark() -> None:
    found, remarks = stamps(lambda t: f"1970-01-01 00:00:{t:06.3f}")
    np.testing.assert_allclose(found, TIMES, atol=1e-9)
    assert remarks == [
        "a.csv: stamps such as '1970-01-01 00:00:00.000' name no time zone; taken for UTC",
    ]


def test_clock_of_the_day_goes_on_at_midnight() -> None:
    def write(t: float) -> str:
        seconds = (86_399 + t) % 86_400
        return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}:{seconds % 60:06.3f}"

    found, remarks = stamps(write)
    np.testing.assert_allclose(found, 86_399 + TIMES, atol=1e-6)
    assert remarks == [
        "a.csv: stamps are the clock of a day, read as seconds since midnight; midnight passes 1 times"
    ]


@pytest.mark.parametrize(
    ("write", "unit", "header", "said"),
    [
        (lambda t: f"{1e3 * t:.0f}", None, "t", "every 50 s .* if `t` is in s, .* in ms, say `time_unit=ms`"),
        (lambda t: f"{1e18 + 1e9 * t:.0f}", None, "t", "if they are in ns, say `time_unit=ns`"),
        (lambda t: f"{t:.3f}", "us", "t", "if they are in s, say `time_unit=s`"),
        (lambda t: f"{t:.3f}", None, "t [ms]", "if they are in s, correct the unit in the header"),
        (lambda t: f"{t:.3f}", "us", "t [ms]", "in ms by its header, but `time_unit=us` is said of it"),
        (lambda t: f"{45_413 + t / 86_400:.10f}", None, "t", "they look like days of a spreadsheet"),
        (lambda t: f"01/05/2024 10:00:{t:06.3f}", None, "t", "line 2: .* days and months cannot be told"),
        (lambda t: f"1970-01-01T00:00:{t:06.3f}Z", "ms", "t", "but `time_unit=ms` is said of it; leave"),
        (
            lambda t: f"1970-01-01T00:00:{t:06.3f}{'Z' if t < 1 else ''}",
            None,
            "t",
            "line 22: t is '1970-01-01T00:00:01.000' without a time zone, but .* in line 2 has one",
        ),
        (lambda t: f"1970-01-01T00:00:{60 * t:06.3f}Z", None, "t", "expected a date and time such as"),
        (
            lambda t: f"00:00:{t:06.3f}" if t < 1 else "soon",
            None,
            "t",
            "line 22: t is 'soon', expected a date",
        ),
        (lambda t: "soon", None, "t", "line 2: t is 'soon', expected a number"),
    ],
)
def test_stamp_that_could_be_another_is_refused(
    write: Callable[[float], str], unit: TimeUnit | None, header: str, said: str
) -> None:
    with pytest.raises(BuildError, match=said):
        stamps(write, unit, header)


def test_missing_stamps_are_nan() -> None:
    table = read_table("a.csv", "t,b\n,1\n1970-01-01T00:00:01Z,1\nnan,1\n")
    np.testing.assert_array_equal(stamps_of(table, "t", None)[0], [np.nan, 1.0, np.nan])


def test_whole_seconds_are_not_taken_for_another_unit() -> None:
    found, _ = stamps(lambda t: f"{130 + int(9 * t)}")  # as in a column of seconds beside one of nanoseconds
    np.testing.assert_array_equal(found, 130 + (9 * TIMES).astype(int))
