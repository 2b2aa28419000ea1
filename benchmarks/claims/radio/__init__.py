"""Claims on radio maps."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.radio import cities, hidden, measured


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [*cities.claims(), *measured.claims(), *hidden.claims()]
