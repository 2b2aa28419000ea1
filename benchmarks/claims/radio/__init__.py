"""Claims on radio maps."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.radio import cities, hidden, measured, unseen_city


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [*cities.claims(), *measured.claims(), *hidden.claims(), *unseen_city.claims()]
