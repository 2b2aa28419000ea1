"""Text of error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, choices: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``" Did you mean 'x'?"`` for the choice most like ``name``, or ``""`` if none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    found = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=cutoff)
    return f" Did you mean '{by_lower[found[0]]}'?" if found else ""


def listing(choices: Iterable[str]) -> str:
    """Return the sorted choices, separated by commas, or ``none``."""
    return ", ".join(sorted(choices)) or "none"
