"""What a user waits for before anything happens."""

from math import isfinite

from benchmarks import startup


def test_the_start_of_the_command_line_is_measured_and_imports_nothing_heavy() -> None:
    start, imports = startup.run(quick=True)
    assert isfinite(start.ours) and start.ours > 0 < start.reference
    assert start.target == "<= 15" and start.holds == (start.ratio <= 15)
    assert imports.ours == 0 and imports.holds
