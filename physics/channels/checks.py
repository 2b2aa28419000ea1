"""Checks of what a channel is made from, one line each."""

import math
from collections.abc import Collection

SPREADS = (0.0, 1e-5)
"""Range of a delay spread, s."""
SPEEDS = (0.0, 500.0)
"""Range of a speed, m/s."""
_HINTS = {
    "delay_spread": "is it in s, not ns?",
    "speed": "is it in m/s?",
    "carrier_frequency": "is it in Hz?",
}


def within(name: str, value: float, least: float, most: float, units: str) -> None:
    """Refuse a number outside of a range, and NaN.

    Raises
    ------
    ValueError
        Names the number, what was found and what is expected.
    """
    if not (math.isfinite(value) and least <= value <= most):
        hint = f"; {_HINTS[name]}" if name in _HINTS else ""
        units = f" {units}" if units else ""
        raise ValueError(f"{name}: {value:g}{units} found, {least:g} to {most:g}{units} expected{hint}")


def check_delay_spread(value: float) -> None:
    """Refuse a delay spread that no channel has (s)."""
    within("delay_spread", value, *SPREADS, "s")


def check_speed(value: float) -> None:
    """Refuse a speed that no terminal has (m/s)."""
    within("speed", value, *SPEEDS, "m/s")


def one_of(name: str, value: str, known: Collection[str]) -> None:
    """Refuse a name that is not known."""
    if value not in known:
        raise ValueError(f"{name}: '{value}' found, one of {', '.join(known)} expected")
