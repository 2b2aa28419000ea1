"""Claims on sound in rooms.

Those of `sources` and `network` join the list with their first rows.
"""

from benchmarks.claims.acoustics import simulator
from benchmarks.claims.claim import Claim


def claims() -> list[Claim]:
    """Return the claims of the domain that are measured."""
    return [claim for module in (simulator,) for claim in module.claims()]
