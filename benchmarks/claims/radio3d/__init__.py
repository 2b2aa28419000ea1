"""Claims on volumes of radio: what arrives on planes of height."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.radio3d import arrivals, networks


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [claim for module in (arrivals, networks) for claim in module.claims()]
